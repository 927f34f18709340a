"""Sampled workers who stand for others: read, refused where they make no sense, and the model of all of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bayes_labor.commands import app
from bayes_labor.data import DataFaults, Workforce
from bayes_labor.posteriors.joint_production.fits import describe_data
from tests.data.payrolls import FORMULA, ordinary_table


def sampled(plants: int = 20) -> pd.DataFrame:
    """Some workers of each plant; each stands for one to three."""
    table = ordinary_table(plants, 2)
    table["stands"] = np.random.default_rng(0).integers(1, 4, len(table)).astype(float)
    return table


def read(table: pd.DataFrame, **options: object) -> Workforce:
    return Workforce.from_frame(table, FORMULA, ["seniority"], **options)


def test_weights_are_part_of_the_data() -> None:
    table = sampled()
    plain, weighted = read(table), read(table, weight="stands")
    assert (
        weighted.is_weighted
        and not plain.is_weighted
        and plain.fingerprint == read(table.assign(one=1), weight="one").fingerprint
    )
    assert weighted.fingerprint != plain.fingerprint
    np.testing.assert_array_equal(weighted.headcount, table.groupby("workplace")["stands"].sum().to_numpy())
    shuffled = table.sample(frac=1.0, random_state=1)
    np.testing.assert_array_equal(np.sort(read(shuffled, weight="stands").weight), np.sort(table["stands"]))
    first, second = weighted.split(0.3, 0)
    assert len(first.weight) == first.n_workers and len(second.weight) == second.n_workers


@pytest.mark.parametrize("value", [0.0, 0.5, -1.0, np.nan, np.inf, 1e9, "many"])
def test_what_is_no_number_of_workers_is_refused(value: object) -> None:
    table = sampled().astype({"stands": object})
    table.loc[3, "stands"] = value
    with pytest.raises(DataFaults, match="stands is no number of workers"):
        read(table, weight="stands")
    with pytest.raises(DataFaults, match="there is no column 'wt' for the weight"):
        read(sampled(), weight="wt")


def test_what_is_no_weight_at_all_is_refused() -> None:
    table = sampled()
    kinds = {
        "a date": pd.Timestamp("2020-01-01"), "true or false": True, "a complex number": 2 + 1j,
    }  # fmt: skip
    for words, value in kinds.items():
        with pytest.raises(DataFaults, match=f"stands is {words}"):
            read(table.assign(stands=value), weight="stands")
    with pytest.raises(DataFaults, match="is the wage and the weight"):
        read(table, weight="wage")


def test_a_workforce_is_told_in_a_line_and_a_table() -> None:
    """Not by its arrays, and names are text."""
    table = sampled()
    said = repr(read(table, weight="stands", name="<script>", wage_unit="kr"))
    assert f"{len(table):,} workers that stand for {table['stands'].sum():,.0f} in " in said and len(said) < 250
    shown = read(table, name="<script>")._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "seniority" in shown and "50%" in shown


def test_weights_are_described(tmp_path: Path) -> None:
    table = sampled()
    table.to_csv(tmp_path / "t.csv", index=False)
    table.assign(stands=7).to_csv(tmp_path / "same.csv", index=False)

    def data(name: str, *more: str) -> str:
        words = ["data", "joint-production", str(tmp_path / name), "--formula", FORMULA, "--internal", "seniority", *more]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    found, total = data("t.csv", "--weight", "stands"), int(table["stands"].sum())
    assert f"the sample stands for {total:,} workers" in found and "5%: 1, 50%: 2, 95%: 3" in found
    assert "all weights are equal" not in found and "stand for" not in data("t.csv")
    assert describe_data(read(table, weight="stands"))["workers they stand for"] == total
    assert "all weights are equal (7)" in data("same.csv", "--weight", "stands")

"""A user's own moments and series go in by the command, in their units and with gaps; bad ones get one clear error each."""

from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from typer.testing import CliRunner

from bayes_labor.commands import app
from bayes_labor.data import DataFaults
from bayes_labor.data.sorting.macro import MOMENTS, PAPER, Targets, macro_series
from bayes_labor.data.sorting.targets import read_targets
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import sorting_calibration
from bayes_labor.models.sorting.calibration import check_targets
from bayes_labor.posteriors import verbs
from bayes_labor.posteriors.sorting.system import read_series

ROW = dict(zip(MOMENTS, zip(PAPER.value, PAPER.se, strict=True), strict=True))
FAST = ["--draws", "60", "--tune", "150", "--chains", "2", "--seed", "1"]


def moments(folder: Path, chosen: tuple[str, ...] = MOMENTS, **columns) -> Path:
    """A file of the paper's moments, or some of them."""
    table = pd.DataFrame([(m, *ROW[m]) for m in chosen], columns=["moment", "value", "se"])
    file = folder / "moments.csv"
    table.assign(**columns).to_csv(file, index=False)
    return file


def ran(*arguments: str):
    return CliRunner().invoke(app, [*map(str, arguments)])


UNITS = ["percent", "log points", "percent", "percent", "log"]
SCALED = {
    "value": np.array([60.97, 76.66, 90.74, 8.42, 0.0090]), "se": np.array([1.0, 1.0, 1.0, 0.5, 0.0015])
}  # fmt: skip


def test_three_units_are_one_posterior(tmp_path: Path) -> None:
    plain = read_targets(str(moments(tmp_path)), {})
    by_table = read_targets(str(moments(tmp_path, **SCALED, unit=UNITS)), {})
    said = [f"{m}={u}" for m, u in zip(MOMENTS, UNITS, strict=True)]
    by_option = read_targets(str(moments(tmp_path, **SCALED)), {}, unit=said)
    for found in (by_table, by_option):
        np.testing.assert_allclose(found.value, plain.value, rtol=1e-14)
        np.testing.assert_allclose(found.se, plain.se, rtol=1e-14)


def test_own_moments_in_three_units_go_in_by_the_command(tmp_path: Path) -> None:
    """Three of five moments in percent, log points and logs, with covariances; the page names what the fit hangs on."""
    chosen = ("labor share", "std log wage", "std log TFP")
    scale = np.array([100.0, 100.0, 1.0])
    file = moments(tmp_path, chosen)
    table = pd.read_csv(file)
    table.assign(value=table["value"] * scale).drop(columns="se").to_csv(file, index=False)
    deviations = np.array([ROW[m][1] for m in chosen]) * scale
    matrix = np.outer(deviations, deviations) * np.array([[1.0, 0.4, 0.0], [0.4, 1.0, 0.1], [0.0, 0.1, 1.0]])
    errors = tmp_path / "covariance.csv"
    pd.DataFrame(matrix, chosen, chosen).rename_axis("moment").to_csv(errors)
    units = ["--unit", "labor share=percent", "--unit", "std log wage=log points"]
    run = tmp_path / "run"
    done = ran("fit", "sorting.calibration", file, *units, "--covariance", errors, "--set", "alpha=0.33", "--run", run, *FAST)
    assert isinstance(done.exception, SystemExit | None) and (run / "report.html").is_file(), done.output
    opened = verbs.open_run(run)
    assert opened.spec.alpha == 0.33 and opened.data.seen.tolist() == [True, True, False, False, True]
    np.testing.assert_allclose(opened.data.covariance[0, 1], 0.4 * 0.01 * 0.01)
    page = (run / "report.html").read_text()
    assert "What the parameters hang on" in page and "alpha = 0.33" in page and "top 10%" in page
    table = pd.read_csv(RunFolder.open(run).tables / "sensitivity.csv", index_col=0)
    assert list(table.columns) == [*chosen, "alpha", "eta", "xi"]


def years(folder: Path, table: pd.DataFrame) -> Path:
    file = folder / "series.csv"
    table.to_csv(file, index=False)
    return file


def annual() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    growth = rng.normal(0.03, 0.02, 30)
    return pd.DataFrame(
        {
            "year": np.arange(1980, 2010),
            "gdp_growth": growth,
            "capital_growth": 0.03,
            "std_log_wage": rng.normal(0.75, 0.02, 30),
        }
    )


def test_series_with_gaps_go_in_by_the_command(tmp_path: Path) -> None:
    """Three years without a row, a series that begins late, growth in percent."""
    table = annual()
    table.loc[:9, "std_log_wage"] = np.nan
    kept = table[~table["year"].isin([1985, 1986, 1999])].sample(frac=1.0, random_state=1)
    file = years(tmp_path, kept.assign(gdp_growth=100.0 * np.expm1(kept["gdp_growth"])))
    data = read_series(str(file), {}, unit=["gdp_growth=percent"])
    assert list(data.years) == list(range(1980, 2010)) and data.seen.sum() == 26 + 19
    np.testing.assert_allclose(data.observed[1, 2], table["gdp_growth"][1], rtol=1e-12)
    run = tmp_path / "run"
    done = ran("fit", "sorting.regimes", file, "--unit", "gdp_growth=percent", "--run", run, *FAST)
    assert isinstance(done.exception, SystemExit | None) and (run / "report.html").is_file(), done.output
    assert verbs.open_run(run).data.seen.sum() == 45


def fitted(model: pm.Model, point: dict) -> np.ndarray:
    (fit,) = model.replace_rvs_by_values([model["moment_fit"]])
    return model.compile_fn(fit, inputs=model.value_vars, on_unused_input="ignore")(point)


def test_what_is_not_there_does_not_count() -> None:
    """The density without two moments is that of the other three; a covariance matrix without covariances changes nothing."""
    few = PAPER._replace(value=np.where([1, 1, 0, 0, 1], PAPER.value, np.nan), se=np.where([1, 1, 0, 0, 1], PAPER.se, np.nan))
    whole, part, same = (sorting_calibration(t) for t in (PAPER, few, PAPER._replace(covariance=np.diag(np.square(PAPER.se)))))
    point = whole.initial_point()
    terms = [float(m.compile_logp(m["moments"], sum=True)(point)) for m in (whole, part, same)]
    fit = fitted(whole, point)
    z = (PAPER.value - fit) / PAPER.se
    own = -0.5 * z**2 - np.log(PAPER.se) - 0.5 * np.log(2.0 * np.pi)
    assert terms == pytest.approx([own.sum(), own[[0, 1, 4]].sum(), own.sum()], rel=1e-10)


def test_covariances_count() -> None:
    correlation = np.eye(5)
    correlation[0, 1] = correlation[1, 0] = 0.8
    model = sorting_calibration(PAPER._replace(covariance=correlation * np.outer(PAPER.se, PAPER.se)))
    point = model.initial_point()
    fit = fitted(model, point)
    residual = PAPER.value - fit
    covariance = correlation * np.outer(PAPER.se, PAPER.se)
    explicit = -0.5 * (residual @ np.linalg.solve(covariance, residual) + np.linalg.slogdet(2.0 * np.pi * covariance)[1])
    assert float(model.compile_logp(model["moments"], sum=True)(point)) == pytest.approx(explicit, rel=1e-10)


BAD_MOMENTS = {
    "a share in percent": ({"labor share": (60.97, 0.01)}, "labor share = 60.97 is no share"),
    "a top share above one": ({"top 10%": (1.2, 0.01)}, "top 10% = 1.2 is no share"),
    "shares above all": ({"50-90%": (0.5, 0.01)}, "more than all revenue"),
    "a negative dispersion": ({"std log wage": (-0.2, 0.01)}, "std log wage = -0.2 is not positive"),
    "a dispersion in log points": ({"std log wage": (76.66, 0.01)}, "logs do not spread so far"),
    "no volatility at all": ({"std log TFP": (0.0, 0.001)}, "std log TFP = 0 is not positive"),
    "a negative share": ({"50-90%": (-0.1, 0.01)}, "50-90% = -0.1 is not positive"),
    "a missing value": ({"top 10%": (np.nan, 0.01)}, "top 10%: value is missing"),
    "an infinite value": ({"top 10%": (np.inf, 0.01)}, "top 10%: value is missing or infinite"),
    "no error": ({"top 10%": (0.9, 0.0)}, "top 10%: se must be positive"),
    "a negative error": ({"top 10%": (0.9, -0.1)}, "top 10%: se must be positive"),
    "a missing error": ({"top 10%": (0.9, np.nan)}, "top 10%: se must be positive"),
    "an error in percent": ({"labor share": (0.6, 1.0)}, "larger than a share's can be"),
}


@pytest.mark.parametrize("name", BAD_MOMENTS)
def test_bad_moments(name: str, tmp_path: Path) -> None:
    change, words = BAD_MOMENTS[name]
    rows = [(m, *(ROW | change)[m]) for m in MOMENTS]
    pd.DataFrame(rows, columns=["moment", "value", "se"]).to_csv(tmp_path / "moments.csv", index=False)
    with pytest.raises(DataFaults) as raised:
        read_targets(str(tmp_path / "moments.csv"), {})
    assert len(raised.value.faults) == 1 and words in str(raised.value)


@pytest.mark.parametrize(
    ("columns", "unit", "words"),
    [
        ({"moment": ["labour share", *MOMENTS[1:]]}, (), "there is no moment 'labour share'"),
        ({"moment": [MOMENTS[1], *MOMENTS[1:]]}, (), "has two rows"),
        ({"value": ["61%"] * 5}, (), "value are not numbers"),
        ({"unit": ["euro"] * 5}, (), "labor share cannot be in 'euro'"),
        ({}, ("labor share=log",), "labor share cannot be in 'log'"),
        ({}, ("labour share=percent",), "there is no 'labour share' that could have a unit"),
        ({}, ("labor share",), "says no unit"),
        ({"unit": ["share", "log", "share", "share", "log"]}, ("labor share=percent",), "say one"),
    ],
)
def test_bad_columns_and_units(columns: dict, unit: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with pytest.raises(DataFaults, match=r"1\. ") as raised:
        read_targets(str(moments(tmp_path, **columns)), {}, unit=unit)
    assert words in str(raised.value)


def test_errors_are_the_users(tmp_path: Path) -> None:
    file = moments(tmp_path)
    pd.read_csv(file).drop(columns="se").to_csv(file, index=False)
    with pytest.raises(DataFaults, match="columns se are missing"):
        read_targets(str(file), {})


def _matrix(**changes: float) -> pd.DataFrame:
    found = pd.DataFrame(np.diag(np.square(PAPER.se)), MOMENTS, MOMENTS)
    for place, value in changes.items():
        i, j = map(int, place[1:].split("_"))
        found.iloc[i, j] = value
    return found


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (_matrix(c0_1=1e-5), "not symmetric"),
        (_matrix(c0_1=1e-4, c1_0=1e-4), "not positive definite"),
        (_matrix(c0_0=-1e-4), "labor share: se must be positive"),
        (_matrix(c0_0=np.nan), "missing or infinite"),
        (_matrix().iloc[:4, :4], "not of the moments of the table"),
        (_matrix().astype(str) + " ", "not numbers"),
    ],
)
def test_bad_covariances(matrix: pd.DataFrame, words: str, tmp_path: Path) -> None:
    file = moments(tmp_path)
    pd.read_csv(file).drop(columns="se").to_csv(file, index=False)
    matrix.map(lambda v: f"{v}x" if isinstance(v, str) else v).rename_axis("moment").to_csv(tmp_path / "c.csv")
    with pytest.raises(DataFaults, match=r"1\. ") as raised:
        read_targets(str(file), {}, covariance=str(tmp_path / "c.csv"))
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("change", "unit", "words"),
    [
        ({"year": [1980, 1980, *range(1982, 2010)]}, (), "two rows of the year 1980"),
        ({"year": [80, *range(1981, 1981 + 28), 20010]}, (), "years from 80 to 20010"),
        ({"gdp_growth": 3.0}, (), "gdp_growth beyond 0.5"),
        ({"capital_growth": np.nan}, (), "without capital growth"),
        ({"std_log_wage": -0.7}, (), "std_log_wage is not positive"),
        ({"std_log_wage": np.nan, "gdp_growth": np.nan}, (), "no series has a value"),
        ({}, ("gdp=percent",), "there is no 'gdp'"),
        ({}, ("std_log_wage=percent",), "std_log_wage cannot be in 'percent'"),
        ({}, ("std_log_tfpr=log points",), "there is no series 'std_log_tfpr'"),
    ],
)
def test_bad_series(change: dict, unit: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with pytest.raises(DataFaults) as raised:
        read_series(str(years(tmp_path, annual().assign(**change))), {}, unit=unit)
    assert words in str(raised.value)


def test_units_of_what_ships_are_known() -> None:
    for read, source in ((read_targets, "paper"), (read_series, "postwar")):
        with pytest.raises(DataFaults, match=r"units|logs"):
            read(source, {}, unit=["labor share=percent"])


def test_targets_that_are_none_are_refused() -> None:
    nothing = Targets(np.full(5, np.nan), np.full(5, np.nan))
    with pytest.raises(DataFaults, match="there is no moment"):
        check_targets(nothing)
    with pytest.raises(DataFaults, match="errors differ"):
        check_targets(PAPER._replace(covariance=np.eye(5)))
    assert macro_series(annual()).seen.sum() == 59

"""What is read of the bonus models: published arithmetic, order of levels, age profile, R2, the page, the commands."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

from bayes_labor.commands import app, main
from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.data.bonuses.personnel import true_coefficients
from bayes_labor.likelihoods.random_intercepts import weighted_log_likelihood
from bayes_labor.models import BonusSpec, bonus_receipt, bonus_size
from bayes_labor.models.pilot import panel_pilot
from bayes_labor.posteriors.bonuses import paper, published
from bayes_labor.posteriors.bonuses.classical import pooled, r2_of
from bayes_labor.posteriors.bonuses.comparison import leave_one_worker_out, worker_log_likelihood
from bayes_labor.posteriors.bonuses.figures import what_quartiles_say
from bayes_labor.posteriors.bonuses.fits import fit_panel
from bayes_labor.posteriors.bonuses.paper import reproduce_bonuses
from bayes_labor.posteriors.bonuses.results import (
    coefficients,
    decomposition,
    ordered_levels,
    paper_ages,
    predicted_bonus,
    predictions,
    quartiles,
    r2_by_draw,
    semi_elasticity,
    structural_ratios,
    turning_age,
)
from bayes_labor.posteriors.bonuses.tables import (
    in_layout,
    pooled_spec,
    receipt_spec,
    size_spec,
    table1,
    table2,
    table5,
    table34,
)
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.html import write_page
from bayes_labor.posteriors.words import meaning
from tests.conftest import REFERENCE


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "bonuses.json").read_text())


def draws_of(terms: dict[str, float | np.ndarray], samples: int = 1, **more: float | np.ndarray) -> xr.DataTree:
    """A posterior of which we know everything."""
    theta = np.stack([np.broadcast_to(v, samples) for v in terms.values()], axis=1)
    data: dict[str, Any] = {"theta": (("chain", "draw", "term"), theta[None])}
    data |= {k: (("chain", "draw"), np.broadcast_to(v, (1, samples))) for k, v in more.items()}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(data, {"term": list(terms)})})


def of_column(column: int) -> xr.DataTree:
    """The published estimates of a column of Table 5 in the model's coordinates."""
    linear, square = (published.TABLE5[n][column - 1][0] for n in ("age", "age²/100"))  # type: ignore[index]
    rest = {t: v[column - 1][0] for t, v in published.TABLE5.items() if v[column - 1] is not None and not t.startswith("age")}  # type: ignore[index]
    return draws_of({"age": 10.0 * linear + 7.8 * square, "age squared": square} | rest)


def test_published_arithmetic(golden: dict[str, Any]) -> None:
    want = golden["published_arithmetic"]
    for column in (5, 6, 7, 8):
        draws = of_column(column)
        assert turning_age(draws)[0] == pytest.approx(want["age_turning"][str(column)], rel=1e-10)
        assert turning_age(draws)[0] == pytest.approx(published.TURNING_AGES[column], abs=0.06)
        assert semi_elasticity(draws, np.array([40.0])).item() == pytest.approx(
            want["semi_elasticity_40"][str(column)], rel=1e-9
        )
        ages = paper_ages(coefficients(draws, ["age", "age squared"]))[0]
        np.testing.assert_allclose(ages, [published.TABLE5[n][column - 1][0] for n in ("age", "age²/100")], rtol=1e-10)  # type: ignore[index]
    ratios = structural_ratios(of_column(7))["mean"]
    for name, value in want["structural_ratio_fe7"].items():
        assert ratios[name.replace("d", "d_").replace("s", "s_")] == pytest.approx(value, rel=1e-10), name
    spread = [np.sqrt(c**2 - s**2) for _, s, c in published.TABLE6["A"]]
    np.testing.assert_allclose(spread, want["implied_bootstrap_sd_A"], rtol=1e-3)


def test_published_tables_are_the_reference(golden: dict[str, Any]) -> None:
    names = {"level_": "level ", "rating_": "rating ", "tenure_": "tenure "}
    more = {"Age": "age", "age": "age", "Age2/100": "age²/100", "age2/100": "age²/100", "Promoted next year": "promoted"}
    counted = 0
    for number in (2, 3, 4, 5):
        ours = getattr(published, f"TABLE{number}")
        for term, row in golden["published_tables"][f"table{number}"].items():
            start = next((k for k in names if term.startswith(k)), None)
            name = more.get(term) if start is None else names[start] + term.removeprefix(start).replace("5plus", "5+")
            if name is None:
                continue
            want = [None if e is None else (e["est"], e["se"]) for e in row[: len(ours[name])]]
            assert list(ours[name]) == want, (number, name)
            counted += 1
    assert counted > 35
    for column, (estimate, se, corrected) in enumerate(published.TABLE6["B"]):
        theirs = golden["published_tables"]["table6"]
        row = theirs["Panel B: Promotion prize B"][column]
        assert (estimate, se) == (row["est"], row["se"])
        assert corrected == theirs["Panel B: Corrected standard error"][column]
    assert list(published.TABLE1["bonus"]) == golden["published_table1"]["bonus"]
    spread = golden["published_arithmetic"]["residual_sd_from_loglik"]
    for key, table, column in (("table3_1", published.TABLE3_STATISTICS, 0), ("table5_3", published.TABLE5_STATISTICS, 2)):
        log_likelihood, n = (float(table[k][column] or 0.0) for k in ("log likelihood", "N"))
        assert np.sqrt(np.exp(-2.0 * log_likelihood / n - 1.0) / (2.0 * np.pi)) == pytest.approx(spread[key], rel=1e-3)


def test_order_of_levels(golden: dict[str, Any]) -> None:
    """Half of the draws in order: probability one half, Bayes factor 384 / 2; under the prior about 1/384."""
    rising, level = np.array([1.0, 1.0, 1.0, -1.0]), np.array([0.1, 0.1, 0.3, 0.1])
    draws = draws_of({"level 2": 0.2, "level 3": 0.2 + level, "level 4": 0.6 * rising, "level 5": [0.7, 0.7, 0.5, 0.7]}, 4)
    found = ordered_levels(draws)
    assert found.probability == 0.5 and found.prior == pytest.approx(golden["published_arithmetic"][
        "prior_probability_of_strict_level_order"])  # fmt: skip
    assert found.bayes_factor == pytest.approx(192.0)
    flat = np.random.default_rng(0).normal(size=(4, 400_000))
    share = ordered_levels(draws_of({f"level {k}": flat[k - 2] for k in range(2, 6)}, 400_000)).probability
    assert abs(share - 1.0 / 384.0) < 4.0 * np.sqrt(1.0 / 384.0 / 400_000)
    with pytest.raises(DataFaults, match="the fit has no level 5"):
        ordered_levels(draws_of({"level 2": 0.1, "level 3": 0.2, "level 4": 0.3}))


@pytest.fixture(scope="module")
def panel() -> Personnel:
    table = personnel("clean", seed=3).table
    return Personnel(table[table["id"] % 5 == 0], "a fifth")


def test_decomposition_adds_up(panel: Personnel) -> None:
    blocks = BonusSpec(blocks=("levels", "age", "tenure"), means=False, demographics=False, years="none").design(panel)
    for within in (False, True):
        table = decomposition(panel, draws=50, within=within)
        for kind in ("nested", "Shapley"):
            parts = table[kind].drop("all")
            assert parts.sum() == pytest.approx(table.loc["all", kind], rel=1e-12) and (parts > -1e-9).all()
        assert table.loc["all", "nested"] == pytest.approx(table.loc["all", "Shapley"], rel=1e-10)
        assert (table["Shapley 3%"] < table["Shapley 97%"]).all()
    y = np.log(blocks.table["bonus"].to_numpy())
    assert decomposition(panel, draws=1).loc["all", "nested"] == pytest.approx(r2_of(y, blocks.columns[:, 1:]), rel=1e-9)


def test_results_of_known_draws(panel: Personnel) -> None:
    """Variance shares, quartiles and predicted bonuses where coefficients and variances are given."""
    spec = BonusSpec(blocks=("levels", "age", "tenure"), means=False, demographics=False, years="none")
    terms: dict[str, Any] = dict.fromkeys(spec.design(panel).terms, 0.0) | {"intercept": 8.0, "level 2": 0.4}
    draws = draws_of(terms, 3, sigma=0.3, tau=0.4)
    shares = r2_by_draw(draws, panel, spec)["mean"]
    level = (spec.design(panel).table["level"] == 2).to_numpy(float)
    explained = 0.16 * level.var(ddof=1)
    assert shares["marginal"] == pytest.approx(explained / (explained + 0.25), rel=1e-9)
    assert shares["with worker effects"] == pytest.approx((explained + 0.16) / (explained + 0.25), rel=1e-9)
    cells = predicted_bonus(draws, panel, spec)
    assert cells.loc[("2", "1", "40"), "mean"] == pytest.approx(np.exp(8.4 + 0.125), rel=1e-9)
    assert cells.loc[("5", "3", "30"), "mean"] == pytest.approx(np.exp(8.0 + 0.125), rel=1e-9)
    found = quartiles(draws, panel, spec, size=3, seed=1)
    middle = found["replicated"].sel(quartile=0.5).mean("sample")
    np.testing.assert_allclose(middle, np.where(found["level"] == 2, 8.4, 8.0), atol=0.15)
    with pytest.raises(DataFaults, match="infinite under Student-t errors"):
        predicted_bonus(draws, panel, BonusSpec(errors="student"))
    table = predictions(of_column(7), of_column(8), truth=true_coefficients("size"))
    assert table["probability"].tolist() == [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    assert table["truth"].tolist() == ["holds", "holds", "holds", "holds", "does not", "holds", "holds"]
    ratios = structural_ratios(of_column(7), truth=true_coefficients("size"))
    assert ratios.loc["d_5/d_1", "truth"] == pytest.approx(np.exp(1.45 / 2)) and len(ratios) == 5


def test_what_quartiles_say() -> None:
    """The sentence below Figure 1 counts what it shows."""
    dims, at = ("level", "quartile"), {"level": [1, 2], "quartile": [0.25, 0.5]}
    drawn = np.random.default_rng(0).normal(size=(400, 2, 2))
    found = xr.Dataset({"observed": (dims, np.zeros((2, 2))), "replicated": (("sample", *dims), drawn)}, at)
    assert what_quartiles_say(found) == "Outside their band: 0 of 4."
    found["observed"][1, 0] = 5.0
    assert what_quartiles_say(found).startswith("Outside their band: 1 of 4: 25% of level 2. Normal errors")


def test_leaving_a_worker_out(panel: Personnel) -> None:
    """Of draws that all agree: the log density itself; better draws come first; other rows and mixtures are refused."""
    spec = BonusSpec(blocks=("levels",), means=False, demographics=False, years="none")
    design = spec.design(panel)
    y = np.log(design.table["bonus"].to_numpy())
    terms: dict[str, Any] = dict(zip(design.terms, np.linalg.lstsq(design.columns, y, rcond=None)[0], strict=True))
    sigma = 0.4 + 1e-6 * np.random.default_rng(0).normal(size=200)  # nearly: equal weights have no tail to smooth
    close, far = draws_of(terms, 200, sigma=sigma, tau=0.5), draws_of(terms | {"intercept": 3.0}, 200, sigma=sigma, tau=0.5)
    table = leave_one_worker_out({"far": (far, spec), "close": (close, spec)}, panel)
    assert list(table.index) == ["close", "far"] and table.loc["far", "difference"] < 0
    residual = y - design.columns @ np.array(list(terms.values()))
    by_worker = weighted_log_likelihood(residual, design.groups, np.full(len(y), 0.4**-2.0), 0.5)
    assert table.loc["close", "density"] == pytest.approx(by_worker.sum(), rel=1e-4)
    heavy = draws_of(terms, 3, sigma=0.4, tau=0.5, nu=1e6)
    found = worker_log_likelihood(heavy, panel, spec.model_copy(update={"errors": "student"}))
    np.testing.assert_allclose(found[0], by_worker, atol=1e-3)
    other = spec.model_copy(update={"blocks": ("levels", "ratings")})
    rated = draws_of(dict.fromkeys(other.design(panel).terms, 0.0), 3, sigma=0.4, tau=0.5)
    with pytest.raises(DataFaults, match="the fits see different rows"):
        leave_one_worker_out({"all": (close, spec), "rated": (rated, other)}, panel)
    with pytest.raises(DataFaults, match="missing ratings are summed over"):
        worker_log_likelihood(rated, panel, other.model_copy(update={"ratings": "mixture"}))


def test_tables_hold_what_was_published(panel: Personnel) -> None:
    first = table1(panel)
    assert first.loc["bonus", "5, paper"] == 48421.73 and first.loc["N", "all"] == len(panel.with_bonus)
    table, statistics = table5(panel, {})
    assert table.loc[("(7)", "level 5"), "published"] == 1.450 and table.loc[("(8)", "age"), "se, published"] == 0.058
    assert statistics.loc["(5)", "adjusted R2, paper"] == 0.812 and "truth" not in table
    size, receipt = true_coefficients("size"), true_coefficients("receipt")
    known = table5(panel, {}, size)[0]["truth"]
    assert known.notna().all() and known[("(7)", "level 5")] == 1.45 and known[("(7)", "tenure 5+")] == 0.21
    assert known[("(8)", "age²/100")] == -0.215 and receipt["promoted"] == 0.55 and receipt["level 5"] == 2.6
    assert np.isfinite(table["least squares"].to_numpy()).mean() > 0.95
    laid = in_layout(table5(panel, {}, size)[0])
    assert list(laid) == [f"({k})" for k in range(1, 9)]
    assert (
        laid.loc[("level 5", "published"), "(7)"] == "1.450" and laid.loc[("level 5", "published, error"), "(7)"] == "(0.205)"
    )
    assert laid.loc[("level 5", "truth"), "(1)"] == "1.450" and ("level 5", "posterior") not in laid.index
    assert laid.loc[("rating 2", "published"), "(7)"] == ""
    for effects, theirs in ((False, published.TABLE3), (True, published.TABLE4)):
        long = table34(panel, {}, None, effects=effects)
        assert long.loc[("(5)", "tenure 5+"), "published"] == theirs["tenure 5+"][4][0]  # type: ignore[index]
        assert np.isfinite(long["least squares"]).all() and len(long) == 4 + 2 + 6 + 4 + 10


def test_pooled_posteriors_are_least_squares(panel: Personnel) -> None:
    """Without worker effects the pilot, at wide priors, is least squares; the panel of Table 2 has all eight columns."""
    spec = pooled_spec(size_spec(3))
    design = spec.design(panel)
    assert (
        not design.groups.repeated and "worker means" not in design.left_out and "tau" not in bonus_size(panel, spec).named_vars
    )
    theta, found = panel_pilot(replace(design, prior_sd=np.full(len(design.terms), 1e4)))[0].center, pooled(design).estimate
    np.testing.assert_allclose(theta, found, atol=1e-6)
    long, statistics = table2(panel, {})
    assert list(statistics.index) == [f"({k})" for k in range(1, 9)]
    assert long.loc[("(3)", "average increase"), "published"] == 0.978 and np.isfinite(long.loc["(3)", "likelihood"]).all()
    assert "tau" not in bonus_receipt(panel, receipt_spec(2)).named_vars


def test_moments_that_are_missed_are_no_gate(tmp_path: Path) -> None:
    """Chains that have converged are a posterior, whatever it describes badly: the verdict said not to report any number."""
    (caution,), passed = paper._cautions(["old, level 2, new (+17%)"]), [Gate("R-hat", "1.001", True, "")]
    page = write_page(tmp_path / "p.html", title="t", lead="l", sections=[], gates=passed, cautions=[caution])
    text = page.read_text(encoding="utf-8")
    assert "All convergence gates passed" in text and "further than 5% from the data: old, level 2, new (+17%)" in text
    assert "Do not report" not in text and paper._cautions([]) == []


def test_what_was_found_beside_what_was_generated() -> None:
    """Two panels with truths of their own: of the first the level's, of the second the prize's."""
    said = paper._found("At level 5 bonuses are 5.3 times.", "Bonuses are lower: ρ = -2.3.", true_coefficients("size"))
    assert "generated with 4.3 times at level 5, and no effect of the prize" in said  # exp(1.45)
    assert said.endswith("In another one, generated with ρ = -2: bonuses are lower: ρ = -2.3.")
    assert paper._found("Levels.", "Prize.", None) == "Levels. Prize."


def test_columns_are_explained_in_words_of_bonuses() -> None:
    """A coefficient is no industry, a cell no outcome, and a mean bonus of the model no parameter."""
    assert "industry" not in meaning("robust", "term") and meaning("fit_of_primitives", "cell").startswith("Age, job level")
    assert "parameter" not in meaning("fit_of_primitives", "prior mean") + meaning("fit_of_primitives", "mean")


@pytest.mark.long
def test_page_of_the_paper(panel: Personnel, tmp_path: Path) -> None:
    """Everything but the fits that take minutes; a second call takes up what is there; another panel is refused."""
    lines: list[str] = []
    settings: dict[str, Any] = {"quick": True, "draws": 100, "tune": 150, "chains": 2, "seed": 3}
    path = reproduce_bonuses(tmp_path / "run", panel, say=lines.append, **settings)
    text = path.read_text(encoding="utf-8")
    for heading in (
        "first four predictions",
        *(f"Table {k}" for k in (1, 2, 5, 6)),
        "Tables 3 and 4",
        "Placebo",
        "Primitives",
        "Caveats",
    ):
        assert heading in text, heading
    assert "nan" not in text.lower().replace("finance", "") and "Figure 2" in text
    assert "Counterfactual" in text and "without worker effects is biased too: where the truth is zero it finds +" in text
    assert text.count("Panel: a fifth.") == 7
    moments = pd.read_csv(tmp_path / "run/tables/fit_of_primitives.csv", index_col="cell")
    beyond = moments.index[moments["off"].abs() > 0.05]
    assert ("further than 5% from the data" in text) == bool(len(beyond)) and all(cell in text for cell in beyond)
    told = pd.read_csv(tmp_path / "run/tables/primitives.csv", index_col="primitive")
    words = text[text.index("say next to nothing about ") :].split(".")[0]
    assert not [n for n in told.index[told["shift"].abs() >= 0.5] if f" {n}," in words + ","]
    made = {p.stem for p in (tmp_path / "run/tables").glob("*.csv")}
    assert {"table1", "table2", "tables34", "table5", "table6", "placebo", "predictions", "primitives", "variants"} <= made
    assert {p.stem for p in (tmp_path / "run/figures").glob("*.png")} >= {"age", "quartiles", "levels", "prize", "placebo"}
    assert pd.read_csv(tmp_path / "run/tables/table6_numbers.csv")["published"].iloc[0] == -2.283
    other = Personnel(panel.table[panel.table["id"] % 2 == 0])
    with pytest.raises(DataFaults, match="holds a fit of other data"):
        fit_panel("bonus-size", other, BonusSpec(), tmp_path / "run/size__column_7")


def test_commands(panel: Personnel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fit bonus-size` and `prior bonus-size` on a file with other column names; faults are printed."""
    path = tmp_path / "people.csv"
    panel.table.rename(columns={"id": "person"}).to_csv(path, index=False)
    own = [str(path), "--column", "id=person", "--set", 'blocks=["levels", "tenure"]']
    fit = ["fit", "bonuses.size", *own, "--run", str(tmp_path / "fit"), "--draws", "300", "--tune", "200", "--chains", "2"]
    result = CliRunner().invoke(app, fit)
    assert "report: " in result.output and "level 5" in result.output, result.output
    page = (tmp_path / "fit/report.html").read_text(encoding="utf-8")
    assert "P(effects of levels rise)" in page and "Bayes factor of rising effects against effects of any order" in page
    # Rows without a rating are left out of the likelihood, and the page once gave the rows of the panel only.
    used = int(re.search(r"<b>([\d,]+)</b><span>rows in the likelihood", page)[1].replace(",", ""))
    assert 0 < used <= int(re.search(r"<b>([\d,]+)</b><span>with a bonus", page)[1].replace(",", ""))
    for kind in ("bonuses.size", "bonuses.receipt", "bonuses.hurdle", "bonuses.promotion-prize"):
        words = ["prior", kind, str(path), "--column", "id=person", "--run", str(tmp_path / kind), "--draws", "50"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0 and "page: " in result.output, result.output
        assert (tmp_path / kind / "prior.html").is_file()
    monkeypatch.setattr(sys, "argv", ["bayes-labor", "fit", "bonuses.size", "nowhere.csv", "--run", str(tmp_path / "no")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    for words, message in (
        (["--column", "person"], "names no column"),
        (["--column", "id=person", "--set", "errors"], "sets nothing"),
    ):
        result = CliRunner().invoke(app, ["fit", "bonuses.size", str(path), "--run", str(tmp_path / "no"), *words])
        assert message in str(result.exception)

"""From a model to what people read, on a small sample of the generator with known truth."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

import bayes_labor
from bayes_labor.commands.options import say_gates
from bayes_labor.data import DataFaults, Workforce
from bayes_labor.data.joint_production.norway import TRUTH, norway
from bayes_labor.engines.modes import find_modes, log_density_of, shares
from bayes_labor.engines.nutpie_engine import compile_model
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.models.starting import starting_point
from bayes_labor.posteriors import (
    RunFolder,
    check,
    equilibria,
    fit,
    gates,
    prior_page,
    prior_sensitivity,
    report,
    summarize,
)
from bayes_labor.posteriors.joint_production.calibration import calibrate
from bayes_labor.posteriors.joint_production.effective_prior import effective_prior
from bayes_labor.posteriors.joint_production.equilibrium import thin
from bayes_labor.posteriors.style import STYLE
from bayes_labor.posteriors.tables import printed, r_hat, to_latex, write_table
from bayes_labor.posteriors.uniform import uniformity

SPEC = JointProductionSpec(priors={"unemployment": 0.2})


@pytest.fixture(scope="module")
def run(sample_of_norway: Workforce, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    draws = fit(sample_of_norway, SPEC, run=folder, draws=300, tune=300, chains=2, seed=1, second_opinion=0)
    page = report(draws, sample_of_norway, SPEC, folder, size=20)
    return folder, draws, page


@pytest.mark.long
def test_truth_is_covered_at_600_workplaces() -> None:
    """26 parameters, each outside its 94% interval with probability 0.06: more than 6 outside once in two thousand fits."""
    workforce = norway(600, seed=1)
    table = summarize(fit(workforce, SPEC), workforce, SPEC)
    truth = pd.concat(
        [
            pd.Series(TRUTH.beta, table.loc[["β"]].index),
            pd.Series([TRUTH.psi[t] for t in table.loc["ψ"].index], table.loc[["ψ"]].index),
            pd.Series([TRUTH.gamma[t] for t in table.loc["γ"].index], table.loc[["γ"]].index),
            pd.Series([TRUTH.bargaining_power, TRUTH.unemployment_value], table.loc[["d", "V_U"]].index),
        ]
    )
    found = table.loc[truth.index]
    outside = (truth < found["hdi_low"]) | (truth > found["hdi_high"])
    assert len(truth) == 26 and outside.sum() <= 6, found[outside]
    assert found["r_hat"].max() < 1.01


def test_truth_is_covered(run, sample_of_norway: Workforce) -> None:
    """Each parameter's truth within 5 posterior sds: false alarm below 1e-5 over all parameters if the posterior is right."""
    table = summarize(run[1], sample_of_norway, SPEC)
    truth = [*TRUTH.beta, *[TRUTH.psi[t] for t in table.loc["ψ"].index], TRUTH.bargaining_power, TRUTH.unemployment_value]
    gaps = (table["mean"].to_numpy()[: len(truth)] - truth) / table["sd"].to_numpy()[: len(truth)]
    assert np.all(np.abs(gaps) < 5.0), gaps
    for term in table.loc["γ"].index:
        row = table.loc[("γ", term)]
        assert abs(row["mean"] - TRUTH.gamma[term]) < 5 * row["sd"], term
    assert abs(table.loc[("σ", ""), "mean"] - TRUTH.noise) < 5 * table.loc[("σ", ""), "sd"]


def test_run_folder_is_complete(run, sample_of_norway: Workforce) -> None:
    folder = RunFolder.open(run[0])
    record = folder.record()
    assert record["data"]["fingerprint"] == sample_of_norway.fingerprint
    assert JointProductionSpec(**record["specification"]) == SPEC
    assert record["outcome"]["solver_ok"] == 600 and "nutpie" in record["versions"]
    np.testing.assert_array_equal(folder.draws()["posterior"]["beta"], run[1]["posterior"]["beta"])
    for suffix in ("csv", "json", "tex"):
        assert (folder.tables / f"parameters.{suffix}").stat().st_size > 500
    assert {p.stem for p in folder.figures.glob("*.png")} == {
        "beta_by_industry",
        "outside_option",
        "surplus_shares",
        "wages",
        "prior_posterior",
        "predictive",
        "internal_response",
        "profiles",
        "neuter",
        "workplace_size",
        "energy",
    }
    with pytest.raises(DataFaults, match="already holds draws"):
        RunFolder.create(run[0])


def test_page_works_offline_and_warns(run) -> None:
    html = run[2].read_text(encoding="utf-8")
    elsewhere = re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', html)
    assert elsewhere and all(re.fullmatch(r"tables/[a-z_]+\.(csv|tex)", p) and (run[0] / p).is_file() for p in elsewhere)
    assert "@import" not in html and "://" not in html.replace("http://www.w3.org/", "")
    assert re.findall(r"<script[^>]*>", html) == ["<script>"]  # ours, which sorts tables
    assert html.count("<svg") == 11 and 'name="viewport"' in html
    failed = [g for g in gates(run[1]) if not g.passed]
    assert failed and "Do not report these numbers yet" in html
    top = html[html.index("<h1>") : html.index('class="facts"')]
    assert top.index("Do not report") < top.index("As far as the draws have got")  # no finding above a red banner
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_tables_read_the_same_everywhere(run, sample_of_norway: Workforce) -> None:
    table = summarize(run[1], sample_of_norway, SPEC)
    folder = RunFolder(run[0])
    from_csv = pd.read_csv(folder.tables / "parameters.csv")
    from_json = pd.DataFrame(json.loads((folder.tables / "parameters.json").read_text()))
    np.testing.assert_allclose(from_csv["mean"], table["mean"], rtol=1e-12)
    np.testing.assert_allclose(from_json["sd"], table["sd"], rtol=1e-12)
    tex = to_latex(table, "x")
    assert tex.count(r"\\") == len(table) + 1 and "_" not in tex.replace(r"\_", "")
    assert float(printed(table).loc[("d", ""), "mean"]) == pytest.approx(table.loc[("d", ""), "mean"], rel=5e-3)


NASTY = [
    "R$D",
    "a_b^c {$x$}",
    "=HYPERLINK(1)",
    "\\back~slash",
    "<b>bold</b> & 'quotes'",
    "_$\\frac{",
    "[/red] :warning:",
    "100 % #1",
]


def nasty(tree: xr.DataTree, dim: str, words: list[str]) -> xr.DataTree:
    """The same draws, the words of a dimension replaced."""
    groups = {n: tree[n].to_dataset() for n in ("posterior", "sample_stats")}
    renamed = {n: d.assign_coords({dim: words}) if dim in d.dims else d for n, d in groups.items()}
    found = xr.DataTree.from_dict(renamed)
    found.attrs.update(tree.attrs)
    return found


def test_names_are_text_wherever_they_are_written(run, sample_of_norway: Workforce, tmp_path, capsys) -> None:
    terms = [f"{'=' if i else '+'}$t{i}_^\\frac" for i in range(sample_of_norway.n_terms)]
    place = dict(zip(sample_of_norway.terms, terms, strict=True))
    workplaces = np.array([f"={i}$" for i in range(sample_of_norway.n_workplaces)], dtype=object)
    named = {"industries": tuple(NASTY), "terms": tuple(terms), "workplaces": workplaces}
    workforce = replace(sample_of_norway, **named, name="$a_<i>", wage_unit="1,000 $ a^{month$")
    draws = nasty(run[1], "industry", NASTY)
    for dim in ("talent_term", "power_term"):
        draws = nasty(draws, dim, [place[str(t)] for t in run[1]["posterior"][dim].to_numpy()])
    html = report(draws, workforce, SPEC, tmp_path, size=5).read_text(encoding="utf-8")
    assert "<b>bold" not in html and "&lt;b&gt;bold" in html and "<i>" not in html and html.count("<svg") == 11
    for name in ("R$D", "=HYPERLINK(1)", "a_b^c {$x$}"):
        assert f"<!-- {name} -->" in html, name  # beside its drawing in a picture
    with (tmp_path / "tables" / "parameters.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert "'=HYPERLINK(1)" in {r[1] for r in rows} and "R$D" in {r[1] for r in rows}
    for path in (tmp_path / "tables").glob("*.csv"):
        with path.open(newline="") as file:
            cells = {c for row in csv.reader(file) for c in row if c.startswith(("=", "+", "-", "@"))}
        assert all(float(c.split()[0]) < 0 and not set(c) & set("=|!'abcd") for c in cells), path.name
    tex = (tmp_path / "tables" / "parameters.tex").read_text()
    assert r"R\$D" in tex and r"\textbackslash{}back\textasciitilde{}slash" in tex and r"a\_b\textasciicircum{}c" in tex
    say_gates(gates(draws))
    assert "[/red] :warning:" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "-x", "-1 (cmd)", "-1 [2, =3]"])
def test_text_that_a_spreadsheet_would_run_is_quoted(text: str, tmp_path) -> None:
    table = pd.DataFrame({text: [text, "-0.5"], "mean": [-1.5, 2.0]}, index=pd.MultiIndex.from_tuples([(text, 1), ("a", 2)]))
    write_table(table, tmp_path, "t", text)
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["", "", f"'{text}", "mean"]
    assert rows[1:] == [[f"'{text}", "1", f"'{text}", "-1.5"], ["a", "2", "-0.5", "2.0"]]
    assert table.columns[0] == text and table.index[0] == (text, 1)


@pytest.mark.parametrize("text", ["-0.157", "-0.157 (0.031)", "-1.2e-05 [-2.00, 0.31]", "+3%", "-0.16 ± 0.02", "-inf"])
def test_numbers_as_printed_are_numbers_in_csv(text: str, tmp_path) -> None:
    write_table(pd.DataFrame({"mean": [text]}, index=pd.Index(["a"], name="term")), tmp_path, "t", text)
    assert pd.read_csv(tmp_path / "t.csv")["mean"].astype(str).iloc[0].lstrip("+") == text.lstrip("+")


def test_what_never_moves_has_no_r_hat() -> None:
    """One constant among the quantities of a user's own model once ended the table in a warning."""
    moving = np.random.default_rng(0).normal(size=(2, 50))
    found = r_hat(xr.Dataset({"fixed": (("chain", "draw"), np.zeros((2, 50))), "moving": (("chain", "draw"), moving)}))
    assert np.isnan(found["fixed"]) and 0.9 < float(found["moving"]) < 1.2
    apart = xr.Dataset({"apart": (("chain", "draw"), np.repeat([[0.0], [1.0]], 50, axis=1))})
    assert float(r_hat(apart)["apart"]) == np.inf


def test_every_picture_takes_a_dollar_for_a_dollar() -> None:
    """In all systems: each function that makes a figure does so in the one style, or is called in it."""
    with mpl.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        axes.plot([0, 1], label=r"$\\frac")
        axes.set(title=r"$\\frac{$", xlabel="R$D$")
        axes.set_yticks([0, 1], [r"$\\nothing$", "$"])
        axes.legend()
    figure.savefig(io.BytesIO(), format="png")
    for path in Path(bayes_labor.__file__).parent.rglob("*.py"):
        source = path.read_text()
        if "import Figure" in source and "Figure(" in source:
            assert source.count("rc_context(STYLE)") > 0, path


def test_prior_sensitivity_by_parameter(run, sample_of_norway: Workforce) -> None:
    """A posterior that is almost all prior leans on the prior, and sigma, which the data decide, does not."""
    table = prior_sensitivity(run[1], sample_of_norway, SPEC, size=200)
    rows = summarize(run[1], sample_of_norway, SPEC)
    assert set(table.index) == {i for i in rows.index if i[0] != "A"}
    assert np.isfinite(table[["prior", "likelihood"]].to_numpy()).all()
    assert table.loc["β", "prior"].mean() > table.loc[("σ", ""), "prior"]
    assert table.loc[("σ", ""), "likelihood"] > table.loc[("σ", ""), "prior"]
    assert "Do the priors matter?" in run[2].read_text(encoding="utf-8")


def test_prior_page(small: Workforce, tmp_path) -> None:
    table = prior_page(small, SPEC, tmp_path, draws=60, size=10)
    page = (tmp_path / "prior.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4 and "have an equilibrium" in page and "HalfNormal" in page
    assert table.loc["d", "3%"] > 0 and table.loc["d", "97%"] < 1 and abs(table.loc["β, any industry", "50%"]) < 0.2
    assert table.loc["mean wage", "observed"] == pytest.approx(small.wage.mean())
    with pytest.raises(DataFaults, match="none of 10 prior draws"):
        prior_page(small, JointProductionSpec(priors={"unemployment_center": 1e6}), tmp_path, draws=10)


def test_contraction_compares_with_the_prior(run, sample_of_norway: Workforce) -> None:
    table, prior = summarize(run[1], sample_of_norway, SPEC), effective_prior(sample_of_norway, SPEC)
    row, weight = table.loc[("d", "")], prior["weight"].to_numpy()
    d = prior["d"].to_numpy()
    mean = float(d @ weight)
    sd = float(np.sqrt((d - mean) ** 2 @ weight))
    assert row["prior_mean"] == pytest.approx(mean) and row["prior_sd"] == pytest.approx(sd)
    assert row["contraction"] == pytest.approx(1 - (row["sd"] / sd) ** 2)
    assert table.loc["σ"]["contraction"].iloc[0] > 0.9
    assert f"leaves {prior.attrs['kept']:.0%} of the declared priors" in run[2].read_text(encoding="utf-8")


def test_equilibria_agree_with_the_model(run, sample_of_norway: Workforce) -> None:
    solved = equilibria(run[1], sample_of_norway, SPEC, size=10)
    assert solved.attrs["failed"] == 0 and solved.sizes["sample"] == 10
    share = solved["surplus"].sum("workplace") / solved["wage"].sum("worker")
    np.testing.assert_allclose(share, thin(run[1], 10)["surplus_share"], rtol=1e-6)


@pytest.mark.long
def test_jax_density_is_differentiated_as_the_native_one(small: Workforce) -> None:
    """What NumPyro and BlackJAX sample: JAX differentiates through the translated graph, by the Ops' own rules."""
    import jax
    from pymc.sampling.jax import get_jaxified_logp

    model = joint_production(small, SPEC)
    point = starting_point(model)
    x = np.concatenate([np.ravel(point[v.name]) for v in model.value_vars])
    value, gradient = log_density_of(compile_model(model))(x)
    found, pulled = jax.jit(jax.value_and_grad(get_jaxified_logp(model)))([point[v.name] for v in model.value_vars])
    assert float(found) == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(np.concatenate([np.ravel(g) for g in pulled]), gradient, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("engine", [pytest.param(e, marks=pytest.mark.long) for e in ("pymc", "numpyro")])
def test_other_engines_agree_with_the_first(small: Workforce, engine: str) -> None:
    """Means within 6 Monte Carlo errors of 60 effective draws each: a false alarm less than once in a million."""
    priors = {"beta_mean": 0.2, "beta_spread": 0.2, "talent": 0.2, "unemployment": 0.1, "power": 0.5, "log_output": 0.2}
    spec = JointProductionSpec(priors=priors)
    first, other = (
        fit(small, spec, draws=300, tune=300, chains=2, seed=3, engine=e, second_opinion=0)["posterior"]
        for e in ("nutpie", engine)
    )
    for name in ("d", "sigma", "V_U"):
        gap = float(first[name].mean() - other[name].mean()) / float(first[name].std())
        assert abs(gap) < 6 * np.sqrt(2 / 60), name


@pytest.mark.long
def test_calibration_of_the_sampler(small: Workforce) -> None:
    """Ranks uniform: each of the parameters at level 1e-3 / number, so that a right sampler fails one time in a thousand.

    Sixteen simulations; the long calibration is ``make sbc``.
    """
    priors = {"beta_mean": 0.2, "beta_spread": 0.2, "talent": 0.2, "unemployment": 0.1, "power": 0.5, "log_output": 0.2}
    spec = JointProductionSpec(priors=priors)
    ranks = calibrate(small, spec, simulations=16, seed=5, draws=200, tune=250)
    assert ranks.shape[0] == 16 and ranks.to_numpy().min() > 0 and ranks.to_numpy().max() < 1
    p = uniformity(ranks)
    assert p.min() > 1e-3 / len(p), p.sort_values().head()


def test_calibration_notices_a_wrong_posterior() -> None:
    rng = np.random.default_rng(0)
    too_narrow = pd.DataFrame({"d[0]": np.where(rng.uniform(size=24) < 0.5, 0.01, 0.99) + 0.001 * rng.uniform(size=24)})
    assert uniformity(too_narrow).min() < 1e-3


def test_modes_are_found_and_weighed() -> None:
    def mixture(x: np.ndarray) -> tuple[float, np.ndarray]:
        centers, weights = np.array([-4.0, 4.0]), np.array([0.2, 0.8])
        parts = weights * np.exp(-0.5 * (x[0] - centers) ** 2)
        return float(np.log(parts.sum()) - 0.5 * x[1] ** 2), np.array([np.sum(parts * (centers - x[0])) / parts.sum(), -x[1]])

    modes = find_modes(mixture, [np.array([a, 1.0]) for a in (-3.0, 3.0, 3.5)])
    assert [round(float(m.point[0])) for m in modes] == [4, -4]
    np.testing.assert_allclose(shares(modes), [0.8, 0.2], rtol=1e-3)


def test_preflight(sample_of_norway: Workforce) -> None:
    found = check(sample_of_norway, SPEC, draws=30)
    assert found.sound and found.object_mode == () and found.gradient_error < 1e-5
    assert sum(found.outcomes.values()) == pytest.approx(1.0)
    assert found.sampling_minutes[0] < found.sampling_minutes[1]

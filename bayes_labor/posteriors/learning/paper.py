"""Learning on the job on one page: how good the solution is, what it says beside the slides, and what data can tell."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data import Teams, baseball_teammates
from bayes_labor.data.learning.simulated_teams import employed_in, simulated_careers
from bayes_labor.data.learning.teams import GAPS
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import LearningSpec, learning_regression, learning_structural
from bayes_labor.models.learning.structural import MomentEmulator
from bayes_labor.posteriors.diagnostics import Gate, of_fits
from bayes_labor.posteriors.fitting import fit_or_resume
from bayes_labor.posteriors.html import section, shown_table, with_figures, write_page
from bayes_labor.posteriors.learning import figures, published
from bayes_labor.posteriors.learning.moments import wage_moments
from bayes_labor.posteriors.learning.results import (
    TERMS,
    coworkers,
    decompose_growth,
    growth_terms,
    markdowns,
    path_words,
    refusals,
    summary,
    wages_hold,
)
from bayes_labor.posteriors.learning.structural import (
    WEAK,
    calibrate_structural,
    known_emulator,
    known_moments,
    outside_design,
    summarize_structural,
)
from bayes_labor.posteriors.uniform import uniformity
from bayes_labor.theory.learning.certificate import agreement
from bayes_labor.theory.learning.equilibrium import SolvedEconomy, SolverSettings, solve_equilibrium
from bayes_labor.theory.learning.primitives import Parameters
from bayes_labor.theory.learning.simulation import Economy

_YEARS = 10
_VARIANTS: dict[str, dict[str, float]] = {
    "firms alike in learning (σ_q = 0)": {"sigma_q": 0.0},
    "workers alike in ability (σ_a = 0)": {"sigma_a": 0.0},
    "no learning from coworkers (θ = 0)": {"theta_p": 0.0, "theta_m": 0.0},
    "σ_a = σ_q = 0": {"sigma_q": 0.0, "sigma_a": 0.0},
    "all three": {"sigma_q": 0.0, "sigma_a": 0.0, "theta_p": 0.0, "theta_m": 0.0},
}
_KNOWN = ("sigma_z", "psi_N", "psi_E", "delta_m", "b")
_SYMBOLS = {"N_w": "N_w", "b": "b", "eta": "η", "mu_q": "μ_q", "corr_zq": "corr(z, q)", "corr_ha": "corr(h, a)"}
_SYMBOLS |= {f"sigma_{n}": f"σ_{n}" for n in "zqha"} | {"theta_p": "θ+", "theta_m": "θ-"}
_SYMBOLS |= {"delta_f": "δ_f", "delta_m": "δ_m", "psi_E": "ψ^E", "psi_N": "ψ^N"}


class _Solved(NamedTuple):
    solution: SolvedEconomy
    careers: pd.DataFrame
    economies: list[Economy]


class _Fit(NamedTuple):
    draws: xr.DataTree
    gates: list[Gate]


def reproduce_learning(
    run: str | Path,
    settings: SolverSettings | None = None,
    p: Parameters | None = None,
    *,
    seed: int = 1,
    quick: bool = False,
    say: Callable[[str], None] = lambda _: None,
    **sampler: Any,
) -> Path:
    """Solve the economy from two seeds, estimate, and write every table and figure with one page.

    Parameters
    ----------
    run
        Folder for everything; what is finished there is taken as it is, what is not goes on from its last checkpoint.
    settings
        Of the solution.
    p
        Parameters; by default those of the slides.
    seed
        Of the first solution; the second has the next.
    quick
        Leave out the structural decompositions, which solve five more economies.
    say
        Called with a line on each step.
    **sampler
        Of the sampler.

    Returns
    -------
    Path
        Of ``paper.html``. Where a solution is refused (:func:`bayes_labor.posteriors.learning.results.refusals`), the page says
        so at its top, before any number.

    """
    folder, settings, p = RunFolder(Path(run)), settings or SolverSettings(), p or Parameters()
    sampler = {"draws": 1000, "tune": 400, "chains": 4, "seed": seed} | sampler
    solved = [_solve(folder, f"seed_{s}", settings._replace(seed=s), p, say) for s in (seed, seed + 1)]
    refused = refusals([s.solution for s in solved])
    variants = {} if quick else _variants(folder, settings._replace(seed=seed), p, say)
    say("posteriors ...")
    fits = {
        "simulated teams": _regression(folder, "regression_simulated", employed_in(solved[0].careers), sampler),
        "baseball": _regression(folder, "regression_baseball", baseball_teammates(), sampler),
    }
    emulator, truth, fits["structural"] = _structural(folder, p, seed, sampler, say)
    say("structural estimation of a known economy: many truths ...")
    ranks = _many_truths(folder, emulator, 20 if quick else 100, seed)
    say("tables and figures ...")
    sections = [
        _quality(solved, folder),
        _calibration(solved, p, folder),
        _sorting(solved, folder),
        _markdowns(solved, folder),
        _growth(solved, folder),
        *([_decompositions(solved[0], variants, folder)] if variants else []),
        _teammates(solved[0], fits, folder),
        _estimation(fits["structural"].draws, emulator, truth, ranks, folder),
        _caveats(),
    ]
    advice = "solve again with more steps or paths before reading any number of it"
    found = [Gate("NOT CERTIFIED, do not read numbers of the solutions", r, False, advice) for r in refused]
    found += [
        Gate(f"decomposition “{n}”", "NOT CERTIFIED", False, advice) for n, s in variants.items() if not _sound(s.solution)
    ]
    found += of_fits({n: f.gates for n, f in fits.items()})
    lead = (
        "Firms of any size whose workers teach each other, with search on the job: Adenbaum, Babalievsky and Jungerman's "
        "model, solved by networks at the slides' parameters, every number with its difference between two independent "
        "solutions."
    )
    title = "Learning on the job"
    shown: dict[str, Any] = {
        "sections": sections,
        "facts": _facts(solved),
        "gates": found,
        "finding": _finding(solved, refused),
    }
    return write_page(folder.path / "paper.html", title=title, lead=lead, **shown)


def _solve(folder: RunFolder, name: str, settings: SolverSettings, p: Parameters, say: Callable[[str], None]) -> _Solved:
    solution = solve_equilibrium(p, settings, folder.path / name, lambda line: say(f"{name}: {line}"))
    return _Solved(solution, *simulated_careers(solution, _YEARS, settings.seed))


def _variants(folder: RunFolder, settings: SolverSettings, p: Parameters, say: Callable[[str], None]) -> dict[str, _Solved]:
    """The economy without each source of learning, solved anew."""
    return {
        name: _solve(folder, f"variant_{k + 1}", settings, p._replace(**change), say)
        for k, (name, change) in enumerate(_VARIANTS.items())
    }


def _regression(folder: RunFolder, name: str, teams: Teams, sampler: dict[str, Any]) -> _Fit:
    spec = LearningSpec()
    rows = teams.stayers()
    about = {"specification": spec.model_dump(mode="json"), "rows": len(rows), "changes": float(rows["change"].abs().sum())}
    names = ["theta", "sigma", "tau"]
    return _Fit(*fit_or_resume(learning_regression(teams, spec), folder.path / name, about, names=names, **sampler))


def _structural(
    folder: RunFolder, p: Parameters, seed: int, sampler: dict[str, Any], say: Callable[[str], None]
) -> tuple[MomentEmulator, dict[str, float], _Fit]:
    """The chain of estimation on an economy that is known exactly: design, emulator, posterior."""
    say("structural estimation of a known economy: solving the design ...")
    emulator = known_emulator(_KNOWN, 128, seed, file=folder.path / "design.jsonl")
    truth = {n: float(getattr(p, n)) for n in _KNOWN}
    exact = pd.Series(known_moments(truth))[list(emulator.moments)]
    se = 0.05 * exact.abs()
    observed = exact + se * np.random.default_rng([seed, 7]).normal(size=len(se))
    model = learning_structural(emulator, observed, se)
    about = {"truth": truth, "observed": observed.round(12).to_dict()}
    fit = fit_or_resume(model, folder.path / "structural", about, names=list(_KNOWN), **sampler)
    return emulator, truth, _Fit(*fit)


def _many_truths(folder: RunFolder, emulator: MomentEmulator, simulations: int, seed: int) -> pd.DataFrame:
    """Ranks of truths from the prior, with data from the exact economy; kept in the folder."""
    file = folder.path / f"ranks_{simulations}.csv"
    if not file.is_file():
        se = 0.05 * emulator.solved.mean()
        calibrate_structural(emulator, known_moments, se, simulations, seed, draws=200, tune=300).to_csv(file)
    return pd.read_csv(file, index_col="simulation")


def _facts(solved: list[_Solved]) -> list[tuple[str, str]]:
    first = solved[0].solution
    rows = [summary(s.solution, s.economies) for s in solved]
    return [
        ("employment rate", f"{rows[0]['employment']:.3f}"),
        ("mean size of firms with workers", f"{rows[0]['mean size']:.2f}"),
        ("mean surplus Δ, two seeds", " and ".join(f"{r['mean surplus']:.2f}" for r in rows)),
        ("mean W/J", f"{rows[0]['mean W/J']:.2f}"),
        ("firms, at most n workers", f"{first.settings.firms:,}, {first.settings.n_max}"),
    ]


def _spread(values: Any) -> str:
    """Mean over seeds and half the range."""
    return f"{np.mean(values):.3f} ± {0.5 * np.ptp(values):.3f}"


def _quality(solved: list[_Solved], folder: RunFolder) -> dict[str, Any]:
    first, second = pair = [s.solution for s in solved[:2]]
    places = {"economy": "firms of the economy", "virtual": "virtual firms", "one_event": "one event away"}
    names = ("rms R, flow", "of output", "rms(TV-V)/V", "squared", "mean R")
    rows = {
        f"seed {s.settings.seed}, {words}": dict(zip(names, getattr(s.certificate, where), strict=True))
        for s in pair
        for where, words in places.items()
    }
    residuals = pd.DataFrame.from_dict(rows, orient="index").rename_axis("where")
    residuals = residuals.map(lambda v: f"{v:.1e}" if abs(v) < 1e-3 else f"{v:.4f}")
    outcomes = {f"{s.settings.seed}: {s.certificate.paths.outcome}": _path_table(s) for s in pair}
    paths = pd.concat(outcomes, names=["seed", "firms"])
    both = agreement(first.value, second.value, first.economy, first.p)
    text = (
        f"Two solutions from different seeds differ by {100 * both.surplus:.1f}% in the surplus Δ of the same workers (root "
        f"mean square; correlation {both.correlation:.4f}) and by {100 * both.value:.1f}% in the joint value of the same "
        f"firms. {_worker_words(first)} "
        "Features are float32 in training; all measures here are float64, with everybody alive. The slides report 1e-5 "
        "for a measure that compares with the squared one."
    )
    told = "; ".join(f"seed {s.settings.seed}: {path_words(s.certificate.paths)}" for s in pair)
    words = (
        "What paths pay less what the network says, by productivity and by number of workers, and as a share of the value. "
        f"The mean over all is shown, not tested: the level was set by it. {told}."
    )
    about = "Residuals of the equation of the joint value."
    tables = [
        shown_table(residuals, folder, "residuals", "Residuals of HJB-V", about),
        shown_table(paths, folder, "paths", "Path valuation", words),
    ]
    made = {"convergence": figures.convergence_figure([s.solution.history for s in solved])}
    return with_figures(section("How good the solution is", tables, text), folder, **made)


def _path_table(solution: SolvedEconomy) -> pd.DataFrame:
    """Every group of firms with its difference."""
    paths = solution.certificate.paths
    least, most = paths.size_from.astype(int), [*(paths.size_from[1:].astype(int) - 1), solution.settings.n_max]
    sizes = [f"{a} workers" if a == b else f"{a} to {b} workers" for a, b in zip(least, most, strict=True)]
    names = ["least productive fifth", "second", "third", "fourth", "most productive", *sizes, "all"]
    joined = (np.concatenate(v) for v in zip(paths.productivity, paths.size, paths.whole, strict=True))
    difference, error, value, number = joined
    columns = {"difference": difference, "standard error": error, "t": difference / error, "value": value}
    columns |= {"share of value, %": 100.0 * difference / value, "paths": number}
    return pd.DataFrame(columns, index=pd.Index(names, name="firms"))


def _sound(solution: SolvedEconomy) -> bool:
    """Of one seed: paths and the worker's equation."""
    return solution.certificate.paths.agrees and wages_hold(solution)


def _worker_words(solution: SolvedEconomy) -> str:
    found = solution.certificate.worker
    if found is None:
        return ""
    return (
        f"The equation of a worker's value holds to {100 * found.relative:.2f}% (root mean square over workers, of the rate of "
        f"events times the value); and the value rises with the wage, by {found.least_slope:.2f} to {found.most_slope:.2f}."
    )


def _calibration(solved: list[_Solved], p: Parameters, folder: RunFolder) -> dict[str, Any]:
    moments = pd.DataFrame([wage_moments(s.careers) for s in solved])
    known = {k: (getattr(p, n), target, *row) for n, (target, k, *row) in published.CALIBRATION.items()}
    known |= {k: (np.nan, *row) for k, row in published.MORE_MOMENTS.items()}
    table = pd.DataFrame.from_dict(known, orient="index", columns=["value", "target", "data", "slides' model"])
    table["here"] = [_spread(moments[k]) for k in known]
    names = {key: _SYMBOLS[n] for n, (_, key, *_) in published.CALIBRATION.items()}
    table = table.rename(lambda k: names.get(k, f"({k})")).rename_axis("parameter")
    note = (
        "Here: mean of two solutions and half their difference. The slides' employment rate, NE and EN cannot follow from "
        "their own rates (ψ^N = 0.314 allows employment of 0.638 at most); wages have no stated unit; level and growth are "
        "correlations here. The raw variance of firm effects is mostly sampling noise: see the regression below."
    )
    return section("Calibration", [shown_table(table, folder, "calibration", "Calibration", note)])


def _finding(solved: list[_Solved], refused: Sequence[str]) -> str:
    """Whether the solutions may be read, and who works with whom in them."""
    if refused:
        return "The solutions fail their certificate: no number of them is to be read."
    return f"Solutions from both seeds pass their certificate. {_who_with_whom([coworkers(s.economies) for s in solved])}."


def _who_with_whom(pairs: Sequence[pd.DataFrame]) -> str:
    found = pd.DataFrame([t[["log_h", "coworker_log_h", "log_z", "log_q"]].corr()["log_h"] for t in pairs])
    whose = {"coworker_log_h": "coworkers'", "log_z": "the firm's log z", "log_q": "its log q"}
    return "Correlation of own log h with " + ", ".join(f"{words} {_spread(found[name])}" for name, words in whose.items())


def _sorting(solved: list[_Solved], folder: RunFolder) -> dict[str, Any]:
    pairs = [coworkers(s.economies) for s in solved]
    text = _who_with_whom(pairs)
    made = {"sorting": figures.sorting_figure(pairs), "opportunities": figures.opportunities_figure(pairs[0])}
    return with_figures(section("Who works with whom", [], text + "."), folder, **made)


def _markdowns(solved: list[_Solved], folder: RunFolder) -> dict[str, Any]:
    tables = [markdowns(s.solution, s.economies) for s in solved]
    seeds = {f"W/J, seed {s.solution.settings.seed}": t["W/J"] for s, t in zip(solved, tables, strict=True)}
    table = tables[0][["jobs"]].assign(**seeds)
    below = np.mean([summary(s.solution, s.economies)["wages below zero"] for s in solved])
    text = (
        f"{100 * below:.0f}% of wages are below zero: the first counter-offer is worth so much that workers pay for the "
        "job. The model has no wage floor."
    )
    shown = shown_table(table, folder, "markdowns", "Markdowns by tenure", "Means over jobs, ten years.")
    return with_figures(section("Markdowns", [shown], text), folder, markdowns=figures.markdown_figure(tables))


def _growth(solved: list[_Solved], folder: RunFolder) -> dict[str, Any]:
    found = [np.concatenate([growth_terms(e, s.solution.p) for e in s.economies]) for s in solved]
    shares = np.array([decompose_growth(v) for v in found])
    terms = pd.Index(TERMS, name="term")
    cells = [["" if j < i else _spread(shares[:, i, j]) for j in range(4)] for i in range(4)]
    here, slides = pd.DataFrame(cells, terms, TERMS), pd.DataFrame(published.GROWTH, terms, TERMS)
    sd = [float(v.sum(1).std()) for v in found]
    text = (
        "Parts of log growth of employed workers at a learning event: ability log a, firm log q, what is learnt from more and "
        f"from less skilled coworkers. Its standard deviation is {_spread(sd)}."
    )
    note = "Here. Shares of the variance, on the diagonal; twice covariances above it. They add to one."
    slides = slides.map(lambda v: "" if np.isnan(v) else f"{v:.3f}")
    tables = [
        shown_table(here, folder, "growth", "Decomposition of growth", note),
        shown_table(slides, folder, "growth_slides", "Growth, slides", "The slides'."),
    ]
    return section("Where growth of human capital comes from", tables, text)


def _decompositions(base: _Solved, variants: dict[str, _Solved], folder: RunFolder) -> dict[str, Any]:
    names = {"mean h": "mean h", "variance of h": "var h", "mean wage": "mean w", "variance of wages": "var w"}
    known = summary(base.solution, base.economies)
    rows = {}
    for name, solved in variants.items():
        found = summary(solved.solution, solved.economies)
        ratios = {short: found[long] / known[long] for long, short in names.items()}
        if not wages_hold(solved.solution):
            ratios |= {"mean w": np.nan, "var w": np.nan}
        slides = dict(zip((f"{s}, slides" for s in names.values()), published.STRUCTURAL[name], strict=True))
        rows[name] = ratios | slides | {"certificate": "holds" if _sound(solved.solution) else "FAILS"}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("without")
    note = (
        "Relative to the economy of the same seed, solved anew without each source. One seed: differences of a few percent are "
        "noise. Mean wages are small beside their spread, for wages below zero are many. Wages are missing where the value of "
        "a worker does not solve its equation."
    )
    shown = shown_table(table, folder, "structural_decomposition", "Decompositions", note)
    return section("Structural decompositions", [shown])


def _teammates(solved: _Solved, fits: dict[str, _Fit], folder: RunFolder) -> dict[str, Any]:
    rows = {}
    for name in ("simulated teams", "baseball"):
        posterior = fits[name].draws["posterior"]
        slopes = posterior["slope"]
        row = {g: f"{float(slopes.sel(gap=g).mean()):.3f} ({float(slopes.sel(gap=g).std()):.3f})" for g in GAPS}
        share = (posterior["tau"] ** 2 / (posterior["tau"] ** 2 + posterior["sigma"] ** 2)).to_numpy()
        rows[name] = row | {"firms' share of variance": f"{share.mean():.3f} ({share.std():.3f})"}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("teams")
    stayers = employed_in(solved.careers).stayers()["change"]
    tau2 = (fits["simulated teams"].draws["posterior"]["tau"] ** 2).to_numpy() * stayers.var()
    raw = float(wage_moments(solved.careers)["raw firm effects"])
    text = (
        f"In the simulated economy the raw variance of estimated firm effects is {raw:.1f}, the posterior of the variance of "
        f"true ones {tau2.mean():.1f} (sd {tau2.std():.1f}): the former is what the slides report. Wages rank workers' pay, "
        "not their human capital, and one's own earlier rank is part of every gap, so that regression to the mean loads on "
        "the slopes: no structural effects of learning, neither here nor in baseball."
    )
    note = "Rank points of change per rank point of gap (or its square): posterior mean (sd), within teams."
    shown = shown_table(table, folder, "regression", "Equation 6", note)
    return section("The regression of ranks on coworkers' ranks", [shown], text)


def _estimation(
    draws: xr.DataTree, emulator: MomentEmulator, truth: dict[str, float], ranks: pd.DataFrame, folder: RunFolder
) -> dict[str, Any]:
    table = summarize_structural(draws, emulator, truth)
    weak = ", ".join(table.index[table["contraction"] < WEAK])
    told = f"Weakly identified by these moments: {weak}." if weak else "All are identified by these moments."
    beyond = 100 * outside_design(draws, emulator)
    inside = int(((table["truth"] > table["3%"]) & (table["truth"] < table["97%"])).sum())
    covered = (ranks > 0.03) & (ranks < 0.97)
    text = (
        "The whole chain on an economy that is known exactly (workers alike, firms of seven productivities): "
        f"{len(emulator.points)} points of the prior are solved, Gaussian processes stand between them, their error is part of "
        f"the likelihood. With {len(ranks)} truths drawn from the prior and data from the exact economy, 94% intervals hold "
        f"{100 * covered.to_numpy().mean():.0f}% of true values; smallest p-value of uniform ranks "
        f"{uniformity(ranks).min():.2f} over {ranks.shape[1]} parameters. The table is one data set, at the slides' parameters "
        f"with errors of 5%: {inside} of {len(table)} true values in their intervals. {told} {beyond:.1f}% of draws lie beyond "
        "the design. The general economy goes the same way, at minutes per point (`solve_design`, `economy_moments`): hours "
        "on a workstation."
    )
    errors = emulator.errors().rename("left-out error").to_frame()
    noise = emulator.solved.std(ddof=0) / (0.05 * emulator.solved.mean().abs())
    errors["relative to 5% of the moment"] = [f"{v:.2f}" for v in emulator.emulator.left_out * noise]
    tables = [
        shown_table(table, folder, "structural", "Structural parameters", "Posterior beside prior and truth."),
        shown_table(errors, folder, "emulator", "Emulator", "Error at points left out, in standard deviations over the prior."),
    ]
    made = figures.posterior_figure(draws, emulator, truth)
    return with_figures(section("Estimating structural parameters", tables, text), folder, structural=made)


def _caveats() -> dict[str, Any]:
    text = (
        "The largest size of a firm is part of the model, not of its solution: without a bound no stationary economy exists "
        "where productivities differ, and the slides do not give one; ten is an inference from their sizes. Standard "
        "deviations are read as such (the slides' table calls some variances), covariances as squared entries. Moments need a "
        "register's wages; human capital is never observed."
    )
    return section("Caveats", [], text)

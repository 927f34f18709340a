"""Every table and figure of the paper on bonuses on one page: published, by the paper's estimators, and as posteriors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from bayes_labor.data.bonuses.personnel import Personnel, personnel, true_coefficients
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import BonusSpec, PrimitivesSpec, PrizeSpec, ReceiptSpec, tournament_moments
from bayes_labor.posteriors.bonuses import figures, published, tables
from bayes_labor.posteriors.bonuses.comparison import leave_one_worker_out
from bayes_labor.posteriors.bonuses.cut import cut_prize
from bayes_labor.posteriors.bonuses.fits import PanelPosterior, fit_panel
from bayes_labor.posteriors.bonuses.primitives import (
    missed_moments,
    moment_table,
    summarize_primitives,
    tournament_primitives,
    what_is_told,
)
from bayes_labor.posteriors.bonuses.results import (
    LEVEL_TERMS,
    RATING_TERMS,
    TENURE_TERMS,
    coefficients,
    decomposition,
    ordered_levels,
    posterior_columns,
    predicted_bonus,
    predictions,
    quartiles,
    r2_by_draw,
    structural_ratios,
)
from bayes_labor.posteriors.bonuses.two_step import placebo
from bayes_labor.posteriors.diagnostics import Gate, of_fits
from bayes_labor.posteriors.html import section, shown_table, with_figures, write_page
from bayes_labor.theory.bonuses.coordinates import primitives_at
from bayes_labor.theory.bonuses.tournament import solve_tournament

ROBUST = BonusSpec(errors="student", ratings="mixture")
"""The reported regression: Student-t errors, missing ratings summed over."""
_ORDERED, _STUDENT = BonusSpec(ordered=True), BonusSpec(errors="student")
_PRIZES = {
    "C and the worker's own effect": PrizeSpec(),
    "A": PrizeSpec(covariates="A"),
    "B": PrizeSpec(covariates="B", worker_prize=False),
    "C": PrizeSpec(covariates="C", worker_prize=False),
}
_OWN = next(iter(_PRIZES))
_RECEIPT = ReceiptSpec(blocks=tables.RECEIPT_BLOCKS[4])
_SETTINGS: dict[str, dict[str, int]] = {
    "size": {"draws": 1000, "tune": 400},
    "robust": {"draws": 1500, "tune": 500},
    "receipt": {"draws": 1000, "tune": 300},
    "prize": {"draws": 1000, "tune": 400},
}
_DELTAS = np.linspace(0.02, 0.98, 49)
_TOLERANCE = PrimitivesSpec().model_error
_EQUATIONS: tuple[Literal["size", "receipt"], ...] = ("size", "receipt")
_TRUTH = " Truth: what the panel was generated with, all else held fixed; columns that leave regressors out need not find it."


def reproduce_bonuses(
    run: str | Path,
    panel: Personnel | None = None,
    *,
    prize_panel: Personnel | None = None,
    say: Callable[[str], None] = lambda _: None,
    seed: int = 1,
    quick: bool = False,
    **settings: Any,
) -> Path:
    """Fit every model and write every table and figure with one page.

    Parameters
    ----------
    run
        Folder for everything; fits that are finished there are taken as they are.
    panel
        Personnel of one firm; by default generated ones like the published, in which the prize has no effect.
    prize_panel
        For Table 6; by default ``panel`` if one is given, else generated ones in which the prize has a coefficient of -2.
    say
        Called with a line on each step.
    seed
        Of everything random.
    quick
        Leave out what takes minutes: the integrated logit, Student-t errors with missing ratings, and prizes A, B and C.
    **settings
        Of the sampler, for all models.

    Returns
    -------
    Path
        Of ``paper.html``.

    """
    folder, generated = RunFolder(Path(run)), panel is None
    panel = panel or personnel("table5", seed=seed)
    prize_panel = prize_panel or (personnel("table6", seed=seed) if generated else panel)
    settings = {"chains": 4, "seed": seed} | settings
    fits = _fit_all(folder, panel, prize_panel, quick, settings, say)
    say("primitives of the tournament ...")
    moments = tournament_moments(panel)
    primitives = tournament_primitives(moments, seed=seed)
    say("tables and figures ...")
    cut = cut_prize(fits["first stage"].draws, prize_panel, _PRIZES[_OWN], seed=seed)["rho"].to_numpy()
    prizes = {n: fits[f"prize, {n}"].draws["posterior"]["rho"] for n in _PRIZES if f"prize, {n}" in fits}
    joint = {f"joint, {n}": v.to_numpy().reshape(-1) for n, v in prizes.items()}
    rho = {f"joint, {_OWN}": joint[f"joint, {_OWN}"], f"cut, {_OWN}": cut} | joint
    truth = {e: true_coefficients(e) for e in _EQUATIONS} if generated else {}
    panels = (panel.name, prize_panel.name) if prize_panel is not panel else None
    zero = placebo()
    sections = [
        _five(fits, rho, panels, folder),
        _part(folder, "Table 1: bonuses by level", table1=(tables.table1(panel), "Rows with a bonus.")),
        _receipt(panel, fits, truth.get("receipt"), folder),
        _shares(panel, fits, folder, seed),
        _size(panel, fits, truth.get("size"), folder, seed),
        _prize(prize_panel, rho, zero, folder, -2.0 if generated else None, seed),
        _placebo(zero, folder),
        _primitives(primitives, moments, folder),
        _caveats(),
    ]
    found = of_fits({n: f.gates for n, f in fits.items()})
    missed = missed_moments(moment_table(primitives, moments), _TOLERANCE)
    value, advice = f"further than {_TOLERANCE:.0%} from the data: {', '.join(missed)}", "the tournament does not fit them"
    found += [Gate("moments of the primitives", value, False, advice)] if missed else []
    lead = (
        "Ekinci and Waldman's tests of a tournament with bonuses. The firm's records are not public: the panel here is "
        "generated with known truth to have the published Table 1, so that agreement with the published columns shows that "
        "estimators and posteriors work, not that the theory is right."
        if generated
        else f"Ekinci and Waldman's tests of a tournament with bonuses, on {panel.name}."
    )
    title, facts = "Bonuses and promotion tournaments", _facts(panel, prize_panel, fits, rho)
    return write_page(folder.path / "paper.html", title=title, lead=lead, sections=sections, facts=facts, gates=found)


def _fit_all(
    folder: RunFolder,
    panel: Personnel,
    prize_panel: Personnel,
    quick: bool,
    settings: dict[str, Any],
    say: Callable[[str], None],
) -> dict[str, PanelPosterior]:
    """Every posterior that the page needs, by name."""
    wanted: dict[str, tuple[str, str, Any]] = {
        **{f"size, column {c}": ("size", "bonus-size", tables.size_spec(c)) for c in (5, 6, 7, 8)},
        "size, ordered effects": ("size", "bonus-size", _ORDERED),
        "receipt, conditional": ("receipt", "bonus-receipt", _RECEIPT.model_copy(update={"effects": "conditional"})),
        f"prize, {_OWN}": ("prize", "promotion-prize", _PRIZES[_OWN]),
        "first stage": ("prize", "prize-first-stage", _PRIZES[_OWN]),
    }
    if not quick:
        wanted |= {
            "size, Student-t": ("robust", "bonus-size", _STUDENT),
            "size, Student-t and missing ratings": ("robust", "bonus-size", ROBUST),
            "receipt, integrated": ("receipt", "bonus-receipt", _RECEIPT),
            **{f"prize, {n}": ("prize", "promotion-prize", s) for n, s in _PRIZES.items() if n != _OWN},
        }
    found = {}
    for name, (group, kind, spec) in wanted.items():
        say(f"{name}: sampling ...")
        path = folder.path / "".join(ch if ch.isalnum() else "_" for ch in name)
        data = prize_panel if group == "prize" else panel
        found[name] = fit_panel(kind, data, spec, path, **(_SETTINGS[group] | settings))
    return found


def _part(
    folder: RunFolder,
    heading: str,
    text: str = "",
    /,
    pictures: dict[str, tuple[Figure, str]] | None = None,
    **shown: tuple[pd.DataFrame, str],
) -> dict[str, Any]:
    """A section with its tables, each with a note, and pictures, all written to the folder by name."""
    made = [shown_table(table, folder, name, note.split(".")[0], note) for name, (table, note) in shown.items()]
    return with_figures(section(heading, made, text), folder, **(pictures or {}))


def _facts(
    panel: Personnel, prize_panel: Personnel, fits: dict[str, PanelPosterior], rho: dict[str, np.ndarray]
) -> list[tuple[str, str]]:
    order, own = ordered_levels(fits["size, column 7"].draws), rho[f"joint, {_OWN}"]
    seconds = sum(f.draws.attrs.get("sampling_seconds", np.nan) for f in fits.values())
    where = "" if prize_panel is panel else f", {prize_panel.name}"
    return [
        ("bonuses, workers", f"{len(panel.with_bonus):,}, {panel.with_bonus['id'].nunique():,}"),
        ("P(effects of levels rise)", f"{order.probability:.3f}"),
        ("Bayes factor of rising against any order of levels", f"{order.bayes_factor:.0f}, at most {1 / order.prior:.0f}"),
        (f"effect of the prize, ρ{where}", f"{own.mean():.2f} ± {own.std():.2f}"),
        ("posteriors", f"{len(fits)} in {seconds / 60:.1f} min of sampling"),
    ]


def _five(
    fits: dict[str, PanelPosterior], rho: dict[str, np.ndarray], panels: tuple[str, str] | None, folder: RunFolder
) -> dict[str, Any]:
    table = predictions(fits["size, column 7"].draws, fits["size, column 8"].draws, rho, panels)
    ways = 1.0 / ordered_levels(fits["size, column 7"].draws).prior
    note = (
        f"Posterior probability within workers. Prior probability of the order of levels: 1/{ways:.0f}. A cut posterior does "
        "not let bonuses move the prize; it should agree with the joint one."
    )
    if panels is not None:
        note += " The fifth is looked at in another generated panel, in which the prize has an effect, than the first four."
    return _part(folder, "The five predictions", predictions=(table, note))


def _receipt(
    panel: Personnel, fits: dict[str, PanelPosterior], truth: dict[str, float] | None, folder: RunFolder
) -> dict[str, Any]:
    known = {k: fits[f"receipt, {k}"].draws for k in ("conditional", "integrated") if f"receipt, {k}" in fits}
    table, statistics = tables.table2(panel, known, truth)
    text = (
        "Logit of a bonus: columns 1 and 4 pooled, 5 and 8 given each worker's total, so that only workers who sometimes "
        "received one speak. Year effects are in the panel's columns: without them slopes of level absorb any rise of bonuses "
        "over time."
    )
    note = "Published, maximum likelihood here (standard errors clustered by worker where pooled), and posterior."
    note += _TRUTH if truth else ""
    fit = (statistics, "Fit of the columns.")
    return _part(folder, "Table 2: who receives a bonus", text, table2=(table, note), table2_statistics=fit)


def _shares(panel: Personnel, fits: dict[str, PanelPosterior], folder: RunFolder, seed: int) -> dict[str, Any]:
    draws = r2_by_draw(fits["size, column 7"].draws, panel, tables.size_spec(7))
    kinds = {"pooled": decomposition(panel, seed=seed), "within": decomposition(panel, within=True, seed=seed)}
    blocks = (
        "R2 by block, nested in this order and averaged over all orders. Intervals by the Bayesian bootstrap over workers. "
        "Both add up."
    )
    text = (
        "The paper says that levels, age and tenure explain about 80% of the variation within workers. That is the adjusted R2 "
        "with the workers' own effects counted as explained; of the variation within workers they explain the share in "
        "column “within”."
    )
    return _part(
        folder,
        "Tables 3 and 4: what explains bonuses",
        text,
        tables34=(tables.tables34(panel), "Adjusted R2, published and here."),
        r2=(draws, "Shares of variance by draw, column 7 of Table 5."),
        decomposition=(pd.concat(kinds, names=["variance", "block"]), blocks),
    )


def _size(
    panel: Personnel, fits: dict[str, PanelPosterior], truth: dict[str, float] | None, folder: RunFolder, seed: int
) -> dict[str, Any]:
    draws, spec = {c: fits[f"size, column {c}"].draws for c in (5, 6, 7, 8)}, tables.size_spec(7)
    table, statistics = tables.table5(panel, draws, truth)
    text = (
        "Log bonus: columns 1 to 4 pooled, 5 to 8 with worker effects (within slopes by worker means, Mundlak). Even columns "
        "see rated rows only. With worker effects age carries any trend, for age, year and birth year cannot be told apart."
    )
    clustered = "Published, least squares here, and posterior (within workers only). Standard errors clustered by worker."
    clustered += _TRUTH if truth else ""
    repeated = "Fit of the columns. The published F of age in columns 7 and 8 repeats that of levels."
    assumptions = (
        "Effects under other assumptions, posterior mean and sd. All with ratings and tenure; ordered: effects rise by "
        "construction; all rows: missing ratings summed over instead of dropped."
    )
    left_out = (
        "Leaving one worker out. Log predictive density of a worker not seen, effects integrated out; difference to the best "
        "with its standard error."
    )
    read = (
        "Coefficients read as marginal products of effort, quadratic cost. Exact for old workers only; published column 7: "
        "1.228, 1.317, 1.507, 2.065 and 1.062."
    )
    made_up = (
        "Counterfactual: mean bonus of a made-up average worker put into each cell, all else at its mean over the rows, worker "
        "means of level and age too. Not the mean of those who are there: who gets to a level makes no difference here."
    )
    pictures = {
        "levels": figures.effects_figure(table, 7),
        "age": figures.age_figure(draws),
        "quartiles": figures.quartile_figure(quartiles(draws[7], panel, spec, seed=seed)),
    }
    return _part(
        folder,
        "Table 5: size of bonuses",
        text,
        pictures,
        table5=(table, clustered),
        table5_statistics=(statistics, repeated),
        variants=(_variants(fits, truth), assumptions),
        comparison=(_compared(fits, panel), left_out),
        structural=(structural_ratios(draws[7]), read),
        predicted=(predicted_bonus(draws[7], panel, spec), made_up),
    )


def _variants(fits: dict[str, PanelPosterior], truth: dict[str, float] | None) -> pd.DataFrame:
    """Effects of levels, tenure and ratings under each model of the size of bonuses."""
    terms = [*LEVEL_TERMS, *TENURE_TERMS, *RATING_TERMS]
    names = {
        "size, column 8": "normal",
        "size, ordered effects": "ordered",
        "size, Student-t": "Student-t",
        "size, Student-t and missing ratings": "and all rows",
    }
    parts: dict[str, Any] = {"truth": [truth[t] for t in terms]} if truth else {}
    for name, label in names.items():
        if name in fits:
            samples = coefficients(fits[name].draws, terms)
            parts |= {label: samples.mean(0), f"sd, {label}": samples.std(0)}
    return pd.DataFrame(parts, index=pd.Index(terms, name="term"))


def _compared(fits: dict[str, PanelPosterior], panel: Personnel) -> pd.DataFrame:
    specs = {"size, column 8": tables.size_spec(8), "size, ordered effects": _ORDERED, "size, Student-t": _STUDENT}
    known = {n.removeprefix("size, "): (fits[n].draws, s) for n, s in specs.items() if n in fits}
    return leave_one_worker_out(known, panel)


def _prize(
    panel: Personnel, rho: dict[str, np.ndarray], zero: pd.DataFrame, folder: RunFolder, truth: float | None, seed: int
) -> dict[str, Any]:
    by_prize = {n: rho[f"joint, {n}"] for n in ("A", "B", "C") if f"joint, {n}" in rho}
    table = tables.table6(panel, by_prize, seed=seed)
    found = [pd.DataFrame(posterior_columns(v[:, None]), index=[k]) for k, v in rho.items()]
    joint = pd.concat(found).rename_axis("posterior")
    if truth is not None:
        joint.insert(0, "truth", truth)
        table.insert(0, "truth", truth)
    known = "" if truth is None else f" In this panel ({panel.name}) the truth is {truth:g}."
    text = (
        "ρ is in log points of bonus per log point of expected prize, chance of promotion times increase: -2.3 means that a "
        "prize higher by 0.01 lowers bonuses by 2.3%, an elasticity of only about -0.05 at the usual prize of 0.02." + known
    )
    notes = (
        "Published; same: the published construction here (realised increases, pay with bonus); expected: the predicted "
        "increase of salary; mean, sd and interval: the posterior within workers. Prize A has an effect of each worker in the "
        "increase, the mean one for who was never promoted. " + _bias_of_expected(zero) + " Formula: the published standard "
        "error, which adds the bootstrap's variance, that of both steps, to the conventional one. Partial R2 of the prize: "
        "what other regressors leave it to speak with."
    )
    return _part(
        folder,
        "Table 6: promotion prize and bonus",
        text,
        {"prize": figures.prize_figure(rho, published.TABLE6["A"][4][:2], truth)},
        table6=(table, notes),
        prize=(joint, "Posteriors of ρ. Cut: bonuses may not move the prize."),
    )


def _bias_of_expected(zero: pd.DataFrame) -> str:
    """What the pooled estimate with the expected prize finds where the prize has no effect."""
    own = {str(k): float(v) for k, v in zero.T[("expected", "salary")].items()}
    names = {"(1)": "pooled, col. 1", "(5)": "pooled, col. 5"}
    found = " and ".join(f"{own[n]:+.2f} ({own[f'{n}, mc error']:.2f}) in column {k}" for k, n in names.items())
    return (
        f"The pooled expected column is biased too: where the truth is zero it finds {found} (prize C, means over the panels "
        "of the placebo with Monte Carlo errors)."
    )


def _placebo(table: pd.DataFrame, folder: RunFolder) -> dict[str, Any]:
    text = (
        "The same estimators on four generated panels in which the prize has no effect at all. The published construction "
        "takes the increase that happened, of salary and bonus together: a high bonus this year makes the increase small, "
        "whatever the truth. So the design cannot tell the published effect from this bias; it does not show that there is "
        "none."
    )
    note = "Mean of ρ over four panels with ρ = 0, and its Monte Carlo error."
    return _part(folder, "Placebo", text, {"placebo": figures.placebo_figure(table)}, placebo=(table, note))


def _primitives(draws: xr.DataTree, moments: Any, folder: RunFolder) -> dict[str, Any]:
    table, fit = summarize_primitives(draws), moment_table(draws, moments)
    middle = draws["posterior"]["u"].mean(("chain", "draw")).to_numpy()
    at: dict[str, Any] = {
        k: np.broadcast_to(v, (len(_DELTAS), *np.shape(v))) for k, v in primitives_at(middle)._asdict().items()
    }
    statics = solve_tournament(**at | {"delta": _DELTAS}, require_promotion=False, errors="status")
    missed = missed_moments(fit, _TOLERANCE)
    close = f"It misses {len(missed)} of {len(fit)} by more: {', '.join(missed)}." if missed else "It is that close in all."
    text = (
        f"Six mean bonuses against 15 primitives (d_1 = 1 and θ_1^L = 0 are normalisations): bonuses {what_is_told(table)}. "
        f"The cells are mapped to the model by age below {PrimitivesSpec().age_cut} and tenure, levels 1 and 2 to the "
        f"first job, 3 to the second, 4 and 5 to the third; the model is meant to {_TOLERANCE:.0%} of each moment. {close}"
    )
    made = {"contraction": figures.contraction_figure(table)}
    if (statics.failed < 0).any():
        made["statics"] = figures.statics_figure(_DELTAS, statics, "the posterior mean")
    return _part(
        folder,
        "Primitives of the tournament",
        text,
        made,
        primitives=(table, "Prior and posterior of the primitives, money in thousands."),
        moments=(fit, "Mean bonuses, thousands. Off: share by which the posterior mean misses the data."),
    )


def _caveats() -> dict[str, Any]:
    text = (
        "A worker who holds back effort is offered a contract for a less able worker and gains by it in the second period, "
        "which the paper's condition for effort disregards (`ratchet` in `solve_tournament`). Prize A rests on worker effects "
        "that are seen only for the promoted. The paper's equation for Table 6 omits year effects that its notes include; they "
        "are in here. Pooled columns mix differences between workers with changes of one worker; columns within workers give "
        "the trend to age. “Corrected” standard errors in Table 6 double the variance of the second step. Worker effects are "
        "normal by assumption."
    )
    return section("Caveats", [], text)

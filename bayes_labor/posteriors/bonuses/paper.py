"""Every table and figure of the paper on bonuses on one page: published, by the paper's estimators, and as posteriors."""

from collections.abc import Callable, Mapping, Sequence
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
from bayes_labor.posteriors.bonuses.finding import finding, of_prize
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
    coefficients,
    decomposition,
    levels_of,
    ordered_levels,
    posterior_columns,
    predicted_bonus,
    predictions,
    quartiles,
    r2_by_draw,
    structural_ratios,
)
from bayes_labor.posteriors.bonuses.robust import PART, robust_errors, where_they_part
from bayes_labor.posteriors.bonuses.two_step import ESTIMATES, by_construction, placebo, what_placebo_finds
from bayes_labor.posteriors.diagnostics import Gate, of_fits
from bayes_labor.posteriors.html import section, shown_table, with_figures, write_page
from bayes_labor.posteriors.tables import write_table
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
_PLACEBO, _FEW = tuple(range(1, 21)), (1, 2, 3, 4)
"""Seeds of the placebo's panels; of a quick page's."""
_CUTS = 100
"""Imputed prizes for a cell of Table 6."""
_SETTINGS: dict[str, dict[str, int]] = {
    "size": {"draws": 1000, "tune": 400},
    "robust": {"draws": 1500, "tune": 500},
    "receipt": {"draws": 1000, "tune": 300},
    "prize": {"draws": 1000, "tune": 400},
}
_DELTAS = np.linspace(0.02, 0.98, 49)
_TOLERANCE = PrimitivesSpec().model_error
_EQUATIONS: tuple[Literal["size", "receipt"], ...] = ("size", "receipt")
_TRUTH = (
    " Truth: what the panel was generated with, all else held fixed; columns that leave regressors or worker effects out "
    "need not find it."
)


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
    folder, generated, own = RunFolder(Path(run)), panel is None, prize_panel is None
    panel = panel or personnel("table5", seed=seed)
    prize_panel = prize_panel or (personnel("table6", seed=seed) if generated else panel)
    settings = {"chains": 4, "seed": seed} | settings
    fits = _fit_all(folder, panel, prize_panel, quick, settings, say)
    say("primitives of the tournament ...")
    moments = tournament_moments(panel)
    primitives = tournament_primitives(moments, seed=seed)
    say("tables and figures ...")
    truth = {e: true_coefficients(e) for e in _EQUATIONS} if generated else {}
    rho = _effects_of_prize(fits, prize_panel, seed)
    cells = {} if quick else _by_cell(fits, prize_panel, seed)
    zero = placebo(_FEW if quick else _PLACEBO)
    sections = [
        _four(panel, fits, truth.get("size"), folder),
        _part(folder, "Table 1: bonuses by level", _of(panel), table1=(tables.table1(panel), "Rows with a bonus.")),
        _receipt(panel, fits, truth.get("receipt"), folder),
        _shares(panel, fits, truth.get("size"), folder, seed),
        _size(panel, fits, truth.get("size"), folder, seed),
        _prize(prize_panel, rho, cells, zero, folder, -2.0 if generated and own else None, seed),
        _placebo(zero, folder),
        _primitives(panel, primitives, moments, folder),
        _caveats(),
    ]
    found = of_fits({n: f.gates for n, f in fits.items()})
    lead = (
        "Ekinci and Waldman's tests of a tournament with bonuses. The firm's records are not public: the panel here is "
        "generated with known truth to have the published Table 1, so that agreement with the published columns shows that "
        "estimators and posteriors work, not that the theory is right."
        if generated
        else f"Ekinci and Waldman's tests of a tournament with bonuses, on {panel.name}."
    )
    title, facts = "Bonuses and promotion tournaments", _facts(panel, prize_panel, fits, rho)
    levels = finding(tables.size_spec(7), panel, fits["size, column 7"].draws)
    said = _found(levels, of_prize(rho[f"joint, {_OWN}"]), truth.get("size") if own else None)
    cautions = _cautions(missed_moments(moment_table(primitives, moments), _TOLERANCE))
    shown: dict[str, Any] = {"sections": sections, "facts": facts, "gates": found, "cautions": cautions, "finding": said}
    return write_page(folder.path / "paper.html", title=title, lead=lead, **shown)


def _found(levels: str, prize: str, truth: Mapping[str, float] | None) -> str:
    """What was found, of generated panels with what they were made with, each of its own."""
    if truth is None:
        return f"{levels} {prize}"
    level = LEVEL_TERMS[-1]
    made = f"That panel was generated with {np.exp(truth[level]):.1f} times at {level}, and no effect of the prize."
    return f"{levels} {made} In another one, generated with ρ = -2: {prize[0].lower()}{prize[1:]}"


def _cautions(missed: Sequence[str]) -> list[Gate]:
    """Moments that the primitives miss: chains have converged, but to what does not describe them."""
    value, advice = f"further than {_TOLERANCE:.0%} from the data: {', '.join(missed)}", "the tournament does not fit them"
    return [Gate("moments of the primitives", value, False, advice)] if missed else []


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
        "receipt, column 8": ("receipt", "bonus-receipt", tables.receipt_spec(8)),
        f"prize, {_OWN}": ("prize", "promotion-prize", _PRIZES[_OWN]),
        "first stage": ("prize", "prize-first-stage", _PRIZES[_OWN]),
    }
    if not quick:
        wanted |= {
            "size, Student-t": ("robust", "bonus-size", _STUDENT),
            "size, Student-t and missing ratings": ("robust", "bonus-size", ROBUST),
            "receipt, integrated": ("receipt", "bonus-receipt", _RECEIPT),
            **{f"receipt, column {c}": ("receipt", "bonus-receipt", tables.receipt_spec(c)) for c in range(1, 8)},
            **{f"size, column {c}": ("size", "bonus-size", tables.pooled_spec(tables.size_spec(c))) for c in range(1, 5)},
            **{f"size, {t}": ("size", "bonus-size", spec) for t, spec in _share_specs().items()},
            **{f"prize, {n}": ("prize", "promotion-prize", s) for n, s in _PRIZES.items() if n != _OWN},
            **{f"first stage, {n}": ("prize", "prize-first-stage", s) for n, s in _PRIZES.items() if n != _OWN},
        }
    found = {}
    for name, (group, kind, spec) in wanted.items():
        say(f"{name}: sampling ...")
        path = folder.path / "".join(ch if ch.isalnum() else "_" for ch in name)
        data = prize_panel if group == "prize" else panel
        found[name] = fit_panel(kind, data, spec, path, **(_SETTINGS[group] | settings))
    return found


def _share_specs() -> dict[str, BonusSpec]:
    """The regressions of Tables 3 and 4 that are none of Table 5, by table and column."""
    own = {f"table 4, column {c}": BonusSpec(blocks=b) for c, b in enumerate(tables.SHARE_BLOCKS, 1) if c not in _SAME}
    flat = {f"table 3, column {c}": tables.pooled_spec(BonusSpec(blocks=b)) for c, b in enumerate(tables.SHARE_BLOCKS, 1)}
    return flat | own


_SAME = {3: 5, 5: 7}
"""Columns of Table 4 that are columns of Table 5."""


def _effects_of_prize(fits: dict[str, PanelPosterior], panel: Personnel, seed: int) -> dict[str, np.ndarray]:
    """Draws of rho by posterior."""
    cut = cut_prize(fits["first stage"].draws, panel, _PRIZES[_OWN], seed=seed)["rho"].to_numpy()
    prizes = {n: fits[f"prize, {n}"].draws["posterior"]["rho"] for n in _PRIZES if f"prize, {n}" in fits}
    joint = {f"joint, {n}": v.to_numpy().reshape(-1) for n, v in prizes.items()}
    return {f"joint, {_OWN}": joint[f"joint, {_OWN}"], f"cut, {_OWN}": cut} | joint


def _by_cell(fits: dict[str, PanelPosterior], panel: Personnel, seed: int) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """Draws of rho by panel and column of Table 6: in all cells the cut posterior, in column 5 the joint one."""
    found: dict[tuple[str, int], dict[str, np.ndarray]] = {}
    for prize in ("A", "B", "C"):
        for column, blocks in tables.PRIZE_BLOCKS.items():
            spec = _PRIZES[prize].model_copy(update={"blocks": blocks})
            first = fits[f"first stage, {prize}"].draws
            found[prize, column] = {"cut": cut_prize(first, panel, spec, imputations=_CUTS, seed=seed)["rho"].to_numpy()}
        found[prize, 5]["joint"] = fits[f"prize, {prize}"].draws["posterior"]["rho"].to_numpy().reshape(-1)
    return found


def _of(panel: Personnel) -> str:
    return f"Panel: {panel.name}."


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
    spec = tables.size_spec(7)
    order = ordered_levels(fits["size, column 7"].draws, *levels_of(panel, spec, spec.design(panel)))
    own = rho[f"joint, {_OWN}"]
    seconds = sum(f.draws.attrs.get("sampling_seconds", np.nan) for f in fits.values())
    where = "" if prize_panel is panel else f", {prize_panel.name}"
    return [
        ("bonuses, workers", f"{len(panel.with_bonus):,}, {panel.with_bonus['id'].nunique():,}"),
        ("P(effects of levels rise)", f"{order.probability:.3f}"),
        ("Bayes factor of rising against any order of levels", f"{order.bayes_factor:.0f}, at most {1 / order.prior:.0f}"),
        (f"effect of the prize, ρ{where}", f"{own.mean():.2f} ± {own.std():.2f}"),
        ("posteriors", f"{len(fits)} in {seconds / 60:.1f} min of sampling"),
    ]


def _four(
    panel: Personnel, fits: dict[str, PanelPosterior], truth: dict[str, float] | None, folder: RunFolder
) -> dict[str, Any]:
    size, rated = fits["size, column 7"].draws, fits["size, column 8"].draws
    levels = levels_of(panel, tables.size_spec(7), tables.size_spec(7).design(panel))
    ways = 1.0 / ordered_levels(size, *levels).prior
    note = (
        f"Posterior probability within workers. Prior probability of the order of levels: 1/{ways:.0f}. The fifth prediction, "
        "of the prize, is looked at in Table 6's own panel and stands there."
    )
    note += " Truth: whether the event holds of what the panel was generated with." if truth else ""
    table = predictions(size, rated, levels, truth)
    return _part(folder, "The first four predictions", _of(panel), predictions=(table, note))


def _laid(folder: RunFolder, name: str, long: pd.DataFrame, note: str) -> dict[str, tuple[pd.DataFrame, str]]:
    """A long table, which is written for programs, as the page shows it."""
    write_table(long, folder.tables, f"{name}_numbers", note.split(".")[0])
    return {name: (tables.in_layout(long), note)}


_LAYOUT = " Errors in parentheses: standard errors clustered by worker; of posteriors, standard deviations."


def _receipt(
    panel: Personnel, fits: dict[str, PanelPosterior], truth: dict[str, float] | None, folder: RunFolder
) -> dict[str, Any]:
    known: dict[int | str, xr.DataTree] = {
        c: fits[f"receipt, column {c}"].draws for c in range(1, 9) if f"receipt, column {c}" in fits
    }
    known |= {"integrated": fits["receipt, integrated"].draws} if "receipt, integrated" in fits else {}
    table, statistics = tables.table2(panel, known, truth)
    text = (
        f"{_of(panel)} Logit of a bonus: columns 1 to 4 pooled, 5 to 8 given each worker's total, so that only workers who "
        "sometimes received one speak. Year effects are in the panel's columns: without them slopes of level absorb any rise "
        "of bonuses over time."
    )
    note = "Published, maximum likelihood here, and posterior." + _LAYOUT + (_TRUTH if truth else "")
    fit = (statistics, "Fit of the columns.")
    return _part(
        folder, "Table 2: who receives a bonus", text, None, **_laid(folder, "table2", table, note), table2_statistics=fit
    )


def _shares(
    panel: Personnel, fits: dict[str, PanelPosterior], truth: dict[str, float] | None, folder: RunFolder, seed: int
) -> dict[str, Any]:
    draws = r2_by_draw(fits["size, column 7"].draws, panel, tables.size_spec(7))
    kinds = {"pooled": decomposition(panel, seed=seed), "within": decomposition(panel, within=True, seed=seed)}
    blocks = (
        "R2 by block, nested in this order and averaged over all orders. Intervals by the Bayesian bootstrap over workers. "
        "Both add up."
    )
    shares = tables.tables34(panel)
    last = shares.iloc[-1]
    text = (
        f"{_of(panel)} The paper says that levels, age and tenure explain about 80% of the variation within workers. That is "
        f"the adjusted R2 with the workers' own effects counted as explained, here {last['with worker effects']:.0%}; of the "
        f"variation within workers they explain {last['within']:.0%}. Shares depend on who works when on which level, which "
        "the generator does not set: they have no truth to stand beside."
    )
    note = "Log bonus on levels, age and tenure: published, least squares here, and posterior." + _LAYOUT
    note += _TRUTH if truth else ""
    printed: dict[str, tuple[pd.DataFrame, str]] = {}
    for number, effects in ((3, False), (4, True)):
        names = {c: f"size, table {number}, column {c}" for c in range(1, 6)}
        names |= {c: f"size, column {k}" for c, k in _SAME.items()} if effects else {}
        own = {c: fits[n].draws for c, n in names.items() if n in fits}
        long = tables.table34(panel, own, truth, effects=effects)
        printed |= _laid(folder, f"table{number}", long, ("With worker effects. " if effects else "Pooled. ") + note)
    return _part(
        folder,
        "Tables 3 and 4: what explains bonuses",
        text,
        None,
        **printed,
        tables34=(shares, "Adjusted R2, published and here."),
        r2=(draws, "Shares of variance by draw, column 7 of Table 5."),
        decomposition=(pd.concat(kinds, names=["variance", "block"]), blocks),
    )


def _size(
    panel: Personnel, fits: dict[str, PanelPosterior], truth: dict[str, float] | None, folder: RunFolder, seed: int
) -> dict[str, Any]:
    draws = {c: fits[f"size, column {c}"].draws for c in range(1, 9) if f"size, column {c}" in fits}
    spec, inside = tables.size_spec(7), {c: d for c, d in draws.items() if c > 4}
    table, statistics = tables.table5(panel, draws, truth)
    text = (
        f"{_of(panel)} Log bonus: columns 1 to 4 pooled, 5 to 8 with worker effects (within slopes by worker means, Mundlak). "
        "Even columns see rated rows only. With worker effects age carries any trend, for age, year and birth year cannot be "
        "told apart."
    )
    clustered = "Published, least squares here, and posterior." + _LAYOUT + (_TRUTH if truth else "")
    repeated = "Fit of the columns. The published F of age in columns 7 and 8 repeats that of levels."
    assumptions = (
        "Effects under other assumptions, posterior mean and sd. All with ratings and tenure; ordered: effects rise by "
        "construction"
    )
    summed = "size, Student-t and missing ratings" in fits
    assumptions += "; all rows: missing ratings summed over instead of dropped." if summed else "."
    left_out = (
        "Leaving one worker out. Log predictive density of a worker not seen, effects integrated out; difference to the best "
        "with its standard error."
    )
    read = (
        "Coefficients read as marginal products of effort, quadratic cost. Exact for old workers only; published column 7: "
        "1.228, 1.317, 1.507, 2.065 and 1.062. Truth: the generator's coefficients read in the same way."
    )
    made_up = (
        "Counterfactual: mean bonus of a made-up average worker put into each cell, all else at its mean over the rows, worker "
        "means of level and age too. Not the mean of those who are there: who gets to a level makes no difference here."
    )
    apart = where_they_part(_within_errors(draws[7], panel, spec))
    beside = f"{apart[0].value[0].upper()}{apart[0].value[1:]}." if apart else f"They agree to {PART - 1:.0%}."
    levels = levels_of(panel, spec, spec.design(panel)).terms
    pictures = {
        "levels": figures.effects_figure(table, 7),
        "age": figures.age_figure(inside, truth),
        "quartiles": figures.quartile_figure(quartiles(draws[7], panel, spec, seed=seed)),
    }
    return _part(
        folder,
        "Table 5: size of bonuses",
        text,
        pictures,
        **_laid(folder, "table5", table, clustered),
        table5_statistics=(statistics, repeated),
        robust=(_within_errors(draws[7], panel, spec), "Two errors of column 7: posterior, and clustered by worker. " + beside),
        variants=(_variants(fits, truth), assumptions),
        comparison=(_compared(fits, panel), left_out),
        structural=(structural_ratios(draws[7], levels=levels, truth=truth), read),
        predicted=(predicted_bonus(draws[7], panel, spec), made_up),
    )


def _within_errors(draws: xr.DataTree, panel: Personnel, spec: BonusSpec) -> pd.DataFrame:
    """Both errors of what varies within workers."""
    design = spec.design(panel)
    return robust_errors(draws, panel, spec).loc[[design.terms[i] for i in design.varying]]


def _variants(fits: dict[str, PanelPosterior], truth: dict[str, float] | None) -> pd.DataFrame:
    """Effects of levels, tenure and ratings under each model of the size of bonuses."""
    known = fits["size, column 8"].draws["posterior"]["theta"]["term"].to_numpy()
    terms = [str(t) for kind in ("level ", "tenure ", "rating ") for t in known if str(t).startswith(kind)]
    names = {
        "size, column 8": "normal",
        "size, ordered effects": "ordered",
        "size, Student-t": "Student-t",
        "size, Student-t and missing ratings": "and all rows",
    }
    parts: dict[str, Any] = {"truth": [truth.get(t, np.nan) for t in terms]} if truth else {}
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
    panel: Personnel,
    rho: dict[str, np.ndarray],
    cells: dict[tuple[str, int], dict[str, np.ndarray]],
    zero: pd.DataFrame,
    folder: RunFolder,
    truth: float | None,
    seed: int,
) -> dict[str, Any]:
    table = tables.table6(panel, cells, seed=seed)
    found = [pd.DataFrame(posterior_columns(v[:, None]), index=[k]).assign(below=(v < 0).mean()) for k, v in rho.items()]
    joint = pd.concat(found).rename_axis("posterior").rename(columns={"below": "P(ρ < 0)"})
    if truth is not None:
        joint.insert(0, "truth", truth)
        table.insert(0, "truth", truth)
    for column, name in _BIASED.items():
        own = by_construction(zero, "expected", "salary")
        table.loc[("C", column), ["bias", "mc error"]] = own[name], own[f"{name}, mc error"]
    write_table(table, folder.tables, "table6_numbers", "Table 6")
    known = "" if truth is None else f" In this panel the truth is {truth:g}."
    text = (
        f"{_of(panel)}{known} The fifth prediction: ρ below zero. ρ is in log points of bonus per log point of expected prize, "
        "chance of promotion times increase: -2.3 means that a prize higher by 0.01 lowers bonuses by 2.3%, an elasticity of "
        "only about -0.05 at the usual prize of 0.02. Columns: base controls; with ratings; with tenure; with the average "
        "increase; with all."
    )
    notes = (
        "Published, with the corrected standard error; the same construction here (realised increases, pay with bonus); the "
        "expected prize (the predicted increase of salary), both by least squares without worker effects. Errors in "
        "parentheses. Prize A has an effect of each worker in the increase, the mean one for who was never promoted. "
        + ("Posteriors are within workers; in the cut one bonuses do not move the prize. " if cells else "")
        + _bias_of_expected(zero)
    )
    errors = table.loc[(slice(None), "(5)"), ["se exp.", "boot. sd", "formula", "partial R2"]]
    formula = (
        "Errors of column 5 with the expected prize. Formula: the published standard error, which adds the bootstrap's "
        "variance, that of both steps, to the conventional one. Partial R2 of the prize: what other regressors leave it to "
        "speak with."
    )
    return _part(
        folder,
        "Table 6: promotion prize and bonus",
        text,
        {"prize": figures.prize_figure(rho, published.TABLE6["A"][4][:2], truth)},
        table6=(tables.table6_in_layout(table), notes),
        table6_errors=(errors.droplevel("column"), formula),
        prize=(joint, "Posteriors of ρ with all controls. Cut: bonuses may not move the prize."),
    )


_BIASED = {"(1)": "pooled, col. 1", "(5)": "pooled, col. 5"}


def _bias_of_expected(zero: pd.DataFrame) -> str:
    """What the pooled estimate with the expected prize finds where the prize has no effect."""
    own = by_construction(zero, "expected", "salary")
    found = " and ".join(f"{own[n]:+.2f} ({own[f'{n}, mc error']:.2f}) in column {k}" for k, n in _BIASED.items())
    biased = any(abs(own[n]) > 3.0 * own[f"{n}, mc error"] for n in _BIASED.values())
    lead = "The expected prize without worker effects is biased too" if biased else "Of the expected prize no bias is found"
    return (
        f"{lead}: where the truth is zero it finds {found} (prize C, means over the {int(own['panels'])} panels of the placebo "
        "with Monte Carlo errors)."
    )


def _placebo(table: pd.DataFrame, folder: RunFolder) -> dict[str, Any]:
    panels, last = int(table["panels"].iloc[0]), by_construction(table, "as published", "total")
    fooled = any(last[n] < -3.0 * last[f"{n}, mc error"] for n in ESTIMATES)
    mechanism = (
        "The published construction takes the increase that happened, of salary and bonus together: a high bonus this year "
        "makes the increase small, whatever the truth. So the design cannot tell the published effect from this bias; it does "
        "not show that there is none."
        if fooled
        else "The published construction finds no effect below zero here."
    )
    text = (
        f"The same estimators on {panels} generated panels in which the prize has no effect at all. "
        f"{what_placebo_finds(table)} {mechanism}"
    )
    note = f"Mean of ρ over {panels} panels with ρ = 0, and its Monte Carlo error."
    shown = table.drop(columns="panels")
    return _part(folder, "Placebo", text, {"placebo": figures.placebo_figure(shown)}, placebo=(shown, note))


def _primitives(panel: Personnel, draws: xr.DataTree, moments: Any, folder: RunFolder) -> dict[str, Any]:
    table, fit = summarize_primitives(draws), moment_table(draws, moments)
    middle = draws["posterior"]["u"].mean(("chain", "draw")).to_numpy()
    at: dict[str, Any] = {
        k: np.broadcast_to(v, (len(_DELTAS), *np.shape(v))) for k, v in primitives_at(middle)._asdict().items()
    }
    statics = solve_tournament(**at | {"delta": _DELTAS}, require_promotion=False, errors="status")
    missed = missed_moments(fit, _TOLERANCE)
    close = f"It misses {len(missed)} of {len(fit)} by more: {', '.join(missed)}." if missed else "It is that close in all."
    text = (
        f"{_of(panel)} It was not generated by a tournament: primitives have no truth here. Six mean bonuses against 15 "
        f"primitives (d_1 = 1 and θ_1^L = 0 are normalisations): bonuses {what_is_told(table)}. The cells are mapped to the "
        f"model by age below {PrimitivesSpec().age_cut} and tenure, thirds of the levels to the three jobs; the model is meant "
        f"to {_TOLERANCE:.0%} of each moment. {close}"
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
        fit_of_primitives=(fit, "Mean bonuses, thousands. Off: share by which the posterior mean misses the data."),
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

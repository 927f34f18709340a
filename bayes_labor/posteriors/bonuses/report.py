"""The page of one fit of a bonus model, and the page of what its priors say before any bonus is looked at."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from matplotlib.figure import Figure

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import BonusSpec, PrizeSpec, ReceiptSpec
from bayes_labor.models.notes import notes_of
from bayes_labor.models.settings import Settings
from bayes_labor.posteriors.bonuses import figures
from bayes_labor.posteriors.bonuses.fits import GATED, MODELS, Fit
from bayes_labor.posteriors.bonuses.results import coefficients, level_terms, ordered_levels, semi_elasticity
from bayes_labor.posteriors.html import inline, page, save_figures, section, shown_table
from bayes_labor.posteriors.prior import prior_draws
from bayes_labor.posteriors.tables import parameter_table

TITLES = {
    "bonus-size": "Size of bonuses",
    "bonus-receipt": "Who receives a bonus",
    "promotion-prize": "Promotion prize and bonus",
}
SPECS: dict[str, type[Settings]] = {"bonus-size": BonusSpec, "bonus-receipt": ReceiptSpec, "promotion-prize": PrizeSpec}
SYMBOLS = {
    "theta": "bonus", "chance": "promotion", "rise": "increase on promotion", "sigma": "σ, errors", "tau": "τ, worker effects",
    "nu": "ν, degrees of freedom", "rho": "ρ, prize", "rho_between": "ρ between workers", "sd_omega": "sd of ω",
    "sd_mu": "sd of μ",
    "sd_rise": "sd of errors, increase", "sd_bonus": "sd of errors, bonus", "corr": "corr(ω, μ)",
    "rating_cuts": "cut points of rating", "rating_slope": "rating",
}  # fmt: skip
_PRIOR_DRAWS = 1000


def summarize_bonuses(fit: Fit, *, seed: int = 0) -> pd.DataFrame:
    """The parameter table of a bonus model, prior beside posterior, as :func:`bayes_labor.posteriors.summarize`."""
    names = [n for n in SYMBOLS if n in fit.draws["posterior"]]
    before = _prior(fit.model, names, _PRIOR_DRAWS, seed)
    prior = {n: (before[n].mean(("chain", "draw")).to_numpy(), before[n].std(("chain", "draw")).to_numpy()) for n in names}
    table = parameter_table(fit.draws["posterior"].to_dataset()[names], prior, SYMBOLS)
    return pd.concat([table, _left_out_rows(fit, table)]) if notes_of(fit.model).left_out else table


def _left_out_rows(fit: Fit, table: pd.DataFrame) -> pd.DataFrame:
    """A row without numbers for each thing that the panel cannot tell, so that nobody looks for it in vain."""
    rows = pd.MultiIndex.from_tuples([("left out", why) for why in left_out_words(fit.model)], names=table.index.names)
    return pd.DataFrame(np.nan, rows, table.columns)


def left_out_words(model: pm.Model) -> list[str]:
    """What a model of bonuses left out and why, a line each."""
    return [f"{name}: {reason}" for name, reason in notes_of(model).left_out.items()]


def _prior(model: pm.Model, names: list[str], draws: int, seed: int) -> xr.Dataset:
    return prior_draws(model, draws, seed, names)["prior"].to_dataset()[names]


def bonus_report(fit: Fit, kind: str, panel: Personnel, run: str | Path) -> Path:
    """Write ``report.html`` of a fit with its tables and pictures; the path.

    ``kind``: ``bonus-size``, ``bonus-receipt`` or ``promotion-prize``.
    """
    folder, table = RunFolder(Path(run)), summarize_bonuses(fit)
    note = "Posterior beside prior; 94% intervals; contraction: share of the prior's variance that the data removed."
    facts = [("panel", panel.name), ("rows", f"{len(panel.table):,}"), ("with a bonus", f"{len(panel.with_bonus):,}")]
    made: dict[str, tuple[Figure, str]] = {}
    draws = fit.draws
    levels = level_terms(draws)
    if levels:
        order = ordered_levels(draws, levels)
        facts.append(("P(effects of levels rise); Bayes factor", f"{order.probability:.3f}; {order.bayes_factor:.0f}"))
        made["levels"] = figures.level_figure(coefficients(draws, levels), levels)
    if "rho" in draws["posterior"]:
        rho = draws["posterior"]["rho"].to_numpy().ravel()
        facts.append(("P(ρ < 0)", f"{(rho < 0).mean():.3f}"))
        made["prize"] = figures.prize_figure({"this fit": rho}, figures.published.TABLE6["A"][4][:2], None)
    if notes_of(fit.model).left_out:
        facts.append(("left out", "; ".join(left_out_words(fit.model))))
    facts.append(("sampling", f"{draws.attrs.get('sampling_seconds', float('nan')):.1f} s"))
    failed = [f"{g.name}: {g.value} — {g.advice}" for g in fit.gates if not g.passed]
    text = page(
        "paper.html", title=TITLES[kind], failed=failed, facts=facts, lead=_LEADS[kind],
        sections=[_shown(table, folder, made, "Parameters", "parameters", note)],
    )  # fmt: skip
    path = folder.path / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


_LEADS = {
    "bonus-size": "Log bonus on levels, age, tenure and ratings; slopes within workers where their means are regressors.",
    "bonus-receipt": "Log odds of a bonus. Without year effects slopes of level absorb any rise of bonuses over time.",
    "promotion-prize": "Chance of promotion, increase on promotion, and the effect on the log bonus of their product.",
}


def _shown(
    table: pd.DataFrame, folder: RunFolder, made: dict[str, tuple[Figure, str]], heading: str, name: str, note: str
) -> dict[str, Any]:  # fmt: skip
    save_figures(made, folder.figures)
    pictures = [{"svg": inline(figure, n), "caption": caption} for n, (figure, caption) in made.items()]
    return section(heading, [shown_table(table, folder, name, heading, note)]) | {"figures": pictures}


def bonus_prior_page(
    kind: str, panel: Personnel, spec: Settings, path: str | Path, *, draws: int = 1000, seed: int = 0
) -> pd.DataFrame:  # fmt: skip
    """Write ``prior.html``: what the priors of a bonus model imply, beside the panel where it has a counterpart.

    Parameters
    ----------
    kind
        ``bonus-size``, ``bonus-receipt`` or ``promotion-prize``.
    panel
        Who works when on which level; its bonuses are shown for comparison only.
    spec
        Specification with its priors.
    path
        Folder to write to.
    draws
        From the prior.
    seed
        Of everything random.

    Returns
    -------
    pd.DataFrame
        Quantiles (3%, 50%, 97%) of what the priors imply; ``observed`` where there is a counterpart.

    """
    folder, model = RunFolder(Path(path)), MODELS[kind](panel, spec)
    names = [n for n in GATED if n in model.named_vars] + [n for n in ("rho",) if n in model.named_vars]
    before = _prior(model, names, draws, seed)
    implied = _implied(kind, panel, spec, before, np.random.default_rng(seed))
    rows = {k: {"3%": np.quantile(v, 0.03), "50%": np.quantile(v, 0.5), "97%": np.quantile(v, 0.97), "observed": seen}
            for k, (v, seen) in implied.items()}  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("implied by the prior")
    tree = xr.DataTree.from_dict({"posterior": before})
    made = {}
    levels = level_terms(tree)
    if levels:
        made["levels"] = figures.level_figure(coefficients(tree, levels), levels)
    facts = [("draws", f"{draws:,}"), ("panel", panel.name)]
    note = "Quantiles over draws from the prior."
    text = page(
        "paper.html", title=f"Prior: {TITLES[kind]}", failed=[], facts=facts,
        lead="Drawn before any bonus was looked at. What is absurd here will not become sensible by sampling.",
        sections=[_shown(table, folder, made, "What the priors imply", "prior", note)],
    )  # fmt: skip
    (folder.path / "prior.html").write_text(text, encoding="utf-8")
    return table


def _implied(
    kind: str, panel: Personnel, spec: Any, before: xr.Dataset, rng: np.random.Generator
) -> dict[str, tuple[np.ndarray, float]]:  # fmt: skip
    """(draws, observed) of readable quantities."""
    tree = xr.DataTree.from_dict({"posterior": before})
    paid = panel.with_bonus
    found: dict[str, tuple[np.ndarray, float]] = {}
    terms = before["term"].to_numpy()
    if kind == "bonus-receipt":
        design = spec.design(panel)
        index = design.columns @ coefficients(tree, design.terms).T
        if "tau" in before:
            index = index + before["tau"].to_numpy().ravel() * rng.normal(size=index.shape)
        found["share with a bonus"] = ((1.0 / (1.0 + np.exp(-index))).mean(0), float((design.table["bonus"] > 0).mean()))
    else:
        design = spec.design(panel)
        design = design if isinstance(spec, BonusSpec) else design.bonus
        index = design.columns @ coefficients(tree, design.terms).T
        sd = ("sigma", "tau") if "sigma" in before else ("sd_bonus", "sd_mu")
        spread = [before[s].to_numpy().ravel() for s in sd if s in before]
        drawn = index + np.sqrt(np.square(spread).sum(0)) * rng.normal(size=index.shape)
        for q in (0.05, 0.5, 0.95):
            found[f"{q:.0%} quantile of bonuses"] = (np.exp(np.quantile(drawn, q, axis=0)), float(paid["bonus"].quantile(q)))
    levels = level_terms(tree)
    if levels:
        effects = coefficients(tree, levels)
        found[f"ratio of {levels[-1]} to the lowest"] = (np.exp(effects[:, -1]), np.nan)
        found["levels in order"] = ((np.diff(effects, axis=1, prepend=0.0) > 0).all(1) * 1.0, np.nan)
    if "age" in terms:
        for age in (30.0, 50.0):
            found[f"semi-elasticity at {age:.0f}"] = (semi_elasticity(tree, np.array([age])).to_numpy()[:, 0], np.nan)
    if "rho" in before:
        found["effect on bonuses of a prize higher by 0.01"] = (0.01 * before["rho"].to_numpy().ravel(), np.nan)
    return found

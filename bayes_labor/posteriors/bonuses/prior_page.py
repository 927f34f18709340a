"""What the priors of the bonus models say before any bonus is looked at, as a page."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.bonuses.hurdle import HurdleDesign
from bayes_labor.models.bonuses.prize_design import PrizeDesign
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.posteriors.bonuses import figures
from bayes_labor.posteriors.bonuses.fits import GATED, MODELS
from bayes_labor.posteriors.bonuses.results import coefficients, levels_of, semi_elasticity
from bayes_labor.posteriors.html import section, shown_table, with_figures, write_page
from bayes_labor.posteriors.prior import BEFORE, prior_draws

TITLES = {
    "bonus-size": "Size of bonuses",
    "bonus-receipt": "Who receives a bonus",
    "bonus-hurdle": "Who receives a bonus, and how large it is",
    "promotion-prize": "Promotion prize and bonus",
}


def bonus_prior_page(
    kind: str, panel: Personnel, spec: Any, path: str | Path, *, draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
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
    names = [n for n in (*GATED, "rho") if n in model.named_vars]
    tree = xr.DataTree.from_dict({"posterior": prior_draws(model, draws, seed, names)["prior"].to_dataset()[names]})
    implied = _implied(kind, panel, spec, tree, np.random.default_rng(seed))
    rows = {k: [*np.quantile(v, [0.03, 0.5, 0.97]), seen] for k, (v, seen) in implied.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["3%", "50%", "97%", "observed"])
    table, (levels, _) = table.rename_axis("implied by the prior"), levels_of(panel, spec, of_bonuses(spec.design(panel)))
    of = "log odds" if kind == "bonus-receipt" else "log bonus"
    made = {"levels": figures.level_figure(coefficients(tree, levels), levels, of)} if levels else {}
    heading, note = "What the priors imply", "Quantiles over draws from the prior."
    write_page(
        folder.path / "prior.html",
        title=f"Prior: {TITLES[kind]}",
        facts=[("draws", f"{draws:,}"), ("panel", panel.name)],
        lead=BEFORE,
        sections=[with_figures(section(heading, [shown_table(table, folder, "prior", heading, note)]), folder, **made)],
    )
    return table


def of_bonuses(design: PanelDesign | PrizeDesign | HurdleDesign) -> PanelDesign:
    """The regression of bonuses, in the models of the prize and of receipt and size as in the others."""
    if isinstance(design, PanelDesign):
        return design
    return design.bonus if isinstance(design, PrizeDesign) else design.size


def _implied(
    kind: str, panel: Personnel, spec: Any, tree: xr.DataTree, rng: np.random.Generator
) -> dict[str, tuple[np.ndarray, float]]:
    """(draws, observed) of readable quantities."""
    before, found = tree["posterior"].to_dataset(), {}
    design = of_bonuses(spec.design(panel))
    index = design.columns @ coefficients(tree, design.terms).T
    if kind == "bonus-receipt":
        if "tau" in before:
            index = index + before["tau"].to_numpy().ravel() * rng.normal(size=index.shape)
        found["share with a bonus"] = ((1.0 / (1.0 + np.exp(-index))).mean(0), float(design.outcome.mean()))
    else:
        sd = ("sigma", "sd_mu" if "sd_mu" in before else "tau") if "sigma" in before else ("sd_bonus", "sd_mu")
        spread = [before[s].to_numpy().ravel() for s in sd if s in before]
        drawn, paid = index + np.sqrt(np.square(spread).sum(0)) * rng.normal(size=index.shape), panel.with_bonus["bonus"]
        for q in (0.05, 0.5, 0.95):
            found[f"{q:.0%} quantile of bonuses"] = (np.exp(np.quantile(drawn, q, axis=0)), float(paid.quantile(q)))
    levels, below = levels_of(panel, spec, design)
    if levels:
        effects = np.insert(coefficients(tree, levels), below, 0.0, axis=1)
        found[f"ratio of {levels[-1]} to the base"] = (np.exp(coefficients(tree, levels)[:, -1]), np.nan)
        found["levels in order"] = ((np.diff(effects, axis=1) > 0).all(1) * 1.0, np.nan)
    if "age" in before["term"]:
        for age in (30.0, 50.0):
            found[f"semi-elasticity at {age:.0f}"] = (semi_elasticity(tree, np.array([age])).to_numpy()[:, 0], np.nan)
    if "rho" in before:
        found["effect on bonuses of a prize higher by 0.01"] = (0.01 * before["rho"].to_numpy().ravel(), np.nan)
    return found

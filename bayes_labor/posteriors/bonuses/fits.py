"""Fits of the bonus models in run folders: what is there is taken up."""

from pathlib import Path
from typing import Any, NamedTuple

import pymc as pm
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models import bonus_hurdle, bonus_receipt, bonus_size, prize_first_stage, promotion_prize
from bayes_labor.models.notes import notes_of
from bayes_labor.models.settings import Settings
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.fitting import fit_or_resume

MODELS: dict[str, Any] = {
    "bonus-size": bonus_size,
    "bonus-receipt": bonus_receipt,
    "bonus-hurdle": bonus_hurdle,
    "promotion-prize": promotion_prize,
    "prize-first-stage": prize_first_stage,
}
GATED = ("theta", "odds", "chance", "rise", "sigma", "tau", "nu", "sd_omega", "sd_mu", "sd_rise", "sd_bonus", "corr")
"""Variables whose chains are compared, where a model has them."""


class PanelPosterior(NamedTuple):
    """A model of a panel with its draws, and whether they have converged."""

    model: pm.Model
    draws: xr.DataTree
    gates: list[Gate]


def fit_panel(kind: str, panel: Personnel, spec: Settings, run: str | Path, **settings: Any) -> PanelPosterior:
    """Fit a model of :data:`MODELS` into a run folder, or take up the fit that is there.

    Raises
    ------
    DataFaults
        If the folder holds a fit of another panel or specification.

    """
    model = MODELS[kind](panel, spec)
    about = {"model": kind, "specification": spec.model_dump(mode="json"), "panel": panel.fingerprint}
    if notes_of(model).left_out:
        about["left out"] = notes_of(model).left_out
    names = [n for n in GATED if n in model.named_vars]
    draws, found = fit_or_resume(model, run, about, names=names, **settings)
    return PanelPosterior(model, draws, found)

r"""Average effects of the regressors on the chance of a bonus, and on the bonus that is expected.

Coefficients of a logit are in log odds, which nobody pays. A regressor is changed for every row, all else as it is, worker
means too (a change within a worker); worker effects are integrated over their law; differences are averaged over the rows.
"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models import HurdleSpec, ReceiptSpec
from bayes_labor.models.bonuses.hurdle import HurdleDesign
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.posteriors.bonuses.results import coefficients, posterior_columns, spread_evenly

_NODES, _WEIGHTS = (v / n for v, n in zip(np.polynomial.hermite_e.hermegauss(31), (1.0, np.sqrt(2.0 * np.pi)), strict=True))
CHANCE, EXPECTED = "chance of a bonus", "log of the expected bonus"
_SCALES = ("tau", "sd_mu", "sigma", "corr")
_GROUPS = ("levels", "tenure", "ratings")
"""Blocks of dummies: one of them is set, the others are not."""


def average_effects(draws: xr.DataTree, panel: Personnel, spec: ReceiptSpec | HurdleSpec, *, size: int = 200) -> pd.DataFrame:
    """Average effects of what varies within workers: a level, tenure or rating instead of the base; a year of age; one unit.

    Parameters
    ----------
    draws, panel, spec
        A fit of receipt, not a conditional one, or of receipt and size.
    size
        Draws that are used, spread evenly.

    Returns
    -------
    pd.DataFrame
        By ``effect on`` and ``term``: posterior ``mean``, ``sd`` and 94% interval of the change of the ``chance of a bonus``, a
        share, and, of receipt and size, of the log of the ``expected bonus``, zeros included.

    Raises
    ------
    DataFaults
        For a conditional fit, which does not tell how likely a bonus is.

    """
    if isinstance(spec, ReceiptSpec) and spec.effects == "conditional":
        remedy = "fit effects='integrated'"
        raise DataFaults([Fault("a conditional fit does not tell how likely a bonus is", "effects", remedy)])
    posterior = draws["posterior"].to_dataset().stack(sample=("chain", "draw"))
    chosen = spread_evenly(posterior.sizes["sample"], size)
    joint = isinstance(spec, HurdleSpec)
    design = spec.design(panel)
    odds = design.odds if isinstance(design, HurdleDesign) else design
    slopes = coefficients(draws, odds.terms, "odds" if joint else "theta")[chosen]
    sizes = coefficients(draws, design.size.terms)[chosen] if isinstance(design, HurdleDesign) else None
    scales = {n: posterior[n].to_numpy()[chosen] for n in _SCALES if n in posterior}
    spread = [{n: float(v[s]) for n, v in scales.items()} for s in range(len(chosen))]
    found: dict[tuple[str, str], np.ndarray] = {}
    for term in _moved(odds):
        two = [_with(odds, term, on=on) for on in (False, True)]
        sized = [_with(design.size, term, on=on) for on in (False, True)] if isinstance(design, HurdleDesign) else None
        for s, slope in enumerate(slopes):
            chance = [_chances(x @ slope, spread[s]) for x in two]
            change = float(np.mean(chance[1] @ _WEIGHTS - chance[0] @ _WEIGHTS))
            found.setdefault((CHANCE, term), np.empty(len(slopes)))[s] = change
            if sized is not None and sizes is not None:
                paid = [(c * _amounts(x @ sizes[s], spread[s])) @ _WEIGHTS for c, x in zip(chance, sized, strict=True)]
                change = float(np.log(paid[1].sum() / paid[0].sum()))
                found.setdefault((EXPECTED, term), np.empty(len(slopes)))[s] = change
    rows = sorted(found, key=lambda key: key[0])
    index = pd.MultiIndex.from_tuples(rows, names=["effect on", "term"])
    return pd.DataFrame(posterior_columns(np.stack([found[k] for k in rows], axis=1)), index)


def _moved(design: PanelDesign) -> list[str]:
    """Terms that vary within workers, but contrasts of years, and age squared, which goes with age."""
    varying = [design.terms[i] for i in design.varying if design.blocks[i] != "years"]
    return [t for t in varying if t != "age squared"]


def _with(design: PanelDesign, term: str, *, on: bool) -> np.ndarray:
    """(N, P) regressors before a change and after it: a dummy set among those of its block, a year of age, or one unit."""
    x = design.columns.copy()
    if term not in design.terms:
        return x
    at = design.terms.index(term)
    block, values = design.blocks[at], design.columns[:, at]
    if block in _GROUPS:
        x[:, design.places(block)] = 0.0
        x[:, at] = float(on)
    elif set(np.unique(values)) <= {0.0, 1.0}:
        x[:, at] = float(on)
    elif on:
        x[:, at] += 0.1 if term == "age" else 1.0
        if term == "age" and "age squared" in design.terms:
            x[:, design.terms.index("age squared")] = x[:, at] ** 2
    return x


def _chances(index: np.ndarray, spread: dict[str, float]) -> np.ndarray:
    """(N, nodes) of a bonus, by the worker's effect."""
    found: np.ndarray = special.expit(index[:, None] + spread.get("tau", 0.0) * _NODES)
    return found


def _amounts(mean: np.ndarray, spread: dict[str, float]) -> np.ndarray:
    """(N, nodes) expected bonus where there is one, by the worker's effect on the odds, of log bonuses with these means."""
    corr = spread.get("corr", 0.0)
    lasting = corr * spread["sd_mu"] * _NODES + 0.5 * spread["sd_mu"] ** 2 * (1.0 - corr**2)
    found: np.ndarray = np.exp(mean[:, None] + lasting + 0.5 * spread["sigma"] ** 2)
    return found

"""How the posterior of the sorting calibration hangs on each moment, and on what is held fixed, without another fit.

With normal errors the derivative of a posterior mean in a target is the posterior covariance of the parameter with the
derivative of the log likelihood in the target (and likewise in what is held fixed): exact for small changes. After Andrews,
Gentzkow and Shapiro (2017), whose local sensitivity this is under a flat prior.
"""

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.sorting.macro import MOMENTS, Targets
from bayes_labor.models.sorting.calibration import IDENTIFIED, SortingSpec
from bayes_labor.posteriors.sorting.identification import moments_at
from bayes_labor.posteriors.sorting.results import SYMBOLS, at_draws

HELD = ("alpha", "eta", "xi")
_STEP = 1e-3
"""Of what is held fixed, relative, for central differences."""


def sensitivity(draws: xr.DataTree, targets: Targets, spec: SortingSpec, *, size: int = 300) -> pd.DataFrame:
    """Changes of posterior means, in posterior standard deviations, by parameter.

    Parameters
    ----------
    draws, targets, spec
        A fit of :func:`bayes_labor.models.sorting_calibration` to one economy.
    size
        Posterior draws at which the moments are computed again.

    Returns
    -------
    pd.DataFrame
        A column for each moment that there is, for a target higher by one standard error; and for alpha, eta and xi, each held
        at one percent more.

    """
    at = at_draws(draws, size)
    theta = np.stack([at[n] for n in IDENTIFIED], axis=1)
    precision = targets.whitening.T @ targets.whitening

    def moments(s: SortingSpec) -> np.ndarray:
        return np.array([moments_at(s, {n: float(v) for n, v in zip(IDENTIFIED, row, strict=True)}) for row in theta])

    pull = (np.where(targets.seen, targets.value, 0.0) - moments(spec)) @ precision
    scores = {m: -pull[:, k] * targets.se[k] for k, m in enumerate(MOMENTS) if targets.seen[k]}
    for name in HELD:
        value = getattr(spec, name)
        up, down = (spec.model_copy(update={name: value * (1.0 + s * _STEP)}) for s in (1.0, -1.0))
        scores[name] = (pull * (moments(up) - moments(down))).sum(1) * 0.01 / (2.0 * _STEP)
    away = (theta - theta.mean(0)) / theta.std(0)
    found = {n: np.nanmean(away * (s - np.nanmean(s))[:, None], axis=0) for n, s in scores.items()}
    return pd.DataFrame(found, index=pd.Index([SYMBOLS.get(n, n) for n in IDENTIFIED], name="parameter"))

"""What posterior means hang on, against draws weighted anew."""

import numpy as np
import pytest
import xarray as xr

from bayes_labor.data.sorting.macro import MOMENTS, PAPER, Targets
from bayes_labor.models.sorting.calibration import IDENTIFIED, SortingSpec
from bayes_labor.posteriors.sorting.identification import moments_at
from bayes_labor.posteriors.sorting.sensitivity import HELD, sensitivity

SMALL = 1e-4


def few_draws(n: int = 120) -> xr.DataTree:
    """Not of a posterior: the identity holds for draws of anything."""
    rng = np.random.default_rng(3)
    middle, spread = (0.34, 0.77, 0.032, 0.22), (0.01, 0.005, 0.002, 0.01)
    values = {k: (("chain", "draw"), rng.normal(m, s, (1, n))) for k, m, s in zip(IDENTIFIED, middle, spread, strict=True)}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(values)})


def log_likelihood(draws: xr.DataTree, targets: Targets, spec: SortingSpec) -> np.ndarray:
    theta = np.stack([draws["posterior"][n].to_numpy().ravel() for n in IDENTIFIED], axis=1)
    seen = targets.seen
    covariance = (np.diag(np.square(targets.se)) if targets.covariance is None else targets.covariance)[np.ix_(seen, seen)]
    away = np.array([moments_at(spec, dict(zip(IDENTIFIED, t, strict=True))) for t in theta])[:, seen] - targets.value[seen]
    return -0.5 * np.einsum("si,ij,sj->s", away, np.linalg.inv(covariance), away)


CORRELATED = PAPER._replace(covariance=(0.5 * np.eye(5) + 0.5) * np.outer(PAPER.se, PAPER.se))
FEW = PAPER._replace(value=np.where(np.arange(5) == 3, np.nan, PAPER.value))


@pytest.mark.parametrize("targets", [PAPER, CORRELATED, FEW], ids=["errors", "covariances", "four moments"])
@pytest.mark.parametrize("what", ["labor share", "std log TFP", *HELD])
def test_against_weights(targets: Targets, what: str) -> None:
    draws, spec = few_draws(), SortingSpec()
    if what in HELD:
        more, changed = spec.model_copy(update={what: getattr(spec, what) * (1.0 + 0.01 * SMALL)}), targets
    else:
        k = MOMENTS.index(what)
        more, changed = spec, targets._replace(value=targets.value + SMALL * targets.se[k] * (np.arange(5) == k))
    weight = np.exp(log_likelihood(draws, changed, more) - log_likelihood(draws, targets, spec))
    theta = np.stack([draws["posterior"][n].to_numpy().ravel() for n in IDENTIFIED], axis=1)
    moved = (np.average(theta, axis=0, weights=weight) - theta.mean(0)) / theta.std(0) / SMALL
    found = sensitivity(draws, targets, spec, size=120)
    assert found[what].to_numpy() == pytest.approx(moved, rel=5e-3, abs=1e-4 * np.abs(moved).max())
    assert [m for m in MOMENTS if m in found] == [m for m, s in zip(MOMENTS, targets.seen, strict=True) if s]

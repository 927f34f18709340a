"""What everybody asks of stock ArviZ works on the tree of every model: summary, loo, traces, predictive checks."""

from collections.abc import Callable
from typing import Any

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

from bayes_labor.data import Teams, Workforce, baseball_teammates, personnel, us_postwar
from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.sorting.macro import PAPER
from bayes_labor.models import BonusSpec, HurdleSpec, JointProductionSpec, PrizeSpec, ReceiptSpec, RegimesSpec, SortingSpec
from bayes_labor.models.learning.direct import DirectSpec
from bayes_labor.models.learning.regression import LearningSpec
from bayes_labor.posteriors.learning.system import StructuralSpec
from bayes_labor.posteriors.prior import prior_draws
from bayes_labor.posteriors.system import systems
from tests.conftest import FORMULA, make_table

CHAINS, DRAWS = 2, 15


def few_people() -> Personnel:
    table = personnel(seed=1).table
    chosen = np.random.default_rng(3).choice(table["id"].unique(), 150, replace=False)
    return Personnel(table[table["id"].isin(chosen)])


def teams(first: int) -> Teams:
    table = baseball_teammates().table
    return Teams(table[table["year"] >= first].reset_index(drop=True))


def workers() -> Workforce:
    """Some of whom have two workplaces."""
    table = make_table()
    table["person"] = table["worker"] % 100
    return Workforce.from_frame(table, FORMULA, ["seniority"], worker="worker", person="person", name="small")


def moments() -> pd.DataFrame:
    at = {"employment": 0.9, "mean_size": 2.0, "hire_rate": 0.1}
    return pd.DataFrame({"value": at, "se": dict.fromkeys(at, 0.05)})


CASES: dict[str, tuple[str, Callable[[], Any], Any, str]] = {
    "joint production": ("joint-production", workers, JointProductionSpec(), "workplace"),
    "with effects of workers": ("joint-production", workers, JointProductionSpec(worker_effects=True), "person"),
    "log wages": ("joint-production", workers, JointProductionSpec(errors="log", workplace_effects=True), "workplace"),
    "bonuses": ("bonuses.size", few_people, BonusSpec(), "worker"),
    "Student bonuses": ("bonuses.size", few_people, BonusSpec(errors="student"), "worker"),
    "mixture of ratings": ("bonuses.size", few_people, BonusSpec(ratings="mixture"), ""),
    "receipts": ("bonuses.receipt", few_people, ReceiptSpec(), "worker"),
    "conditional receipts": ("bonuses.receipt", few_people, ReceiptSpec(effects="conditional"), "worker"),
    "pooled receipts": ("bonuses.receipt", few_people, ReceiptSpec(effects="none"), ""),
    "sampled receipts": ("bonuses.receipt", few_people, ReceiptSpec(effects="sampled"), ""),
    "hurdle": ("bonuses.hurdle", few_people, HurdleSpec(), "worker"),
    "prize": ("bonuses.promotion-prize", few_people, PrizeSpec(), "worker"),
    "ranks": ("learning.regression", lambda: teams(2010), LearningSpec(), "team"),
    "Student ranks": ("learning.regression", lambda: teams(2014), LearningSpec(errors="student"), ""),
    "human capital": ("learning.direct", lambda: teams(2014), DirectSpec(), "row"),
    "structural": ("learning.structural", moments, StructuralSpec(points=32), "moment"),
    "calibration": ("sorting.calibration", lambda: PAPER, SortingSpec(), "moment"),
    "regimes": ("sorting.regimes", us_postwar, RegimesSpec(), "year"),
}


def draws_of(model: pm.Model) -> tuple[xr.DataTree, np.ndarray]:
    """Prior draws at which the likelihood is not zero, as if they were a posterior's; and their log likelihoods."""
    prior = prior_draws(model, 300, 0, [v.name for v in (*model.free_RVs, *model.deterministics)])["prior"].to_dataset()
    with model:
        terms = pm.compute_log_likelihood(
            xr.DataTree.from_dict({"posterior": prior}), extend_inferencedata=False, progressbar=False
        )
    total = sum(v.to_numpy().reshape(prior.sizes["draw"], -1).sum(1) for v in terms.data_vars.values())
    best = np.argsort(np.where(np.isfinite(total), -total, np.inf))[: CHAINS * DRAWS]
    best = np.random.default_rng(0).permutation(best)
    assert np.isfinite(total[best]).all()
    chosen = prior.isel(chain=0, draw=best).drop_vars(("chain", "draw"))
    shaped = {
        str(n): (("chain", "draw", *v.dims[1:]), v.to_numpy().reshape(CHAINS, DRAWS, *v.shape[1:]))
        for n, v in chosen.transpose("draw", ...).data_vars.items()
    }
    coords = {d: chosen[d] for d in chosen.coords}
    posterior = xr.Dataset(shaped, {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)} | coords)
    return xr.DataTree.from_dict({"posterior": posterior}), total[best].reshape(CHAINS, DRAWS)


LONG = (
    "mixture of ratings", "human capital", "Student ranks", "sampled receipts", "regimes", "with effects of workers",
    "structural", "log wages",
)  # fmt: skip
"""Whose models compile for long, or go through what another one goes through too."""


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")  # of draws of the prior, which are no posterior
@pytest.mark.parametrize("case", [pytest.param(c, marks=pytest.mark.long) if c in LONG else c for c in CASES])
def test_stock_arviz(case: str) -> None:
    name, make, spec, unit = CASES[case]
    system, data = systems()[name], make()
    draws, total = draws_of(system.build(data, spec))
    tree = system.arviz(spec, data, draws, size=CHAINS * DRAWS, seed=1)
    terms = tree["log_likelihood"].to_dataset()
    if unit:
        assert len(terms.data_vars) == 1 and next(iter(terms.data_vars.values())).dims[2:] == (unit,)
        loo = az.loo(tree, pointwise=True)
        assert loo.elpd_i.dims == (unit,) and np.isfinite(loo.elpd)
    # Years given all others do not add up, nor do bonuses with effects that the model samples and terms integrate out.
    if case not in ("regimes", "Student bonuses"):
        of_model = sum(v.to_numpy().reshape(CHAINS, DRAWS, -1).sum(-1) for v in terms.data_vars.values())
        of_model = of_model - draws["posterior"].get("infeasibility_penalty", 0.0)  # no part of the data's density
        np.testing.assert_allclose(of_model, total, rtol=1e-9, atol=1e-6)
    observed, made = tree["observed_data"].to_dataset(), tree["posterior_predictive"].to_dataset()
    assert set(observed.data_vars) == set(made.data_vars)
    for v in observed.data_vars:
        assert made[v].shape == (CHAINS, DRAWS, *observed[v].shape) and np.isfinite(made[v]).all(), v
    shown = [n for n in system.symbols if n in tree["posterior"]]
    assert len(az.summary(tree, var_names=shown)) and not {"solver_status"} & set(tree["posterior"].data_vars)
    az.plot_trace_dist(tree, var_names=shown[:1], backend="matplotlib")
    binary = [v for v in observed.data_vars if set(np.unique(observed[v])) <= {0.0, 1.0}]
    if binary:
        az.plot_ppc_pava(tree, var_names=binary, backend="matplotlib")
    if others := [v for v in observed.data_vars if v not in binary]:
        az.plot_ppc_dist(tree, var_names=others, num_samples=10, backend="matplotlib")
    plt.close("all")

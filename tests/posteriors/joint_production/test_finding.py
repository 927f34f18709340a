"""The sentences at the top of a page say what the draws say, in every case."""

import numpy as np
import pytest
import xarray as xr

from bayes_labor.data import Workforce
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors.joint_production.finding import _interaction, finding

DRAWS = np.random.default_rng(0).normal(size=(4000, 1))


@pytest.mark.parametrize(
    ("center", "sd", "words", "never"),
    [
        (
            0.3,
            0.05,
            "Coworkers interact: β is above zero in a (0.30 [0.21, 0.39], below zero with probability under 0.01).",
            "settle",
        ),
        (-0.3, 0.05, "Coworkers interact: β is below zero in a (-0.30 [-0.39, -0.21]", "above"),
        (0.05, 0.05, "Whether coworkers interact the data do not settle: the sign of β is not settled in a (0.05", "is above"),
        (0.1, 0.05, "β is above zero in a", "settle"),  # 2.3% below
        (0.09, 0.05, "do not settle", "is above"),  # 3.6% below
    ],
)
def test_one_industry(center: float, sd: float, words: str, never: str) -> None:
    found = _interaction(center + sd * DRAWS, ("a",))
    assert words in found and never not in found


def test_many_industries_are_grouped_and_counted() -> None:
    centers = np.array([0.5, 0.4, 0.6, 0.7, -0.5, 0.01])
    found = _interaction(centers + 0.05 * DRAWS, tuple("abcdef"))
    assert found.startswith("Coworkers interact: β is above zero in d (0.70") and "and 1 more; β is below zero in e (" in found
    assert "; the sign of β is not settled in f (0.01" in found


def test_a_linear_fit_claims_nothing_of_coworkers(small) -> None:
    share = xr.Dataset({"surplus_share": (("chain", "draw"), np.full((2, 50), 0.25))})
    found = finding(JointProductionSpec(spec="linear"), small, xr.DataTree.from_dict({"posterior": share}))
    assert "holds β at zero" in found and "Of pay 25% [25%, 25%] is surplus" in found


@pytest.mark.parametrize(
    ("center", "sd", "words"),
    [(0.1, 0.01, "as a coworker of the quarter with the least."), (0.0, 0.05, "so that who gets more is not settled")],
)
def test_who_gets_the_surplus(small: Workforce, center: float, sd: float, words: str) -> None:
    column = int(np.flatnonzero(small.internal)[0])
    x, name = small.design[:, column], small.terms[column]
    psi = (center + sd * DRAWS).reshape(1, -1, 1)
    draws = {"psi": (("chain", "draw", "power_term"), psi), "surplus_share": (("chain", "draw"), np.full((1, 4000), 0.25))}
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(draws, coords={"power_term": [name]})})
    low, high = np.quantile(x, [0.25, 0.75])
    apart = x[x >= high].mean() - x[x <= low].mean()
    found = finding(JointProductionSpec(spec="linear"), small, tree)
    assert words in found and f"the most {name} gets {np.exp(np.median(psi) * apart):.2g} [" in found

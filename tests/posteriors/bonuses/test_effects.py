"""Average effects: of a logit with known coefficients by hand and by simulation of workers, of a hurdle by drawing bonuses."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import special

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.models import HurdleSpec, ReceiptSpec
from bayes_labor.models.bonuses.hurdle import drawn_hurdle
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.bonuses.effects import CHANCE, EXPECTED, average_effects

SMALL: dict[str, Any] = {"blocks": ("levels", "age"), "years": "none", "demographics": False, "means": False}


@pytest.fixture(scope="module")
def panel() -> Personnel:
    table = personnel("clean", seed=3).table
    return Personnel(table[table["id"] % 60 == 0])


def tree(**values: Any) -> xr.DataTree:
    """One draw of each; vectors by (term names, values)."""
    data, coords = {}, {}
    for name, value in values.items():
        if isinstance(value, tuple):
            dim = "odds_term" if name == "odds" else "term"
            data[name], coords[dim] = (("chain", "draw", dim), np.array([[value[1]]])), list(value[0])
        else:
            data[name] = (("chain", "draw"), np.array([[value]]))
    return xr.DataTree.from_dict({"posterior": xr.Dataset(data, coords)})


def test_receipt(panel: Personnel) -> None:
    """Without worker effects the logistic function by hand; with them its mean over a million workers, to three errors."""
    spec = ReceiptSpec(**SMALL, effects="none")
    design = spec.design(panel)
    theta = np.random.default_rng(0).normal(scale=0.5, size=len(design.terms))
    table = average_effects(tree(theta=(design.terms, theta)), panel, spec)
    x, at = design.columns.copy(), [design.terms.index(f"level {k}") for k in (2, 3, 4, 5)]
    x[:, at] = 0.0
    base = special.expit(x @ theta).mean()
    x[:, at[1]] = 1.0
    assert table.loc[(CHANCE, "level 3"), "mean"] == pytest.approx(special.expit(x @ theta).mean() - base, rel=1e-12)
    older = design.columns.copy()
    a = (design.table["age"].to_numpy() + 1.0 - 39.0) / 10.0
    older[:, [design.terms.index("age"), design.terms.index("age squared")]] = np.stack([a, a**2], axis=1)
    change = special.expit(older @ theta).mean() - special.expit(design.columns @ theta).mean()
    assert table.loc[(CHANCE, "age"), "mean"] == pytest.approx(change, rel=1e-9)
    assert (CHANCE, "age squared") not in table.index and EXPECTED not in table.index.get_level_values(0)
    mixed = ReceiptSpec(**SMALL)
    found = average_effects(tree(theta=(design.terms, theta), tau=2.0), panel, mixed).loc[(CHANCE, "level 3"), "mean"]
    v = np.random.default_rng(1).normal(size=4000)
    x[:, at] = 0.0
    each = [special.expit((x @ theta)[:, None] + 2.0 * v).mean(0)]
    x[:, at[1]] = 1.0
    each.append(special.expit((x @ theta)[:, None] + 2.0 * v).mean(0))
    drawn = each[1] - each[0]
    assert abs(found - drawn.mean()) < 3.0 * drawn.std() / len(v) ** 0.5


def test_expected_bonus_of_a_hurdle(panel: Personnel) -> None:
    """The log ratio of mean bonuses, zeros included, of many drawn panels before and after; the correlation matters."""
    spec = HurdleSpec(**SMALL)
    design, rng = spec.design(panel), np.random.default_rng(0)
    odds, theta = (rng.normal(scale=0.3, size=len(d.terms)) for d in (design.odds, design.size))
    scales = {"tau": 1.5, "sd_mu": 0.6, "sigma": 0.3, "corr": 0.7}
    draws = tree(odds=(design.odds.terms, odds), theta=(design.size.terms, theta), **scales)
    table = average_effects(draws, panel, spec)
    sums = []
    for on in (0.0, 1.0):
        parts = []
        for d, slope in ((design.odds, odds), (design.size, theta)):
            x = d.columns.copy()
            x[:, [i for i, b in enumerate(d.blocks) if b == "levels"]] = 0.0
            x[:, d.terms.index("level 3")] = on
            parts.append(np.tile(x @ slope, 400))
        groups = Groups.of(np.arange(len(parts[0])))  # the law of one row does not depend on a worker's others
        won, size = drawn_hurdle(parts[0], parts[1], tuple(scales.values()), groups, np.random.default_rng(1))
        sums.append((won * np.exp(size)).reshape(400, -1).sum(1))
    error = np.hypot(*(v.std() / v.mean() / 20.0 for v in sums))
    known = np.log(sums[1].mean() / sums[0].mean())
    assert abs(table.loc[(EXPECTED, "level 3"), "mean"] - known) < 4.0 * error
    alone = average_effects(
        draws.map_over_datasets(lambda d: d.assign(corr=0.0 * d["corr"]) if "corr" in d else d), panel, spec
    )
    assert abs(alone.loc[(EXPECTED, "level 3"), "mean"] - table.loc[(EXPECTED, "level 3"), "mean"]) > 1e-3


def test_conditional_fits_have_none(panel: Personnel) -> None:
    with pytest.raises(DataFaults, match="does not tell how likely a bonus is"):
        average_effects(tree(tau=1.0), panel, ReceiptSpec(effects="conditional"))

"""Fits of all four models of bonuses compared by a worker left out: what is known of one is one term, whatever the model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import special

from bayes_labor.data import DataFaults
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import HurdleSpec, PrizeSpec, ReceiptSpec
from bayes_labor.posteriors.report import write_report
from bayes_labor.posteriors.system import systems
from tests.posteriors.test_arviz import CHAINS, DRAWS, draws_of, few_people

SMALL: dict[str, Any] = {"blocks": ("levels",), "years": "none", "demographics": False}


def fits_of(name: str, *specs: Any) -> dict[str, Any]:
    """Draws of priors, as if they were posteriors', by the number of the specification."""
    system, data = systems()[name], few_people()
    return {str(i): (draws_of(system.build(data, s))[0], s) for i, s in enumerate(specs)}


@pytest.mark.parametrize(
    ("name", "specs"),
    [
        ("bonuses.hurdle", (HurdleSpec(**SMALL, means=False),)),
        pytest.param("bonuses.promotion-prize", (PrizeSpec(**SMALL, means=False),), marks=pytest.mark.long),
        pytest.param("bonuses.hurdle", (HurdleSpec(**SMALL), HurdleSpec(**SMALL, correlated=False)), marks=pytest.mark.long),
    ],
)
def test_all_models_are_compared_by_worker(name: str, specs: tuple[Any, ...], tmp_path: Path) -> None:
    """Each has a density, a difference with its error, and the best comes first; its page has what there is to show."""
    fits = fits_of(name, *specs)
    table = systems()[name].compare(fits, few_people(), 30, 0)
    draws, spec = fits["0"]
    axes, energy = ("chain", "draw"), np.random.default_rng(0).normal(size=(CHAINS, DRAWS))
    calm = xr.Dataset({"diverging": (axes, np.zeros((CHAINS, DRAWS), dtype=bool)), "energy": (axes, energy)})
    tree = xr.DataTree.from_dict({"posterior": draws["posterior"].to_dataset(), "sample_stats": calm})
    page = write_report(systems()[name], spec, few_people(), tree, RunFolder(tmp_path)).read_text(encoding="utf-8")
    assert ("Average effects" in page and "log of the expected bonus" in page) == (name == "bonuses.hurdle")
    assert len(table) == len(specs) and np.isfinite(table[["density", "difference", "se"]]).all(axis=None)
    assert table["density"].is_monotonic_decreasing and table["difference"].iloc[0] == 0.0


def test_pooled_receipts_are_workers_too() -> None:
    """Rows of a worker add up, so that pooled and integrated effects are compared by the same units; one of them by hand."""
    fits = fits_of("bonuses.receipt", ReceiptSpec(**SMALL), ReceiptSpec(**SMALL, effects="none"))
    data, compare = few_people(), systems()["bonuses.receipt"].compare
    table = compare(fits, data, 30, 0)
    assert set(table.index) == {"0", "1"}
    draws, spec = fits["1"]
    design = spec.design(data)
    theta = draws["posterior"]["theta"].stack(sample=("chain", "draw")).transpose("sample", ...).to_numpy()
    index = theta @ design.columns.T
    rows = np.where(design.outcome > 0, special.log_expit(index), special.log_expit(-index))
    each = np.stack([np.bincount(design.groups.row, r) for r in rows])
    assert table.loc["1", "density"] < special.logsumexp(each, axis=0, b=1 / len(each)).sum()  # in sample
    assert table.loc["1", "density"] > each.min(0).sum()
    with pytest.raises(DataFaults, match="the fits see different data"):
        compare(fits_of("bonuses.receipt", ReceiptSpec(**SMALL), ReceiptSpec(**SMALL, effects="conditional")), data, 30, 0)
    with pytest.raises(DataFaults, match="workers who were seen"):
        compare({"sampled": (draws, ReceiptSpec(**SMALL, effects="sampled"))}, data, 30, 0)

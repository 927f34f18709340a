"""A fit in a run folder: what is there is taken up, else it is sampled."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymc as pm
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines import sampling
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.posteriors.diagnostics import Gate, gates


def fit_or_resume(
    model: pm.Model, run: str | Path, about: dict[str, Any], *, names: Sequence[str], **settings: Any
) -> tuple[xr.DataTree, list[Gate]]:
    """(draws, gates on ``names``) of a model in a run folder: what is there is taken up, else it is sampled.

    Raises
    ------
    DataFaults
        If what is there was fitted to something else than ``about`` says.

    """
    folder = RunFolder(Path(run))
    if folder.record_path.is_file():
        known = json.loads(json.dumps(about, default=str))
        if any(folder.record().get(k) != v for k, v in known.items()):
            remedy = "choose another folder, or remove this one"
            raise DataFaults([Fault("the run folder holds a fit of other data or settings", str(run), remedy)])
        tree = sampling.resume(folder.path, model)
    else:
        tree = sampling.sample(model, run=folder.path, record=about, **settings)
    return tree, gates(tree, names)

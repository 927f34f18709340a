"""Many fits of one model: on this machine, or on every machine of a dask cluster.

A worker compiles the model once and refits it with other data in a fraction of a second (``with_data``), so what travels is the
recipe, once, and a few arrays per fit.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines.nutpie_engine import compile_model
from bayes_labor.engines.sampling import SamplerSettings, draw
from bayes_labor.engines.telling import tell


@dataclass(frozen=True)
class Recipe:
    """What all refits have in common."""

    build: Callable[[], pm.Model]
    """Makes the model; of a module, or a ``partial`` of such, so that it can be sent."""
    key: str
    """Equal for recipes of equal models."""
    settings: SamplerSettings


@dataclass(frozen=True)
class Refit:
    """One fit: data to put in place of the recipe's, and its seed; ``about`` is for whoever reads the result."""

    data: dict[str, np.ndarray]
    seed: int
    about: Any = field(default=None)


_compiled: dict[str, tuple[pm.Model, Any]] = {}  # of this process; the last model only


def compiled(recipe: Recipe) -> tuple[pm.Model, Any]:
    """(model, compiled model) of a recipe; made once per process."""
    if recipe.key not in _compiled:
        _compiled.clear()
        model = recipe.build()
        _compiled[recipe.key] = (model, compile_model(model))
    return _compiled[recipe.key]


def refit(recipe: Recipe, task: Refit) -> xr.DataTree:
    """Draws of one refit."""
    model, ready = compiled(recipe)
    settings = recipe.settings.model_copy(update={"seed": task.seed})
    return draw(model, ready.with_data(**task.data) if task.data else ready, settings)


def fan_out(
    function: Callable[[Any, Any], Any],
    shared: Any,
    tasks: Sequence[Any],
    *,
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[tuple[int, Any]]:
    """``function(shared, task)`` for every task, as (number of the task, result) in the order in which they finish.

    Parameters
    ----------
    function
        Of a module, so that it can be found elsewhere.
    shared
        Sent to every worker once.
    tasks
        One call each.
    workers
        Processes of a cluster on this machine; 1 works in this process, without dask. Default: one per core.
    address
        Of the scheduler of a running dask cluster instead, such as ``tcp://scheduler:8786``. Its machines need this package.

    Raises
    ------
    DataFaults
        If dask is needed and not installed, or no scheduler answers at the address.

    """
    if address is None and (workers == 1 or len(tasks) < 2):
        for i, task in enumerate(tasks):
            tell("fits", i, len(tasks), "fits")
            yield i, function(shared, task)
        return
    with _client(workers or os.cpu_count() or 1, address) as client:
        there = client.scatter(shared, broadcast=True, hash=False)
        futures = {client.submit(function, there, task, pure=False): i for i, task in enumerate(tasks)}
        from distributed import as_completed

        for number, done in enumerate(as_completed(futures), 1):
            tell("fits", number, len(tasks), "fits")
            yield futures[done], done.result()


def _client(workers: int, address: str | None) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        remedy = "pip install 'bayes-labor[cluster]', or workers=1 for this process alone"
        raise DataFaults([Fault("many fits at once need dask", "workers, address", remedy)]) from error
    if address is None:
        return Client(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    try:
        return Client(address, timeout=10)
    except OSError as error:
        fault = Fault(
            f"no scheduler answers at {address}", "address", "start one with `dask scheduler`, or check host and port"
        )
        raise DataFaults([fault]) from error

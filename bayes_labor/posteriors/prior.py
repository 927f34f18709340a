"""Draws from a model's prior."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pymc as pm
import xarray as xr


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Keep a library's remarks off the user's screen."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def prior_draws(model: pm.Model, draws: int, seed: int, names: list[str] | None = None) -> xr.DataTree:
    """Prior and prior-predictive draws. Wages are drawn in Python, so the Python linker runs the graph without a warning."""
    with model, quiet("pymc"):
        return pm.sample_prior_predictive(draws, random_seed=seed, var_names=names, compile_kwargs={"mode": "FAST_COMPILE"})

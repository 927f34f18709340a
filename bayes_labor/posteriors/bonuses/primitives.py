"""Posterior of the tournament's primitives, and what bonuses do and do not tell about them."""

import time

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.engines.tempering import temper
from bayes_labor.models.bonuses.primitives import PrimitivesSpec, TournamentMoments, TournamentPosterior, moments_of, solve
from bayes_labor.posteriors.tables import CI_PROB
from bayes_labor.theory.bonuses.coordinates import COORDINATES, primitives_at
from bayes_labor.theory.bonuses.tournament import CELLS

_NAMES = (
    *("c_1", "c_2", "c_3", "d_2", "d_3", "s_1", "s_2", "h_1", "h_2", "z", "delta", "gam"),
    *("width of group 1", "theta_2^L", "width of group 2"),
)


def tournament_primitives(
    moments: TournamentMoments, spec: PrimitivesSpec | None = None, *, particles: int = 4000, seed: int = 0
) -> xr.DataTree:
    """Draw primitives by tempered sequential Monte Carlo.

    Parameters
    ----------
    moments
        Of a panel (:func:`bayes_labor.models.tournament_moments`) or of one's own.
    spec
        Which moments are fitted, and how closely.
    particles
        Draws.
    seed
        Of everything random.

    Returns
    -------
    xr.DataTree
        Groups ``prior`` and ``posterior``: ``u`` by coordinate, ``primitive`` by name, ``bonus``, ``pay`` by cell and
        ``promotion`` by group. Attributes: ``log_evidence``, ``feasible_share`` of prior draws, ``stages``, ``seconds``, and
        the shares of ``accepted`` moves and of ``distinct`` particles at the last stage.

    """
    start, rng = time.perf_counter(), np.random.default_rng(seed)
    posterior = TournamentPosterior(moments, spec or PrimitivesSpec())
    prior, share = posterior.draw_prior(particles, rng)
    found = temper(prior, posterior.log_prior, posterior.log_likelihood, rng)
    tree = xr.DataTree.from_dict({"prior": _dataset(prior), "posterior": _dataset(found.particles)})
    health = {n: getattr(found, n) for n in ("log_evidence", "stages", "accepted", "distinct")}
    tree.attrs.update(health, feasible_share=share, seconds=time.perf_counter() - start)
    return tree


def _dataset(u: np.ndarray) -> xr.Dataset:
    p, implied = primitives_at(u), moments_of(solve(u))
    values = [*p.c.T, *p.d.T[1:], *p.s.T, *p.h.T, p.z, p.delta, p.gam, p.theta1[:, 1], p.theta2[:, 0], np.diff(p.theta2)[:, 0]]
    cells = [f"{age}, level {job}, {'new' if tenure == 1 else 'later'}" for age, job, tenure in CELLS]
    dims = {"u": "coordinate", "primitive": "name", "bonus": "cell", "pay": "cell", "promotion": "group"}
    drawn = {"u": u, "primitive": np.stack(values, axis=-1)} | implied
    coords = {"coordinate": list(COORDINATES), "name": list(_NAMES), "cell": cells, "group": [1, 2]}
    return xr.Dataset({n: (("chain", "draw", dim), drawn[n][None]) for n, dim in dims.items()}, coords)


def summarize_primitives(draws: xr.DataTree) -> pd.DataFrame:
    """Prior and posterior of every primitive.

    ``shift``: how far the mean moved, in standard deviations of the prior; ``contraction``: share of the prior's variance that
    the moments removed.
    """

    def flat(group: str) -> xr.DataArray:
        return draws[group]["primitive"].stack(sample=("chain", "draw")).transpose("sample", "name")

    before, after, tail = flat("prior"), flat("posterior"), 0.5 * (1.0 - CI_PROB)
    low, high = (after.quantile(q, "sample") for q in (tail, 1.0 - tail))
    columns = {"prior mean": before.mean("sample"), "prior sd": before.std("sample"), "mean": after.mean("sample")}
    columns |= {"sd": after.std("sample"), "hdi_low": low, "hdi_high": high}
    table = pd.DataFrame(columns, index=pd.Index(after["name"].to_numpy(), name="primitive"))
    table["shift"] = (table["mean"] - table["prior mean"]) / table["prior sd"]
    table["contraction"] = 1.0 - (table["sd"] / table["prior sd"]) ** 2
    return table


NARROWED, MOVED = 0.3, 0.5
"""A primitive was told something where this share of its prior variance is gone, or its mean moved by as many prior sds."""


def what_is_told(table: pd.DataFrame) -> str:
    """One sentence on what the moments say of which primitives, from contraction and shift of :func:`summarize_primitives`."""
    narrowed, moved = table["contraction"] >= NARROWED, table["shift"].abs() >= MOVED
    shifts = [f"{n} ({s:+.1f})" for n, s in table.loc[moved & ~narrowed, "shift"].items()]
    parts = {
        "narrow ": ", ".join(map(str, table.index[narrowed])),
        "move without narrowing, by prior standard deviations in parentheses, ": ", ".join(shifts),
        "say next to nothing about ": ", ".join(map(str, table.index[~moved & ~narrowed])),
    }
    return "; they ".join(words + names for words, names in parts.items() if names)


def missed_moments(table: pd.DataFrame, tolerance: float) -> list[str]:
    """Cells of :func:`moment_table` whose posterior mean misses the data by more than a share ``tolerance``, with that."""
    return [f"{cell} ({off:+.0%})" for cell, off in table["off"].items() if abs(off) > tolerance]


def moment_table(draws: xr.DataTree, moments: TournamentMoments) -> pd.DataFrame:
    """Mean bonus by cell: data, and what the model says before and after; ``off``: share by which its mean misses the data."""
    after, before = draws["posterior"]["bonus"], draws["prior"]["bonus"]
    over = ("chain", "draw")
    mean = after.mean(over)
    columns = {"data": moments.bonus, "standard error": moments.bonus_se, "mean": mean, "off": mean / moments.bonus - 1.0}
    columns |= {"sd": after.std(over), "prior mean": before.mean(over)}
    return pd.DataFrame(columns, index=pd.Index(after["cell"].to_numpy(), name="cell"))

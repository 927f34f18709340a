"""The fast path on a CPU: nutpie on the compiled graph, its draws kept on disk as they come, and a warm restart after a kill.

nutpie cannot take up an adaptation again. A restart samples in coordinates whitened by the draws that were recovered, in which
the posterior is nearly standard normal and little tuning is needed; the recovered draws are kept as they are.
"""

import ctypes
import dataclasses
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pymc as pm

from bayes_labor.engines.mixture import shrunk_factor
from bayes_labor.engines.modes import SMALLEST_SHARE, Mode, find_modes, log_density_of, shares
from bayes_labor.engines.pathfinder import find_paths
from bayes_labor.engines.progress import INTERVAL, Draws, Keeper
from bayes_labor.engines.telling import tell
from bayes_labor.models.notes import notes_of
from bayes_labor.models.starting import beta_coordinates, starting_points

_NAMES = {  # nutpie's names of statistics -> the ones ArviZ and PyMC use
    "depth": "tree_depth",
    "mean_tree_accept": "acceptance_rate",
    "logp": "lp",
}
_KEPT = ("diverging", "energy", "n_steps", "step_size", "depth", "mean_tree_accept", "logp", "maxdepth_reached")
_SPREAD = 0.3  # of the starts around a mode, in posterior sds: wider ones fall into modes that hold no mass
_RESTART_TUNE = 60
_DENSE, _LEAST_SD = 500, 1e-8  # dimensions up to which a restart learns correlations from draws
_JITTER = 0.1  # of starts at the values that the model notes
_POINTER = ctypes.POINTER(ctypes.c_double)


def compile_model(model: pm.Model) -> Any:
    """Compile for nutpie; the result's ``with_data`` refits other data without compiling again."""
    import nutpie

    return nutpie.compile_pymc_model(model)


def variables_of(model: pm.Model, compiled: Any) -> list[str]:
    """Variables of a compiled model that draws are kept of: all but the unconstrained ones that stand for another."""
    return [n for n in compiled.shape_info[0] if n not in {v.name for v in model.value_vars} or n in model.named_vars]


def modes_that_matter(model: pm.Model, compiled: Any, settings: Any) -> tuple[list[Mode], np.ndarray]:
    """(modes that hold mass worth a chain, share of the mass of every mode found), both the heaviest first."""
    if not notes_of(model).has_modes:
        return [], np.empty(0)
    call, starts = log_density_of(compiled), starting_points(model)
    if settings.start == "pathfinder":
        modes = find_paths(call, starts, settings.seed)
    else:
        modes = find_modes(call, starts, beta_coordinates(model))
    weights = shares(modes) if modes else np.empty(0)
    return [m for m, w in zip(modes, weights, strict=True) if w >= SMALLEST_SHARE], weights


class Starts:
    """Starting points by chain, for a sampler that tells its chains apart only by their seeds."""

    def __init__(self, point: Callable[[int], np.ndarray]) -> None:
        self._point = point
        self._seen: list[Any] = []

    def __call__(self, seed: Any) -> np.ndarray:
        """The point of the chain with this seed."""
        if seed not in self._seen:
            self._seen.append(seed)
        return self._point(self._seen.index(seed))

    def learn(self, compiled: Any, settings: Any) -> None:
        """Fix which of nutpie's seeds belongs to which chain, by running the chains one after the other for one draw."""
        import nutpie

        nutpie.sample(
            compiled, draws=8, tune=1, chains=settings.chains, cores=1, seed=settings.seed, maxdepth=1, progress_bar=False,
            save_warmup=False, return_raw_trace=True,
        )  # fmt: skip


def around(modes: list[Mode], settings: Any) -> Callable[[int], np.ndarray]:
    """Starting point of a chain near a mode; modes get chains in proportion to their mass, a light one by chance.

    Numbers beyond the last chain's are new attempts of chains whose first point had no density.
    """
    weights = np.cumsum(shares(modes))
    places = (np.random.default_rng(settings.seed).uniform() + np.arange(settings.chains)) / settings.chains

    def point(chain: int) -> np.ndarray:
        mode = modes[min(int(np.searchsorted(weights, places[chain % settings.chains])), len(modes) - 1)]
        rng = np.random.default_rng([settings.seed, chain])
        return rng.multivariate_normal(mode.point, _SPREAD**2 * mode.covariance, method="eigh")

    return point


def _near(x: np.ndarray) -> Callable[[Any], np.ndarray]:
    return lambda seed: (
        x + _JITTER * np.random.default_rng(np.atleast_1d(np.asarray(seed, dtype=np.uint64))).normal(size=len(x))
    )


def start(model: pm.Model, compiled: Any, settings: Any, progress: bool, keeper: Keeper) -> tuple[Draws, np.ndarray]:
    """(draws from the beginning, share of the mass of every mode)."""
    modes, weights = modes_that_matter(model, compiled, settings)
    if not notes_of(model).has_modes:
        compiled = dataclasses.replace(compiled, initial_point_func=_near(starting_points(model)[0]))
        # With thousands of coordinates an adaptation to correlations is slow, and now and then leaves a chain stuck.
        settings = settings.model_copy(update={"adaptation": "diag"})
    if not modes:
        return _run(compiled, settings, settings.adaptation, progress, keeper), weights
    point = around(modes, settings)
    if settings.start == "modes":
        starts = Starts(point)
        compiled = dataclasses.replace(compiled, initial_point_func=starts)
        starts.learn(compiled, settings)
        return _run(compiled, settings, settings.adaptation, progress, keeper), weights
    white = _White(modes[0].point, np.linalg.cholesky(modes[0].covariance))
    starts = Starts(lambda chain: white.inward(point(chain)))
    whitened = _whitened(compiled, white, starts, variables_of(model, compiled))
    starts.learn(whitened, settings)
    return _run(whitened, settings, settings.adaptation, progress, keeper, white), weights


def go_on(compiled: Any, settings: Any, earlier: Draws, progress: bool, keeper: Keeper) -> Draws:
    """The recovered draws and the missing ones, sampled in whitened coordinates from where each chain stood."""
    missing = settings.draws - earlier.counts
    if not missing.any():
        return earlier
    seed = settings.seed + 1 + int(earlier.counts.sum())
    rest = settings.model_copy(update={"draws": int(missing.max()), "seed": seed})
    return earlier.followed_by(whitened_by(compiled, rest, earlier, progress, keeper)).cut(settings.draws)


def whitened_by(compiled: Any, settings: Any, earlier: Draws, progress: bool, keeper: Keeper) -> Draws:
    """New draws, from where each chain of ``earlier`` ones stood, in coordinates whitened by them."""
    held = np.concatenate([u[:n] for u, n in zip(earlier.unconstrained, earlier.counts, strict=True)])
    white = _White(held.mean(0), shrunk_factor(held) if held.shape[1] <= _DENSE else np.maximum(held.std(0), _LEAST_SD))
    lasts = [u[n - 1] if n else held[c] for c, (u, n) in enumerate(zip(earlier.unconstrained, earlier.counts, strict=True))]
    starts = Starts(lambda chain: white.inward(lasts[chain % len(lasts)]))
    whitened = _whitened(compiled, white, starts, list(earlier.posterior))
    rest = settings.model_copy(update={"tune": _RESTART_TUNE})
    starts.learn(whitened, rest)
    return _run(whitened, rest, "diag", progress, keeper, white)


class _Unsolved(ValueError):
    """A point without density: nutpie reads is_recoverable and counts a divergence, whose message has this name."""

    is_recoverable = True


class _White(NamedTuple):
    """Coordinates z of an unconstrained vector x = center + factor z, in which a posterior is nearly standard normal."""

    center: np.ndarray
    factor: np.ndarray  # (P, P), or (P,) its diagonal

    def inward(self, x: np.ndarray) -> np.ndarray:
        """Vector z of x."""
        offset = x - self.center
        return offset / self.factor if self.factor.ndim == 1 else np.linalg.solve(self.factor, offset)

    def outward(self, z: np.ndarray) -> np.ndarray:
        """Vectors x (..., P) of z (..., P)."""
        found: np.ndarray = self.center + (z * self.factor if self.factor.ndim == 1 else z @ self.factor.T)
        return found

    def pulled(self, gradient: np.ndarray) -> np.ndarray:
        """Gradient in z from that in x."""
        found: np.ndarray = self.factor * gradient if self.factor.ndim == 1 else self.factor.T @ gradient
        return found


def _whitened(compiled: Any, white: _White, starts: Starts, names: list[str]) -> Any:
    from nutpie.compiled_pyfunc import from_pyfunc

    log_density, expand = log_density_of(compiled), expander(compiled)

    def density(z: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = log_density(white.outward(z))
        if not np.isfinite(value):
            raise _Unsolved
        return value, white.pulled(gradient)

    def expanded(z: np.ndarray) -> dict[str, np.ndarray]:
        found = expand(white.outward(z))
        return {k: found[k] for k in names}

    shapes = {n: tuple(int(i) for i in s) for n, s in zip(compiled.shape_info[0], compiled.shape_info[2], strict=True)}
    return from_pyfunc(
        len(white.center), lambda: density, lambda *_: expanded, [np.dtype("float64")] * len(names),
        [shapes[n] for n in names], names,
        coords=dict(compiled.coords), dims={n: d for n, d in compiled.dims.items() if n in names}, make_initial_point_fn=starts,
    )  # fmt: skip


def expander(compiled: Any) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """All variables of a compiled model at an unconstrained point, by its own machine code."""
    names, slices, shapes = compiled.shape_info

    def expand(x: np.ndarray) -> dict[str, np.ndarray]:
        x, out = np.ascontiguousarray(x, dtype=np.float64), np.empty(compiled.n_expanded)
        compiled.compiled_expand_func.ctypes(
            x.size, out.size, x.ctypes.data_as(_POINTER), out.ctypes.data_as(_POINTER), compiled.user_data.ctypes.data
        )
        return {n: out[s].reshape(tuple(int(i) for i in shape)) for n, s, shape in zip(names, slices, shapes, strict=True)}

    return expand


def _run(compiled: Any, settings: Any, adaptation: str, progress: bool, keeper: Keeper, white: _White | None = None) -> Draws:
    """Sample in the background and write what there is, until done; an interrupt keeps what was written.

    Unconstrained points are kept in the model's own coordinates, whatever it was sampled in.
    """
    import nutpie

    sampler = nutpie.sample(
        compiled, draws=settings.draws, tune=settings.tune, chains=settings.chains, cores=settings.cores, seed=settings.seed,
        target_accept=settings.target_accept, adaptation=adaptation, progress_bar=progress, save_warmup=False,
        store_unconstrained=True, blocking=False,
    )  # fmt: skip
    try:
        while True:
            try:
                return _read(sampler.wait(timeout=INTERVAL / 4), white, whole=True)
            except TimeoutError:
                if keeper.due():
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # ArviZ's, that there are fewer draws than chains
                        so_far = _read(sampler.inspect(), white, whole=False)
                    if not progress:
                        tell("sampling", so_far.counts.sum(), settings.chains * settings.draws, "draws")
                    if so_far.counts.any():
                        keeper.keep(so_far)
    except BaseException:
        sampler.abort()
        raise


def _read(trace: Any, white: _White | None, *, whole: bool) -> Draws:
    """Draws of all chains; of runs that are not ``whole`` later reads begin with the same ones, to the last bit."""
    stats = trace["sample_stats"].to_dataset()
    unconstrained = np.asarray(stats["unconstrained_draw"].to_numpy(), dtype=np.float64)
    kept = {_NAMES.get(k, k): np.asarray(stats[k].to_numpy(), dtype=np.float64) for k in _KEPT if k in stats}
    kept["cause"] = np.vectorize(_cause, otypes=[float])(stats["divergence_message"].to_numpy()).reshape(
        unconstrained.shape[:2]
    )
    posterior = {str(k): v.to_numpy() for k, v in trace["posterior"].to_dataset().data_vars.items()}
    there = np.isfinite(unconstrained).all(2)
    counts = there.sum(1)
    if "energy" in kept and "lp" in kept:
        known = there if whole else there & (np.arange(there.shape[1]) == 0)
        kept["energy"] = _comparable(kept["energy"], kept["lp"], known, unconstrained.shape[2])
    return Draws(unconstrained if white is None else white.outward(unconstrained), counts, posterior, kept)


def _comparable(energy: np.ndarray, lp: np.ndarray, there: np.ndarray, n_dim: int) -> np.ndarray:
    """(chain, draw) energies without nutpie's constants, the log volumes of each chain's own coordinates.

    They are told from the draws marked ``there``. A chain that goes on in other coordinates would otherwise seem to jump in
    energy, and its E-BFMI to be next to nothing.
    """
    kinetic = np.where(there, energy + lp, 0.0)
    constant: np.ndarray = kinetic.sum(1) / np.maximum(there.sum(1), 1) - 0.5 * n_dim
    comparable: np.ndarray = energy - constant[:, None]
    return comparable


def _cause(message: Any) -> int:
    """0: no divergence; 1: a point without equilibrium; 2: an error of energy along the path."""
    if not isinstance(message, str) or not message:
        return 0
    return 1 if "logp" in message.lower() or _Unsolved.__name__ in message else 2

"""A log density whose data lie on several devices, of one machine or of many."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "shards"


class Shardable(Protocol):
    """A log density that is a sum over shards of data, as :class:`bayes_labor.theory.joint_production.exported.Exported`."""

    starts: np.ndarray
    """(S, P) vectors to start a search for modes from."""
    held: np.ndarray
    """(P,) which of their coordinates are held first."""

    @property
    def size(self) -> int:
        """P, coordinates of the vector."""

    @property
    def shared(self) -> Any:
        """Arrays that every device holds."""

    def shards(self, n: int) -> Any:
        """The data as a tree of arrays with a leading axis of length ``n``."""

    def log_density(self, vector: Any, shared: Any, shard: Any, axis: str) -> Any:
        """Of all data, on the device that holds one shard: sums over the others go along ``axis``."""


class ShardedDensity:
    """Log density and gradient on a mesh of devices, one shard on each.

    Parameters
    ----------
    exported
        The posterior. In a program of several processes every process passes the same and keeps only its own shards on its
        devices.
    devices
        Devices to use; default all that JAX sees, in all processes.

    """

    def __init__(self, exported: Shardable, devices: list[Any] | None = None) -> None:
        jax.config.update("jax_enable_x64", True)
        self.size = exported.size
        devices = jax.devices() if devices is None else devices
        self.mesh = Mesh(np.array(devices), (AXIS,))
        place = NamedSharding(self.mesh, PartitionSpec(AXIS))
        self.data = jax.tree.map(lambda a: _spread(a, place), exported.shards(len(devices)))
        self.exported = exported

    def _local(self, vector: Any, shared: Any, shard: Any) -> tuple[Any, Any]:
        mine = jax.tree.map(lambda a: a[0], shard)
        value, gradient = jax.value_and_grad(lambda q: self.exported.log_density(q, shared, mine, AXIS))(vector)
        # Every device differentiates the sum of all devices' (equal) densities with respect to its own copy of the vector.
        return value, jax.lax.pmean(gradient, AXIS)

    @cached_property
    def value_and_gradient(self) -> Callable[[Any, Any], tuple[Any, Any]]:
        """(log density, gradient (P,)) of (unconstrained vector (P,), :attr:`data`), compiled; the same on every device."""
        whole, by_shard = PartitionSpec(), PartitionSpec(AXIS)
        mapped = jax.shard_map(self._local, mesh=self.mesh, in_specs=(whole, whole, by_shard), out_specs=whole, check_vma=False)
        found: Callable[[Any, Any], tuple[Any, Any]] = jax.jit(lambda vector, data: mapped(vector, self.exported.shared, data))
        return found

    @cached_property
    def log_density(self) -> Callable[[Any, Any], Any]:
        """The log density with its gradient's rule, for samplers: data are an argument, since they lie on many machines."""
        both = self.value_and_gradient

        value: Any = jax.custom_vjp(lambda vector, data: both(vector, data)[0])
        value.defvjp(both, lambda gradient, g: (g * gradient, None))
        found: Callable[[Any, Any], Any] = value
        return found

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """(log density, gradient) as NumPy, for :func:`bayes_labor.engines.modes.find_modes`."""
        value, gradient = self.value_and_gradient(jnp.asarray(vector, dtype=jnp.float64), self.data)
        return (float(value), np.asarray(gradient)) if np.isfinite(value) else (-np.inf, np.zeros(self.size))


def _spread(array: np.ndarray, place: NamedSharding) -> Any:
    return jax.make_array_from_callback(array.shape, place, lambda index: array[index])

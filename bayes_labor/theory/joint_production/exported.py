"""A joint-production posterior for machines without PyMC: arrays in one file, and how they are cut into shards."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bayes_labor.numerics.ragged import row_blocks
from bayes_labor.theory.joint_production.jax_density import Form, Payrolls, log_density

_FORMAT = 4


@dataclass(frozen=True)
class Exported:
    """A posterior without PyMC: what :func:`bayes_labor.models.joint_production.export.export` makes and one file carries."""

    form: Form
    offsets: np.ndarray  # (F + 1,)
    payrolls: Payrolls  # of all workplaces, without padding
    reference: np.ndarray  # (P_e, n) standardised characteristics of the team of reference
    starts: np.ndarray  # (S, P) unconstrained vectors to start a search for modes from
    held: np.ndarray  # (P,) which of their coordinates decide on beta

    @property
    def size(self) -> int:
        """Coordinates of the unconstrained vector."""
        return self.form.size

    @property
    def shared(self) -> np.ndarray:
        """See :class:`bayes_labor.engines.shards.Shardable`."""
        return self.reference

    def shards(self, n: int) -> Payrolls:
        """See :func:`cut`."""
        return cut(self, n)

    def log_density(self, vector: Any, shared: Any, shard: Payrolls, axis: str) -> Any:
        """See :func:`bayes_labor.theory.joint_production.jax_density.log_density`."""
        return log_density(self.form, vector, shared, shard, axis)

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file."""
        arrays = {"offsets": self.offsets, "starts": self.starts, "held": self.held, "reference": self.reference}
        arrays |= {f"payrolls.{k}": np.asarray(v) for k, v in self.payrolls._asdict().items()}
        np.savez(path, form=json.dumps({"format": _FORMAT, **asdict(self.form)}), allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Exported":
        """Read what :meth:`save` wrote.

        Raises ValueError if the file holds something else or is of another release's format.
        """
        with np.load(path, allow_pickle=False) as held:
            if "form" not in held.files:
                raise ValueError(
                    f"{path} holds no exported density: make one with"
                    " bayes_labor.models.joint_production.export.export(...).save(path)"
                )
            form = json.loads(str(held["form"]))
            if form.pop("format") != _FORMAT:
                raise ValueError(f"{path} was exported by another release: export it again with this one")
            form["layout"] = tuple((n, s) for n, s in form["layout"])
            form["priors"] = tuple((name, family, _tuples(numbers)) for name, family, numbers in form["priors"])
            payrolls = Payrolls(**{k: held[f"payrolls.{k}"] for k in Payrolls._fields})
            return cls(Form(**form), held["offsets"], payrolls, held["reference"], held["starts"], held["held"])


def _tuples(numbers: list[Any]) -> tuple[Any, ...]:
    """Lists of JSON as tuples, so that a form can be hashed."""
    return tuple(tuple(n) if isinstance(n, list) else n for n in numbers)


def cut(exported: Exported, n: int) -> Payrolls:
    """The payrolls in ``n`` shards of whole workplaces with about equally many workers, stacked: a leading axis of length n.

    Raises ValueError if there are fewer workplaces than shards.
    """
    n_workplaces = len(exported.offsets) - 1
    edges = row_blocks(np.asarray(exported.offsets), n)
    if n < 1 or np.any(np.diff(edges) < 1):
        raise ValueError(
            f"{n_workplaces} workplaces cannot be cut into {n} shards: use fewer devices"
            " (pymc.sampling.jax, once imported, makes JAX see 100 on a CPU: devices=jax.devices()[:1])"
        )
    workplaces, workers = int(np.diff(edges).max()) + 1, int(np.diff(exported.offsets[edges]).max())
    # One worker at least for every padding workplace: an empty one would have no output.
    workers += int(max(workplaces - np.diff(edges)))
    matches = np.searchsorted(exported.payrolls.match_workplace, edges)
    rounds = len(exported.payrolls.match_workplace) // n_workplaces  # padding workplaces meet as many workers as others
    most = max(int(np.diff(matches).max()), rounds * workplaces)
    shards = [_one(exported, edges[i : i + 2], matches[i : i + 2], workplaces, workers, most) for i in range(n)]
    return Payrolls(*(np.stack(parts) for parts in zip(*shards, strict=True)))


def _one(exported: Exported, edge: np.ndarray, match: np.ndarray, workplaces: int, workers: int, matches: int) -> Payrolls:
    """One shard. Padding workers have mean characteristics, z = 0, which is within the domain of V."""
    p, offsets = exported.payrolls, exported.offsets
    (first, last), own = edge, slice(offsets[edge[0]], offsets[edge[1]])
    met, n, f = slice(match[0], match[1]), int(offsets[edge[1]] - offsets[edge[0]]), int(edge[1] - edge[0])
    team = np.full(workers, workplaces - 1)
    team[:n] = np.repeat(np.arange(f), np.diff(offsets[first : last + 1]))
    team[n : n + workplaces - f] = np.arange(f, workplaces)

    def padded(values: np.ndarray, size: int, fill: float = 0.0) -> np.ndarray:
        out = np.full((*values.shape[:-1], size), fill, values.dtype)
        out[..., : values.shape[-1]] = values
        return out

    return Payrolls(
        wage=padded(p.wage[own], workers), external=padded(p.external[:, own], workers),
        internal=padded(p.internal[:, own], workers), power=padded(p.power[:, own], workers), team=team,
        industry=padded(p.industry[first:last], workplaces), size=np.bincount(team, minlength=workplaces),
        counts=padded(p.counts[first:last], workplaces), penalised=padded(p.penalised[first:last], workplaces),
        match_workplace=padded(p.match_workplace[met] - first, matches, workplaces - 1),
        match_weight=padded(p.match_weight[met], matches), newcomer=padded(p.newcomer[:, met], matches),
    )  # fmt: skip

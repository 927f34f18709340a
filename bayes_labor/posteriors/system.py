"""The contract of a model that can be fitted: what every verb needs of it, and how systems are found.

A wing's ``posteriors/<wing>/system.py`` holds one frozen :class:`System` for each of its models. They are found by walking that
folder: a new one edits no registry.
"""

import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean
from bayes_labor.data.tables import Reading, kind_of
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.notes import notes_of
from bayes_labor.models.priors import printed
from bayes_labor.models.settings import Settings
from bayes_labor.posteriors.diagnostics import Gate, gates
from bayes_labor.posteriors.disclosure import Candidate
from bayes_labor.posteriors.observed import Observed, by_model, grouped, thinned
from bayes_labor.posteriors.prior import prior_draws
from bayes_labor.posteriors.tables import parameter_table

_PRIOR_DRAWS = 1000


class Judged(NamedTuple):
    """What draws were found to be."""

    gates: list[Gate]
    """Whether sampling has converged: where one fails, the numbers are none."""
    cautions: Sequence[Gate] = ()
    """What a reader must know, each with advice."""
    sections: Callable[[RunFolder], Sequence[dict[str, Any]]] = lambda folder: ()
    """What the page shows of it besides."""


@dataclass(frozen=True)
class System:
    """One model that can be fitted."""

    name: str
    """As the command line calls it: a wing, or ``wing.model``."""
    title: str
    """Of its page."""
    spec: type[Settings]
    """Settings and priors; all have defaults."""
    read: Callable[..., Any]
    """(source, columns, reading, **options) -> data, or DataFaults with every fault at once. ``source`` is a file or the name
    of a sample that ships; ``columns`` maps names here to the user's; ``reading`` says how the file is written and which
    rows are wanted; options are its keyword arguments."""
    build: Callable[[Any, Any], pm.Model]
    """(data, spec) -> the plain model, its notes beside it."""
    describe: Callable[[Any], dict[str, Any]]
    """What identifies data: ``name``, ``fingerprint``, and counts for people."""
    symbols: Mapping[str, str]
    """Variables to show, in order, and what to call them."""
    lead: str = ""
    """One sentence below the title: what is modelled."""
    summarize: "Callable[[Any, Any, xr.DataTree], pd.DataFrame] | None" = None
    """(spec, data, draws) -> the parameter table; by default prior draws of the model beside the posterior."""
    sections: "Callable[[Any, Any, xr.DataTree, RunFolder], Sequence[dict[str, Any]]] | None" = None
    """(spec, data, draws, folder) -> what the page shows below the parameters."""
    judge: "Callable[[Any, Any, xr.DataTree], Any] | None" = None
    """(spec, data, draws) -> what has ``gates`` and ``cautions`` as :class:`Judged`; by default the gates of any model."""
    finding: "Callable[[Any, Any, xr.DataTree], str] | None" = None
    """(spec, data, draws) -> what was found, in two or three sentences: the first words of its page."""
    priors: "Callable[[Any, Any], str] | None" = None
    """(spec, data) -> the priors that the model has, as printed; by default the rows of ``spec.table``."""
    used: "Callable[[Any, Any], int] | None" = None
    """(spec, data) -> how many rows the likelihood sees, where these are not all."""
    explain: "Callable[[Any, Any], str] | None" = None
    """(spec, data) -> what the parameter table needs explained, for its note."""
    prior: "Callable[[Any, Any, Path, int], pd.DataFrame] | None" = None
    """(spec, data, folder, draws) -> a table of what the priors imply and a page of its own."""
    foresee: "Callable[..., tuple[dict[str, str], Sequence[str]]] | None" = None
    """(spec, data, model, compiled log density with gradient, prior draws) -> (what `check` says besides, what will go wrong in
    the fit, each with its remedy)."""
    compare: "Callable[[Mapping[str, tuple[xr.DataTree, Any]], Any, int, int], pd.DataFrame] | None" = None
    """({run: (draws, spec)}, data, size, refits) -> fits side by side; by default leaving out the model's own terms."""
    calibrate: Callable[..., pd.DataFrame] | None = None
    """(data, spec, simulations, **settings) -> ranks, where truths are not simply prior draws of the model."""
    counterfactual: Callable[[Any, Any, xr.DataTree, Mapping[str, tuple[bool, Any]], int], pd.DataFrame] | None = None
    """(spec, data, draws, changes, size) -> quantities before and after; a change is (whether it adds, value)."""
    releases: "Callable[[Any, Any, xr.DataTree], Sequence[Candidate]] | None" = None
    """(spec, data, draws) -> the tables that may leave a register, with who stands behind every number."""
    predict: "Callable[..., pd.DataFrame] | None" = None
    """(spec, data, draws, table, size, seed, **columns) -> what the fit predicts for others, by row of their table."""
    observed: "Callable[[Any, Any, xr.DataTree, int], Observed] | None" = None
    """(spec, data, draws, seed) -> each thing that a user observes, drawn anew, with densities of what can be left out; by
    default the model's observed variables."""
    solved: Sequence[str] = ()
    """Variables on how the model was solved, besides those whose names begin with ``solver_``."""
    sampler: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the sampler that differ from the defaults."""

    @property
    def options(self) -> tuple[str, ...]:
        """Of :attr:`read`, besides source and columns."""
        return tuple(list(inspect.signature(self.read).parameters)[3:])

    def data(self, source: str, columns: Mapping[str, str], options: Mapping[str, Any], reading: Reading | None = None) -> Any:
        """Read; an option that this system does not know is a fault."""
        reading = reading or Reading()
        unknown = [o for o, v in options.items() if v and o not in self.options]
        if unknown:
            known = ", ".join(f"--{o.replace('_', '-')}" for o in self.options) or "none"
            raise DataFaults(
                [Fault(f"{self.name} takes no --{unknown[0].replace('_', '-')}", source, f"its options are: {known}")]
            )
        if reading != Reading() and not kind_of(source):
            said = ", ".join(f"--{k}" for k, v in asdict(reading).items() if v)
            raise DataFaults([Fault(f"{said} tells how a file is read", source, "a sample that ships needs none")])
        return self.read(source, dict(columns), reading, **{o: v for o, v in options.items() if v})

    def table(self, spec: Any, data: Any, draws: xr.DataTree) -> pd.DataFrame:
        """The parameter table: see :attr:`summarize`."""
        if self.summarize is not None:
            return self.summarize(spec, data, draws)
        return plain_table(self.build(data, spec), draws, self.symbols)

    def printed_priors(self, spec: Any, data: Any) -> str:
        """See :attr:`priors`; empty where the specification has no table."""
        return self.priors(spec, data) if self.priors is not None else printed(getattr(spec, "table", {}))

    def judged(self, spec: Any, data: Any, draws: xr.DataTree) -> Any:
        """See :attr:`judge`."""
        if self.judge is not None:
            return self.judge(spec, data, draws)
        return Judged(gates(draws, draws.attrs.get("gated") or [n for n in self.symbols if n in draws["posterior"]]))

    def arviz(self, spec: Any, data: Any, draws: xr.DataTree, *, size: int = 1000, seed: int = 0) -> xr.DataTree:
        """A tree with all that stock ArviZ asks for: see :func:`bayes_labor.posteriors.verbs.arviz_tree`."""
        tree, model = thinned(draws, size), self.build(data, spec)
        found = self.observed(spec, data, tree, seed) if self.observed is not None else by_model(model, tree, seed)
        return grouped(model, tree, found, self.solved)

    def about(self, spec: Settings, data: Any) -> dict[str, Any]:
        """What a run's record says of the fit."""
        return {"system": self.name, "specification": spec.model_dump(mode="json"), "data": self.describe(data)}


def plain_table(model: pm.Model, draws: xr.DataTree, symbols: Mapping[str, str]) -> pd.DataFrame:
    """Posterior beside prior draws of the model, of the variables in ``symbols`` that it has; what was left out below."""
    names = [n for n in symbols if n in draws["posterior"] and n in model.named_vars]
    before = prior_draws(model, _PRIOR_DRAWS, 0, names)["prior"].to_dataset()[names]
    moments = {n: (before[n].mean(("chain", "draw")).to_numpy(), before[n].std(("chain", "draw")).to_numpy()) for n in names}
    table = parameter_table(draws["posterior"].to_dataset()[names], moments, symbols)
    lost = [("left out", f"{name}: {reason}") for name, reason in notes_of(model).left_out.items()]
    if not lost:
        return table
    rows = pd.DataFrame(np.nan, pd.MultiIndex.from_tuples(lost, names=table.index.names), table.columns)
    return pd.concat([table, rows])


@cache
def systems() -> dict[str, System]:
    """All systems by name, from every ``system`` module one folder below this room."""
    import bayes_labor.posteriors as room

    found: dict[str, System] = {}
    for wing in sorted(m.name for m in pkgutil.iter_modules(room.__path__) if m.ispkg):
        name = f"{room.__name__}.{wing}.system"
        if find_spec(name) is not None:
            found |= {s.name: s for s in vars(import_module(name)).values() if isinstance(s, System)}
    return found


def system_named(name: str) -> System:
    """Raises DataFaults with the nearest name if there is none."""
    if name not in systems():
        raise DataFaults([Fault(f"there is no model {name!r}", "the command", did_you_mean(name, systems()))])
    return systems()[name]

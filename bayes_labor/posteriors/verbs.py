"""What can be done with any model: fit, resume, report, check, prior, compare, calibrate, counterfactual. Written once.

A run remembers its system, specification, table, columns and options: what takes a run asks for nothing else, but for the table
where it has moved. Whose data a run belongs to is checked by their fingerprint.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.traversal import graph_inputs

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.shown import as_html
from bayes_labor.data.tables import Reading, read_table
from bayes_labor.engines import sampling
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.notes import notes_of
from bayes_labor.models.settings import Settings
from bayes_labor.posteriors.calibration import calibrate_model
from bayes_labor.posteriors.diagnostics import gates
from bayes_labor.posteriors.disclosure import Rules
from bayes_labor.posteriors.export import export as write_export
from bayes_labor.posteriors.html import section, shown_table, write_page
from bayes_labor.posteriors.leaving_out import leave_units_out, scores
from bayes_labor.posteriors.observed import thinned
from bayes_labor.posteriors.preflight import Checked, check_model
from bayes_labor.posteriors.prior import BEFORE, prior_check
from bayes_labor.posteriors.report import write_report
from bayes_labor.posteriors.side_by_side import Column, SideBySide, side_by_side
from bayes_labor.posteriors.system import System, system_named
from bayes_labor.posteriors.tables import printed


@dataclass(frozen=True)
class Source:
    """Where data come from: a file or a sample that ships, names of columns, and what the system reads besides."""

    source: str
    columns: Mapping[str, str]
    options: Mapping[str, Any]
    reading: Reading = field(default_factory=Reading)

    def read(self, system: System) -> Any:
        """The data. Raises DataFaults with every fault at once."""
        return system.data(self.source, self.columns, self.options, self.reading)

    def record(self) -> dict[str, Any]:
        """As a run remembers it: a file by its absolute path, since commands may be given from elsewhere."""
        path = Path(self.source)
        where = str(path.absolute()) if path.is_file() else self.source
        said = {k: v for k, v in asdict(self.reading).items() if v}
        return {"source": where, "columns": dict(self.columns), "options": {k: v for k, v in self.options.items() if v}} | (
            {"reading": said} if said else {}
        )


@dataclass(frozen=True)
class Opened:
    """A run with what it was fitted to."""

    system: System
    spec: Any
    data: Any
    folder: RunFolder

    def build(self) -> pm.Model:
        """The model of the fit."""
        return self.system.build(self.data, self.spec)

    def _repr_html_(self) -> str:
        """For notebooks: what was fitted, whether its numbers may be read, and the parameters."""
        draws, record = self.folder.draws(), self.folder.record()
        failed = [f"{g.name}: {g.value}" for g in gates(draws) if not g.passed]
        state = [] if record.get("state", "done") == "done" else ["the fit is not finished"]
        size = f"{draws['posterior'].sizes['chain']} x {draws['posterior'].sizes['draw']:,} draws"
        verdict = f"Not to be read: {'; '.join(state + failed)}." if state + failed else "Gates passed."
        words = (
            f"{self.system.title}: {self.system.describe(self.data)['name']}, {size}. {verdict} Page: {self.folder.report_path}"
        )
        return as_html(words, printed(self.system.table(self.spec, self.data, draws)))


def fit(
    system: System, data: Any, spec: Settings, run: str | Path, source: Source | None = None, **settings: Any
) -> xr.DataTree:
    """Sample the posterior into a run folder; ``settings`` as :func:`bayes_labor.engines.sampling.sample` takes them.

    Where the number of draws is left alone, a fit that has not converged goes on, to :data:`LONGEST` times the default.
    """
    model = system.build(data, spec)
    record = system.about(spec, data) | ({"read": source.record()} if source is not None else {})
    lost = notes_of(model).left_out
    record |= {"left out": lost} if lost else {}
    longest = {} if "draws" in settings else {"longest": sampling.LONGEST}
    return sampling.sample(model, run=run, record=record, **(dict(system.sampler) | longest | settings))


def open_run(run: str | Path, moved: str | None = None) -> Opened:
    """A run with its data, read again from where the run remembers them.

    Parameters
    ----------
    run
        Its folder.
    moved
        Where its table is now, if it was moved.

    Raises
    ------
    DataFaults
        If there is no run, it does not say what was fitted or where its data are, or the data are not those of the fit.

    """
    folder = RunFolder.open(run)
    record = folder.record()
    if any(record.get(what) is None for what in ("system", "specification", "data")):
        remedy = "give a run of `bayes-labor fit`; in Python pass the data and the specification to what you call"
        raise DataFaults([Fault("the run does not say what was fitted", str(folder.path), remedy)])
    system, read = system_named(record["system"]), record.get("read")
    if not (read or {}).get("source") and moved is None:
        raise DataFaults([Fault("the run does not say where its table is", str(folder.path), "give it: --data FILE")])
    read = read or {"columns": {}, "options": {}}
    there = moved or read["source"]
    if Path(there).suffix and not Path(there).is_file():
        raise DataFaults([Fault("the table of the run is not there any more", there, "say where it is: --data FILE")])
    data = Source(there, read["columns"], read["options"], Reading(**read.get("reading", {}))).read(system)
    found = system.describe(data)["fingerprint"]
    if found != record["data"]["fingerprint"]:
        what = f"the run was fitted to other data ({record['data']['name']}, {record['data']['fingerprint']})"
        remedy = "the table has changed since: fit again, or give the table of the fit with --data"
        raise DataFaults([Fault(what, f"{there}: {found}", remedy)])
    return Opened(system, system.spec.recorded(record["specification"]), data, folder)


def resume(opened: Opened, *, progress: bool = False) -> xr.DataTree:
    """Go on with a fit: see :func:`bayes_labor.engines.sampling.resume`."""
    return sampling.resume(opened.folder.path, opened.build, progress=progress)


def report(opened: Opened, draws: xr.DataTree, verdict: Any = None) -> Path:
    """Write the page of a run from draws, of a fit that still runs from those so far; ``verdict`` if it was judged already."""
    return write_report(opened.system, opened.spec, opened.data, draws, opened.folder, verdict)


def arviz_tree(opened: Opened, *, size: int = 1000, seed: int = 0) -> xr.DataTree:
    """A run with everything that stock ArviZ asks for; densities and predictive draws come from its table, now.

    Parameters
    ----------
    opened
        A run, see :func:`open_run`.
    size
        Draws, evenly spread over each chain.
    seed
        Of the predictive draws.

    Returns
    -------
    xr.DataTree
        ``posterior`` of the parameters with the user's labels; ``observed_data`` and ``posterior_predictive`` of what a user
        observes, a row each (effects that the likelihood sums out are drawn anew); ``log_likelihood`` by what can be left out,
        a workplace, person, worker, team, year or moment; ``sample_stats``; ``solver``, how the model was solved at each draw,
        with the meaning of its status; ``coordinates`` that only the sampler knows.

    Raises
    ------
    DataFaults
        For a fit that is not finished, or of another release.

    """
    return opened.system.arviz(opened.spec, opened.data, opened.folder.draws(), size=size, seed=seed)


def table(runs: Mapping[str, str | Path], **options: Any) -> SideBySide:
    """Runs side by side, of any models; their tables need not be there.

    Parameters
    ----------
    runs
        Run folders by what heads their column.
    **options
        ``intervals``, ``stars``, ``names`` and ``caption``: see :func:`.side_by_side.side_by_side`; what is returned goes to a
        file by :func:`.side_by_side.write`.

    Raises
    ------
    DataFaults
        If there is no finished run, or it does not say what was fitted.

    """
    columns = {}
    for name, run in runs.items():
        folder = RunFolder.open(run)
        record, draws = folder.record(), folder.draws()
        if any(record.get(what) is None for what in ("system", "data")):
            remedy = "give runs of `bayes-labor fit`"
            raise DataFaults([Fault("the run does not say what was fitted", str(folder.path), remedy)])
        system, about = system_named(record["system"]), record["data"]
        held = gates(draws, draws.attrs.get("gated") or [n for n in system.symbols if n in draws["posterior"]])
        columns[name] = Column(system.symbols, draws, held, {k: v for k, v in about.items() if isinstance(v, int)})
    return side_by_side(columns, **options)


def export(opened: Opened, folder: Path, rules: Rules | None = None) -> pd.DataFrame:
    """Write what may leave a register, and return what was held back: see :func:`.export.export`."""
    fitted, draws = (opened.system, opened.spec, opened.data), opened.folder.draws()
    gates = opened.system.judged(opened.spec, opened.data, draws).gates
    return write_export(*fitted, draws, opened.folder.record(), gates, folder, rules)


def check(system: System, data: Any, spec: Settings, *, draws: int = 200, seed: int = 0) -> Checked:
    """Density, gradient and priors of a model, and what its system foretells: see :func:`.preflight.check_model`."""
    return check_model(system.build(data, spec), partial(system.foresee, spec, data) if system.foresee else None, draws, seed)


def prior(system: System, data: Any, spec: Settings, folder: Path, *, draws: int = 200) -> pd.DataFrame:
    """What the priors imply beside the data: a table, a picture and a page in ``folder``; the table."""
    if system.prior is not None:
        return system.prior(spec, data, folder, draws)
    place = RunFolder(folder)
    table = prior_check(system.build(data, spec), place.figures / "prior.png", draws=draws)
    solved = f"Quantiles over {draws:,} prior draws; {table.attrs['solved']:.0%} of them have a solution."
    sections = [section("What the priors imply", [shown_table(table, place, "prior", "Prior predictive", solved)])]
    title, facts = f"Prior: {system.title}", [("draws", f"{draws:,}")]
    write_page(folder / "prior.html", title=title, lead=BEFORE, facts=facts, sections=sections)
    return table


def compare(runs: Sequence[Opened], *, size: int = 1000, refits: int = 0) -> pd.DataFrame:
    """Fits of the same data side by side, best first, by what they predict for what they have not seen.

    Returns
    -------
    pd.DataFrame
        By run: expected log predictive ``density`` leaving out one unit at a time (Pareto-smoothed importance sampling), its
        ``difference`` to the best and that difference's ``se``, paired by unit; effective ``parameters``; how many units are
        ``flagged``: for these importance sampling is not to be trusted.

    Raises
    ------
    DataFaults
        If the runs are of different systems or data, or their likelihood has no units that could be left out.

    """
    first = runs[0]
    for other in runs[1:]:
        if (other.system, other.system.describe(other.data)) != (first.system, first.system.describe(first.data)):
            what = f"{other.folder.path} is a fit of another model or other data than {first.folder.path}"
            raise DataFaults([Fault(what, "compare", "compare fits of the same data by the same system")])
    if first.system.compare is not None:
        fits = {str(r.folder.path): (r.folder.draws(), r.spec) for r in runs}
        return first.system.compare(fits, first.data, size, refits)
    found = {str(r.folder.path): leave_one_out(r, size) for r in runs}
    return scores(found).rename_axis("run")


def leave_one_out(opened: Opened, size: int) -> az.ELPDData:
    """Of one run, pointwise."""
    values = _model_terms(opened, opened.folder.draws(), size)
    if values.shape[1] < 2:
        what = f"the likelihood of {opened.system.name} is a single number: no unit can be left out"
        raise DataFaults([Fault(what, str(opened.folder.path), "compare such fits by their pages")])
    return leave_units_out(values)


def _model_terms(opened: Opened, draws: xr.DataTree, size: int) -> np.ndarray:
    """(sample, term) of the model's own log likelihood, at draws evenly spread."""
    tree = thinned(draws, size)
    samples = tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"]
    with opened.build() as model:
        absent = [v.name for v in model.free_RVs if v.name not in tree["posterior"]]
        if absent:
            raise DataFaults([Fault(f"the draws lack {absent[0]}", str(opened.folder.path), "fit again with this release")])
        terms = pm.compute_log_likelihood(tree, extend_inferencedata=False, progressbar=False)
    return np.concatenate([v.to_numpy().reshape(samples, -1) for v in terms.data_vars.values()], axis=1)


def calibrate(system: System, data: Any, spec: Settings, simulations: int, **settings: Any) -> pd.DataFrame:
    """Ranks of truths drawn from the prior among posterior draws: see :func:`.calibration.calibrate_model`."""
    if system.calibrate is not None:
        return system.calibrate(data, spec, simulations, **settings)
    model = system.build(data, spec)
    observed = {}
    for variable in model.observed_RVs:
        shared = [v for v in graph_inputs([model.rvs_to_values[variable]]) if isinstance(v, SharedVariable)]
        if len(shared) != 1 or shared[0].name is None:
            what = f"{system.name} holds the data of {variable.name} fixed: no drawn data can take their place"
            raise DataFaults([Fault(what, "calibrate", "calibrate another specification, or ask for it in an issue")])
        observed[shared[0].name] = variable.name
    names = [n for n in system.symbols if n in {v.name for v in (*model.free_RVs, *model.deterministics)}]
    build = partial(system.build, data, spec)
    return calibrate_model(build, names, observed, simulations, about=system.about(spec, data), **settings)


def predict(opened: Opened, others: str | Path | pd.DataFrame, *, size: int = 200, seed: int = 0) -> pd.DataFrame:
    """What a fit predicts for other people and workplaces.

    Parameters
    ----------
    opened
        A run.
    others
        Their table, or its file: columns are called as in the table of the fit, and written as it was.
    size, seed
        Posterior draws, and of what is drawn besides.

    Raises
    ------
    DataFaults
        If the system predicts nothing, or for a table that cannot be used.

    """
    if opened.system.predict is None:
        raise DataFaults([Fault(f"{opened.system.name} predicts nothing for others", str(opened.folder.path), "see its page")])
    read = opened.folder.record().get("read") or {"columns": {}}
    columns = {k: v for k, v in read["columns"].items() if k in ("workplace", "industry")}
    if not isinstance(others, pd.DataFrame):
        text = [columns.get(k, k) for k in ("workplace", "industry")]
        # Which rows the fit wanted says nothing of these; how its file was written does, if this one is of the same kind.
        same = Path(str(others)).suffix == Path(str(read.get("source", ""))).suffix
        how = Reading(**read.get("reading", {})) if same else Reading()
        others = read_table(others, text=text, reading=replace(how, where=()))
    found = opened.system.predict(opened.spec, opened.data, opened.folder.draws(), others, size, seed, **columns)
    return found


def counterfactual(opened: Opened, changes: Mapping[str, tuple[bool, Any]], *, size: int = 100) -> pd.DataFrame:
    """Quantities before and after a change, solved anew at posterior draws.

    Raises
    ------
    DataFaults
        If the economics of the system has no such question.

    """
    if opened.system.counterfactual is None:
        raise DataFaults([Fault(f"{opened.system.name} has no counterfactuals", str(opened.folder.path), "see its page")])
    return opened.system.counterfactual(opened.spec, opened.data, opened.folder.draws(), changes, size)


def settings_of(system: System, given: Mapping[str, Any], file: Path | None = None) -> Any:
    """A specification from settings by name, those of ``priors`` among them, and a JSON file with more.

    Raises
    ------
    DataFaults
        If the file is no JSON object, or a setting is not known or out of range.

    """
    more: dict[str, Any] = {}
    if file is not None:
        try:
            more = json.loads(file.read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise DataFaults([Fault(f"the settings cannot be read: {error}", str(file), "write a JSON object")]) from error
        if not isinstance(more, dict) or not isinstance(more.get("priors", {}), dict):
            raise DataFaults([Fault("the settings, and priors among them, must be objects", str(file), "write a JSON object")])
    if not isinstance(given.get("priors", {}), Mapping):
        what = f"priors = {given['priors']!r} are no object"
        raise DataFaults([Fault(what, "--set priors", "write --prior NAME=NUMBER, e.g. unemployment=0.2")])
    priors = more.get("priors", {}) | dict(given.get("priors", {}))
    merged = more | {k: v for k, v in given.items() if k != "priors"} | ({"priors": priors} if priors else {})
    return system.spec(**merged)

"""Options that several verbs share, and what is made of them."""

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    import pandas as pd

    from bayes_labor.posteriors.diagnostics import Gate
    from bayes_labor.posteriors.system import System
    from bayes_labor.posteriors.verbs import Source

console = Console(markup=False, emoji=False)  # what is printed holds users' words


def path_of(text: str | Path) -> Path:
    """A path as it was typed. An empty one would be the current folder: it comes of a shell's variable that is not set."""
    if not str(text).strip() or "\0" in str(text):
        raise typer.BadParameter("the name is empty or no name: is a variable of the shell not set?")
    return Path(text)


Run = Annotated[Path, typer.Option(parser=path_of, metavar="FOLDER", help="Run folder.")]
RunArgument = Annotated[Path, typer.Argument(parser=path_of, metavar="RUN", help="Run folder of `fit`.")]
Data = Annotated[str, typer.Option(help="Where the run's table is now, if it was moved.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of everything random.")]
PriorDraws = Annotated[int, typer.Option(min=2, max=1_000_000, help="Draws from the prior.")]


@dataclass(frozen=True)
class Task:
    """A model, its specification and its data, as the options name them."""

    system: "System"
    spec: Any
    source: "Source"

    def data(self) -> Any:
        """Read; every fault at once."""
        return self.source.read(self.system)


def source(
    source: Annotated[
        str, typer.Argument(help="A file (.csv, .tsv, .parquet, .feather, .dta, .sav, .sas7bdat, .xpt, .xlsx), or a sample "
        "that ships: `baseball`, `norway`, `norway:600`, `table5`, `clean`, `paper`, `postwar`, by model.")
    ],
    column: Annotated[
        list[str] | None, typer.Option(help="A column of the file by its name here, e.g. id=person; repeat for several.")
    ] = None,
    workplace: Annotated[str, typer.Option(help="Column with the workplace's id, if it is not called workplace.")] = "",
    wage: Annotated[str, typer.Option(help="Column with the wage, if it is not called wage.")] = "",
    industry: Annotated[str, typer.Option(help="Column with the workplace's industry, if it is not called industry.")] = "",
    formula: Annotated[
        str, typer.Option(help="Joint production: characteristics of talent, e.g. 'experience + {experience**2/100}'.")
    ] = "",
    internal: Annotated[
        list[str] | None, typer.Option(help="Joint production: variable lost when the worker leaves; repeat for several.")
    ] = None,
    worker: Annotated[
        str, typer.Option(help="Joint production: column with the worker's id; with it, nobody may appear twice.")
    ] = "",
    person: Annotated[
        str, typer.Option(help="Joint production: column with the person's id, where rows are spells: repetitions are told.")
    ] = "",
    leave_out: Annotated[
        list[str] | None, typer.Option(help="Joint production: workplaces to leave out, `incomplete` or `single` ones.")
    ] = None,
    missing: Annotated[
        str, typer.Option(help="Joint production: `indicator`: missing characteristics are filled, and have a term.")
    ] = "",
    weight: Annotated[
        str, typer.Option(help="Joint production: column with the workers of the workplace that each sampled one stands for.")
    ] = "",
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Joint production: wages are simulated with additive errors, some below 0.")
    ] = False,
    gaps: Annotated[
        str, typer.Option(help="Bonuses: years that a worker misses: `keep`, or `spells`: another worker from there on.")
    ] = "",
    demotions: Annotated[
        str, typer.Option(help="Bonuses: levels that fall: `keep`, `spells`, or `drop` the rows from there on.")
    ] = "",
    firm: Annotated[str, typer.Option(help="Bonuses: column with the firm, where there are several.")] = "",
    level_order: Annotated[
        list[str] | None, typer.Option(help="Bonuses: a level in words; repeat for all of them, the lowest first.")
    ] = None,
    rating_order: Annotated[
        list[str] | None, typer.Option(help="Bonuses: a rating in words; repeat for all of them, the best first.")
    ] = None,
    count: Annotated[
        bool, typer.Option("--count", help="Bonuses: count tenures and promotions that the table lacks from its rows.")
    ] = False,
    unit: Annotated[
        list[str] | None,
        typer.Option(help="Sorting: unit of a moment or series, e.g. 'labor share=percent'; log points, percent."),
    ] = None,
    covariance: Annotated[
        str, typer.Option(help="Sorting: file with the covariance matrix of the moments, in the place of standard errors.")
    ] = "",
    where: Annotated[
        list[str] | None, typer.Option(help="Rows to keep, e.g. 'year == 2019'; repeat for conditions that all hold.")
    ] = None,
    separator: Annotated[str, typer.Option(help="Of a text file, e.g. ';' or tab; it and what follows are recognised.")] = "",
    decimal: Annotated[str, typer.Option(help="Decimal sign of a text file: , or point.")] = "",
    thousands: Annotated[str, typer.Option(help="What sets off thousands in a text file, e.g. , or point or space.")] = "",
    encoding: Annotated[str, typer.Option(help="Of a text file, e.g. cp1250.")] = "",
    sheet: Annotated[str, typer.Option(help="Of a workbook with several.")] = "",
    codes: Annotated[
        list[str] | None, typer.Option(help="Column of a Stata or SPSS file to read as codes, not labels; repeat for several.")
    ] = None,
) -> "Source":  # fmt: skip
    """Where the data come from."""
    from bayes_labor.data.tables import Reading
    from bayes_labor.posteriors.verbs import Source

    columns = {name.strip(): theirs.strip() for name, theirs in (_pair(t, "--column", "id=person") for t in column or [])}
    columns |= {k: v for k, v in (("workplace", workplace), ("wage", wage), ("industry", industry)) if v}
    reading = Reading(separator, decimal, thousands, encoding, sheet, tuple(where or ()), tuple(codes or ()))
    given: dict[str, Any] = {"formula": formula, "internal": internal or [], "worker": worker, "person": person}
    given |= {"leave_out": leave_out or [], "missing": missing, "weight": weight, "simulated": simulated}
    given |= {"gaps": gaps, "demotions": demotions, "firm": firm, "count": count}
    given |= {"unit": unit or [], "covariance": str(Path(covariance).absolute()) if covariance else ""}
    given |= {"level_order": level_order or [], "rating_order": rating_order or []}
    return Source(source, columns, given, reading)


def task(
    system: Annotated[
        str, typer.Argument(metavar="MODEL", help="E.g. `joint-production` or `bonuses.size`; `bayes-labor models` lists them.")
    ],
    source: "Source",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the specification, e.g. spec=flexible or errors=student; repeat for several."),
    ] = None,
    prior: Annotated[
        list[str] | None, typer.Option(help="A prior, e.g. unemployment=0.2 or 'V_U=normal(3, 1)'; repeat for several.")
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(parser=path_of, metavar="FILE", help="JSON file with further settings and priors of the specification."),
    ] = None,
) -> Task:
    """A model with its specification and data."""
    from bayes_labor.posteriors.system import system_named
    from bayes_labor.posteriors.verbs import settings_of

    chosen = system_named(system)
    given = dict(_setting(text) for text in set_ or [])
    said = [_prior(t) for t in prior or []]
    priors: dict[str, Any] = {name: value if "(" in value else number(value, text) for name, value, text in said}
    if priors and isinstance(given.get("priors", {}), dict):
        given["priors"] = given.get("priors", {}) | priors
    return Task(chosen, settings_of(chosen, given, settings), source)


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    from bayes_labor.data import DataFaults, Fault

    name, equals, value = text.partition("=")
    if not equals:
        what = {"--column": "names no column", "--set": "sets nothing", "--prior": "sets no prior"}[option]
        how = {"--column": "NAME=COLUMN", "--set": "NAME=VALUE", "--prior": "NAME=NUMBER"}[option]
        raise DataFaults([Fault(f"{text!r} {what}", option, f"write {how}, e.g. {example}")])
    return name, value


def _setting(text: str) -> tuple[str, Any]:
    """A value that is no JSON is a word."""
    name, value = _pair(text, "--set", "errors=student")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _prior(text: str) -> tuple[str, str, str]:
    return (*_pair(text, "--prior", "unemployment=0.2"), text)


def number(value: str, text: str) -> Any:
    """A value that must be JSON: a number, or a list of them."""
    from bayes_labor.data import DataFaults, Fault

    try:
        return json.loads(value)
    except ValueError:
        remedy = "write NAME=NUMBER, e.g. unemployment=0.2, or NAME=LAW, e.g. 'V_U=normal(3, 1)'"
        raise DataFaults([Fault(f"{text!r} sets no prior", "--prior", remedy)]) from None


def command(
    app: typer.Typer, name: str | None = None, **makers: Callable[..., Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command some of whose arguments are made from options of their own: those of the named functions."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        run = _expanded(function, makers)
        return app.command(name or function.__name__)(run)

    return register


def _expanded(function: Callable[..., Any], makers: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The function with the options of its makers in place of what they make."""
    making = {name: _expanded(maker, _NESTED.get(maker, {})) for name, maker in makers.items()}
    options: dict[str, list[inspect.Parameter]] = {
        name: list(inspect.signature(making[name]).parameters.values()) if name in making else [parameter]
        for name, parameter in inspect.signature(function).parameters.items()
    }

    @functools.wraps(function)
    def run(**values: Any) -> Any:
        made = {n: make(**{p.name: values.pop(p.name) for p in options[n]}) for n, make in making.items()}
        return function(**made, **values)

    shown = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for group in options.values() for p in group]
    run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in shown}
    return run


_NESTED: dict[Callable[..., Any], dict[str, Callable[..., Any]]] = {task: {"source": source}}


def say_table(table: "pd.DataFrame") -> None:
    """A parameter table, as wide as it is."""
    from bayes_labor.posteriors.tables import printed

    columns = [c for c in ("mean", "sd", "hdi_low", "hdi_high", "contraction", "ess_bulk", "r_hat") if c in table]
    console.print(printed(table)[columns].to_string(), highlight=False)


def say_gates(found: "list[Gate]") -> None:
    """A line each."""
    for gate in found:
        console.print(
            f"{'passed' if gate.passed else 'FAILED'}  {gate.name}: {gate.value}" + ("" if gate.passed else f" - {gate.advice}")
        )


def read_out(opened: Any, draws: Any) -> None:
    """Write a run's page and print its table and gates; exit code 1 if one failed."""
    from bayes_labor.posteriors import verbs

    verdict = opened.system.judged(opened.spec, opened.data, draws)
    page = verbs.report(opened, draws, verdict)
    say_table(opened.system.table(opened.spec, opened.data, draws))
    say_gates(verdict.gates)
    for caution in verdict.cautions:
        console.print(f"caution {caution.name}: {caution.value} - {caution.advice}", highlight=False)
    console.print(f"report: {page}")
    if not all(g.passed for g in verdict.gates):
        raise typer.Exit(1)


def raise_if_unsaved(draws: Any, run: Path) -> None:
    """Raises DataFaults that say where the draws are if the run folder had no room for them."""
    from bayes_labor.data.faults import DataFaults, Fault

    if draws.attrs.get("unsaved"):
        kept = draws.attrs["kept_in"]
        where = kept or f"{run / 'partial.draws'}, as of the last write"
        remedy = f"make room, then `bayes-labor resume {kept or run}` goes on from there"
        raise DataFaults([Fault(f"the draws could not be stored in {run}: {draws.attrs['unsaved']}", where, remedy)])

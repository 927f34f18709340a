"""The application with all its verbs, and how it ends."""

import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bayes_labor.commands import (
    calibrate,
    check,
    compare,
    counterfactual,
    data,
    demo,
    example,
    export,
    fit,
    peek,
    predict,
    prior,
    report,
    reproduce,
    resume,
    table,
)
from bayes_labor.engines.signals import heard
from bayes_labor.engines.telling import listen

_INTERRUPTED, _TERMINATED = 130, 143

app = typer.Typer(
    name="bayes-labor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=(
        "Bayesian estimation of structural labor-market models on matched data.\n\n"
        "Start with `bayes-labor demo`. With your own table: `data` shows what is wrong with it, `check` whether it can be "
        "sampled, `prior` what the priors imply, `fit` samples into a run folder and writes its page. What takes a run asks "
        "for nothing else: `report`, `resume`, `peek`, `compare`, `counterfactual`, `predict`, `export`; `table` takes several."
    ),
)
for _verb in (
    demo,
    data,
    check,
    prior,
    fit,
    report,
    resume,
    peek,
    compare,
    counterfactual,
    calibrate,
    reproduce,
    export,
    predict,
    table,
    example,
):
    _verb.register(app)


def _version(shown: bool) -> None:
    from importlib.metadata import version

    if shown:
        Console().print(f"bayes-labor {version('bayes-labor')}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version, and leave.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: faults of the input are printed, not thrown."""
    from bayes_labor.data.faults import DataFaults, Fault

    heard.clear()
    listen(lambda line: print(line, file=sys.stderr, flush=True), every=10.0 if sys.stderr.isatty() else 60.0)
    with contextlib.suppress(ValueError):  # of a thread that is not the main one
        signal.signal(signal.SIGTERM, _terminated)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background jobs ignore it
            signal.signal(signal.SIGINT, _interrupted)
    try:
        _unless_ended(app)
    except SystemExit:
        raise
    except DataFaults as faults:
        _leave(2, str(faults))
    except OSError as error:
        where = str(error.filename or "the disk")
        remedy = "make room or choose a folder that you may write to; draws already stored are kept"
        _leave(2, str(DataFaults([Fault(f"a file cannot be read or written: {error.strerror or error}", where, remedy)])))
    except BaseException as defect:  # an engine's panic is no Exception
        short = _short_of_memory(defect)
        if short is None:
            _leave(3, _what_to_report(defect))
        remedy = "use fewer rows, terms, draws or chains, or a machine with more memory; draws already stored are kept"
        _leave(2, str(DataFaults([Fault("the memory does not suffice", str(short) or "this machine", remedy)])))


def _short_of_memory(error: BaseException | None) -> BaseException | None:
    """What said that there is no memory, among the errors that led to this one: libraries fall over it in their own ways."""
    while error is not None:
        if isinstance(error, MemoryError) or "annot allocate memory" in str(error):
            return error
        error = error.__cause__ or error.__context__
    return None


def _unless_ended(run: Callable[[], object]) -> None:
    """Run; if a signal ends it, say so, however its exception arrives."""
    try:
        run()
    except BaseException as error:
        # What a signal raises inside a library's callback arrives as an error of that library.
        ended = heard[0] if heard else error
        code = ended.code if isinstance(ended, SystemExit) else _INTERRUPTED if isinstance(ended, KeyboardInterrupt) else None
        if code not in (_INTERRUPTED, _TERMINATED):
            raise
        how = "interrupted" if code == _INTERRUPTED else "terminated"
        place = _unfinished()
        kept = f": draws so far are in {place}, `bayes-labor resume {place}` goes on with them" if place else ""
        _leave(int(str(code)), how + kept)


def _unfinished() -> Path | None:
    """The run folder with the draws of what was ended; none is loaded at this moment to find that there is none."""
    engine = sys.modules.get("bayes_labor.engines.run_folder")
    found: Path | None = engine.unfinished() if engine else None
    return found


def _terminated(*_: object) -> None:
    """As a queue ends a job: what was begun is put away first."""
    heard.append(SystemExit(_TERMINATED))
    raise heard[-1]


def _interrupted(*_: object) -> None:
    heard.append(KeyboardInterrupt())
    raise heard[-1]


def _what_to_report(defect: BaseException) -> str:
    """Write the traceback to a file; a few lines on what happened and what to report."""
    import shlex
    import tempfile
    import traceback
    from importlib.metadata import version

    command = shlex.join(["bayes-labor", *sys.argv[1:]])
    last = traceback.format_exception_only(defect)[-1].strip().splitlines()[0]
    told = f"bayes-labor {version('bayes-labor')}, Python {sys.version.split()[0]}\n{command}\n"
    told += "".join(traceback.format_exception(defect))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="bayes-labor-", suffix=".txt", delete=False) as file:
            file.write(told)
        where = f"the traceback is in {file.name}"
    except OSError:
        where = f"the traceback:\n{told}"
    return (
        f"this is a defect of bayes-labor {version('bayes-labor')}, not of your input\n  command: {command}\n"
        f"  error:   {last[:300]}\n  report both, please; {where}"
    )


def _leave(code: int, text: str) -> None:
    _complain(text)
    sys.exit(code)


def _complain(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)

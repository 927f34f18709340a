"""`fit`: sample the posterior into a run folder and write its page."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_labor.commands.options import Run, Seed, Task, command, console, raise_if_unsaved, read_out, task


def fit_and_report(task: Task, data: Any, run: Path, *, overwrite: bool, settings: dict[str, Any]) -> None:
    """Fit, write the page and print what was found; exit code 1 if a gate failed."""
    from bayes_labor.engines.run_folder import RunFolder
    from bayes_labor.posteriors import verbs

    start, known = time.perf_counter(), task.system.describe(data)
    counts = ", ".join(f"{v:,} {k}" for k, v in known.items() if isinstance(v, int))
    console.print(f"{known['name']}: {counts}; compiling ...", highlight=False)
    settings = {k: v for k, v in settings.items() if v is not None} | {"progress": sys.stdout.isatty()}
    draws = verbs.fit(task.system, data, task.spec, run, task.source, overwrite=overwrite, **settings)
    raise_if_unsaved(draws, run)
    seconds = draws.attrs["sampling_seconds"]
    console.print(f"compiled in {draws.attrs['compile_seconds']:.0f} s, sampled in {seconds:.0f} s; writing the report ...")
    try:
        read_out(verbs.Opened(task.system, task.spec, data, RunFolder(run)), draws)
    finally:
        console.print(f"{time.perf_counter() - start:.0f} s in all")


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @command(app, task=task)
    def fit(
        task: Task,
        run: Run,
        draws: Annotated[int | None, typer.Option(help="Of each chain, by default as many as the model needs.")] = None,
        tune: Annotated[int | None, typer.Option(help="Tuning steps of each chain.")] = None,
        chains: Annotated[int | None, typer.Option(help="Chains.")] = None,
        seed: Seed = 20161102,
        engine: Annotated[str | None, typer.Option(help="nutpie, blackjax, pymc, numpyro; smc: several modes.")] = None,
        start: Annotated[
            str | None, typer.Option(help="modes; or laplace or pathfinder, which also whiten the coordinates: for large data.")
        ] = None,
        second_opinion: Annotated[
            int | None, typer.Option(help="Particles that check where the mass is, where there may be several modes; 0: none.")
        ] = None,
        overwrite: Annotated[bool, typer.Option(help="Replace draws that are already in the run folder.")] = False,
    ) -> None:
        """Sample the posterior into a run folder and write its report."""
        sampler = {"draws": draws, "tune": tune, "chains": chains, "seed": seed, "engine": engine, "start": start}
        sampler["second_opinion"] = second_opinion
        fit_and_report(task, task.data(), run, overwrite=overwrite, settings=sampler)

"""`calibrate`: are the intervals honest on data like these?"""

from pathlib import Path
from typing import Annotated

import typer

from bayes_labor.commands.options import Seed, Task, command, console, path_of, task


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @command(app, task=task)
    def calibrate(
        task: Task,
        simulations: Annotated[
            int, typer.Option(min=1, max=1_000_000, help="Data sets drawn from the prior and fitted.")
        ] = 100,
        keep: Annotated[
            Path,
            typer.Option(
                parser=path_of,
                metavar="FILE",
                help="CSV of the ranks so far, a record of what they belong to beside it; not run again.",
            ),
        ] = Path("ranks.csv"),
        workers: Annotated[int, typer.Option(min=1, max=1024, help="Processes on this machine.")] = 1,
        address: Annotated[str, typer.Option(help="Scheduler of a dask cluster to use instead, e.g. tcp://host:8786.")] = "",
        draws: Annotated[int, typer.Option(min=20, help="Of each chain of each fit.")] = 300,
        tune: Annotated[int, typer.Option(min=20, help="Tuning steps of each.")] = 300,
        seed: Seed = 0,
    ) -> None:
        """Simulation-based calibration of the model on data like yours: are its intervals honest?"""
        from bayes_labor.data import DataFaults, Fault
        from bayes_labor.engines.run_folder import check_place
        from bayes_labor.posteriors import verbs
        from bayes_labor.posteriors.rank_file import fit_health
        from bayes_labor.posteriors.uniform import alarm_level, rank_picture, uniformity

        if not keep.absolute().parent.is_dir():
            raise DataFaults([Fault("there is no such folder", str(keep.parent), "make it, or choose another with --keep")])
        check_place(keep.absolute().parent)
        picture = keep.with_suffix(".png")
        if picture.exists() and not keep.exists():
            raise DataFaults([Fault("there is a picture of that name already", str(picture), "choose another with --keep")])
        ranks = verbs.calibrate(
            task.system, task.data(), task.spec, simulations, seed=seed, keep=keep, workers=workers, address=address or None,
            draws=draws, tune=tune, progress=lambda n: console.print(f"{n} of {simulations}", highlight=False),
        )  # fmt: skip
        p = uniformity(ranks).sort_values()
        alarm = alarm_level(len(p))
        console.print(p.head(8).to_string(), highlight=False)
        health = fit_health(keep)
        console.print(
            f"{len(health)} fits: {int((health['divergences'] > 0).sum())} with divergences, "
            f"{int((health['went_on'].fillna('') != '').sum())} that went on, "
            f"least ESS {health['ess'].min():.0f}, largest R-hat {health['r_hat'].max():.3f}, "
            f"{health['seconds'].sum() / 60:.1f} minutes of sampling",
            highlight=False,
        )
        rank_picture(ranks).savefig(picture, dpi=150)
        console.print(f"ranks: {keep}, their distribution: {picture}", highlight=False, markup=False)
        console.print(
            f"smallest p-value of {len(p)} parameters {p.min():.2g}; alarm below {alarm:.2g} (once in a hundred if right)"
        )
        if p.min() < alarm:
            raise typer.Exit(1)

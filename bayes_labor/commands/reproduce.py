"""`reproduce`: every table and figure of a paper."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_labor.commands.options import Seed, console, path_of


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def reproduce(
        system: Annotated[str, typer.Argument(help="`joint-production`, `sorting`, `bonuses` or `learning`.")],
        run: Annotated[
            Path | None,
            typer.Option(parser=path_of, metavar="FOLDER", help="Run folder; by default runs/ and the system's name."),
        ] = None,
        workplaces: Annotated[
            int, typer.Option(min=20, max=5_000_000, help="Joint production: generated workplaces that the fits see.")
        ] = 2000,
        holdout: Annotated[
            int, typer.Option(min=2, max=5_000_000, help="Joint production: further generated workplaces that no fit sees.")
        ] = 500,
        macro: Annotated[
            Path | None,
            typer.Option(
                parser=path_of,
                metavar="FOLDER",
                help="Sorting: folder of public series; by default those that ship with statsmodels.",
            ),
        ] = None,
        table: Annotated[
            Path | None,
            typer.Option(
                parser=path_of,
                metavar="FILE",
                help="Bonuses: personnel of one firm, .csv or .parquet; by default generated ones.",
            ),
        ] = None,
        quick: Annotated[bool, typer.Option(help="Bonuses, learning: leave out what takes longest.")] = False,
        device: Annotated[str, typer.Option(help="Learning: `cpu`, or `gpu` for a larger economy.")] = "cpu",
        draws: Annotated[
            int | None, typer.Option(min=1, max=10_000_000, help="Draws of a chain; by default 500 to 2,000, by system.")
        ] = None,
        tune: Annotated[
            int | None, typer.Option(min=0, max=10_000_000, help="Tuning steps of a chain; by default 300 to 500, by system.")
        ] = None,
        seed: Seed = 1,
    ) -> None:
        """Every table and figure of a paper; takes up what the run folder already holds.

        Joint production is fitted to generated data with known truth, sorting to the paper's moments and to real annual series,
        bonuses to generated personnel with known truth; learning is solved at the slides' parameters from two seeds.
        """
        from bayes_labor.data import DataFaults, Fault
        from bayes_labor.engines.run_folder import check_place

        check_place(run or Path("runs"))
        systems: dict[str, Callable[..., Path]] = {
            "joint-production": functools.partial(_joint_production, workplaces, holdout),
            "sorting": functools.partial(_sorting, macro),
            "bonuses": functools.partial(_bonuses, table, quick),
            "learning": functools.partial(_learning, device, quick),
        }
        if system not in systems:
            raise DataFaults([Fault(f"there is nothing called {system!r} to reproduce", "reproduce", " or ".join(systems))])
        given = {k: v for k, v in (("draws", draws), ("tune", tune)) if v is not None}
        say = functools.partial(console.print, highlight=False)
        console.print(f"page: {systems[system](run or Path('runs') / system, say=say, seed=seed, **given)}")


def _joint_production(workplaces: int, holdout: int, run: Path, *, seed: int, **settings: Any) -> Path:
    from bayes_labor.data import norway
    from bayes_labor.data.joint_production.norway import true_parameters
    from bayes_labor.models import JointProductionPriors, JointProductionSpec
    from bayes_labor.posteriors.joint_production.paper import reproduce as write

    sample, held = norway(workplaces + holdout, seed=seed).split(holdout / (workplaces + holdout), seed=seed)
    settings = {"draws": 800, "tune": 400} | settings
    # The generated economy pays the unemployed less than nothing: V_U is -0.08 mean wages there.
    spec = JointProductionSpec(priors=JointProductionPriors(unemployment_center=0.0, unemployment=0.2))
    return write(sample, run, spec, holdout=held, truth=true_parameters(), seed=seed, **settings)


def _bonuses(table: Path | None, quick: bool, run: Path, **settings: Any) -> Path:
    from bayes_labor.data import read_personnel
    from bayes_labor.posteriors.bonuses.paper import reproduce_bonuses

    panel = None if table is None else read_personnel(table)
    return reproduce_bonuses(run, panel, quick=quick, **settings)


def _learning(device: str, quick: bool, run: Path, **settings: Any) -> Path:
    from bayes_labor.data import DataFaults, Fault
    from bayes_labor.posteriors.learning.device import use_device

    try:
        size = use_device(device)
        from bayes_labor.posteriors.learning.paper import reproduce_learning

        return reproduce_learning(run, size, quick=quick, **settings)
    except ModuleNotFoundError as missing:
        remedy = "install the extra: pip install bayes-labor[jax]"
        raise DataFaults([Fault(f"{missing.name} is not installed", "reproduce learning", remedy)]) from None
    except ValueError as error:
        raise DataFaults([Fault(str(error), str(run), "see the documentation of learning on the job")]) from None


def _sorting(macro: Path | None, run: Path, **settings: Any) -> Path:
    from bayes_labor.data import read_us_macro, read_us_targets
    from bayes_labor.posteriors.sorting import reproduce_sorting

    real: dict[str, Any] = {} if macro is None else {"series": read_us_macro(macro), "real_targets": read_us_targets(macro)}
    return reproduce_sorting(run, **real, **settings)

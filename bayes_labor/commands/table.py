"""`table`: fits side by side as papers print them."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_labor.commands.options import console


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def table(
        runs: Annotated[
            list[str], typer.Argument(metavar="RUN...", help="Run folders of any models; NAME=RUN heads a column.")
        ],
        to: Annotated[Path | None, typer.Option(help="File to write: .html, .tex, .docx or .csv.")] = None,
        intervals: Annotated[bool, typer.Option(help="94% intervals below the means, not standard deviations.")] = False,
        stars: Annotated[bool, typer.Option(help="Mark means by the posterior probability of their sign.")] = False,
        name: Annotated[
            list[str] | None, typer.Option(help="What to call a parameter or term, e.g. 'experience=Experience'; repeat.")
        ] = None,
        caption: Annotated[str, typer.Option(help="Of the table.")] = "Posterior means",
    ) -> None:
        """Fits side by side: a column each, means with their uncertainty below, what was fitted at the foot."""
        from bayes_labor.data.faults import DataFaults, Fault
        from bayes_labor.posteriors import verbs
        from bayes_labor.posteriors.side_by_side import write

        words = dict(n.partition("=")[::2] for n in name or ())
        if wrong := [n for n in name or () if not all(n.partition("="))]:
            raise DataFaults([Fault(f"{wrong[0]!r} is no name", "--name", "write --name 'old=new'")])
        columns = dict(_headed(run) for run in runs)
        if len(columns) < len(runs):
            raise DataFaults([Fault("two columns have the same name", "the runs", "write NAME=RUN for each")])
        made = verbs.table(columns, intervals=intervals, stars=stars, names=words, caption=caption)
        if to is not None:
            write(made, to)
            console.print(f"written to {to}", highlight=False)
            return
        console.print(made.table.to_string(), highlight=False)
        console.print(made.notes, highlight=False)


def _headed(run: str) -> tuple[str, str]:
    """(what heads the column, the run): of NAME=RUN, unless a folder has that name."""
    before, there, after = run.partition("=")
    return (before, after) if there and not Path(run).exists() else (Path(run).name, run)

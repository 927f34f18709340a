"""`compare`: fits side by side."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_labor.commands.options import Data, console, path_of


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def compare(
        runs: Annotated[
            list[Path], typer.Argument(parser=path_of, metavar="RUN...", help="Run folders of fits to the same data.")
        ],
        data: Data = "",
        refits: Annotated[int, typer.Option(min=0, help="Refit without a flagged unit where a fit has at most so many.")] = 0,
        size: Annotated[int, typer.Option(min=10, help="Posterior draws of each fit that are used.")] = 1000,
    ) -> None:
        """Fits side by side by what they predict, leaving out one unit (a workplace, a worker) at a time; best first."""
        from bayes_labor.posteriors import verbs
        from bayes_labor.posteriors.tables import printed

        table = verbs.compare([verbs.open_run(r, data or None) for r in runs], size=size, refits=refits)
        shown = printed(table)
        wide = len(shown.to_string().partition("\n")[0]) > console.width  # then a column for each fit
        console.print((shown.T if wide else shown).to_string(), highlight=False, markup=False)

"""`prior`: what the priors imply, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_labor.commands.options import PriorDraws, Task, command, console, path_of, task


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @command(app, task=task)
    def prior(
        task: Task,
        run: Annotated[
            Path, typer.Option(parser=path_of, metavar="FOLDER", help="Folder for the page, its table and pictures.")
        ] = Path("runs/prior"),
        draws: PriorDraws = 200,
    ) -> None:
        """What the priors imply for what is observed, beside what was: a table, pictures, a page."""
        from bayes_labor.engines.run_folder import check_place
        from bayes_labor.posteriors import verbs
        from bayes_labor.posteriors.tables import printed

        check_place(run)
        data = task.data()
        console.print(task.system.printed_priors(task.spec, data) or str(task.spec), highlight=False)
        table = verbs.prior(task.system, data, task.spec, run, draws=draws)
        console.print(printed(table).to_string(), highlight=False)
        console.print(f"page: {run / 'prior.html'}")

"""`export`: what of a run may leave a register."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_labor.commands.options import Data, RunArgument, console, path_of

_MOST = 10**9  # of anybody that a rule may ask for: no register has more


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def export(
        run: RunArgument,
        folder: Annotated[Path, typer.Argument(parser=path_of, metavar="FOLDER", help="New folder: all in it may leave.")],
        data: Data = "",
        workers: Annotated[int, typer.Option(max=_MOST, help="Fewest workers behind a number.")] = 10,
        workplaces: Annotated[int, typer.Option(max=_MOST, help="Fewest workplaces behind a number.")] = 3,
        largest: Annotated[int, typer.Option(max=_MOST, help="So many of the largest may not make up more than --share.")] = 2,
        share: Annotated[float, typer.Option(help="Of a total that may come from the largest.")] = 0.9,
        freedom: Annotated[int, typer.Option(max=_MOST, help="Fewest residual degrees of freedom behind an estimate.")] = 10,
    ) -> None:
        """Write what may leave a register: tables behind whose numbers enough people stand; what is held back is listed."""
        from bayes_labor.posteriors import verbs
        from bayes_labor.posteriors.disclosure import Rules

        rules = Rules(workers, workplaces, largest, share, freedom)
        held = verbs.export(verbs.open_run(run, data or None), folder, rules)
        console.print(f"written to {folder}: {rules.told()}", highlight=False)
        for (table, why), rows in held.groupby(["table", "why"]):
            console.print(f"held back: {len(rows)} of {table} ({why})", highlight=False)
        console.print("held_back.csv lists them cell by cell" if len(held) else "nothing was held back", highlight=False)

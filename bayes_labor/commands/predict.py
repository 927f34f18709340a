"""`predict`: what a fit says of others."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_labor.commands.options import Data, RunArgument, Seed, console


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def predict(
        run: RunArgument,
        table: Annotated[str, typer.Argument(help="A file with other workplaces, its columns called as in the run's table.")],
        to: Annotated[Path | None, typer.Option(help="CSV file to write; else it is printed.")] = None,
        data: Data = "",
        size: Annotated[int, typer.Option(min=10, help="Posterior draws.")] = 200,
        seed: Seed = 0,
    ) -> None:
        """What the fit predicts of pay in workplaces that it has not seen, with and without errors."""
        from bayes_labor.data.faults import DataFaults, Fault
        from bayes_labor.posteriors import verbs
        from bayes_labor.posteriors.tables import harmless, printed

        if to is not None and (to.suffix != ".csv" or to.exists()):
            what = f"{to} is there already" if to.exists() else f"predictions are not written to {to.suffix or 'such a name'}"
            raise DataFaults([Fault(what, "--to", "name a new .csv file")])
        found = verbs.predict(verbs.open_run(run, data or None), table, size=size, seed=seed)
        if to is not None:
            harmless(found).to_csv(to)
            console.print(f"{len(found):,} predictions written to {to}", highlight=False)
            return
        console.print(printed(found).to_string(), highlight=False)

"""`report`: the page of a run."""

import typer

from bayes_labor.commands.options import Data, RunArgument, console


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def report(run: RunArgument, data: Data = "") -> None:
        """Write the report of a run again, from its draws (so far, if it still runs) and its data."""
        from bayes_labor.engines.sampling import peek
        from bayes_labor.posteriors import verbs

        opened = verbs.open_run(run, data or None)
        console.print(f"report: {verbs.report(opened, peek(run)[0])}")

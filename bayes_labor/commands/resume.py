"""`resume`: go on with a fit that was interrupted or killed."""

import sys

import typer

from bayes_labor.commands.options import Data, RunArgument, console, raise_if_unsaved, read_out


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def resume(run: RunArgument, data: Data = "") -> None:
        """Go on with a fit that was interrupted or killed, and write its report; says what was recovered and how."""
        from bayes_labor.posteriors import verbs

        opened = verbs.open_run(run, data or None)
        draws = verbs.resume(opened, progress=sys.stdout.isatty())
        raise_if_unsaved(draws, run)
        console.print("; ".join(opened.folder.record().get("resumed", ["the fit was finished already"])))
        read_out(opened, draws)

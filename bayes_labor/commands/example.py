"""`example`: a built-in sample as a table."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_labor.commands.options import console, path_of


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("example")
    def example(
        name: Annotated[str, typer.Argument(help="`baseball`, `norway` or `personnel`.")],
        path: Annotated[Path, typer.Argument(parser=path_of, metavar="FILE", help="File to write, .parquet or .csv.")],
    ) -> None:
        """Save a built-in sample as a table, to see what one looks like."""
        from bayes_labor.data import DataFaults, Fault, baseball_table, norway_table, personnel

        tables: dict[str, Callable[[], Any]] = {
            "baseball": baseball_table, "norway": norway_table, "personnel": lambda: personnel().table,
        }  # fmt: skip
        if name not in tables or path.suffix not in (".parquet", ".csv"):
            remedy = "baseball, norway or personnel, to .parquet or .csv"
            raise DataFaults([Fault("only built-in samples can be written", str(path), remedy)])
        table = tables[name]()
        table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
        told = "; its wages are simulated with additive errors, some are negative: read it with --simulated"
        console.print(f"written: {path}{told if name == 'norway' else ''}")

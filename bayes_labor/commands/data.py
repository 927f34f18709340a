"""`data`: validate a table and describe it."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from bayes_labor.commands.options import command, console, source

if TYPE_CHECKING:
    from bayes_labor.posteriors.verbs import Source

_Model = Annotated[str, typer.Argument(metavar="MODEL", help="E.g. `joint-production`; `bayes-labor models` lists them.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("models")
    def models() -> None:
        """The models that can be fitted, by name."""
        from bayes_labor.posteriors.system import systems

        for name, system in systems().items():
            options = "".join(f" --{o}" for o in system.options)
            console.print(f"{name:26s} {system.title}{'  options:' + options if options else ''}", highlight=False)

    @command(app, source=source)
    def data(system: _Model, source: "Source") -> None:
        """Validate a table and describe it; all faults are listed at once."""
        from bayes_labor.data import Workforce
        from bayes_labor.data.joint_production.remarks import remarks
        from bayes_labor.posteriors.system import system_named

        chosen = system_named(system)
        found = source.read(chosen)
        known = {k: v for k, v in chosen.describe(found).items() if k != "fingerprint"}
        console.print(", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in known.items()), highlight=False)
        if not isinstance(found, Workforce):
            return
        if found.is_weighted:
            console.print(found.weights_in_words, highlight=False)
        for remark in remarks(found):
            console.print(f"note: {remark.what} ({remark.where}): {remark.remedy}", highlight=False)
        table = Table(title="terms")
        described = found.describe()
        numbers = [c for c in described.columns if c != "internal"]
        for column in ("term", *numbers, "internal"):
            table.add_column("sd" if column == "std" else column, justify="left" if column == "term" else "right")
        for name, row in described.iterrows():
            cells = (f"{row[c]:.4g}" for c in numbers)
            table.add_row(str(name), *cells, "yes" if row["internal"] else "")
        console.print(table)

"""`counterfactual`: what would be if something were otherwise."""

from typing import Annotated, Any

import typer

from bayes_labor.commands.options import Data, RunArgument, console


def change_of(text: str) -> tuple[str, tuple[bool, Any]]:
    """NAME=VALUE or NAME+=NUMBER as (name, (whether it adds, value))."""
    import json

    from bayes_labor.data.faults import DataFaults, Fault

    adds = "+=" in text
    name, equals, written = text.replace("+=", "=", 1).partition("=")
    try:
        value = json.loads(written) if equals else None
    except ValueError:
        value = written
    if not equals or (adds and not isinstance(value, int | float)):
        what = "adds no number" if adds else "changes nothing"
        remedy = "write NAME=VALUE or NAME+=NUMBER, e.g. female=0.5 or experience+=5"
        raise DataFaults([Fault(f"{text!r} {what}", "--change", remedy)])
    return name.strip(), (adds, value)


_NOTHING = 1e-9  # of any quantity


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def counterfactual(
        run: RunArgument,
        change: Annotated[
            list[str], typer.Option(help="A variable's new value, e.g. female=0.5, or experience+=5; repeat for several.")
        ],
        data: Data = "",
        size: Annotated[int, typer.Option(min=1, help="Posterior draws at which both economies are solved.")] = 100,
    ) -> None:
        """What would be if workers had other characteristics: both economies are solved anew at every draw."""
        from bayes_labor.posteriors import verbs

        changes = dict(change_of(text) for text in change)
        found = verbs.counterfactual(verbs.open_run(run, data or None), changes, size=size)
        console.print(f"{' '.join(change)}: posterior mean and 94% interval at {size} draws at most", highlight=False)
        console.print(found.to_string(float_format=lambda v: f"{v:.4f}"), highlight=False)
        differences = found[found.index.get_level_values(-1) == "difference"].abs().to_numpy()
        if len(differences) and differences.max() < _NOTHING:
            console.print(
                "nothing changes: either the change is none, or it moves everybody's bargaining power alike, and shares of the "
                "surplus are relative; change a characteristic of talent, or of some workers only (in Python)",
                highlight=False,
            )

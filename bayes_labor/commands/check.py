"""`check`: what can be known before hours of sampling."""

import typer

from bayes_labor.commands.options import Task, command, console, task


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @command(app, task=task)
    def check(task: Task) -> None:
        """Preflight: data faults, gradients, share of prior draws with a solution, time, and what will go wrong."""
        from bayes_labor.posteriors import verbs

        found = verbs.check(task.system, task.data(), task.spec)
        lines = {
            "parameters": str(found.parameters),
            "log density at the start": f"{found.log_density:.2f}",
            "gradient against finite differences": f"{found.gradient_error:.1e}",
            "prior draws with a solution": f"{found.solved:.0%}",
            "log density and gradient": f"{found.milliseconds:.2f} ms",
            **found.words,
        }
        for name, value in lines.items():
            console.print(f"{name:40s} {value}", highlight=False)
        for trouble in found.troubles:
            console.print(f"expect trouble: {trouble}", highlight=False)
        console.print("sound: sampling may start" if found.sound else "NOT sound: see above before sampling")
        if not found.sound:
            raise typer.Exit(1)

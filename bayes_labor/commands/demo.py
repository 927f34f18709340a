"""`demo`: the main job, on real data."""

from pathlib import Path

import typer

from bayes_labor.commands.fit import fit_and_report
from bayes_labor.commands.options import Run, Task, console


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def demo(run: Run = Path("runs/demo")) -> None:
        """Fit the joint-production model to baseball payrolls of 2016 and write its report: the main job, on real data."""
        from bayes_labor.data.joint_production.baseball import LEAGUE_MINIMUM
        from bayes_labor.models import JointProductionPriors, JointProductionSpec
        from bayes_labor.posteriors.system import system_named
        from bayes_labor.posteriors.verbs import Source

        console.print("Baseball payrolls 2016: teams are workplaces, seniority stays behind when a player leaves.")
        # What a player without better offers is worth to himself is known: the leagues' minimum salary.
        priors = JointProductionPriors(unemployment_center=LEAGUE_MINIMUM, unemployment=0.02)
        demo = Task(system_named("joint-production"), JointProductionSpec(priors=priors), Source("baseball", {}, {}))
        fit_and_report(demo, demo.data(), run, overwrite=True, settings={"draws": 1500, "longest": 4})

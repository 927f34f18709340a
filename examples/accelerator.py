"""The same posterior on a GPU: exported as arrays and sampled by JAX; on a machine without one the CPU does it, with a word.

``python examples/accelerator.py 20542`` fits a generated register of that many workplaces, which is what an accelerator is for;
the default is small. On a workstation without one the package's native kernels sample the same model.
"""

import sys
from typing import Any

from bayes_labor.data import norway
from bayes_labor.engines.accelerator import accelerators, sample_on
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.models.joint_production.export import export
from bayes_labor.posteriors import arviz_summary, prior_check, report, sample

PARAMETERS = ["beta", "psi", "d", "V_U", "sigma"]


def main(workplaces: int = 300, run: str = "runs/accelerator", **settings: Any) -> None:
    """Look at the prior, sample where there is most power, print and write the page."""
    workforce = norway(workplaces, seed=1)
    # The paper's estimate of V_U is negative, and so is the generated economy's.
    spec = JointProductionSpec(priors={"unemployment_center": 0.0, "unemployment": 0.2})
    model = joint_production(workforce, spec)
    prior = prior_check(model, f"{run}/prior.png", draws=100)
    print(f"{prior.attrs['solved']:.0%} of prior draws have an equilibrium; wages:\n{prior.round(2).to_string()}\n")
    devices = accelerators()
    if devices:
        print(f"sampling on {devices[0].device_kind}")
        draws = sample_on(devices, model, export(workforce, spec), **settings)
    else:
        print("no accelerator here: the CPU samples, with its native kernels")
        draws = sample(model, **settings)
    print(arviz_summary(draws, PARAMETERS).round(3).to_string())
    print(report(draws, workforce, spec, run))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

"""Where networks are trained, and at which size an economy is then solved."""

from typing import TYPE_CHECKING

from bayes_labor.data.faults import DataFaults, Fault

if TYPE_CHECKING:
    from bayes_labor.theory.learning.equilibrium import SolverSettings


def use_device(device: str) -> "SolverSettings":
    """Have JAX use a device, and return the settings for it.

    Parameters
    ----------
    device
        ``cpu`` or ``gpu``.

    Raises
    ------
    DataFaults
        For another name, or ``gpu`` where JAX finds none.

    """
    if device not in ("cpu", "gpu"):
        raise DataFaults([Fault(f"there is no device {device!r}", "device", "cpu or gpu")])
    import jax

    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")

    from bayes_labor.theory.learning.equilibrium import SolverSettings
    from bayes_labor.theory.learning.training import Schedule

    if device == "cpu":
        return SolverSettings()
    if jax.default_backend() == "cpu":
        remedy = "install JAX for your card (pip install jax[cuda13]), or leave --device out"
        raise DataFaults([Fault("JAX finds no accelerator on this machine", "device = gpu", remedy)])
    first = Schedule(steps=1_200, batch=2_048, employed=6_000, idle=3_000)
    again = first._replace(steps=400, ridge=(1e-4, 1e-7), rate=(0.05, 0.01))
    worker = first._replace(steps=800, ridge=(1e-2, 1e-6), rate=(0.15, 0.01), keep=0.95)
    return SolverSettings(firms=4_000, features=24, width=96, first=first, again=again, worker=worker, paths=24_000)

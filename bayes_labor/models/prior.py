"""The prior of one parameter, declared once: what a model samples, what is printed, and what designs and pictures read."""

from typing import Any, Literal, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy import stats


class Prior(NamedTuple):
    """Prior of one parameter."""

    family: Literal["normal", "half normal", "log normal", "truncated normal", "beta", "correlation"]
    values: tuple[float, ...]
    """Mean and standard deviation; the latter; median and standard deviation of the log; mean, sd and bounds; a and b; a and b
    of (1 + correlation) / 2."""

    def __str__(self) -> str:
        if self.family == "beta":
            return f"Beta{self.values}"
        shown = ", ".join(f"{v:g}" for v in self.values)
        if self.family == "log normal":
            return f"LogNormal(log {shown})"
        return f"{self.family.title().replace(' ', '')}({shown})"

    def frozen(self) -> Any:
        """As a distribution of scipy."""
        v = self.values
        if self.family == "normal":
            return stats.norm(*v)
        if self.family == "half normal":
            return stats.halfnorm(scale=v[0])
        if self.family == "log normal":
            return stats.lognorm(v[1], scale=v[0])
        if self.family == "truncated normal":
            return stats.truncnorm((v[2] - v[0]) / v[1], (v[3] - v[0]) / v[1], v[0], v[1])
        return stats.beta(*v) if self.family == "beta" else stats.beta(*v, loc=-1.0, scale=2.0)

    def dist(self) -> Any:
        """As a distribution of PyMC without a name; of a correlation that of (1 + correlation) / 2."""
        v = self.values
        if self.family == "normal":
            return pm.Normal.dist(*v)
        if self.family == "half normal":
            return pm.HalfNormal.dist(v[0])
        if self.family == "log normal":
            return pm.LogNormal.dist(np.log(v[0]), v[1])
        if self.family == "truncated normal":
            return pm.TruncatedNormal.dist(v[0], v[1], lower=v[2], upper=v[3])
        return pm.Beta.dist(*v)

    def place(self, name: str) -> Any:
        """The variable in the model being built; a correlation is a deterministic of ``<name>_share``."""
        model = pm.modelcontext(None)
        if self.family == "correlation":
            return pm.Deterministic(name, 2.0 * model.register_rv(self.dist(), f"{name}_share") - 1.0)
        return model.register_rv(self.dist(), name)

    def coordinate(self, x: Any) -> Any:
        """Standardised parameter, logs of log normal ones: what the emulator takes. Numbers, arrays or symbols."""
        if self.family == "log normal":
            return ((np if isinstance(x, np.ndarray | float) else pt).log(x) - np.log(self.values[0])) / self.values[1]
        known = self.frozen()
        return (x - known.mean()) / known.std()

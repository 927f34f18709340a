"""The normal density, for arrays of any namespace and in kernels."""

import math
from typing import Any

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


def log_normal_density(x: Any, mean: Any, sd: Any, of: Any) -> Any:
    """Log density of Normal(mean, sd) at ``x``, all of one shape or broadcast; ``of`` has ``log``."""
    return -0.5 * ((x - mean) / sd) ** 2 - of.log(sd) - HALF_LOG_2PI

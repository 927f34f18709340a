"""Bayesian estimation of structural labor-market models on matched data."""

import os

# Idle OpenMP threads must sleep, not spin: on a busy machine spinning makes a parallel kernel 30 times slower.
# It only takes effect before numba starts its threads, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"

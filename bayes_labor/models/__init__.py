"""From data and a specification to a plain ``pm.Model``; priors; the pointwise likelihood."""

from bayes_labor.models.joint_production import joint_production
from bayes_labor.models.settings import SPECS, JointProductionPriors, JointProductionSpec
from bayes_labor.models.sorting import SortingPriors, SortingSpec, Targets, sorting_calibration

__all__ = [
    "SPECS",
    "JointProductionPriors",
    "JointProductionSpec",
    "SortingPriors",
    "SortingSpec",
    "Targets",
    "joint_production",
    "sorting_calibration",
]

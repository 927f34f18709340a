"""From data and a specification to a plain ``pm.Model``; priors; the pointwise likelihood."""

from bayes_labor.models.joint_production import joint_production
from bayes_labor.models.settings import SPECS, JointProductionPriors, JointProductionSpec

__all__ = ["SPECS", "JointProductionPriors", "JointProductionSpec", "joint_production"]

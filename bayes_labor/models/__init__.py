"""From data and a specification to a plain ``pm.Model``; priors; the pointwise likelihood."""

from bayes_labor.models.bonuses.hurdle import HurdleSpec, bonus_hurdle
from bayes_labor.models.bonuses.primitives import (
    PrimitivesSpec,
    TournamentMoments,
    TournamentPosterior,
    tournament_moments,
)
from bayes_labor.models.bonuses.promotion_prize import PrizeSpec, prize_first_stage, promotion_prize
from bayes_labor.models.bonuses.receipt import ReceiptSpec, bonus_receipt
from bayes_labor.models.bonuses.size import BonusSpec, bonus_size
from bayes_labor.models.joint_production.model import joint_production
from bayes_labor.models.joint_production.priors import JointProductionPriors
from bayes_labor.models.joint_production.settings import SPECS, JointProductionSpec
from bayes_labor.models.learning.direct import DirectSpec, learning_direct
from bayes_labor.models.learning.regression import LearningSpec, learning_regression
from bayes_labor.models.learning.structural import learning_structural
from bayes_labor.models.sorting.calibration import SortingPriors, SortingSpec, sorting_calibration
from bayes_labor.models.sorting.regimes import RegimesSpec, sorting_regimes

__all__ = [
    "SPECS",
    "BonusSpec",
    "DirectSpec",
    "HurdleSpec",
    "JointProductionPriors",
    "JointProductionSpec",
    "LearningSpec",
    "PrimitivesSpec",
    "PrizeSpec",
    "ReceiptSpec",
    "RegimesSpec",
    "SortingPriors",
    "SortingSpec",
    "TournamentMoments",
    "TournamentPosterior",
    "bonus_hurdle",
    "bonus_receipt",
    "bonus_size",
    "joint_production",
    "learning_direct",
    "learning_regression",
    "learning_structural",
    "prize_first_stage",
    "promotion_prize",
    "sorting_calibration",
    "sorting_regimes",
    "tournament_moments",
]

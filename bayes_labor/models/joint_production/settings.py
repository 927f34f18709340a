"""Settings and priors of the joint-production model as printable, checkable objects."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, field_validator, model_validator

from bayes_labor.models.joint_production.priors import JointProductionPriors
from bayes_labor.models.settings import LARGEST_SEED, Settings

SpecName = Literal["linear_national", "linear", "equal_power", "linear_power", "power", "flexible"]
SPECS: tuple[SpecName, ...] = ("linear_national", "linear", "equal_power", "linear_power", "power", "flexible")


class JointProductionSpec(Settings):
    """Which joint-production model is meant; together with a workforce it determines the posterior.

    ``spec`` is a column of the paper's Tables 5-7:

    ===================  ============  =======================  ===================  ==========================
    name                 beta          psi                      seniority in talent  d, V_U; internal terms
    ===================  ============  =======================  ===================  ==========================
    ``linear_national``  0             none                     yes                  1, 0; none, one scale A
    ``linear``           0             none                     yes                  1, 0; none
    ``equal_power``      by industry   0                        yes                  free; as declared
    ``linear_power``     by industry   linear internal terms    yes                  free; as declared
    ``power``            by industry   all internal terms       no                   free; as declared
    ``flexible``         by industry   all internal terms       yes                  free; as declared
    ===================  ============  =======================  ===================  ==========================
    """

    former: ClassVar[tuple[str, ...]] = ("hierarchy",)
    spec: SpecName = "power"
    priors: JointProductionPriors = JointProductionPriors()
    matching: Literal["exact", "sampled"] = "exact"
    """How the mean over workplaces in V(z) is taken, see :class:`bayes_labor.theory.joint_production.matching.Matching`.

    With ``sampled``, the paper's method, every workplace meets workers drawn from ``seed``, and that seed is part of the
    answer: on small data another one can turn the sign of beta. The verdict measures how far others move every parameter."""
    matchings: int = Field(default=20, ge=1, le=10_000)
    """Workers that every workplace meets, for ``sampled`` matching; the paper has one. More cost more and move less by seed."""
    nodes: int = Field(default=8, ge=2, le=64)
    """Chebyshev nodes of V(z), for exact matching."""
    subsample: int | None = Field(default=None, ge=1)
    """Workplaces averaged over at each node, stratified by size; default all."""
    feasibility: Literal["smooth", "hard"] = "smooth"
    softness: PositiveFloat = 0.01
    """Scale of smooth feasibility weights, as a share of the mean wage."""
    errors: Literal["normal", "student", "log"] = "normal"
    """Around the wages that the model predicts: ``normal`` or Student-t ones in the wage unit, or, ``log``, normal ones of log
    wages around the logarithm of the prediction, which is then a median; sigma, tau and omega are log points."""
    workplace_effects: bool = False
    """Whether wages of a workplace share an error, normal with standard deviation tau, integrated out of the likelihood: what
    a workplace pays more or less than the model says, which beta would otherwise have to explain."""
    worker_effects: bool = False
    """Whether rows of a person (``person=`` of the workforce) share an error, normal with standard deviation omega, integrated
    out. With ``workplace_effects`` too, those are sampled, one variable for each workplace."""
    noise_by_industry: bool = False
    pooled: bool = True
    """Hierarchical beta; False gives every industry its own prior."""
    penalty: float = Field(default=1.0, ge=0.0)
    """D of the paper: penalty on workplaces of more than five workers with a negative surplus; 0 switches it off, and the
    linear specifications, whose surpluses are of either sign, never have it. Nor do they weigh workplaces by feasibility.

    Without it small samples wander to where most workplaces could not pay what their workers would get elsewhere."""
    reference_team: int = Field(default=12, ge=2, le=10_000)
    """Workers, evenly spaced over the sample, whose output per worker is the parameter kappa."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Of the hypothetical matches, for ``sampled`` matching, and of ``subsample``."""
    threads: int = Field(default=1, ge=1, le=1024)
    """Threads inside one evaluation; more than 1 only where chains leave cores idle."""

    @field_validator("priors", mode="before")
    @classmethod
    def _priors(cls, value: Any) -> Any:
        return JointProductionPriors(**value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.matching == "sampled" and self.subsample is not None:
            raise ValueError("subsample goes with matching='exact'")
        for name in ("workplace_effects", "worker_effects"):
            if getattr(self, name) and self.errors == "student":
                raise ValueError(f"{name} go with errors='normal' or 'log': only then can they be integrated out exactly")
        if self.worker_effects and self.noise_by_industry:
            raise ValueError("worker_effects go with one spread of errors for all industries: people move between them")
        return self

    @property
    def is_linear(self) -> bool:
        """Whether beta is zero and outside options exhaust the worker's product."""
        return self.spec.startswith("linear") and self.spec != "linear_power"

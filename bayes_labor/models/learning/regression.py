r"""Do workers learn from coworkers? Change of wage rank on gaps to coworkers, with a firm effect summed out (equation 6).

y_it = alpha_k + x_it' theta + e_it, alpha_k ~ N(mu + xbar_k' g, tau^2): the likelihood of the size of bonuses, with teams
for workers. Section 7.1 of the specification. One's own earlier rank enters every gap, so that regression to the mean loads on
theta: these are no structural effects of learning.
"""

from typing import Any, ClassVar

import numpy as np
import pymc as pm
from pydantic import PositiveFloat

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.learning.teams import GAPS, Teams
from bayes_labor.models.laws import WithPriors, check_terms, of_terms
from bayes_labor.models.linear_panel import Errors, error_distribution, linear_panel, mean_by_row, observe_products, spreads
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.pilot import rotated_normal
from bayes_labor.models.priors import Prior, stacked
from bayes_labor.numerics.groups import Groups


class LearningSpec(WithPriors):
    """Priors, on standardised data: change and gaps are divided by their standard deviations."""

    by_term: ClassVar[tuple[str, ...]] = ("theta",)
    means: bool = True
    """Whether team means of the gaps are regressors too: then slopes are within teams."""
    errors: Errors = "normal"
    """``student``: changes of rank have fat tails. Then every team has a level of its own, and cost grows with the rows."""
    coefficient: PositiveFloat = 1.0
    """Normal of every coefficient."""
    error: PositiveFloat = 1.0
    """Half-normal of the errors' standard deviation; ``effect`` of the firm effects'."""
    effect: PositiveFloat = 0.5

    @property
    def rows(self) -> dict[str, Prior]:
        """Priors by parameter."""
        theta = Prior("normal", (0.0, self.coefficient), "theta (every one, standardised data)")
        return {"theta": theta} | spreads(self.errors, self.error, self.effect, "team")

    def design(self, teams: Teams) -> tuple[PanelDesign, np.ndarray]:
        """(regression of stayers on standardised data, standard deviations: of the change, then of each gap)."""
        rows = teams.stayers()
        scale = rows[["change", *GAPS]].std().to_numpy()
        if not (scale > 0).all():
            names = [n for n, s in zip(("change", *GAPS), scale, strict=True) if not s > 0]
            remedy = "give teams of two or more, and years in which wages differ"
            raise DataFaults([Fault(f"no variation in {', '.join(names)}", teams.name, remedy)])
        groups = Groups.of(rows["team"])
        gaps = [rows[n].to_numpy() / s for n, s in zip(GAPS, scale[1:], strict=True)]
        means = [groups.means(v)[groups.row] for v in gaps] if self.means else []
        columns = np.column_stack([np.ones(len(rows)), *gaps, *means])
        terms = ("intercept", *GAPS, *(f"mean of {n}" for n in GAPS[: len(means)]))
        blocks = ("intercept", *["gaps"] * 4, *["means"] * len(means))
        own = of_terms(self.table, "theta")
        check_terms("theta", own, terms)
        mean, sd = stacked(own.get(t, self.table["theta"]) for t in terms).values
        return PanelDesign(rows["change"].to_numpy() / scale[0], columns, terms, blocks, mean, sd, groups), scale


def learning_regression(teams: Teams, spec: LearningSpec | None = None, **settings: Any) -> pm.Model:
    """Build the model.

    Parameters
    ----------
    teams
        Workers in teams over years; those who stay in their team are used.
    spec
        A :class:`LearningSpec`; or ``**settings``, its fields.

    Returns
    -------
    pm.Model
        Deterministic ``theta`` by term, of standardised data, and ``slope`` by gap, in rank points of change per rank point of
        gap (or its square); ``sigma`` and ``tau`` in standard deviations of the change. With normal errors the observed
        variable ``change_products`` are the cross products to which the panel reduces: a refit replaces ``observed_products``.
        With Student-t errors ``nu``, and ``change`` by row is observed.

    Raises
    ------
    DataFaults
        For settings out of range, or gaps or changes that do not vary.

    """
    spec = spec or LearningSpec(**settings)
    design, scale = spec.design(teams)
    panel = linear_panel(design, spec.table, summed=spec.errors == "normal")
    with pm.Model(coords={"term": list(design.terms), "gap": list(GAPS)}) as model:
        x, theta = rotated_normal("theta", panel.pilot, design.prior_mean, design.prior_sd, "term")
        pm.Deterministic("slope", theta[1:5] * (scale[0] / scale[1:]), dims="gap")
        if spec.errors == "normal":
            observe_products("change", panel, x)
        else:
            mean, sigma = mean_by_row(panel, x, "team")
            kind, extra = error_distribution(spec.table)
            kind("change", mu=mean, sigma=sigma, **extra, observed=pm.Data("observed_change", design.outcome))
    return model

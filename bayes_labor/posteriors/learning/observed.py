"""Each change of rank: observed, drawn anew, and the log density of whole teams."""

import numpy as np
import xarray as xr

from bayes_labor.data.learning.teams import Teams
from bayes_labor.likelihoods.random_intercepts import weighted_log_likelihood
from bayes_labor.models.learning.regression import LearningSpec, learning_regression
from bayes_labor.posteriors.observed import Observed, by_model, linear_panel_rows, rows_and_units


def observed_changes(spec: LearningSpec, teams: Teams, tree: xr.DataTree, seed: int) -> Observed:
    """Variable ``change`` by row, in standard deviations; units are teams, whose effects are summed out. Student-t: rows."""
    if spec.errors != "normal":
        return by_model(learning_regression(teams, spec), tree, seed)
    (design, _), rng, posterior = spec.design(teams), np.random.default_rng(seed), tree["posterior"].to_dataset()
    stacked = posterior.stack(sample=("chain", "draw")).transpose("sample", ...)
    sigma, groups = stacked["sigma"].to_numpy(), design.groups
    tau = stacked["tau"].to_numpy() if "tau" in stacked else np.zeros(len(sigma))
    made, terms = [], []
    for theta, s, t in zip(stacked["theta"].to_numpy(), sigma, tau, strict=True):
        predicted = design.columns @ theta
        made.append(linear_panel_rows(predicted, (s, t, None), groups, rng))
        precision = np.full(len(predicted), s**-2.0)
        terms.append(weighted_log_likelihood(design.outcome - predicted, groups, precision, t))
    rows = {"of_team": groups.labels[groups.row]}
    return rows_and_units(posterior, "change", design.outcome, rows, made, "team", groups.labels, terms)

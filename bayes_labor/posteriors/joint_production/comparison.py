"""Table 7: specifications compared by what they predict for whole workplaces, and what the posterior says about beta = 0."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from scipy import special, stats

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.fan_out import Recipe, Refit, fan_out, refit
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.likelihoods.grouped_errors import grouped_normal
from bayes_labor.models.joint_production.inputs import softness_of
from bayes_labor.models.joint_production.model import PENALISED_SIZE
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.joint_production.effective_prior import effective_prior
from bayes_labor.posteriors.joint_production.equilibrium import elsewhere, solve_each, thin
from bayes_labor.posteriors.joint_production.errors import residuals
from bayes_labor.posteriors.joint_production.fits import joint_recipe
from bayes_labor.posteriors.observed import by_draw, dataset, thinned

ROPE = 0.05
"""Half-width of the region around beta = 0 taken as practically zero."""
GOOD_K = 0.7
"""Pareto shape below which importance sampling is reliable."""


def workplace_log_likelihood(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 1000, others: Workforce | None = None
) -> xr.DataArray:
    """Log density of each workplace's payroll at posterior draws.

    Parameters
    ----------
    size
        Number of draws, evenly spread over the chains.
    others
        Evaluate these workplaces, outside the sample, instead of the sample's own.

    Returns
    -------
    xr.DataArray
        (sample, workplace) natural log; the user's ids on ``workplace``; minus infinity where a draw has no equilibrium. With
        worker effects (sample, person): rows of a person belong together, wherever he works.

    """
    rows = workforce if others is None else others
    unit, names = unit_of(rows, spec)
    if others is not None and spec.worker_effects:
        what = "the others' people and workplaces have effects that the fit knows nothing of"
        raise DataFaults([Fault(what, rows.name, "compare by leaving one person out, or leave the effects out")])
    found = (
        (e if e is None else e.wage for e in solve_each(draws, workforce, spec, size=size))
        if others is None
        else elsewhere(draws, workforce, spec, others, size=size)
    )
    posterior = thin(draws, size)
    values = [
        np.full(len(names), -np.inf) if wage is None else terms_at(rows, wage, posterior.isel(sample=i), spec)
        for i, wage in enumerate(found)
    ]
    return xr.DataArray(np.array(values), dims=("sample", unit), coords={unit: names})


def unit_of(rows: Workforce, spec: JointProductionSpec) -> tuple[str, np.ndarray]:
    """What can be left out, and its ids: a workplace, or where workers have effects a person."""
    return ("person", rows.people.labels) if spec.worker_effects and rows.people else ("workplace", rows.workplaces)


def terms_at(rows: Workforce, predicted: np.ndarray, one: xr.Dataset, spec: JointProductionSpec) -> np.ndarray:
    """Log densities of wages at one draw: of workplaces, or of people where these have effects."""
    terms = _terms_of_errors(rows, residuals(rows, predicted, spec), one)
    if spec.errors != "log":
        return terms
    logs, persons = np.log(rows.wage), rows.people if "omega" in one else None
    return terms - (np.add.reduceat(logs, rows.offsets[:-1]) if persons is None else np.bincount(persons.row, logs))


def log_posterior_terms(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 1000) -> np.ndarray:
    """(sample,) log likelihood less the penalty on payrolls without a surplus; minus infinity without an equilibrium."""
    posterior, weight = thin(draws, size), 0.0 if spec.is_linear else spec.penalty
    unit = workforce.headcount * softness_of(workforce, spec.model_copy(update={"feasibility": "smooth"}))
    counts = weight * (workforce.headcount > PENALISED_SIZE)
    found = []
    for i, e in enumerate(solve_each(draws, workforce, spec, size=size)):
        fits = -np.inf if e is None else float(terms_at(workforce, e.wage, posterior.isel(sample=i), spec).sum())
        found.append(fits if e is None else fits - float(counts @ np.logaddexp(0.0, -e.surplus / unit)))
    return np.array(found)


def _terms_of_errors(rows: Workforce, residual: np.ndarray, one: xr.Dataset) -> np.ndarray:
    sigma = one["sigma"].to_numpy()
    if "omega" in one and rows.people is not None:
        if "workplace_effect" in one:
            residual = residual - np.repeat(float(one["tau"]) * one["workplace_effect"].to_numpy(), rows.sizes)
        squares, sums = (np.bincount(rows.people.row, r, len(rows.people.labels)) for r in (residual**2, residual))
        return grouped_normal(squares, sums, rows.people.counts, float(sigma), float(one["omega"]), np)
    if "tau" in one:
        squares, sums = (np.add.reduceat(r, rows.offsets[:-1]) for r in (residual**2, residual))
        return grouped_normal(squares, sums, rows.sizes, sigma[rows.industry] if sigma.ndim else sigma, float(one["tau"]), np)
    sigma = sigma[rows.worker_industry] if sigma.ndim else sigma
    standard = residual / sigma
    density = stats.t.logpdf(standard, float(one["nu"])) if "nu" in one else stats.norm.logpdf(standard)
    return np.add.reduceat(density - np.log(sigma), rows.offsets[:-1])


def with_log_likelihood(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 1000
) -> xr.DataTree:
    """About ``size`` draws, evenly spread over the chains, with the group ``log_likelihood`` over (chain, draw, workplace).

    A tree that has the group is handed back as it is.
    """
    if "log_likelihood" in draws:
        return draws
    tree = thinned(draws, size)
    posterior = tree["posterior"].to_dataset()
    values = workplace_log_likelihood(tree, workforce, spec, size=posterior.sizes["chain"] * posterior.sizes["draw"])
    unit = str(values.dims[1])
    terms = by_draw(list(values.to_numpy()), posterior, (unit,))
    tree["log_likelihood"] = xr.DataTree(dataset(posterior, {unit: values[unit].to_numpy()}, wage=terms))
    return tree


def leave_one_out(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 1000) -> az.ELPDData:
    """Expected log predictive density by leaving out one workplace at a time, by Pareto-smoothed importance sampling.

    Returns
    -------
    arviz.ELPDData
        Pointwise by workplace under the user's ids, with Pareto shapes.

    """
    tree = with_log_likelihood(draws, workforce, spec, size=size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # large Pareto shapes are counted in the table
        return az.loo(tree, pointwise=True)


def elpd_without(
    workforce: Workforce,
    spec: JointProductionSpec,
    groups: Sequence[np.ndarray],
    *,
    size: int = 400,
    workers: int | None = None,
    address: str | None = None,
    **settings: Any,
) -> xr.DataArray:
    """Log predictive density of groups of workplaces, each by a fit whose likelihood leaves the group out.

    The exact answer where importance sampling is not to be trusted, or K-fold cross-validation. Workers of a workplace that is
    left out stay in everybody's outside options: its payroll is what is predicted, not its existence.

    Parameters
    ----------
    groups
        Positions of the workplaces of each group: ``[[3], [17]]`` for two exact leave-one-outs.
    size
        Draws at which the left-out payrolls are evaluated.
    workers, address
        See :func:`bayes_labor.engines.fan_out.fan_out`.
    **settings
        Of the sampler; a second opinion only where it is asked for.

    Returns
    -------
    xr.DataArray
        (workplace,) of all groups, one after the other.

    """
    recipe = joint_recipe(workforce, spec, SamplerSettings(**({"second_opinion": 0} | settings)), weighted=True)
    tasks = []
    for g, group in enumerate(groups):
        counted = np.ones(workforce.n_workplaces)
        counted[group] = 0.0
        tasks.append(Refit({"counted": counted}, recipe.settings.seed + g, (np.asarray(group), size)))
    found = dict(fan_out(_predicted, (recipe, workforce, spec), tasks, workers=workers, address=address))
    values = np.concatenate([found[g] for g in range(len(groups))])
    return xr.DataArray(values, dims="workplace", coords={"workplace": workforce.workplaces[np.concatenate(list(groups))]})


def folds(workforce: Workforce, k: int, seed: int = 0) -> list[np.ndarray]:
    """Positions of workplaces in ``k`` random groups of about equal number, for :func:`elpd_without`."""
    return [np.sort(g) for g in np.array_split(np.random.default_rng(seed).permutation(workforce.n_workplaces), k)]


def _predicted(shared: tuple[Recipe, Workforce, JointProductionSpec], task: Refit) -> np.ndarray:
    (recipe, workforce, spec), (group, size) = shared, task.about
    values = workplace_log_likelihood(refit(recipe, task), workforce, spec, size=size).to_numpy()[:, group]
    return special.logsumexp(values, axis=0) - np.log(len(values))


def holdout_elpd(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, holdout: Workforce, *, size: int = 400
) -> xr.DataArray:
    """(workplace,) log predictive density of workplaces that the fit did not see; V(z) is the estimation sample's."""
    values = workplace_log_likelihood(draws, workforce, spec, size=size, others=holdout)
    return xr.DataArray(
        special.logsumexp(values.to_numpy(), axis=0) - np.log(values.sizes["sample"]),
        dims="workplace", coords={"workplace": holdout.workplaces},
    )  # fmt: skip


def compare(
    fits: Mapping[str, tuple[xr.DataTree, JointProductionSpec]],
    workforce: Workforce,
    holdout: Workforce | None = None,
    *,
    size: int = 1000,
    refits: int = 0,
    **settings: Any,
) -> pd.DataFrame:
    """Specifications side by side, best first by leave-one-workplace-out.

    Parameters
    ----------
    fits
        Draws and specification by name.
    workforce
        What they were fitted to.
    holdout
        Workplaces that no fit saw.
    size
        Draws that importance sampling works with.
    refits
        Where at most so many workplaces of a specification are flagged, their density comes from exact refits instead.
    **settings
        Of the sampler for these refits, and ``workers`` or ``address`` to run them elsewhere.

    Returns
    -------
    pd.DataFrame
        By specification: ``elpd_loo`` with ``difference`` to the best and its ``difference_se``; ``effective_parameters``;
        ``flagged``, workplaces whose Pareto shape exceeds 0.7, and ``refitted``, those of them answered exactly; ``holdout``
        and ``holdout_difference`` with its standard error, if there is a holdout sample.

    """
    pointwise, rows, held = {}, {}, {}
    for name, (draws, spec) in fits.items():
        found = leave_one_out(draws, workforce, spec, size=size)
        own, flagged = found.elpd_i.to_numpy().copy(), np.flatnonzero(found.pareto_k.to_numpy() > GOOD_K)
        exact = flagged if len(flagged) <= refits and not spec.worker_effects else flagged[:0]
        if len(exact):
            own[exact] = elpd_without(workforce, spec, [np.array([w]) for w in exact], **settings)
        pointwise[name] = own
        rows[name] = {
            "elpd_loo": own.sum(), "effective_parameters": found.p, "flagged": len(flagged), "refitted": len(exact)
        }  # fmt: skip
        if holdout is not None:
            held[name] = holdout_elpd(draws, workforce, spec, holdout).to_numpy()
    if len({spec.worker_effects for _, spec in fits.values()}) > 1:
        what = "some leave out a person, others a workplace"
        raise DataFaults([Fault(what, "compare", "compare fits with worker effects among themselves")])
    table = pd.DataFrame(rows).T.sort_values("elpd_loo", ascending=False)
    best = str(table.index[0])
    table["difference"], table["difference_se"] = _difference(pointwise, best, table.index)
    if holdout is not None:
        table["holdout"] = [held[n].sum() for n in table.index]
        table["holdout_difference"], table["holdout_difference_se"] = _difference(
            held, str(table["holdout"].idxmax()), table.index
        )
    return table.rename_axis("specification")


def beta_by_fit(fits: Mapping[str, tuple[xr.DataTree, JointProductionSpec]]) -> pd.DataFrame:
    """Posterior mean ± sd of β under each specification, a column for each industry; nothing for the linear ones."""
    rows = {}
    for name, (draws, spec) in fits.items():
        posterior = draws["posterior"].to_dataset()
        each = {} if spec.is_linear else {str(k): posterior["beta"].sel(industry=k) for k in posterior["industry"].to_numpy()}
        rows[name] = {f"β ({k})": f"{float(v.mean()):.3f} ± {float(v.std()):.3f}" for k, v in each.items()}
    return pd.DataFrame.from_dict(rows, orient="index").fillna("")


def _difference(pointwise: Mapping[str, np.ndarray], best: str, names: pd.Index) -> tuple[list[float], list[float]]:
    gaps = [pointwise[n] - pointwise[best] for n in names]
    return [float(g.sum()) for g in gaps], [float(np.sqrt(len(g)) * g.std(ddof=1)) for g in gaps]


def no_interaction(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, rope: float = ROPE, seed: int = 0
) -> pd.DataFrame:
    """What the posterior says about beta = 0, industry by industry.

    Parameters
    ----------
    draws, workforce, spec
        A fit.
    rope
        Half-width of the region taken as practically zero.
    seed
        Of the prior draws, see :func:`.effective_prior.effective_prior`.

    Returns
    -------
    pd.DataFrame
        By industry: ``below_zero``, P(beta < 0); ``practically_zero``, P(-rope < beta < rope), and the same under the prior;
        ``bayes_factor`` in favour of beta = 0, Savage-Dickey: posterior density at zero over prior density at zero. Densities
        are shares of draws within 0.05 of zero on the atanh scale, so beta's cusp at zero is averaged over that width; a
        share without draws gives an upper bound of one draw, and says so in ``bound``. NaN where no prior draw is near zero.

    """
    beta = draws["posterior"]["beta"].stack(sample=("chain", "draw")).transpose("industry", "sample")
    prior = effective_prior(workforce, spec, seed=seed)
    before, weight = np.abs(prior["beta"].transpose("industry", "draw").to_numpy()), prior["weight"].to_numpy()
    width, distance = np.tanh(0.05), np.abs(beta.to_numpy())
    count, n, known = (distance < width).sum(1), distance.shape[1], (before < width) @ weight
    return pd.DataFrame(
        {
            "below_zero": (beta < 0).mean("sample").to_numpy(),
            "practically_zero": (distance < rope).mean(1),
            "practically_zero_prior": (before < rope) @ weight,
            "bayes_factor": np.maximum(count, 1) / n / np.where(known > 0, known, np.nan),
            "bound": count == 0,
        },
        index=pd.Index(beta["industry"].to_numpy(), name="industry"),
    )

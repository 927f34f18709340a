"""What the paper's figures and Table 8 show, as posterior quantities: each a function of (draws, workforce, specification).

Every result is computed at each of a number of posterior draws, with V(z) solved anew in every counterfactual, and returned
along a dimension ``sample``; bands are quantiles over it.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.joint_production.equilibrium import Equilibrium, as_dataset, solve_each

SIZE_EDGES = (2, 4, 6, 11, 21, 51, 101, 251, 501, 100_000_000)
"""Workplace sizes of Figure 8: 2-3, 4-5, 6-10, 11-20, 21-50, 51-100, 101-250, 251-500, more."""


def counterfactual(
    draws: xr.DataTree, workforce: Workforce, changed: Workforce, spec: JointProductionSpec, *, size: int = 100
) -> xr.Dataset:
    """The economy before and after a change of the workers' characteristics, draw by draw, V(z) solved anew.

    Parameters
    ----------
    changed
        The same workplaces with other characteristics, by :meth:`bayes_labor.data.Workforce.changed`.
    size
        Posterior draws.

    Returns
    -------
    xr.Dataset
        Fields of :class:`.joint_production.equilibrium.Equilibrium` with a dimension ``scenario``: baseline, changed.
        Draws without an equilibrium in either are left out; ``attrs["solved"]`` counts the others.

    Raises
    ------
    DataFaults
        If the changed workforce has other workplaces or terms, or there is no equilibrium at any of the draws.

    """
    pairs = list(_pairs(draws, workforce, spec, changed, size))
    if not pairs:
        what = "at none of the draws is there an equilibrium both before and after the change"
        raise DataFaults([Fault(what, changed.name, "check the new values: an economy with them must be possible")])
    both = [as_dataset([pair[i] for pair in pairs], workforce) for i in (0, 1)]
    joined = xr.concat(both, xr.DataArray(["baseline", "changed"], dims="scenario", name="scenario"))
    return joined.assign_attrs(solved=len(pairs))


def variation(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 100) -> xr.Dataset:
    """Table 8: variances of wages and of V(z), between and within workplaces; they add up in every draw.

    Returns
    -------
    xr.Dataset
        ``variance`` over (sample, variable, part): variables wage, outside option, surplus paid; parts overall, between,
        within. ``observed`` over part; ``covariance`` of V(z) with the surplus paid over (sample, part), so that
        var(wage) = var(V) + var(surplus paid) + 2 cov; ``workplace_wage`` and ``workplace_option``, posterior means by
        workplace under the user's ids.

    """

    def parts(one: np.ndarray, other: np.ndarray) -> list[float]:
        a, b = one - one.mean(), other - other.mean()
        overall, between = float(np.mean(a * b)), _workplace_means(a, workforce) * _workplace_means(b, workforce)
        middle = float(np.average(between, weights=workforce.sizes))
        return [overall, middle, overall - middle]

    variances, covariances, means = [], [], []
    for e in solve_each(draws, workforce, spec, size=size):
        if e is not None:
            paid = e.wage - e.outside_option
            variances.append([parts(x, x) for x in (e.wage, e.outside_option, paid)])
            covariances.append(parts(e.outside_option, paid))
            means.append([_workplace_means(x, workforce) for x in (e.wage, e.outside_option)])
    average = np.mean(means, axis=0)
    return xr.Dataset(
        {
            "variance": (("sample", "variable", "part"), np.array(variances)),
            "covariance": (("sample", "part"), np.array(covariances)),
            "observed": ("part", parts(workforce.wage, workforce.wage)),
            "workplace_wage": ("workplace", average[0]),
            "workplace_option": ("workplace", average[1]),
        },
        {
            "variable": ["wage", "outside option", "surplus paid"],
            "part": ["overall", "between", "within"],
            "workplace": workforce.workplaces,
        },
    )


def seniority_response(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, years: float = 5.0, size: int = 100, bins: int = 8
) -> xr.Dataset:
    """Figure 5: each workplace's least senior worker gets ``years`` more; effects on the rookie's and the coworkers' wages.

    Returns
    -------
    xr.Dataset
        ``mean`` and ``sd`` over workers of the change in predicted wages, over (sample, who, bin); ``seniority``, the mean
        initial value by (who, bin). Empty bins are NaN.

    Raises
    ------
    DataFaults
        If the workforce has no numeric internal variable.

    """
    variable, initial = internal_variable(workforce)
    rookie = np.zeros(workforce.n_workers, bool)
    for lo, hi in zip(workforce.offsets[:-1], workforce.offsets[1:], strict=True):
        rookie[lo + np.argmin(initial[lo:hi])] = True
    changed = workforce.changed(**{variable: initial + years * rookie})
    edges = np.linspace(initial.min(), np.quantile(initial, 0.995), bins + 1)
    code = np.clip(np.searchsorted(edges, initial, "right") - 1, 0, bins - 1)
    groups = [rookie, ~rookie]
    mean, sd = [], []
    for before, after in _pairs(draws, workforce, spec, changed, size):
        effect = after.wage - before.wage
        first = [_means(effect[g], code[g], bins) for g in groups]
        second = [_means(effect[g] ** 2, code[g], bins) for g in groups]
        mean.append(first)
        sd.append(np.sqrt(np.maximum(np.array(second) - np.square(first), 0.0)))
    return xr.Dataset(
        {
            "mean": (("sample", "who", "bin"), np.array(mean)),
            "sd": (("sample", "who", "bin"), np.array(sd)),
            "seniority": (("who", "bin"), np.array([_means(initial[g], code[g], bins) for g in groups])),
            "workers": (("who", "bin"), np.array([np.bincount(code[g], minlength=bins) for g in groups])),
        },
        {"who": ["rookie", "coworkers"]},
        {"years": years, "variable": variable},
    )


def profiles(
    draws: xr.DataTree,
    workforce: Workforce,
    spec: JointProductionSpec,
    *,
    along: str,
    by: str | None = None,
    changed: Workforce | None = None,
    size: int = 100,
    bins: int = 10,
) -> xr.Dataset:
    """Figures 6 and 7: mean wage and V(z) along a variable such as experience, by a binary one such as gender.

    Groups are those of the workforce as it is, also where ``changed`` workers are solved for.

    Returns
    -------
    xr.Dataset
        ``wage`` and ``outside_option`` over (sample, group, bin), ``observed`` over (group, bin), ``position`` over (group,
        bin).

    """
    x = _numeric(workforce, along)
    group = (_numeric(workforce, by) > 0.5).astype(int) if by else np.zeros(workforce.n_workers, int)
    edges = np.linspace(x.min(), np.quantile(x, 0.99), bins + 1)
    n_groups = 2 if by else 1
    code = group * bins + np.clip(np.searchsorted(edges, x, "right") - 1, 0, bins - 1)

    def cells(values: np.ndarray) -> np.ndarray:
        return _means(values, code, n_groups * bins).reshape(n_groups, bins)

    wage, option = _collect(
        draws, workforce, spec, changed, size, lambda e: cells(e.wage), lambda e: cells(e.outside_option)
    )  # fmt: skip
    return xr.Dataset(
        {
            "wage": (("sample", "group", "bin"), wage),
            "outside_option": (("sample", "group", "bin"), option),
            "observed": (("group", "bin"), cells(workforce.wage)),
            "position": (("group", "bin"), cells(x)),
        },
        {"group": [f"{by} = 0", f"{by} = 1"] if by else ["all"]},
        {"along": along, "by": by or ""},
    )


def by_workplace_size(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 100) -> xr.Dataset:
    """Figure 8: mean wage, V(z) and surplus per worker by workplace size, over all industries and in each.

    Returns
    -------
    xr.Dataset
        ``wage``, ``outside_option`` over (sample, size class); ``surplus`` over (sample, industry, size class), surplus per
        worker; ``observed`` and ``workers`` over size class. Classes without workers are NaN.

    """
    n, k = len(SIZE_EDGES) - 1, len(workforce.industries)
    by_place = np.searchsorted(SIZE_EDGES, workforce.headcount, "right") - 1
    by_worker = np.repeat(by_place, workforce.sizes)
    cell = workforce.industry * n + by_place

    def surplus(e: Equilibrium) -> np.ndarray:
        workers = np.bincount(cell, workforce.headcount, n * k)
        return (np.bincount(cell, e.surplus, n * k) / np.where(workers > 0, workers, np.nan)).reshape(k, n)

    wage, option, gap = _collect(
        draws, workforce, spec, None, size,
        lambda e: _means(e.wage, by_worker, n), lambda e: _means(e.outside_option, by_worker, n), surplus,
    )  # fmt: skip
    return xr.Dataset(
        {
            "wage": (("sample", "size_class"), wage),
            "outside_option": (("sample", "size_class"), option),
            "surplus": (("sample", "industry", "size_class"), gap),
            "observed": ("size_class", _means(workforce.wage, by_worker, n)),
            "mean_size": ("size_class", _means(workforce.headcount, by_place, n)),
            "workers": ("size_class", np.bincount(by_worker, minlength=n)),
            "workplaces": (("industry", "size_class"), np.bincount(cell, minlength=n * k).reshape(k, n)),
        },
        {"industry": list(workforce.industries)},
    )


def managing(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 100) -> xr.Dataset:
    """Probability of doing task 2, exp(-cut-off/mean talent), by industry and fifth of wages within the sample.

    Returns
    -------
    xr.Dataset
        ``probability`` over (sample, industry, fifth), fifths of the observed wage from lowest to highest. Cells without
        workers are NaN. It is 1 for everybody at beta = 0: with a linear technology nobody need be told what to do.

    """
    fifth = wage_fifth(workforce)
    k = len(workforce.industries)
    code = workforce.worker_industry * 5 + fifth
    (found,) = _collect(draws, workforce, spec, None, size, lambda e: _means(e.managing, code, 5 * k).reshape(k, 5))
    return xr.Dataset(
        {"probability": (("sample", "industry", "fifth"), found)},
        {"industry": list(workforce.industries), "fifth": np.arange(1, 6)},
    )


def wage_fifth(workforce: Workforce) -> np.ndarray:
    """(N,) fifth of the observed wages that each worker is in, from 0, the lowest."""
    found: np.ndarray = np.minimum(np.argsort(np.argsort(workforce.wage)) * 5 // workforce.n_workers, 4)
    return found


def internal_variable(workforce: Workforce) -> tuple[str, np.ndarray]:
    """The first numeric internal variable, such as seniority, and its values (N,)."""
    for v in workforce.internal_variables:
        if pd.api.types.is_numeric_dtype(workforce.covariates[v]):
            return v, workforce.covariates[v].to_numpy(np.float64)
    remedy = "declare one, e.g. internal=['seniority']"
    raise DataFaults([Fault("the workforce has no numeric internal variable", workforce.formula, remedy)])


def _numeric(workforce: Workforce, variable: str) -> np.ndarray:
    if variable not in workforce.covariates or not pd.api.types.is_numeric_dtype(workforce.covariates[variable]):
        remedy = f"one of {list(workforce.covariates.select_dtypes('number').columns)}"
        raise DataFaults([Fault(f"{variable!r} is no numeric variable of the formula", repr(workforce.formula), remedy)])
    return workforce.covariates[variable].to_numpy(np.float64)


def _collect(
    draws: xr.DataTree,
    workforce: Workforce,
    spec: JointProductionSpec,
    changed: Workforce | None,
    size: int,
    *statistics: Callable[[Equilibrium], np.ndarray],
) -> list[np.ndarray]:
    """Each statistic at every draw with an equilibrium, without keeping the equilibria."""
    rows = [[f(e) for f in statistics] for e in solve_each(draws, workforce, spec, size=size, changed=changed) if e is not None]
    return [np.array([row[i] for row in rows]) for i in range(len(statistics))]


def _pairs(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, changed: Workforce, size: int
) -> Iterator[tuple[Equilibrium, Equilibrium]]:
    before = solve_each(draws, workforce, spec, size=size)
    after = solve_each(draws, workforce, spec, size=size, changed=changed)
    return ((a, b) for a, b in zip(before, after, strict=True) if a is not None and b is not None)


def _means(values: np.ndarray, code: np.ndarray, n: int) -> np.ndarray:
    """(n,) means by group, NaN where a group is empty."""
    count = np.bincount(code, minlength=n)
    return np.bincount(code, values, n) / np.where(count > 0, count, np.nan)


def _workplace_means(values: np.ndarray, workforce: Workforce) -> np.ndarray:
    return np.add.reduceat(values, workforce.offsets[:-1]) / workforce.sizes

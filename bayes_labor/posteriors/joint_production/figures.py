"""Pictures of a joint-production posterior. Each function returns a matplotlib figure; :func:`all_figures` names them."""

from collections.abc import Callable
from textwrap import fill

import arviz_plots as azp
import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.joint_production.effective_prior import TOO_FEW, effective_prior, resampled
from bayes_labor.posteriors.style import ACCENT, BAND, FAINT, GREY, INK, STYLE, WIDE


def all_figures(
    draws: xr.DataTree, solved: xr.Dataset, workforce: Workforce, spec: JointProductionSpec
) -> dict[str, tuple[Figure, str]]:
    """Every picture of the report by name, with its caption."""
    makers: dict[str, Callable[[], tuple[Figure, str]]] = {
        "beta_by_industry": lambda: beta_forest(draws, workforce, spec),
        "outside_option": lambda: outside_option_band(solved, workforce),
        "surplus_shares": lambda: surplus_shares(solved, workforce),
        "wages": lambda: predicted_wages(solved, workforce),
        "prior_posterior": lambda: prior_posterior(draws, workforce, spec),
    }
    if spec.is_linear:
        del makers["beta_by_industry"]
    with mpl.rc_context(STYLE):
        return {name: make() for name, make in makers.items()}


def beta_forest(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec) -> tuple[Figure, str]:
    """Posterior of beta by industry, 50% and 94% intervals, beside the prior's, by arviz-plots."""
    n = len(workforce.industries)
    names = [fill(k, 22) for k in workforce.industries]
    beta = draws["posterior"]["beta"].assign_coords(industry=names).to_dataset(name="β")
    plots = azp.plot_forest(
        xr.DataTree.from_dict({"posterior": beta}), combined=True, labels=["industry"], ci_kind="eti", ci_probs=(0.5, 0.94),
        point_estimate="median", backend="matplotlib",
        visuals={part: {"color": INK} for part in ("trunk", "twig", "point_estimate")},
        figure_kwargs={"figsize": (WIDE, 1.3 + 0.42 * n), "width_ratios": [1, 5]},
    )  # fmt: skip
    figure = plots.viz["figure"].item()
    labels, axes = figure.axes
    labels.set_axis_off()
    prior = effective_prior(workforce, spec)
    if prior.attrs["worth"] >= TOO_FEW:
        edges = np.quantile(resampled(prior, 4000)["beta"], [0.03, 0.97])
        axes.axvspan(*edges, color=FAINT, zorder=0, label="prior, 94%")
    axes.axvline(0.0, color=GREY, lw=1)
    axes.margins(y=0.5 / n)
    axes.set_xlabel("β (0: coworkers do not interact)")
    axes.legend(loc="upper right", facecolor="white", edgecolor=GREY, framealpha=1.0, fontsize=8)
    return figure, "Posterior of β by industry: median, 50% and 94% intervals. Shaded: what the prior alone says."


def outside_option_band(solved: xr.Dataset, workforce: Workforce) -> tuple[Figure, str]:
    """V(z) against the percentile of the external index, with its 94% band, beside mean predicted wages."""
    order = np.linspace(0.01, 0.99, 60)
    curves, wages = [], []
    for i in range(solved.sizes["sample"]):
        z = solved["external_index"][i].to_numpy()
        rank = np.argsort(z)
        picks = rank[(order * (len(rank) - 1)).astype(int)]
        curves.append(solved["outside_option"][i].to_numpy()[picks])
        ordered = solved["wage"][i].to_numpy()[rank]
        wages.append([part.mean() for part in np.array_split(ordered, 20)])
    low, mid, high = np.quantile(curves, [0.03, 0.5, 0.97], axis=0)
    figure = Figure(figsize=(WIDE, 3.8))
    axes = figure.subplots()
    axes.fill_between(100 * order, low, high, color=BAND, lw=0, label="outside option V(z), 94% band")
    axes.plot(100 * order, mid, color=INK, lw=1.8, label="median")
    centers = 100 * (np.arange(20) + 0.5) / 20
    axes.plot(centers, np.median(wages, axis=0), "o", color=ACCENT, ms=4.5, label="mean predicted wage, median")
    axes.set_xlabel("percentile of the external index z (what a worker takes along)")
    axes.set_ylabel(workforce.wage_unit)
    axes.legend(frameon=False, loc="upper left")
    return (
        figure,
        "Outside option V(z) and mean predicted wage by rank of the portable index; the gap is the share of the surplus.",
    )


def surplus_shares(solved: xr.Dataset, workforce: Workforce) -> tuple[Figure, str]:
    """Share of the surplus relative to an equal share, by relative standing in the first internal term."""
    share = solved["surplus_share"].to_numpy() * np.repeat(workforce.headcount, workforce.sizes)
    figure = Figure(figsize=(WIDE, 3.6))
    axes = figure.subplots()
    if workforce.internal.any():
        column = int(np.flatnonzero(workforce.internal)[0])
        x, label = workforce.design[:, column], workforce.terms[column]
    else:
        x, label = np.arange(workforce.n_workers, dtype=float), "worker"
    edges = np.unique(np.quantile(x, np.linspace(0, 1, 11)))
    groups = np.clip(np.searchsorted(edges, x, "right") - 1, 0, len(edges) - 2)
    kept = [g for g in range(len(edges) - 1) if np.any(groups == g)]
    means = np.array([share[:, groups == g].mean(1) for g in kept])
    at = np.array([x[groups == g].mean() for g in kept])
    low, mid, high = np.quantile(means, [0.03, 0.5, 0.97], axis=1)
    axes.axhline(1.0, color=GREY, lw=1)
    axes.fill_between(at, low, high, color=BAND, lw=0)
    axes.plot(at, mid, "o-", color=INK, ms=4)
    axes.set_xlabel(f"{label} (means of {len(kept)} groups)")
    axes.set_ylabel("share of surplus ÷ equal share")
    return figure, f"How the surplus is shared by {label}: 1 is an equal share. Line: posterior median; band: 94%."


def predicted_wages(solved: xr.Dataset, workforce: Workforce) -> tuple[Figure, str]:
    """Observed against posterior-mean predicted wages, with the mean observed wage by predicted decile."""
    predicted = solved["wage"].mean("sample").to_numpy()
    figure = Figure(figsize=(WIDE, 4.2))
    axes = figure.subplots()
    picks = np.random.default_rng(0).permutation(workforce.n_workers)[:4000]
    axes.plot(predicted[picks], workforce.wage[picks], ".", color=BAND, ms=3, alpha=0.5, rasterized=True)
    parts = np.array_split(np.argsort(predicted), 10)
    axes.plot(
        [predicted[p].mean() for p in parts],
        [workforce.wage[p].mean() for p in parts],
        "o",
        color=ACCENT,
        label="means by tenth",
    )
    top = float(np.quantile(predicted, 0.999))
    axes.plot([0, top], [0, top], color=INK, lw=1, label="equality")
    axes.set_xlim(min(0.0, float(predicted.min())), 1.03 * top)
    axes.set_ylim(min(0.0, float(workforce.wage.min())), float(np.quantile(workforce.wage, 0.999)))
    axes.set_xlabel(f"predicted wage ({workforce.wage_unit})")
    axes.set_ylabel("observed wage")
    axes.legend(frameon=False, loc="upper left")
    r2 = 1.0 - np.var(workforce.wage - predicted) / np.var(workforce.wage)
    return figure, f"Observed against predicted wages; R² of the posterior mean prediction {r2:.2f}. Above 99.9% cut off."


def prior_posterior(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec) -> tuple[Figure, str]:
    """Densities of the main parameters before and after the data, by arviz-plots."""
    names = [v for v in ("d", "V_U", "beta", "psi") if v in draws["posterior"]] or ["gamma"]
    posterior = draws["posterior"].to_dataset()[names]
    prior = resampled(effective_prior(workforce, spec), 4000)[names].expand_dims("chain")
    letters = {k: v for k, v in {"beta": "β", "psi": "ψ", "gamma": "γ"}.items() if k in names}
    groups = {"posterior": posterior, "prior": prior}
    tree = xr.DataTree.from_dict({k: v.rename(letters) for k, v in groups.items()})
    panels = sum(int(np.prod(posterior[n].shape[2:])) for n in names)
    plots = azp.plot_prior_posterior(
        tree, var_names=[letters.get(n, n) for n in names], backend="matplotlib",
        figure_kwargs={"figsize": (WIDE, 2.1 * int(np.ceil(panels / 4)) + 0.2)},
    )  # fmt: skip
    figure = plots.viz["figure"].item()
    for axes in figure.axes:
        axes.xaxis.set_major_locator(MaxNLocator(3))
    return figure, "Prior and posterior of the main parameters. Where the two coincide the data are silent."

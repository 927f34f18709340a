"""Tables 1 to 4 of the paper for any workforce: who works where, before any model."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.posteriors.html import section, shown_table

_EDGES = (2, 6, 21, 51, 101)  # of the paper's size classes


def size_class(workforce: Workforce) -> np.ndarray:
    """(F,) the paper's size class of each workplace, from 0."""
    found: np.ndarray = np.searchsorted(_EDGES, workforce.headcount, side="right") - 1
    return found


def workplaces_by_size(workforce: Workforce) -> pd.DataFrame:
    """Table 1: number of workplaces by industry (rows, and all of them) and size class, and the share with 2 to 5 workers."""
    labels = [f"{a}–{b - 1}" for a, b in pairwise(_EDGES)] + [f">{_EDGES[-1] - 1}"]
    sizes = pd.Categorical.from_codes(size_class(workforce), pd.Index(labels))
    names = pd.Categorical.from_codes(workforce.industry, pd.Index(workforce.industries))
    table = pd.crosstab(pd.Series(names, name="industry"), pd.Series(sizes, name="size"), dropna=False)
    table = table.reindex(index=list(workforce.industries), columns=labels, fill_value=0)
    table.loc[_free("all", table.index)] = table.sum()
    table["all"] = table.sum(axis=1)
    return table.assign(**{f"share with {labels[0]}": table[labels[0]] / table["all"].clip(lower=1)}).rename_axis("industry")


def characteristics(workforce: Workforce) -> pd.DataFrame:
    """Table 2: mean and standard deviation over workers of the wage and of every term, and whether it is left behind."""
    table = workforce.describe()[["mean", "std", "internal"]]
    kind = ["" if n == "wage" else ("internal" if i else "external") for n, i in table["internal"].items()]
    return table.drop(columns="internal").assign(kind=kind).rename_axis("term")


def means_by_industry(workforce: Workforce) -> pd.DataFrame:
    """Table 3: mean of the wage and of every term over the workers of each industry, and how many they are."""
    values = pd.DataFrame(_by_term(workforce))
    names = np.array(workforce.industries)[workforce.worker_industry]
    found = values.groupby(names).mean().reindex(list(workforce.industries))
    counts = np.bincount(workforce.worker_industry, minlength=len(workforce.industries))
    return found.assign(**{_free("workers", found.columns): counts}).rename_axis("industry")


def coworkers(workforce: Workforce) -> pd.DataFrame:
    """Table 4: the mean of coworkers' values, without the worker's own: its variation over workers, and whom it goes with.

    Returns
    -------
    pd.DataFrame
        By term: standard deviation over workers ``overall``, ``between`` workplaces (of their means) and ``within``, and
        ``correlation`` of the worker's own value with the coworkers' mean; NaN for what does not vary.

    """
    sizes, rows = workforce.sizes, {}
    workplace = np.repeat(np.arange(workforce.n_workplaces), sizes)
    for name, own in _by_term(workforce).items():
        others = coworkers_mean(own, workforce)
        middle = np.add.reduceat(others, workforce.offsets[:-1]) / sizes
        varies = own.std() > 0 and others.std() > 0
        rows[name] = {
            "overall": others.std(), "between": middle.std(), "within": (others - middle[workplace]).std(),
            "correlation": float(np.corrcoef(own, others)[0, 1]) if varies else np.nan,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("mean of coworkers")


def coworkers_mean(own: np.ndarray, workforce: Workforce) -> np.ndarray:
    """(N,) the mean of a value (N,) over each worker's coworkers."""
    total, sizes = np.add.reduceat(own, workforce.offsets[:-1]), workforce.sizes
    found: np.ndarray = (np.repeat(total, sizes) - own) / np.repeat(sizes - 1, sizes)
    return found


def _free(label: str, taken: Iterable[object]) -> str:
    """The label, or with stars behind it where a user's own name is the same."""
    while label in set(taken):
        label += " *"
    return label


def _by_term(workforce: Workforce) -> dict[str, np.ndarray]:
    """(N,) the wage and every term."""
    return {_free("wage", workforce.terms): workforce.wage} | dict(
        zip(workforce.terms, workforce.terms_by_workers, strict=True)
    )


def data_sections(workforce: Workforce, folder: RunFolder) -> list[dict[str, Any]]:
    """The four tables for a page."""
    unit = f"Wages in {workforce.wage_unit}."
    made = {
        "workplaces": ("Table 1: workplaces", workplaces_by_size(workforce), "Workplaces by industry and number of workers."),
        "workers": ("Table 2: workers", characteristics(workforce), f"{unit} Internal terms stay behind when a worker leaves."),
        "industries": ("Table 3: workers by industry", means_by_industry(workforce), f"Means over workers. {unit}"),
        "coworkers": (
            "Table 4: coworkers", coworkers(workforce),
            "Standard deviations over workers of the mean of coworkers' values, the worker's own left out, and its correlation "
            "with the own value.",
        ),
    }  # fmt: skip
    return [section(h, [shown_table(table, folder, f"data_{n}", h, note)]) for n, (h, table, note) in made.items()]

"""Which tables of a fit may leave a register, and who stands behind each of their numbers."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.model import PARAMETERS
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.disclosure import Behind, Candidate
from bayes_labor.posteriors.joint_production.comparison import no_interaction
from bayes_labor.posteriors.joint_production.data_tables import (
    characteristics,
    coworkers,
    coworkers_mean,
    means_by_industry,
    size_class,
    workplaces_by_size,
)
from bayes_labor.posteriors.joint_production.results import SIZE_EDGES, by_workplace_size, managing, variation, wage_fifth
from bayes_labor.posteriors.joint_production.summary import SYMBOL, summarize

_LEVELS = (0.03, 0.97)


def releases(spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree, size: int = 100) -> list[Candidate]:
    """Parameters, evidence on zero interaction, the paper's Tables 1 to 4 and 8, who manages, pay by size of the workplace.

    Means of single workplaces, predictions for single workers, extremes, quantiles and pictures of them are no candidates.
    """
    found = [_parameters(spec, workforce, draws), *_data_tables(workforce)]
    if not spec.is_linear:
        found += [_interaction(spec, workforce, draws), _managing(spec, workforce, draws, size)]
    return [*found, _variation(spec, workforce, draws, size), _by_size(spec, workforce, draws, size)]


class _Crowd:
    """The people of a workforce, as they may stand behind numbers."""

    def __init__(self, workforce: Workforce) -> None:
        self.workforce = workforce
        self.workplace = np.repeat(np.arange(workforce.n_workplaces), workforce.sizes)
        self.person = np.arange(workforce.n_workers) if workforce.people is None else workforce.people.row
        self.everybody = np.ones(workforce.n_workers, bool)
        self._known_bases: dict[int, tuple[np.ndarray, ...]] = {}

    def all(self, amount: np.ndarray | None = None, **more: Any) -> Behind:
        """Everybody, of what is added up."""
        return self.some(self.everybody, amount, **more)

    def some(self, members: np.ndarray, amount: np.ndarray | None = None, **more: Any) -> Behind:
        """Those marked."""
        return Behind(self.workplace, self.person, members, amount, **more)

    def industry(self, k: int) -> np.ndarray:
        """(N,) who works in an industry."""
        members: np.ndarray = self.workforce.worker_industry == k
        return members

    def mean(self, x: np.ndarray, members: np.ndarray, **more: Any) -> Behind:
        """Those marked behind the mean of x (N,), which each moves by his distance from it."""
        own = x[members]
        apart = np.abs(x - own.mean()) / max(len(own), 1) if len(own) else np.zeros(len(x))
        return self.some(members, x, moves=apart, coarse=_FINEST * float(x.std()), **more)

    def spread_of(self, squares: np.ndarray, members: np.ndarray, own: np.ndarray | None = None, **more: Any) -> Behind:
        """Those marked behind a standard deviation, the root of the mean of squares (N,), which each moves by his own.

        ``own`` (N,) is a worker's part in what his workplace moves it by, where squares are of his coworkers' means.
        """
        variance = float(squares[members].mean()) if members.any() else 0.0
        moves = squares / (2.0 * max(int(members.sum()), 1) * np.sqrt(variance)) if variance > 0 else None
        if moves is not None and own is not None:
            moves = np.add.reduceat(moves, self.workforce.offsets[:-1])[self.workplace] * own
        return self.some(members, squares, moves=moves, coarse=_FINEST * np.sqrt(variance), **more)

    def own_part(self, x: np.ndarray) -> np.ndarray:
        """(N,) a worker's part in the squares of his workplace, of x around the mean of all."""
        squares = (x - x.mean()) ** 2
        return squares / np.maximum(np.add.reduceat(squares, self.workforce.offsets[:-1]), 1e-300)[self.workplace]

    def rate(self, members: np.ndarray, **more: Any) -> Behind:
        """Those marked behind a share or a probability: anybody moves it by one in so many."""
        return self.some(members, moves=np.full(len(members), 1.0 / max(int(members.sum()), 1)), **more)

    def spread(self, x: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N,) squares that add up to the variance of x overall, between workplaces and within."""
        sizes = self.workforce.sizes
        middle = (np.add.reduceat(x, self.workforce.offsets[:-1]) / sizes)[self.workplace]
        return (x - x[members].mean()) ** 2, (middle - x[members].mean()) ** 2, (x - middle) ** 2

    def unlike(self, x: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, ...]:
        """Those whose value is not the commonest of the members: must be enough, else it is known of each of the others."""
        known, counts = np.unique(x[members], return_counts=True)
        return (x != known[counts.argmax()] if len(known) else members,)

    def about(self, term: int, members: np.ndarray) -> tuple[np.ndarray, ...]:
        """Who must be enough for a number about a term: those unlike the commonest of the members, and its bases."""
        return (*self.unlike(self.workforce.terms_by_workers[term], members), *self._bases(term))

    def _bases(self, term: int) -> tuple[np.ndarray, ...]:
        """Whom a term is set against: the category that a factor leaves out, and who is in none of several dummies of which
        nobody has two; and the few who differ from a term before.
        """
        if term not in self._known_bases:
            x = self.workforce.terms_by_workers
            found = [rest & (x[with_level] == 0).all(0) for with_level, rest in self._factors(term)]
            if self._dummies[term]:
                apart_from = [o for o in np.flatnonzero(self._dummies) if o == term or not (x[o] * x[term]).any()]
                found.append((x[apart_from] == 0).all(0))
            for other in range(term):
                apart = x[term] != x[other]
                if apart.any() and np.count_nonzero(np.bincount(self.person[apart])) < _CLOSE:
                    found.append(apart)
            self._known_bases[term] = tuple(found)
        return self._known_bases[term]

    def _factors(self, term: int) -> list[tuple[list[int], np.ndarray]]:
        """(terms with a level of a factor, (N,) whether the rest of this term is not zero) for each factor in this term or in
        an interaction of it: where these terms are zero and the rest is not, there is the level that is left out.
        """
        parts = [frozenset(t.split(":")) for t in self.workforce.terms]
        factors = {p.partition("[T.")[0] for own in parts if parts[term] <= own for p in own if "[T." in p}
        found = []
        for f in sorted(factors):
            rest = frozenset(p for p in parts[term] if not p.startswith(f"{f}[T."))
            there = self.workforce.terms_by_workers[parts.index(rest)] != 0 if rest in parts else self.everybody
            found.append(([i for i, own in enumerate(parts) if any(p.startswith(f"{f}[T.") for p in own)], there))
        return found

    @cached_property
    def _dummies(self) -> np.ndarray:
        """(P,) whether a term has two values, one of them zero."""
        return np.array([len(known := np.unique(x)) == 2 and 0.0 in known for x in self.workforce.terms_by_workers])


_FINEST = 0.02  # of a standard deviation, whatever the number of people: digits must not tell how alike they are
_CLOSE = 1000  # people; among more a rule that asks for so many would be a curious one


def _parameters(spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree) -> Candidate:
    """Of an industry's parameters its workers stand behind; of a term's, those whose term differs from the commonest."""
    table, crowd, posterior = summarize(draws, workforce, spec), _Crowd(workforce), draws["posterior"].to_dataset()
    table = table.drop(columns=["prior_mean", "prior_sd"])  # which may be quantiles of wages; the record has the priors
    steps, nothing = _steps(table), np.zeros(workforce.n_workers)
    dims = {SYMBOL[n]: posterior[n].dims[2:] for n in PARAMETERS if n in posterior}
    own = sum("industry" in d for d in dims.values())
    behind = []
    for (symbol, label), coarse in zip(((str(i[0]), str(i[1])) for i in table.index.tolist()), steps, strict=True):
        if "industry" in dims[symbol]:
            members = crowd.industry(workforce.industries.index(label))
            whole = crowd.some(members, workforce.wage, estimated=own)
        else:
            groups = crowd.about(workforce.terms.index(label), crowd.everybody) if dims[symbol] else ()
            whole = crowd.all(groups=groups, estimated=len(table))
        behind.append([replace(whole, moves=nothing, coarse=float(step)) for step in coarse])
    return Candidate("parameters", "Posterior of the parameters", table, behind)


_PART = 0.1  # of a standard deviation, to which what has one is rounded


def _steps(table: pd.DataFrame) -> np.ndarray:
    """(rows, columns) to what parameters are rounded: a part of the posterior standard deviation, or .01."""
    found = pd.DataFrame(0.01, table.index, table.columns)
    for column in ("mean", "sd", "hdi_low", "hdi_high"):
        found[column] = _PART * table["sd"].where(np.isfinite(table["sd"]), 0.0)
    found[[c for c in table.columns if str(c).startswith("ess")]] = 10.0
    return found.to_numpy()


def _interaction(spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree) -> Candidate:
    table, crowd = no_interaction(draws, workforce, spec), _Crowd(workforce)
    table["bound"] = ["at most" if b else "" for b in table["bound"]]
    places = [workforce.industries.index(str(k)) for k in table.index]
    behind = [[crowd.some(crowd.industry(k), workforce.wage, moves=np.zeros(workforce.n_workers), coarse=0.01)] for k in places]
    return Candidate("no_interaction", "Evidence on zero interaction", table, behind)


def _data_tables(workforce: Workforce) -> list[Candidate]:
    """Tables 1 to 4 of the paper."""
    crowd, n_industries = _Crowd(workforce), len(workforce.industries)
    columns = [("wage", workforce.wage), *((f"term {t}", x) for t, x in enumerate(workforce.terms_by_workers))]
    means, everybody = means_by_industry(workforce), crowd.everybody

    def groups(k: int, members: np.ndarray) -> tuple[np.ndarray, ...]:
        return crowd.about(k - 1, members) if k else crowd.unlike(workforce.wage, members)

    overall, others, behind = [], [], []
    for k, (name, x) in enumerate(columns):
        about = groups(k, everybody)
        squares = crowd.spread(x, everybody)
        mean = crowd.mean(x, everybody, groups=about, tells=name)
        overall.append([mean, crowd.spread_of(squares[0], everybody, groups=about), crowd.all(groups=about)])
        apart = crowd.spread(coworkers_mean(x, workforce), everybody)
        usual = np.maximum(apart[0], 1e-300).mean(), np.maximum(squares[0], 1e-300).mean()
        leverage = 0.5 * (apart[0] / usual[0] + squares[0] / usual[1]) / workforce.n_workers
        correlation = crowd.all(squares[0], groups=about, moves=leverage, coarse=_FINEST)
        part = crowd.own_part(x)
        others.append([*(crowd.spread_of(a, everybody, own=part, groups=about) for a in apart), correlation])
    for m in map(crowd.industry, range(n_industries)):
        own = [crowd.mean(x, m, groups=groups(k, m), tells=name) for k, (name, x) in enumerate(columns)]
        behind.append([*own, crowd.some(m, moves=np.ones(workforce.n_workers), tells="workers")])
    totals = [[(k, c) for k in range(n_industries)] for c in range(means.shape[1])]
    return [
        _workplaces(workforce, crowd),
        Candidate("data_workers", "Table 2: workers", characteristics(workforce), overall),
        Candidate("data_industries", "Table 3: workers by industry", means, behind, totals),
        Candidate("data_coworkers", "Table 4: coworkers", coworkers(workforce), others),
    ]


def _workplaces(workforce: Workforce, crowd: _Crowd) -> Candidate:
    """Table 1: cells of a row and of a column add up to what is told at its end."""
    table = workplaces_by_size(workforce)
    of_class = np.repeat(size_class(workforce), workforce.sizes)
    n_rows, n_classes = len(workforce.industries), table.shape[1] - 2  # the last two: all, and the share with fewest workers
    rows = [*map(crowd.industry, range(n_rows)), crowd.everybody]
    classes = [*(of_class == c for c in range(n_classes)), crowd.everybody, of_class == 0]
    # The share of a row with fewest workers tells how many those are.
    nothing = np.zeros(workforce.n_workers)
    one = [[1.0] * (n_classes + 1) + [1.0 / max(len(np.unique(crowd.workplace[r])), 1)] for r in rows]
    behind = [
        [
            crowd.some(r & c, moves=nothing, moved_by_workplace=by, tells="workplaces")
            for c, by in zip(classes, own, strict=True)
        ]
        for r, own in zip(rows, one, strict=True)
    ]
    totals = [[(r, c) for c in range(n_classes)] for r in range(n_rows + 1)]
    totals += [[(r, c) for r in range(n_rows)] for c in range(n_classes + 1)]
    sums = [((r, n_classes), [(r, c) for c in range(n_classes)]) for r in range(n_rows)]
    sums += [((n_rows, c), [(r, c) for r in range(n_rows)]) for c in range(n_classes + 1)]
    return Candidate("data_workplaces", "Table 1: workplaces", table, behind, totals, sums)


def _managing(spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree, size: int) -> Candidate:
    found = managing(draws, workforce, spec, size=size)["probability"]
    fifth, crowd = wage_fifth(workforce), _Crowd(workforce)
    cells = {f"fifth {f + 1}": found.isel(fifth=f).mean("sample").to_numpy() for f in range(5)}
    table = pd.DataFrame(cells, index=pd.Index(list(workforce.industries), name="industry"))
    members = [[crowd.industry(k) & (fifth == f) for f in range(5)] for k in range(len(table))]
    behind = [[crowd.rate(m) for m in row] for row in members]
    return Candidate("managing", "Probability of managing, by fifth of wages", table, behind)


def _variation(spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree, size: int) -> Candidate:
    found, crowd = variation(draws, workforce, spec, size=size), _Crowd(workforce)
    rows, squares = {}, dict(zip(("overall", "between", "within"), crowd.spread(workforce.wage, crowd.everybody), strict=True))
    for variable, part in product(found["variable"].to_numpy(), found["part"].to_numpy()):
        sd = np.sqrt(np.maximum(found["variance"].sel(variable=variable, part=part).to_numpy(), 0.0))
        low, high = np.quantile(sd, _LEVELS)
        data = float(found["observed"].sel(part=part)) ** 0.5 if variable == "wage" else np.nan
        rows[variable, part] = {"data": data, "mean": float(sd.mean()), "3%": low, "97%": high}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["variable", "part"])
    model = crowd.all(workforce.wage)
    data = {part: crowd.spread_of(own, crowd.everybody) for part, own in squares.items()}
    behind = [[data[str(part)], *[model] * (table.shape[1] - 1)] for _, part in table.index]
    return Candidate("variation", "Standard deviations over workers", table, behind)


def _by_size(spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree, size: int) -> Candidate:
    """Figure 8 as a table: by size of the workplace."""
    found, crowd = by_workplace_size(draws, workforce, spec, size=size), _Crowd(workforce)
    low, high = np.array(SIZE_EDGES[:-1]), np.array(SIZE_EDGES[1:])
    labels = [f"{a}–{b - 1}" if b < SIZE_EDGES[-1] else f">{a - 1}" for a, b in zip(low, high, strict=True)]
    table = pd.DataFrame(
        {
            "wage, data": found["observed"].to_numpy(),
            "wage": found["wage"].mean("sample").to_numpy(),
            "outside option": found["outside_option"].mean("sample").to_numpy(),
        },
        index=pd.Index(labels, name="workers"),
    )
    sizes = np.repeat(workforce.headcount, workforce.sizes)
    members = [(sizes >= a) & (sizes < b) for a, b in zip(low, high, strict=True)]
    totals: Sequence[Sequence[tuple[int, int]]] = [[(r, c) for r in range(len(table))] for c in range(3)]
    told = ("wage", "predicted wage", "outside option")
    behind = [[crowd.mean(workforce.wage, m, groups=crowd.unlike(workforce.wage, m), tells=t) for t in told] for m in members]
    return Candidate("by_size", "Pay by size of the workplace", table, behind, totals)

"""Learning from coworkers on a small panel of log pay: human capital as a state, measured with error.

y_it = c + log h_it + u_it, and log h grows from year to year by E_kt times the increment of the learning function, E_kt ~
Gamma(1, 1) standing for the number of learning events of team k in year t. Section 7.2 of the specification. It reads pay as
human capital: where wages are bargained, or noisy (sd 0.1 and more), priors dominate.
"""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import PositiveFloat

from bayes_labor.custom_ops import human_capital
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.learning.teams import Teams
from bayes_labor.models.laws import WithPriors
from bayes_labor.models.notes import start_at, start_there
from bayes_labor.models.priors import Prior, Relative
from bayes_labor.theory.learning.careers import Careers

_MOST_ROWS = 20_000
_NORMAL = {
    "theta_p": "theta+ (learning from more skilled)",
    "theta_m": "theta- (learning from less skilled)",
    "mu_q": "mean of log q (what a team learns)",
}
_SPREADS = {
    "sigma_h": "sd of log h in the first year",
    "sigma_a": "sd of log a (what a worker learns)",
    "sigma_q": "sd of log q",
    "sigma_u": "sd of errors of log pay",
}
_MEAN = "mean log wage"


class DirectSpec(WithPriors):
    """Priors: normal of theta+, theta- and mu_q, half-normal of standard deviations."""

    theta_p: tuple[float, PositiveFloat] = (0.1, 0.2)
    theta_m: tuple[float, PositiveFloat] = (0.0, 0.2)
    mu_q: tuple[float, PositiveFloat] = (0.0, 0.05)
    sigma_h: PositiveFloat = 0.3
    sigma_a: PositiveFloat = 0.03
    sigma_q: PositiveFloat = 0.03
    sigma_u: PositiveFloat = 0.1
    year_effects: bool = False
    """A level of pay per year. It then takes what all workers learn alike, and mu_q is known from its prior only."""

    @property
    def rows(self) -> dict[str, Prior]:
        """Priors by parameter."""
        normal = {n: Prior("normal", getattr(self, n), words) for n, words in _NORMAL.items()}
        half = {n: Prior("half normal", (getattr(self, n),), words) for n, words in _SPREADS.items()}
        level = {"level": Prior("normal", (Relative(1.0, _MEAN), 1.0), "level of log pay")}
        years = {"year_effect": Prior("normal", (0.0, 1.0), "level of a year, less the first's")} if self.year_effects else {}
        return normal | half | level | years | {"events": Prior("gamma", (1.0, 1.0), "learning events of a team in a year")}


def learning_direct(teams: Teams, spec: DirectSpec | None = None, **settings: Any) -> pm.Model:
    """Build the model.

    Parameters
    ----------
    teams
        Workers in teams over consecutive years; ``wage`` is taken in logs. Whoever is missing in a year learns nothing.
    spec
        A :class:`DirectSpec`; or ``**settings``, its fields.

    Returns
    -------
    pm.Model
        ``theta_p``, ``theta_m``, ``mu_q``, ``sigma_h``, ``sigma_a``, ``sigma_q``, ``sigma_u``; the observed variable is
        ``log_wage``, a row of the table each.

    Raises
    ------
    DataFaults
        For wages that are not positive, fewer than two years, or more than 20,000 rows: there is a state per worker and year.

    """
    spec = spec or DirectSpec(**settings)
    t = teams.table.assign(team=teams.table["team"].astype(str))
    t = t.sort_values(["year", "team", "worker"], ignore_index=True)
    _check(t, teams.name)
    workers, worker = np.unique(t["worker"], return_inverse=True)
    labels, team = np.unique(t["team"], return_inverse=True)
    years, year = np.unique(t["year"], return_inverse=True)
    careers = _careers(worker, team, year)
    y = np.log(t["wage"].to_numpy(dtype=np.float64))
    with pm.Model(coords={"worker": workers, "team": labels, "year": years, "row": np.arange(len(t))}) as model:
        start_at(theta_p=0.1, theta_m=0.02, sigma_h=0.2, sigma_a=0.01, sigma_q=0.01, sigma_u=0.05, level=float(y.mean()))
        start_there()
        table = {name: prior.within({_MEAN: float(y.mean())}) for name, prior in spec.table.items()}
        at = {name: table[name].place(name) for name in (*_NORMAL, *_SPREADS)}
        level = table["level"].place("level")
        if spec.year_effects:
            level = level + pt.concatenate([[0.0], table["year_effect"].place("year_effect", shape=len(years) - 1)])[year]
        log_h = at["sigma_h"] * pm.Normal("h", 0.0, 1.0, dims="worker")
        log_a = at["sigma_a"] * pm.Normal("a", 0.0, 1.0, dims="worker")
        log_q = at["mu_q"] + at["sigma_q"] * pm.Normal("q", 0.0, 1.0, dims="team")
        teams_in = np.bincount(year[careers.offsets[:-1]])[:-1]
        events = [table["events"].place(f"events_{at_year}", shape=int(k)) for at_year, k in zip(years, teams_in, strict=False)]
        path = human_capital(log_h, log_a, log_q, pt.concatenate(events), at["theta_p"], at["theta_m"], careers)
        pm.Normal("log_wage", level + path, at["sigma_u"], observed=pm.Data("log_wages", y, dims="row"), dims="row")
    return model


def _check(t: Any, name: str) -> None:
    faults = []
    if not (t["wage"] > 0).all():
        faults.append(
            Fault(f"{int((t['wage'] <= 0).sum())} wages are not positive", name, "their logs are modelled: drop them")
        )
    if t["year"].nunique() < 2:
        faults.append(Fault("a single year", name, "learning shows from year to year: give two or more"))
    if len(t) > _MOST_ROWS:
        remedy = "take a sample of teams, or use learning_regression"
        faults.append(Fault(f"{len(t):,} rows, more than {_MOST_ROWS:,}", name, remedy))
    if faults:
        raise DataFaults(faults)


def _careers(worker: np.ndarray, team: np.ndarray, year: np.ndarray) -> Careers:
    """Of rows by year and team."""
    first = np.flatnonzero(np.append(True, (np.diff(team) != 0) | (np.diff(year) != 0)))
    return Careers(worker, np.append(first, len(worker)), team[first])

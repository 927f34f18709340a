"""Human capital as a state on real data: log density against loops in NumPy, its gradient against PyTensor's own."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import io_toposort
from scipy import stats

from bayes_labor.custom_ops.learning import HumanCapital
from bayes_labor.data import Teams, baseball_teammates
from bayes_labor.models import DirectSpec, learning_direct
from bayes_labor.models.starting import starting_point
from bayes_labor.theory.learning import log_growth

TABLE = baseball_teammates().table
TEAMS = Teams(TABLE[TABLE["year"] >= 2014].reset_index(drop=True))
POINTS = 50


def random_points(model: pm.Model) -> list[dict[str, np.ndarray]]:
    rng, start = np.random.default_rng(0), starting_point(model)
    return [{n: v + 0.3 * rng.normal(size=np.shape(v)) for n, v in start.items()} for _ in range(POINTS)]


def by_loops(model: pm.Model, point: dict[str, np.ndarray]) -> float:
    """Log density of the data: row by row, team by team, year by year."""
    p = {n: np.exp(point[f"{n}_log__"]) for n in ("sigma_h", "sigma_a", "sigma_q", "sigma_u")} | point
    at = {name: {label: i for i, label in enumerate(model.coords[name])} for name in ("worker", "team")}
    log_h, log_a = p["sigma_h"] * p["h"], p["sigma_a"] * p["a"]
    log_q, total = p["mu_q"] + p["sigma_q"] * p["q"], 0.0
    for year, rows in TEAMS.table.groupby("year"):
        pay = p["level"] + log_h[rows["worker"].map(at["worker"])]
        total += stats.norm(pay, p["sigma_u"]).logpdf(np.log(rows["wage"])).sum()
        for place, (team, members) in enumerate(rows.groupby("team")):
            if f"events_{year}_log__" in p:
                who, q = members["worker"].map(at["worker"]).to_numpy(), log_q[at["team"][team]]
                grown = log_growth(log_h[who], log_a[who], q, np.ones(len(who), bool), p["theta_p"], p["theta_m"])
                log_h[who] += np.exp(p[f"events_{year}_log__"][place]) * grown
    return float(total)


def as_graph(log_h, log_a, log_q, events, theta_p, theta_m, worker, offsets, team):
    """The recursion as PyTensor's own graph."""
    path = []
    for r, (first, last) in enumerate(zip(offsets.data[:-1], offsets.data[1:], strict=True)):
        who = worker.data[first:last]
        path.append(log_h[who])
        if r < events.type.shape[0]:
            here = np.ones((1, len(who)), bool)
            q = log_q[team.data[r]][None]
            grown = log_growth(log_h[who][None], log_a[who][None], q, here, theta_p, theta_m, pt)[0]
            log_h = pt.inc_subtensor(log_h[who], events[r] * grown)
    return pt.concatenate(path)


def test_density_equals_loops() -> None:
    model = learning_direct(TEAMS)
    density = model.compile_fn(model.logp(vars=[model["log_wage"]]), on_unused_input="ignore")
    for point in random_points(model):
        np.testing.assert_allclose(density(point), by_loops(model, point), rtol=1e-10)


def test_gradient_equals_that_of_a_graph() -> None:
    """Of two teams, of which the graph is small; one worker changes from the one to the other."""
    table = TABLE[TABLE["team"].isin(["BOS", "TOR"]) & TABLE["year"].between(2012, 2014)]
    model = learning_direct(Teams(table.reset_index(drop=True)), DirectSpec(year_effects=True))
    value = model.logp()
    (node,) = (n for n in io_toposort([], [value]) if isinstance(n.op, HumanCapital))
    other = graph_replace([value], {node.outputs[0]: as_graph(*node.inputs)}, strict=True)[0]
    both = [out for v in (value, other) for out in (v, *pytensor.grad(v, model.value_vars))]
    function = model.compile_fn(both)
    for point in random_points(model):
        found = function(point)
        for ours, theirs in zip(found[: len(both) // 2], found[len(both) // 2 :], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10 * np.abs(theirs).max())

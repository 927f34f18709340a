"""Learning on the job: the equations of joint and worker values at exact solutions, and the networks that solve them."""

import json
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from bayes_labor.theory.learning import Parameters, log_growth, meeting, nonemployment
from bayes_labor.theory.learning import joint_value as hjb
from bayes_labor.theory.learning import worker_value as hjw
from bayes_labor.theory.learning.closed_forms import solve_separable, value_with_learning
from bayes_labor.theory.learning.finite import FiniteEconomy, solve_finite, worker_values
from bayes_labor.theory.learning.network import ValueNetwork, draw_weights, encode, joint_value, scales
from bayes_labor.theory.learning.virtual import FirmStates
from bayes_labor.theory.learning.worker_network import contract_value, wage_for
from tests.conftest import REFERENCE

Team = tuple[list[float], list[float]]


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "learning.json").read_text())


def firms(rows: list[tuple[float, float, list[float], list[float]]], places: int) -> FirmStates:
    """From rows of (z, q, h, a)."""
    log_h, log_a = np.zeros((len(rows), places)), np.zeros((len(rows), places))
    for i, (_, _, h, a) in enumerate(rows):
        log_h[i, : len(h)], log_a[i, : len(h)] = np.log(h), np.log(a)
    z, q = (np.log([r[k] for r in rows]) for k in (0, 1))
    return FirmStates(z, q, np.array([len(r[2]) for r in rows]), log_h, log_a)


def everywhere(f: FirmStates, after: FirmStates, nodes: hjb.Meeting, value: Callable[..., float]) -> np.ndarray:
    """(B, 2 + n_max + G) of a value given (z, q, h, a) of a firm, at firms and their neighbours."""
    places = f.log_h.shape[1]
    found = np.full((len(f.size), 2 + places + len(nodes.log_h)), np.nan)
    for b, n in enumerate(f.size):
        z, q = np.exp(f.log_z[b]), np.exp(f.log_q[b])
        h, a, grown = np.exp(f.log_h[b, :n]), np.exp(f.log_a[b, :n]), np.exp(np.asarray(after.log_h)[b, :n])
        found[b, :2] = value(z, q, h, a), value(z, q, grown, a)
        found[b, 2 : 2 + places] = found[b, 0]
        for i in range(n):
            found[b, 2 + i] = value(z, q, np.delete(h, i), np.delete(a, i))
        for g, (x, y) in enumerate(zip(nodes.log_h, nodes.log_a, strict=True)):
            room = n < places
            found[b, 2 + places + g] = value(z, q, np.append(h, np.exp(x)), np.append(a, np.exp(y))) if room else found[b, 0]
    return found


def kinds(
    h: np.ndarray, employed: tuple[np.ndarray, ...], idle: tuple[np.ndarray, ...], omega: float, share: float
) -> hjb.Meeting:
    """Nodes are the kinds of workers: ``employed`` (kind, kept, weight), ``idle`` (kind, weight)."""
    one = np.eye(len(h))
    return hjb.Meeting(
        np.log(h), np.zeros(len(h)), one[employed[0]], one[idle[0]], employed[1], employed[2], idle[1], omega, share
    )


def test_joint_value_where_values_separate(golden: dict[str, Any]) -> None:
    case, p = golden["oracle_B_separable"], Parameters(eta=1.0, theta_p=0.0, theta_m=0.0, gamma=0.0)
    z = np.array(case["z"])
    h_n, w_n = np.array(case["chiN"]["h"]), np.array(case["chiN"]["weight"])
    h_e, firm, w_e = (np.array(case["chiE"][k]) for k in ("h", "firm_type", "weight"))
    exact = solve_separable(z, (h_n, w_n), (h_e, firm, w_e), 0.15, 0.4, p)
    h = np.unique(np.concatenate([h_n, h_e]))
    kept = np.maximum(exact.alpha[firm] * h_e + exact.kappa[firm] - nonemployment(h_e, p), 0.0)
    met = kinds(h, (np.searchsorted(h, h_e), kept, w_e), (np.searchsorted(h, h_n), w_n), 0.15, 0.4)
    rng = np.random.default_rng(0)
    rows = [(z[k], 1.0, list(rng.choice(h, n)), [1.0] * n) for k in range(3) for n in range(6)]
    f = firms(rows, 7)
    after = hjb.grown(f, p)
    values = everywhere(f, after, met, lambda z_, q, h, a: exact.value(int(np.argmin(np.abs(z - z_))), h))
    found = hjb.equation(values, f, met, p)
    assert np.abs(np.asarray(found.residual(values))).max() < 1e-12
    assert np.abs(np.asarray(hjb.equation(values + 1.0, f, met, p).residual(values + 1.0)) + p.rho + p.delta_f).max() < 1e-12


def test_joint_value_of_teams_that_learn(golden: dict[str, Any]) -> None:
    """Nobody is met: hiring costs nothing where omega is 0, and learning enters at the full rate."""
    p = Parameters(psi_E=0.0, psi_N=0.0)
    rows = [(1.0, 0.984, [1.0, 1.2], [1.0, 1.01]), (1.3, 0.99, [0.8], [1.01]), (0.8, 1.0, [0.7, 1.5], [0.99, 1.0])]
    f = firms(rows, 3)
    one = np.array([0])
    met = kinds(np.array([1.0]), (one, np.zeros(1), np.ones(1)), (one, np.ones(1)), 0.0, 1.0)

    def value(z: float, q: float, h: np.ndarray, a: np.ndarray) -> float:
        return float(value_with_learning(z, q, h, a, p)) if 0 < len(h) < 3 else 0.0

    values = everywhere(f, hjb.grown(f, p), met, value)
    assert np.abs(np.asarray(hjb.equation(values, f, met, p).residual(values))).max() < 1e-12
    here = np.arange(3) < f.size[:, None]
    growth = log_growth(f.log_h, f.log_a, f.log_q, here, p.theta_p, p.theta_m)
    np.testing.assert_allclose(np.asarray(hjb.grown(f, p).log_h), f.log_h + growth, atol=1e-15)


def finite_states(case: dict[str, Any], found: FiniteEconomy, p: Parameters) -> tuple[FirmStates, hjb.Meeting, np.ndarray]:
    """(all firms, whom they meet, (B, E) exact joint values)."""
    h, counts = np.array(case.get("h", [1.0])), found.counts
    rows = [
        (z, 1.0, [x for x, c in zip(h, n, strict=True) for _ in range(c)], [1.0] * n.sum()) for z in case["z"] for n in counts
    ]
    f = firms(rows, case["n_max"])
    firm, place = np.nonzero(np.arange(case["n_max"]) < f.size[:, None])
    kind = np.argmin(np.abs(f.log_h[firm, place][:, None] - np.log(h)), 1)
    nobody = kinds(h, (kind, np.zeros(len(kind)), np.ones(len(kind))), (np.arange(len(h)), found.idle), 0.0, 1.0)
    values = everywhere(f, hjb.grown(f, p), nobody, table(found.value, found, case, h))
    # Ties are exact only if surpluses are computed alike on both sides.
    surplus = values[firm, 0] - values[firm, 2 + place] - non_employed(h, p)[kind]
    weight = found.firms.ravel()[firm]
    met = kinds(
        h, (kind, np.maximum(surplus, 0.0), weight / weight.sum()), (np.arange(len(h)), found.idle), found.omega, found.share_N
    )
    return f, met, values


def non_employed(h: np.ndarray, p: Parameters) -> np.ndarray:
    return np.asarray(p.b / (p.rho + p.delta_r) * jnp.exp(np.log(h)))


def table(values: np.ndarray, found: FiniteEconomy, case: dict[str, Any], h: np.ndarray) -> Callable[..., float]:
    place = {tuple(c): i for i, c in enumerate(found.counts.tolist())}

    def value(z: float, q: float, team: np.ndarray, a: np.ndarray) -> float:
        kind = np.argmin(np.abs(np.log(team)[:, None] - np.log(h)), 1)
        firm = int(np.argmin(np.abs(np.array(case["z"]) - z)))
        return float(values[firm, place[tuple(np.bincount(kind, minlength=len(h)).tolist())]])

    return value


def test_both_equations_in_finite_economies(golden: dict[str, Any]) -> None:
    """Exact equilibria solve HJB-V in every firm, full ones among them; exact values of workers solve HJB-W."""
    for case in [*golden["oracle_C_homogeneous_capped"]["cases"], *golden["oracle_E_heterogeneous_capped"]["cases"]]:
        p = Parameters(gamma=0.0)._replace(**case["overrides"])
        known = {"h": case["h"], "births": case["gh"]} if "h" in case else {}
        found = solve_finite(case["z"], case["pz"], case["n_max"], p, **known)
        f, met, values = finite_states(case, found, p)
        residual = np.asarray(hjb.equation(values, f, met, p).residual(values))
        assert np.abs(residual).max() < 1e-10 * np.abs(values).max()
        if not known:
            continue
        h = np.array(case["h"])
        for kind, wage in ((0, 0.5), (1, 1.1)):
            exact = worker_values(found, case["z"], case["h"], case["gh"], kind, wage, p)
            whose = np.flatnonzero((np.abs(f.log_h - np.log(h[kind])) < 1e-9)[:, ::1].any(1) & (f.size > 0))
            some = f.take(whose)
            who = np.argmin(np.abs(some.log_h - np.log(h[kind])), 1)
            places = case["n_max"]
            W = everywhere(some, hjb.grown(some, p), met, table(exact, found, case, h))
            member = np.eye(len(h))[np.argmin(np.abs(some.log_h[..., None] - np.log(h)), -1)]
            joined = values[:, 2 + places :] - values[:, :1] - non_employed(h, p)
            tickets = (found.firms * (found.counts.sum(1) + 1)).ravel()
            poachers = hjw.Poachers(joined, f.size < places, tickets / tickets.sum())
            contract = hjw.contracts(values[whose], some, who, member, poachers, p)
            hires = hjb.equation(values[whose], some, met, p).coefficients[:, 2 + places :]
            W = np.where(np.isnan(W), 0.0, W)  # a firm without the worker himself has no such value, and no weight
            got = hjw.worker_equation(W, np.full(len(whose), wage), contract, hires, poachers, p)
            assert np.abs(np.asarray(got.residual)).max() < 1e-9


def test_worker_value_where_values_separate(golden: dict[str, Any]) -> None:
    """Wages of oracle B at 1e-12: coworkers change nothing, meetings and renegotiations all."""
    case, p = golden["oracle_B_separable"], Parameters(eta=1.0, theta_p=0.0, theta_m=0.0, gamma=0.0)
    z, tickets = np.array(case["z"]), np.array(case["wages"]["Pi_over_z"])
    exact = solve_separable(
        z,
        tuple(np.array(case["chiN"][k]) for k in ("h", "weight")),
        tuple(np.array(case["chiE"][k]) for k in ("h", "firm_type", "weight")),
        0.15,
        0.4,
        p,
    )
    for paid in case["wages"]["cases"]:
        h, k = paid["h"], int(np.argmin(np.abs(z - paid["z"])))
        surplus = exact.surplus(np.array([h]), p)
        poachers = hjw.Poachers(surplus, np.ones(3, bool), tickets)
        f = firms([(paid["z"], 1.0, [h], [1.0])], 2)
        one = np.array([0])
        met = kinds(np.array([h]), (one, np.zeros(1), np.ones(1)), (one, np.ones(1)), 0.15, 0.4)
        values = everywhere(f, f, met, lambda z_, q, h, a, k=k: exact.value(k, h))
        contract = hjw.contracts(values, f, one, np.ones((1, 2, 1)), poachers, p)
        W = np.full((1, values.shape[1]), paid["W"])
        got = hjw.worker_equation(W, np.array([paid["wage"]]), contract, np.zeros((1, 1)), poachers, p)
        assert abs(float(got.residual[0])) < 1e-12
        assert float(hjw.direct_wage(W[:, 0], contract, poachers, p)[0]) == pytest.approx(paid["wage"], abs=1e-12)
        offer = meeting(paid["W"], nonemployment(h, p), surplus[k, 0], surplus[:, 0])
        np.testing.assert_allclose(np.maximum(contract.floor[0], paid["W"]) - paid["W"], offer.gain, atol=1e-12)


def network(seed: int = 0, places: int = 5) -> ValueNetwork:
    rng = np.random.default_rng(seed)
    w = draw_weights(rng, places, 6, 16)
    return ValueNetwork(scales(Parameters()), w._replace(last=rng.normal(size=17)))


def some_firms(seed: int, count: int, places: int = 5) -> FirmStates:
    rng = np.random.default_rng(seed)
    rows = []
    for n in rng.integers(places + 1, size=count):
        h, a = np.exp(0.2 * rng.normal(size=(2, n)))
        rows.append((float(np.exp(0.3 * rng.normal())), 0.99, list(h), list(a)))
    return firms(rows, places)


def nodes_of(seed: int) -> hjb.Meeting:
    rng = np.random.default_rng(seed)
    one = np.full(50, 0.02)
    return hjb.Meeting(
        0.1 * rng.normal(size=4), 0.01 * rng.normal(size=4), rng.random((50, 4)), rng.random((50, 4)), one, one, one, 1.0, 0.2
    )


def test_kernels_and_arrays_agree() -> None:
    """The simulator's network is the trained one: firm, learnt, without and with a worker, empty and full; one's own value."""
    net, f, met, p = network(), some_firms(1, 40), nodes_of(2), Parameters()
    after = hjb.grown(f, p)
    found = np.asarray(hjb.neighbour_values(net.weights, net.scales, f, after, met))
    length = net.weights.team.shape[0]

    def value(z: float, q: float, h: np.ndarray, a: np.ndarray) -> float:
        code = np.zeros((len(h), length))
        for i in range(len(h)):
            encode(net, np.log(h[i]), np.log(a[i]), code[i])
        return float(joint_value(net, np.log(z), np.log(q), len(h), code.sum(0)))

    np.testing.assert_allclose(
        np.where(f.size[:, None] < 5, found, 0.0)[:, 7:],
        np.where(f.size[:, None] < 5, everywhere(f, after, met, value), 0.0)[:, 7:],
        rtol=1e-12,
    )
    np.testing.assert_allclose(found[:, :7], everywhere(f, after, met, value)[:, :7], rtol=1e-12)
    c = hjw.draw_worker_network(np.random.default_rng(3), net)
    c = c._replace(weights=c.weights._replace(last=np.random.default_rng(4).normal(size=17)))
    staffed = f.take(f.size > 0)
    who, wage = np.zeros(len(staffed.size), np.int64), np.linspace(-2.0, 3.0, len(staffed.size))
    W = np.asarray(hjw.worker_values(c, staffed, hjb.grown(staffed, p), who, wage, met))[:, 0]
    for b, n in enumerate(staffed.size):
        code = np.zeros((n, length))
        for i in range(n):
            encode(net, staffed.log_h[b, i], staffed.log_a[b, i], code[i])
        args = (c, staffed.log_z[b], staffed.log_q[b], n, code.sum(0), code[0], staffed.log_h[b, 0])
        assert contract_value(*args, wage[b]) == pytest.approx(W[b], rel=1e-11)
        found = wage_for(*args, W[b], 0.0)
        if abs(found) < 40.0:
            assert contract_value(*args, found) == pytest.approx(W[b], abs=1e-7)
        assert wage_for(*args, W[b], wage[b]) == wage[b]


def test_order_and_padding_do_not_matter() -> None:
    net, f, met, p = network(), some_firms(5, 30), nodes_of(6), Parameters()
    found = np.asarray(hjb.neighbour_values(net.weights, net.scales, f, hjb.grown(f, p), met))
    turned = f._replace(log_h=f.log_h.copy(), log_a=f.log_a.copy())
    for b, n in enumerate(f.size):
        turned.log_h[b, :n], turned.log_a[b, :n] = f.log_h[b, :n][::-1], f.log_a[b, :n][::-1]
        turned.log_h[b, n:] = 7.0  # whatever stands where nobody is
    again = np.asarray(hjb.neighbour_values(net.weights, net.scales, turned, hjb.grown(turned, p), met))
    np.testing.assert_allclose(again[:, [0, 1]], found[:, [0, 1]], rtol=1e-12)
    np.testing.assert_allclose(again[:, 7:], found[:, 7:], rtol=1e-12)
    last = found[np.arange(30), 1 + np.maximum(f.size, 1)]
    assert (last != found[:, 0])[f.size > 0].all()


def test_interpolation_is_exact_for_polynomials() -> None:
    nodes = hjb.chebyshev_nodes(-0.7, 0.4, 6)
    x = np.append(np.linspace(-0.7, 0.4, 50), nodes)
    for degree in range(6):
        np.testing.assert_allclose(hjb.lagrange(nodes, x) @ nodes**degree, x**degree, atol=1e-13)
    np.testing.assert_allclose(nodes[[0, -1]], [-0.7, 0.4], rtol=1e-15)
    assert hjb.lagrange(hjb.chebyshev_nodes(0.3, 0.3, 6), x).tolist() == [[1.0]] * len(x)

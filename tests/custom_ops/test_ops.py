"""Every Op through the common battery, at points on both sides of beta = 0 and at the kinks that are stated."""

from functools import cache

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from bayes_labor.custom_ops import (
    conditional_logit_likelihood,
    design_index,
    emulated_moments,
    human_capital,
    marginal_logit_likelihood,
    nash_payroll,
    outside_option,
    paired_log_likelihood,
    panel_log_likelihood,
    quadratic_form,
    regime_likelihood,
    sorting_equilibrium,
    task_assignment,
    workplace_sum,
)
from bayes_labor.custom_ops.declaration import TWINS, SolverOp
from bayes_labor.custom_ops.joint_production import OutsideOption, TaskAssignment
from bayes_labor.likelihoods.emulator import fit_emulator
from bayes_labor.likelihoods.random_intercepts import reduce_panel
from bayes_labor.numerics.groups import Groups
from bayes_labor.theory import Matching, Status, solve_outside_option
from bayes_labor.theory.learning.careers import Careers
from tests.custom_ops.battery import (
    TWIN,
    Case,
    check_adjoint,
    check_gradient,
    check_jax_differentiates,
    check_linkers_agree,
    check_pickle_and_spawn,
    ops_of,
)

RNG = np.random.default_rng(3)
SIZES = RNG.integers(2, 9, 25)
OFFSETS = np.concatenate([[0], np.cumsum(SIZES)])
INDUSTRY = np.arange(25) % 3
N = int(OFFSETS[-1])
Z = 0.4 * RNG.normal(size=N)
THETA = Z + 0.1 * RNG.normal(size=N)
DESIGN = RNG.normal(size=(4, 2600))  # longer than a chunk, not a multiple of the lanes
ECONOMIES = [  # psi, tau, lambda_theta, lambda_x, s_l, s_k, alpha, eta, xi, log A: c of either sign, rho of either sign
    (0.32, 0.0846, 2.737, 0.9458, 0.2235, 0.05, 0.3, 0.6, 9.0, 0.0),
    (0.8, 0.3, 3.0, 2.5, 0.1, 0.2, 0.3, 0.6, 9.0, 0.1),
    (0.4, 3.0, 2.6, 0.9, 0.2, 0.1, 0.3, 0.6, 9.0, -0.2),
    (0.5, 0.1, 4.0, 2.0, 0.3, 0.2, 0.33, 0.5, 6.0, 0.2),
]
REDUCED = reduce_panel(RNG.normal(size=40), RNG.normal(size=(40, 3)), Groups.of(RNG.integers(0, 12, 40)))
RISES, BONUSES = np.array([0, 1, 1, 3, 3, 5]), np.array([0, 2, 5, 5, 6, 10])
KNOTS = RNG.random((40, 3))
EMULATED = fit_emulator(KNOTS, np.column_stack([np.sin(4.0 * KNOTS[:, 0]) * KNOTS[:, 1], KNOTS[:, 2] ** 2 + KNOTS[:, 0]]))
LINEAR, MATRIX = RNG.normal(size=6), np.cov(RNG.normal(size=(6, 20)))
WON, CAREERS = (RNG.random(30) < 0.4).astype(np.float64), np.array([0, 1, 4, 9, 10, 16, 22, 30])
TEAM_YEARS = Careers(  # teams of 3, 1 and 2, a year later of 2 and 4, and then of 5, which does not learn; worker 6 leaves
    worker=np.array([0, 2, 4, 6, 1, 3, 4, 0, 1, 2, 3, 5, 0, 3, 7, 1, 5]),
    offsets=np.array([0, 3, 4, 6, 8, 12, 17]),
    team=np.array([0, 1, 2, 0, 2, 1]),
)
BETA, SCALE = np.array([0.16, -0.4, 0.03]), np.array([11.0, 14.0, 12.0])
FLOOR = 5.0
COPIES = 1.0 + 3.0 * RNG.random(N)


def _outside(matching: Matching, softness: float, floor: float = -1.5, copies: np.ndarray | None = None) -> Case:
    def build(theta, z, beta, scale, d, vu):
        given = {"industry": INDUSTRY, "matching": matching, "softness": softness, "copies": copies}
        s = outside_option(theta, z, OFFSETS, beta, scale, d, vu, **given)
        return s.value, s.output

    name = f"outside_option-{matching.kind}-{softness}-{floor}{'' if copies is None else '-copies'}"
    return Case(name, build, [THETA, Z, BETA, SCALE, np.array(0.7), np.array(floor)], [1e-4, 1e-4, 1e-4, 1e-3, 1e-4, 1e-3])


CASES = [
    Case(
        "task_assignment",
        lambda theta, beta, scale: task_assignment(theta, OFFSETS, beta, scale, industry=INDUSTRY)[:1],
        [THETA, BETA, SCALE],
        [1e-4, 1e-5, 1e-3],
    ),
    Case(
        "task_assignment-per-workplace",
        lambda theta, beta: task_assignment(theta, OFFSETS, beta, 11.0)[:1],
        [THETA, np.linspace(-0.8, 0.81, 25)],
        [1e-4, 1e-5],
    ),
    Case(
        "task_assignment-linear",
        lambda theta, scale: task_assignment(theta, OFFSETS, np.zeros(3), scale, industry=INDUSTRY)[:1],
        [THETA, SCALE],
    ),
    _outside(Matching.exact(OFFSETS, nodes=5, subsample=9, seed=1), 0.0),
    _outside(Matching.sampled(OFFSETS, seed=2, matchings=3), 0.2),
    _outside(Matching.exact(OFFSETS, nodes=5), 0.2, FLOOR, COPIES),  # some workers are held at V_U
    Case(
        "nash_payroll",
        lambda value, output, index: nash_payroll(value, output, index, OFFSETS, copies=COPIES),
        [RNG.normal(10, 2, N), RNG.normal(14, 1, 25), RNG.normal(size=N)],
    ),
    Case("design_index", lambda c: [design_index(DESIGN, c), design_index(DESIGN, c) ** 2], [RNG.normal(size=4)]),
    Case(
        "sorting_equilibrium",
        lambda *p: sorting_equilibrium(*p[:6], alpha=p[6], eta=p[7], xi=p[8], log_productivity=p[9])[1:],
        [np.array(v) for v in zip(*ECONOMIES, strict=True)],
        [1e-5] * 10,
    ),
    Case(
        "marginal_logit",
        lambda *p: [marginal_logit_likelihood(*p, WON, CAREERS)],
        [RNG.normal(size=30), np.array(0.1)],
    ),
    Case("conditional_logit", lambda x: [conditional_logit_likelihood(x, WON, CAREERS)], [RNG.normal(size=30)]),
    Case(
        "panel_likelihood",
        lambda *p: [panel_log_likelihood(*p, REDUCED)],
        [RNG.normal(size=3), np.array(-0.3), np.array(0.2)],
    ),
    Case(
        "paired_likelihood",
        lambda *p: [paired_log_likelihood(*p, RISES, BONUSES)],
        [RNG.normal(size=5), RNG.normal(size=10), RNG.normal(size=10), np.array([-0.3, 0.1, 0.4, -0.5, 0.2])],
    ),
    Case("emulated_moments", lambda x: emulated_moments(x, EMULATED), [np.array([0.31, 0.72, 0.55])]),
    Case(
        "human_capital",
        lambda *p: [human_capital(*p, TEAM_YEARS)],
        [RNG.normal(size=8), RNG.normal(size=8), RNG.normal(size=3), RNG.exponential(size=5), np.array(0.17), np.array(-0.04)],
        [1e-5] * 6,
    ),
    Case("quadratic_form", lambda x: [quadratic_form(x, LINEAR, MATRIX)], [RNG.normal(size=6)]),
    Case(
        "regime_likelihood",
        lambda *p: [regime_likelihood(pt.log(p[0]), pt.log(p[1]), p[2], p[3]).log_likelihood],
        [np.array([0.9, 0.1]), np.array([[0.95, 0.05], [0.3, 0.7]]), RNG.normal(size=(7, 2)), RNG.normal(size=(7, 2, 2))],
    ),
    Case("workplace_sum", lambda x: [workplace_sum(x * x, OFFSETS)], [THETA]),
]
MORE = [
    _outside(Matching.exact(OFFSETS, nodes=5), 0.2, FLOOR),
    _outside(Matching.exact(OFFSETS), 0.2),
    _outside(Matching.sampled(OFFSETS, seed=2), 0.2),
]
"""Of the same kernels as others: with ``-m long``."""
LONG = [pytest.param(case, marks=pytest.mark.long) for case in MORE]
each = pytest.mark.parametrize("case", [*CASES, *LONG], ids=lambda c: c.name)


@each
def test_linkers_agree_in_value_and_gradient(case: Case) -> None:
    check_linkers_agree(case)


@each
def test_gradient_equals_finite_differences(case: Case) -> None:
    check_gradient(case)


@each
def test_adjoint_identity(case: Case) -> None:
    check_adjoint(case)


@pytest.mark.parametrize("case", [CASES[0], CASES[3]], ids=lambda c: c.name)
def test_pickle_and_spawn(case: Case) -> None:
    check_pickle_and_spawn(case)


@each
def test_jax_differentiates_by_the_same_gradient(case: Case) -> None:
    check_jax_differentiates(case)


_TWINS = [c for c in CASES if ops_of(c) & set(TWINS)]
_SLOW = [
    CASES[3],
    CASES[4],
]  # outside options without copies, of which the other linkers see all: half a minute of compiling each


@pytest.mark.parametrize(
    "case", [*(pytest.param(c, marks=pytest.mark.long if c in _SLOW else ()) for c in _TWINS), *LONG], ids=lambda c: c.name
)
def test_twins_for_accelerators_agree(case: Case) -> None:
    """Another program, and for outside options another derivation: JAX differentiates through the fixed point."""
    check_linkers_agree(case, [TWIN], rtol=1e-8)


def test_every_op_has_a_case() -> None:
    def leaves(op: type[SolverOp]) -> set[type[SolverOp]]:
        return {op} if "kernel" in vars(op) and op is not SolverOp else set().union(*map(leaves, op.__subclasses__()))

    known = {op for op in leaves(SolverOp) if op.__module__.startswith("bayes_labor.")}
    assert len(known) >= 18 and known - set().union(*map(ops_of, CASES)) == set()


def test_no_twin_is_said(monkeypatch) -> None:
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    x = pt.vector()
    with pytest.raises(NotImplementedError, match="QuadraticForm runs on a CPU only"):
        pytensor.function([x], quadratic_form(x, LINEAR, MATRIX), mode="JAX")


def test_threads_do_not_change_a_digit() -> None:
    theta = pt.vector("theta")
    for make in (
        lambda threads: task_assignment(theta, OFFSETS, BETA, SCALE, industry=INDUSTRY, threads=threads)[0],
        lambda threads: (
            outside_option(
                theta,
                Z,
                OFFSETS,
                BETA,
                SCALE,
                0.7,
                -1.5,
                industry=INDUSTRY,
                matching=Matching.sampled(OFFSETS),
                threads=threads,
            ).value
        ),
    ):
        outputs = [out for t in (1, 2) for v in [make(t)] for out in (v, pytensor.grad(v.sum(), theta))]
        one, g_one, two, g_two = pytensor.function([theta], outputs, mode="NUMBA")(THETA)
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(g_one, g_two)


def test_op_equals_theory() -> None:
    matching = Matching.sampled(OFFSETS)
    s = solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.7, -1.5, industry=INDUSTRY, matching=matching, softness=0.1)
    symbolic = outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.7, -1.5, industry=INDUSTRY, matching=matching, softness=0.1)
    for got, want in zip(pytensor.function([], list(symbolic))(), s, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)


@cache
def _solver(mode: str):
    theta, beta, scale, vu = pt.tensor(shape=(N,), dtype="float64"), pt.vector(), pt.vector(), pt.scalar()
    s = outside_option(
        theta, Z, OFFSETS, beta, scale, 0.7, vu, industry=INDUSTRY, matching=Matching.exact(OFFSETS), softness=0.2
    )
    gradient = pytensor.grad(s.value.sum() + s.output.sum(), [theta, beta, scale, vu])
    return pytensor.function([theta, beta, scale, vu], [s.status, s.value, s.output, *gradient], mode=mode)


@pytest.mark.parametrize("mode", ["NUMBA", "JAX"])
@pytest.mark.parametrize(
    ("bad", "status"),
    [
        ({"theta": np.inf}, Status.NON_FINITE),
        ({"theta": np.nan}, Status.NON_FINITE),
        ({"theta": 900.0}, Status.OVERFLOW),
        ({"beta": 1.0}, Status.BETA_RANGE),
        ({"beta": -1.2}, Status.BETA_RANGE),
        ({"beta": np.nan}, Status.NON_FINITE),
        ({"scale": -1.0}, Status.NON_FINITE),
        ({"vu": np.nan}, Status.NON_FINITE),
        ({"vu": 1e6}, Status.NO_FEASIBLE_WORKPLACE),
    ],
    ids=str,
)
def test_failures_are_statuses_and_never_nan(mode: str, bad: dict[str, float], status: Status) -> None:
    x = {"theta": THETA.copy(), "beta": BETA.copy(), "scale": SCALE.copy(), "vu": np.array(-1.5)}
    for name, value in bad.items():
        x[name].reshape(-1)[0] = value
    values = _solver(mode)(*x.values())
    assert Status(int(values[0])) is status
    assert status.advice
    for value in values[1:]:
        assert np.all(value == 0.0)


def test_refuses_what_is_not_float64() -> None:
    with pytest.raises(TypeError, match="log_talent has dtype float32, expected float64"):
        task_assignment(THETA.astype("float32"), OFFSETS, 0.1)
    with pytest.raises(TypeError, match="offsets has dtype float64, expected int64"):
        task_assignment(THETA, OFFSETS.astype(float), BETA, SCALE, industry=INDUSTRY)
    with pytest.raises(ValueError, match="log_talent has 2 dimensions"):
        task_assignment(THETA[None], OFFSETS, 0.1)


def test_shapes_are_known_without_solving() -> None:
    s = outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.7, -1.0, industry=INDUSTRY, matching=Matching.exact(OFFSETS, nodes=6))
    assert [v.type.shape for v in s] == [(N,), (25,), (6,), (3,), (3,), (25,), (25, 6), (25, 6), (25, 6)]
    assert TaskAssignment().gufunc_signature == "(dn),(dk),(dk),(dfp1),(df)->(df),(df),(df),(dn),(df),(df)"
    assert OutsideOption(0) == OutsideOption(0) and OutsideOption(0) != OutsideOption(8)


def test_only_output_is_differentiated() -> None:
    theta = pt.vector()
    cutoff = task_assignment(theta, OFFSETS, BETA, SCALE, industry=INDUSTRY)[1]
    with pytest.raises(pytensor.gradient.DisconnectedInputError):
        pytensor.grad(cutoff.sum(), theta)


def test_slope_is_zero_by_convention_at_the_cusp() -> None:
    beta = pt.vector()
    output = task_assignment(THETA, OFFSETS, beta, SCALE, industry=INDUSTRY)[0]
    gradient = pytensor.function([beta], pytensor.grad(output.sum(), beta))
    assert np.all(gradient(np.zeros(3)) == 0.0)
    assert np.all(gradient(np.full(3, 1e-10)) < -10.0)
    assert np.all(gradient(np.full(3, -1e-10)) > 10.0)

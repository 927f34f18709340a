"""A numba function inside JAX: types, shapes, loops, maps, threads, errors."""

import numba
import numpy as np
import pytest

jax = pytest.importorskip("jax")
from bayes_labor.numerics import numba_in_jax  # noqa: E402
from bayes_labor.numerics.numba_in_jax import Buffer, xla_call  # noqa: E402

jnp = jax.numpy
FLOATS, MATRIX, WHOLE, NUMBER = Buffer("float64", 1), Buffer("float64", 2), Buffer("int64", 1), Buffer("float64", 0)


@numba.njit
def mixed(x, matrix, counts, scale, power):
    if scale < 0.0:
        raise ValueError("negative")
    return scale * x + matrix.sum(1), x.sum(), counts + power


@pytest.fixture(autouse=True)
def double():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="module")
def call():
    def shapes(x, matrix, counts, scale):
        return x, (), counts

    return xla_call(mixed, [FLOATS, MATRIX, WHOLE, NUMBER], [FLOATS, NUMBER, WHOLE], shapes, name="mixed", settings=(3,))


X, M, K = np.array([1.0, 2.0]), np.arange(6.0).reshape(2, 3), np.array([4, 5, 6])


def test_floats_integers_numbers_and_matrices(call) -> None:
    for run in (call, jax.jit(call)):
        for got, want in zip(run(X, M, K, 2.0), mixed(X, M, K, 2.0, 3), strict=True):
            np.testing.assert_array_equal(got, want)
            assert got.dtype == np.asarray(want).dtype


def test_loops_and_maps(call) -> None:
    looped = jax.lax.fori_loop(0, 5, lambda _, x: call(x, M, K, 1.0)[0], jnp.asarray(X))
    np.testing.assert_array_equal(looped, X + 5 * M.sum(1))
    scales = jnp.arange(4.0)
    mapped = jax.vmap(call, in_axes=(None, None, None, 0))(jnp.asarray(X), M, K, scales)
    np.testing.assert_array_equal(mapped[0], scales[:, None] * X + M.sum(1))


def test_an_exception_is_an_error_that_names_the_kernel(call) -> None:
    with pytest.raises(Exception, match="mixed: the kernel raised an exception"):
        jax.block_until_ready(jax.jit(call)(X, M, K, -1.0))
    assert float(call(X, M, K, 1.0)[1]) == 3.0  # and the process goes on


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((X.astype(np.float32), M, K, 1.0), "argument 0 has type float32"),
        ((X, M[0], K, 1.0), "argument 1 has type float64 and 1 dimensions"),
        ((X, M, K.astype(float), 1.0), "argument 2 has type float64"),
    ],
)
def test_memory_of_another_type_is_refused(call, arguments, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        jax.jit(call)(*arguments)


def test_a_result_of_another_size_is_an_error() -> None:
    inputs, outputs = [FLOATS, MATRIX, WHOLE, NUMBER], [FLOATS, NUMBER, WHOLE]
    longer = xla_call(mixed, inputs, outputs, lambda x, *_: [(x[0] + 1,), (), (3,)], name="longer", settings=(3,))
    with pytest.raises(Exception, match="longer: the kernel raised an exception"):
        jax.block_until_ready(longer(X, M, K, 1.0))


def test_single_precision_is_refused_with_the_remedy(call) -> None:
    jax.config.update("jax_enable_x64", False)
    with pytest.raises(TypeError, match="jax_enable_x64"):
        call(X, M, K, 1.0)


def test_another_major_version_of_the_interface_is_refused(monkeypatch) -> None:
    """What a JAX that moved on would say: the handler does not run."""
    asked = numba.njit(lambda frame: _versioned(frame, 7))
    monkeypatch.setattr(numba_in_jax, "_asked_for_metadata", asked)

    def run() -> None:
        inputs, outputs = [FLOATS, MATRIX, WHOLE, NUMBER], [FLOATS, NUMBER, WHOLE]
        other = xla_call(mixed, inputs, outputs, lambda x, m, k, s: (x, (), k), name="v7", settings=(3,))
        jax.block_until_ready(other(X, M, K, 1.0))

    with pytest.raises(Exception, match=r"(?i)version"):
        run()


@numba.njit
def _versioned(frame, major):
    extension = numba_in_jax._word(frame, 8)
    if extension == 0 or numba_in_jax._half(extension, 8) != 1:
        return False
    numba_in_jax._set(numba_in_jax._word(extension, 24), 24, major)
    return True


def test_work_queues_are_refused_for_parallel_kernels(monkeypatch) -> None:
    monkeypatch.setattr(numba_in_jax, "_threading_layer", lambda: "workqueue")
    with pytest.raises(RuntimeError, match="not safe"):
        xla_call(mixed, [FLOATS], [FLOATS], lambda x: [x], name="parallel", parallel=True)


def test_calls_cost_less_than_callbacks() -> None:
    """A tenth of a callback's CPU time at least; measured some 400 times less."""
    import time

    @numba.njit
    def work(x):
        return -0.5 * (x * x).sum(), -x

    fast = xla_call(work, [FLOATS], [NUMBER, FLOATS], lambda x: ((), x), name="work")
    kinds = (jax.ShapeDtypeStruct((), jnp.float64), jax.ShapeDtypeStruct((30,), jnp.float64))

    def slow(x):
        return jax.pure_callback(lambda v: work(np.asarray(v)), kinds, x, vmap_method="sequential")

    def loop(f):
        def body(_, carry):
            value, slope = f(carry[0])
            return carry[0] + 1e-3 * slope, carry[1] + value

        return jax.jit(lambda x: jax.lax.fori_loop(0, 300, body, (x, 0.0))[1])

    x, seconds, found = jnp.linspace(-1, 1, 30), {}, {}
    for name, f in (("fast", loop(fast)), ("slow", loop(slow))):
        found[name] = float(f(x))
        start = time.process_time()
        f(x).block_until_ready()
        seconds[name] = time.process_time() - start
    assert found["fast"] == found["slow"] and seconds["fast"] < 0.1 * seconds["slow"]

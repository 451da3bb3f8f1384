"""The JAX adapter: against the algebra, under transformations, exact sampling.

Tolerances as in ``test_torch_gradients.py``: 16 eps of the accumulating dtype
times the largest cotangent, and half a unit in the last place of 16-bit results.
"""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

import reinmax_ref
from reinmax_ref.jax import bernoulli, reinmax, reinmax_bernoulli, straight_through

OPS = {"reinmax": reinmax, "straight_through": straight_through}
KEY = jax.random.key(0)
DTYPES = (jnp.float32, jnp.bfloat16, jnp.float16)
RNG = np.random.default_rng(0)
X, G, H = RNG.normal(size=(3, 6, 5)).astype(np.float32)
INDEX = RNG.integers(0, 5, 6)
names = pytest.mark.parametrize("name", OPS)


def misfit(op, name, tau, dtype, shift=0.0):
    """Return the largest error in units of its bound: at most 1 is a pass."""
    x, g, h = (jnp.asarray(a, dtype) for a in (2 * X, G + shift, H))
    loss = lambda x: sum((y * c).sum() for y, c in zip(op(KEY, x, tau, index=INDEX), (g, h), strict=True))  # noqa: E731
    with jax.numpy_dtype_promotion("standard"):
        actual = np.asarray(jax.grad(lambda x: loss(x).astype(jnp.float32))(x), float)
    draw = getattr(reinmax_ref, name)(np.asarray(x, float), tau, index=INDEX)
    expected = draw.vjp(np.asarray(g, float), np.asarray(h, float))
    scale = float(max(abs(g).max(), abs(h).max())) * (max(1, 1 / tau) if name != "reinmax" else 1)
    bound = 16 * float(jnp.finfo(jnp.float32 if x.dtype != jnp.float64 else x.dtype).eps) * scale
    if x.dtype.itemsize == 2:
        bound = bound + float(jnp.finfo(dtype).eps) / 2 * abs(expected) + float(jnp.finfo(dtype).tiny)
    return float((abs(actual - expected) / bound).max())


@names
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tau", [1.0, 0.1, 1.5, 100.0, np.inf])
def test_agrees_with_the_reference(name, dtype, tau):
    assert misfit(OPS[name], name, tau, dtype) <= 1
    assert misfit(jax.jit(OPS[name]), name, tau, dtype) <= 1


@names
@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_agrees_with_the_reference_in_float64(name, tau):
    with jax.enable_x64(True):
        assert misfit(OPS[name], name, tau, jnp.float64) <= 1
        hard, soft = OPS[name](KEY, np.zeros((3, 4)))
        assert hard.dtype == soft.dtype == jnp.float64


def test_a_cotangent_with_a_large_mean():
    assert misfit(reinmax, "reinmax", 1.5, jnp.float32, shift=1e4) <= 1


FAULTS = {
    "straight-through": straight_through,
    "another sample": lambda k, x, t, index: reinmax(k, x, t, index=(index + 1) % 5),
    "inverse temperature": lambda k, x, t, index: reinmax(k, x, 1 / (t + 0.5), index=index),
    "soft dropped": lambda k, x, t, index: (
        reinmax(k, x, t, index=index)[0],
        jax.lax.stop_gradient(reinmax(k, x, t, index=index)[1]),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_planted_faults_are_caught(fault, tau):
    assert misfit(FAULTS[fault], "reinmax", tau, jnp.float32) > 1


def test_masked_classes_get_exactly_zero():
    x = jnp.asarray(X).at[:, 2].set(-jnp.inf)
    for name, op in OPS.items():
        for tau in (1.0, 1.5, np.inf):
            gradient = jax.grad(lambda x: (op(KEY, x, tau).hard * G).sum())(x)  # noqa: B023
            assert (gradient[:, 2] == 0).all(), name
            assert jnp.isfinite(gradient).all()


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_any_axis(axis, deviation):
    x = RNG.normal(size=(3, 3, 3)).astype(np.float32)
    g = RNG.normal(size=(3, 3, 3)).astype(np.float32)
    index = x.argmin(axis)
    gradient = jax.grad(lambda x: (reinmax(None, x, 1.5, axis=axis, index=index).hard * g).sum())(x)
    expected = reinmax_ref.reinmax(x, 1.5, axis=axis, index=index).vjp(g)
    assert deviation(gradient, expected) <= 1


def test_jit_vmap_scan_and_traced_temperature(deviation):
    call = lambda key, x, tau: (reinmax(key, x, tau).hard * G[0]).sum()  # noqa: E731
    pull = jax.grad(call, argnums=1)
    known = jax.jit(pull, static_argnums=2)
    keys = jax.random.split(KEY, 6)
    rows = jax.jit(jax.vmap(pull, in_axes=(0, 0, None)))(keys, X, 1.5)
    single = jnp.stack([known(k, x, 1.5) for k, x in zip(keys, X, strict=True)])
    assert deviation(rows, single) <= 1
    taus = jnp.array([1.0, 1.5, 3.0])
    several = jax.jit(jax.vmap(lambda t: pull(KEY, X, t)))(taus)
    for t, gradient in zip(taus, several, strict=True):
        assert deviation(gradient, known(KEY, X, float(t))) <= 1
    assert (jax.jit(jax.grad(call, argnums=2))(KEY, X, 1.5) == 0).all()

    def chain(x):
        step = lambda carry, key: (carry + reinmax(key, carry, 1.5).hard * G, None)  # noqa: E731
        return jax.lax.scan(step, x, keys)[0].sum()

    assert jnp.isfinite(jax.jit(jax.grad(chain))(X)).all()


@names
@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_double_backward_is_the_derivative_of_the_formula(name, tau):
    with jax.enable_x64(True):
        x, g, h = (jnp.asarray(a, jnp.float64) for a in (X, G, H))
        pull = lambda x: jax.vjp(lambda x: tuple(OPS[name](None, x, tau, index=INDEX)), x)[1]((g, h))[0]  # noqa: E731
        actual = jax.grad(lambda x: (pull(x) * h).sum())(x)
        step = 1e-5
        for i in range(5):
            shift = step * (jnp.arange(5) == i)
            slope = ((pull(x + shift) - pull(x - shift)) * h).sum(-1) / (2 * step)
            np.testing.assert_allclose(actual[:, i], slope, atol=1e-8)


def count(logits, draws, batch):
    rows = jnp.broadcast_to(logits, (batch, logits.shape[-1]))
    # The rows are an argument, because XLA would fold the softmax of a constant while it compiles.
    step = jax.jit(lambda key, rows: reinmax(key, rows).hard.sum(0, dtype=jnp.float32))
    return sum(np.asarray(step(k, rows), float) for k in jax.random.split(KEY, draws // batch))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "draws", "batch"),
    [(2, 10**7, 10**5), (8, 10**7, 10**5), (1000, 10**6, 2500), (2**17, 2_560, 64)],
)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_sampling_is_exact(classes, draws, batch, dtype, surprise):
    logits = np.random.default_rng(1).permutation(np.linspace(0, -30, classes))
    if classes > 2:
        logits[1::6], logits[2::6] = -np.inf, -300.0
    logits = jnp.asarray(logits, dtype)
    p = np.exp(np.asarray(logits, float))
    assert surprise(count(logits, draws, batch), np.where(p < 1e-45, 0, p) / p.sum()) < 1


def test_a_wrong_sampler_is_caught(surprise):
    logits = np.array([0.0, 1.0, -1.0, 2.0, -0.5, 0.3, -4.0])
    p = np.exp(logits) / np.exp(logits).sum()
    counts = np.random.default_rng(0).multinomial(10**7, 0.998 * p + 0.002 / 7).astype(float)
    assert surprise(counts, p) > 1
    assert surprise(np.array([1.0, 10**7]), np.array([0.0, 1.0])) > 1


def test_small_probabilities_survive_float32():
    """A class of 1e-6 behind a mass of 1: six standard deviations, a false alarm in a billion."""
    n = 2_000_000
    p = np.array([1.0] + [1e-6] * 63)
    counts = count(jnp.log(jnp.asarray(p, jnp.float32)), n, 100_000)
    expected = n * 63e-6
    assert abs(counts[1:].sum() - expected) < 6 * expected**0.5


@pytest.mark.parametrize("tau", [1.0, 0.3, 1.5, np.inf])
def test_bernoulli(tau, deviation):
    z = (X > 0).astype(int)
    for x in (X, np.float32(30) * X):
        hard, pull = jax.vjp(lambda x: tuple(reinmax_bernoulli(None, x, tau, index=z)), jnp.asarray(x))
        p, q = (1 / (1 + np.exp(-x.astype(float) / t)) for t in (1.0, tau))
        q = (q + z) / 2
        expected = (2 * q * (1 - q) - p * (1 - p) / 2) * G + p * (1 - p) * H
        assert deviation(pull((jnp.asarray(G), jnp.asarray(H)))[0], expected) <= 1
        assert (hard[0] == z).all()
    infinite = jnp.array([-jnp.inf, jnp.inf])
    assert reinmax_bernoulli(KEY, infinite).hard.tolist() == [0, 1]
    assert (
        jax.grad(lambda x: reinmax_bernoulli(KEY, x, tau).hard @ jnp.array([2.0, 3.0]))(infinite) == 0
    ).all()
    n = 10**6
    logits = jnp.array([-8.0, 0.0, 3.0])
    p = np.asarray(jax.nn.sigmoid(logits), float)
    ones = np.asarray(reinmax_bernoulli(KEY, jnp.broadcast_to(logits, (n, 3))).hard.sum(0), float)
    assert (abs(ones - n * p) < 6 * np.sqrt(n * p * (1 - p))).all()


def sigmoid(x):
    return 1 / (1 + sympy.exp(-x))


@pytest.fixture
def symbolic(monkeypatch):
    """Let the backward pass of the Bernoulli run on SymPy expressions."""
    monkeypatch.setattr(bernoulli, "jax", SimpleNamespace(nn=SimpleNamespace(sigmoid=sigmoid)))
    where = lambda condition, yes, no: yes if condition else no  # noqa: E731
    exact = {"where": where, "isinf": lambda _: False, "zeros_like": lambda _: 0}
    monkeypatch.setattr(bernoulli, "jnp", SimpleNamespace(**exact))
    monkeypatch.setattr(bernoulli, "lift", lambda tau, _: tau)
    monkeypatch.setattr(sympy.Expr, "dtype", None, raising=False)


@pytest.mark.usefixtures("symbolic")
@pytest.mark.parametrize("z", [0, 1])
@pytest.mark.parametrize("tau", [None, sympy.Rational(3, 2), sympy.Rational(1, 2)])
def test_bernoulli_is_symbolically_the_definition(tau, z):
    """[2q(1 − q) − ½p(1 − p)]g + p(1 − p)h at l = 3 ln x, where all is rational in x."""
    g, h = sympy.symbols("g h")
    logit = 3 * sympy.log(sympy.Symbol("x", positive=True))
    p, q = sigmoid(logit), (sigmoid(logit / (tau or 1)) + z) / 2
    expected = (2 * q * (1 - q) - p * (1 - p) / 2) * g + p * (1 - p) * h
    for sampled in (0, 1):
        actual, _, _ = bernoulli._backward_bernoulli((logit, tau, sampled), (g, h))
        assert (sympy.cancel(actual - expected) == 0) == (sampled == z)


def test_shapes():
    assert reinmax(KEY, jnp.zeros(4)).hard.sum() == 1
    assert (reinmax(KEY, jnp.zeros((3, 1))).hard == 1).all()
    assert reinmax(KEY, jnp.zeros((0, 3))).hard.shape == (0, 3)
    assert reinmax(jax.random.PRNGKey(0), jnp.zeros((2, 3))).soft.shape == (2, 3)


def test_impossible_rows_are_nan():
    nan, inf = jnp.nan, jnp.inf
    hard, _ = reinmax(KEY, jnp.array([[nan, 0], [inf, 0], [-inf, -inf], [-inf, 0]]))
    assert jnp.isnan(hard[:3]).all()
    assert hard[3].tolist() == [0, 1]
    hard, _ = reinmax(None, jnp.array([[0.0, -inf]] * 4), index=[0, 1, 2, -1])
    assert hard[0].tolist() == [1, 0]
    assert jnp.isnan(hard[1:]).all()
    assert jnp.isnan(reinmax_bernoulli(KEY, jnp.array(nan)).hard)
    assert jnp.isnan(reinmax_bernoulli(None, jnp.array(-inf), index=1).hard)


@pytest.mark.parametrize(
    ("logits", "options", "error", "message"),
    [
        (np.zeros(3, int), {}, TypeError, "int32"),
        (np.zeros(3, complex), {}, TypeError, "complex64"),
        (np.zeros(3, np.float32), {"tau": 0}, ValueError, "tau"),
        (np.zeros(3, np.float32), {"tau": np.nan}, ValueError, "tau"),
        (np.zeros(3, np.float32), {"tau": "1"}, TypeError, "got str"),
        (np.zeros(3, np.float32), {"tau": jnp.ones(2)}, TypeError, "0-d array"),
        (np.zeros(3, np.float32), {"axis": 1}, ValueError, "axis 1"),
        (np.zeros((3, 0), np.float32), {}, ValueError, "no class"),
        (np.zeros(3, np.float32), {"index": 0.5}, TypeError, "integer"),
        (np.zeros(3, np.float32), {"index": [0]}, ValueError, "shape"),
    ],
)
def test_refused(logits, options, error, message):
    for op in OPS.values():
        with pytest.raises(error, match=message):
            op(KEY, logits, **options)

"""The NumPy op: every shape, dtype and extreme that it promises to take, and every error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reinmax_ref import reinmax, straight_through

OPS = pytest.mark.parametrize("op", [reinmax, straight_through])
FLOATS = (np.float16, np.float32, np.float64, np.longdouble)


def definition(logits, tau, onehot, g, h):
    """2 J(q)g − ½ J(p)g + J(p)h by explicit K×K matrices, row by row, in extended precision."""
    out = np.empty(logits.shape, np.longdouble)
    for row in np.ndindex(logits.shape[:-1]):
        x = logits[row].astype(np.longdouble)
        p, p_tau = (np.exp((x - x.max()) / np.longdouble(t)) for t in (1.0, tau))
        p, p_tau = p / p.sum(), p_tau / p_tau.sum()
        q = (p_tau + onehot[row]) / 2
        jacobian_p, jacobian_q = (np.diag(v) - np.outer(v, v) for v in (p, q))
        out[row] = 2 * jacobian_q @ g[row] - jacobian_p @ g[row] / 2 + jacobian_p @ h[row]
    return out


def problem(shape, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return tuple((rng.standard_normal(shape) + shift).astype(dtype) for shift in (0, 3, -5))


@pytest.mark.parametrize("tau", [0.3, 1.0, 1.5])
@pytest.mark.parametrize("shape", [(5,), (1,), (7, 5), (5, 5), (2, 3, 4), (3, 20), (2, 1), (2, 300)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_gradient_equals_the_definition(shape, tau, dtype):
    logits, g, h = problem(shape, dtype)
    draw = reinmax(logits, tau, rng=1)
    gradient = draw.vjp(g, h)
    exact = definition(logits, tau, draw.hard.astype(np.longdouble), g, h)
    scale = max(np.abs(g).max(), np.abs(h).max()).astype(np.longdouble)
    # 4 eps is the bound of test_precision; a longdouble's own definition costs as much again
    bound = (8 if dtype is np.longdouble else 4) * np.finfo(dtype).eps * scale
    assert np.abs(gradient - exact).max() <= bound
    assert gradient.dtype == draw.hard.dtype == draw.soft.dtype == dtype


def test_a_gradient_without_the_half_term_would_be_seen():
    logits, g, h = problem((7, 5))
    draw = reinmax(logits, rng=1)
    wrong = draw.vjp(g, h) + straight_through(logits, index=draw.index).vjp(g) / 2
    exact = definition(logits, 1.0, draw.hard, g, h)
    assert np.abs(wrong - exact).max() > 4 * np.finfo(float).eps * 10


@OPS
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_any_axis_is_the_last_axis_moved(op, axis):
    logits, g, h = problem((3, 4, 5))
    draw = op(np.moveaxis(logits, -1, axis), 1.5, axis=axis, rng=3)
    last = op(logits, 1.5, rng=3)
    assert np.array_equal(np.moveaxis(draw.hard, axis, -1), last.hard)
    assert np.array_equal(np.moveaxis(draw.soft, axis, -1), last.soft)
    assert np.array_equal(draw.index, last.index)
    moved = draw.vjp(np.moveaxis(g, -1, axis), np.moveaxis(h, -1, axis))
    assert np.array_equal(np.moveaxis(moved, axis, -1), last.vjp(g, h))


@OPS
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (4, 1), (1,), (3,)])
def test_empty_batches_single_classes_and_single_rows(op, shape):
    draw = op(np.zeros(shape), rng=0)
    assert draw.hard.shape == draw.soft.shape == shape
    assert draw.index.shape == shape[:-1]
    assert isinstance(draw.index, np.ndarray)
    gradient = draw.vjp(np.arange(float(np.prod(shape))).reshape(shape))
    assert gradient.shape == shape
    if shape[-1] == 1:
        assert (gradient == 0).all()


@OPS
def test_integers_become_float64(op):
    draw = op(np.array([1, 2, 3]), rng=0)
    assert draw.hard.dtype == draw.vjp([1, 2, 4]).dtype == np.float64


@OPS
def test_strided_and_read_only_input_is_left_as_it_was(op):
    logits, g, h = problem((6, 5))
    strided = np.repeat(np.repeat(logits, 2, axis=0), 3, axis=1)[::2, ::3]
    strided.flags.writeable = g.flags.writeable = h.flags.writeable = False
    before = [a.copy() for a in (strided, g, h)]
    draw = op(strided, 2.0, rng=0)
    assert np.array_equal(draw.vjp(g, h), op(logits, 2.0, rng=0).vjp(g, h))
    assert all(np.array_equal(a, b) for a, b in zip((strided, g, h), before, strict=True))


@OPS
def test_results_are_read_only(op):
    draw = op(np.zeros(3), rng=0)
    for result in (draw.hard, draw.soft, draw.index):
        with pytest.raises(ValueError, match="read-only"):
            result[...] = 0


@OPS
@pytest.mark.parametrize("tau", [1e-3, 1.0, 7.0, np.inf])
@pytest.mark.parametrize("dtype", FLOATS)
def test_masked_classes_have_exactly_no_gradient_and_no_sample(op, tau, dtype):
    logits, g, h = problem((50, 6), dtype)
    mask = np.zeros(logits.shape, bool)
    mask[:, [1, 4]] = True
    draw = op(np.where(mask, dtype(-np.inf), logits), tau, rng=0)
    assert (draw.vjp(g, h)[mask] == 0).all()
    assert (draw.hard[mask] == 0).all()
    assert (draw.soft[mask] == 0).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("tau", [5e-324, 1e-310, 1e-3, 1.0, 1e3, 1e300, 1e308, np.inf])
def test_extreme_logits_and_temperatures_stay_finite(dtype, tau):
    top = np.finfo(dtype).max
    logits = np.array([[top, -top, 0, -np.inf], [1, 1, 0, -np.inf], [0, -top, -top, 3]], dtype)
    gradient = reinmax(logits, tau, rng=0).vjp(np.arange(12.0).reshape(3, 4), -np.ones((3, 4)))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_limits_of_the_temperature(dtype):
    top = np.finfo(dtype).max
    logits = np.array([top, top, -top, -np.inf], dtype)
    g = np.array([1.0, 2.0, 4.0, 8.0], dtype)
    for tau, p_tau in ((np.inf, [1 / 3, 1 / 3, 1 / 3, 0]), (5e-324, [0.5, 0.5, 0, 0])):
        gradient = reinmax(logits, tau, index=0).vjp(g)
        p, q = np.array([0.5, 0.5, 0, 0]), (np.array(p_tau) + np.eye(4)[0]) / 2
        exact = 2 * (q * g - q * (q @ g)) - (p * g - p * (p @ g)) / 2
        assert (
            np.abs(gradient - exact).max() <= 4 * np.finfo(dtype if dtype != np.longdouble else float).eps * 8
        )


@OPS
def test_the_index_forces_the_sample(op):
    logits, _, _ = problem((4, 5))
    index = np.array([0, 4, 2, 2])
    draw = op(logits, index=index)
    assert np.array_equal(draw.index, index)
    assert np.array_equal(draw.hard, np.eye(5)[index])


@OPS
def test_the_random_source_follows_spec_7(op):
    logits = np.zeros((100, 4))
    one = op(logits, rng=7).index
    for same in (np.random.default_rng(7), np.random.PCG64(7), np.random.SeedSequence(7)):
        assert np.array_equal(op(logits, rng=same).index, one)
    generator = np.random.default_rng(7)
    assert not np.array_equal(op(logits, rng=generator).index, op(logits, rng=generator).index)
    assert not np.array_equal(op(logits).index, op(logits).index)


def test_straight_through_equals_its_definition():
    logits, g, h = problem((7, 5))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    tempered = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    exact = np.stack(
        [
            (np.diag(b) - np.outer(b, b)) @ v / 2 + (np.diag(a) - np.outer(a, a)) @ w
            for a, b, v, w in zip(p, tempered, g, h, strict=True)
        ]
    )
    assert (
        np.abs(straight_through(logits, 2.0, rng=0).vjp(g, h) - exact).max() <= 16 * np.finfo(float).eps * 8
    )


@given(
    hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=5), elements=st.floats(-1e4, 1e4)
    ),
    st.floats(0.01, 100),
    st.integers(0, 2**32),
)
def test_rows_sum_to_zero_and_a_constant_changes_nothing(logits, tau, seed):
    """J(q)1 = 0 and 1ᵀJ(q) = 0: two identities of the formula that hold for every input."""
    rng = np.random.default_rng(seed)
    g = rng.standard_normal(logits.shape)
    draw = reinmax(logits, tau, rng=rng)
    gradient = draw.vjp(g)
    classes = logits.shape[-1]
    bound = 16 * classes * np.finfo(float).eps
    assert np.abs(gradient.sum(axis=-1)).max() <= bound * np.abs(g).max()
    shifted = draw.vjp(g + 10.0)
    assert np.abs(shifted - gradient).max() <= bound * (np.abs(g).max() + 10)


BAD_LOGITS = [
    ([np.nan, 1.0], ValueError, "row 0 hold nan"),
    ([[0.0, 1.0], [np.inf, 1.0]], ValueError, "row 1 hold inf"),
    ([[0.0, 1.0], [-np.inf, -np.inf]], ValueError, "row 1 are all -inf"),
    (3.0, ValueError, "class axis"),
    ([[]], ValueError, "no classes"),
    ([1j, 2.0], TypeError, "complex128"),
    (["a"], TypeError, "real numbers"),
    (np.array([1, None]), TypeError, "object"),
]


@OPS
@pytest.mark.parametrize(("logits", "error", "says"), BAD_LOGITS)
def test_bad_logits_are_refused(op, logits, error, says):
    with pytest.raises(error, match=says):
        op(logits)


BAD_ARGUMENTS = [
    ({"tau": 0}, ValueError, "tau is 0"),
    ({"tau": -1.0}, ValueError, "tau is -1"),
    ({"tau": np.nan}, ValueError, "tau is nan"),
    ({"tau": "1"}, TypeError, "tau is '1'"),
    ({"tau": [1.0, 2.0]}, TypeError, "one real number"),
    ({"tau": 1j}, TypeError, "one real number"),
    ({"axis": 1}, ValueError, "axis 1 is out of range"),
    ({"axis": -2}, ValueError, "axis -2 is out of range"),
    ({"axis": 0.0}, TypeError, "axis is 0.0"),
    ({"index": 3}, ValueError, "expected 0 to 2"),
    ({"index": -1}, ValueError, "expected 0 to 2"),
    ({"index": [0]}, ValueError, r"shape \(1,\)"),
    ({"index": 0.0}, TypeError, "float64"),
    ({"index": 2}, ValueError, "logit is -inf"),
]


@OPS
@pytest.mark.parametrize(("arguments", "error", "says"), BAD_ARGUMENTS)
def test_bad_arguments_are_refused(op, arguments, error, says):
    with pytest.raises(error, match=says):
        op([1.0, 2.0, -np.inf], **arguments)


BAD_COTANGENTS = [
    ([1.0, 2.0], ValueError, r"shape \(2,\); expected \(3,\)"),
    (1.0, ValueError, r"shape \(\); expected \(3,\)"),
    ([1j, 0, 0], TypeError, "complex128"),
    (None, TypeError, "object"),
    ([1.0, np.nan, 2.0], ValueError, "NaN or an infinity"),
    ([1.0, 2.0, np.inf], ValueError, "NaN or an infinity"),
]


@OPS
@pytest.mark.parametrize(("g", "error", "says"), BAD_COTANGENTS)
def test_bad_cotangents_are_refused(op, g, error, says):
    draw = op([1.0, 2.0, 3.0], 2.0, index=0)
    with pytest.raises(error, match=says):
        draw.vjp(g)
    if g is not None:
        with pytest.raises(error, match=says):
            draw.vjp([1.0, 2.0, 3.0], g)


@OPS
@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float64, 1.7e308), (np.float32, 3.3e38), (np.float16, 6.5e4)]
)
def test_a_gradient_out_of_range_is_an_error(op, dtype, size):
    g = np.array([-size, size, size], dtype)
    with pytest.raises(OverflowError, match="scale the loss down"):
        op(np.array([0.1, 0.2, 0.3], dtype), 0.1, index=0).vjp(g, g)


@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1.7e308), (np.float32, 3e38)])
def test_a_gradient_in_range_is_given_though_a_difference_of_cotangents_is_not(dtype, size):
    gradient = reinmax(np.array([0, 0, -3], dtype), index=0).vjp(np.array([size, -size, 0], dtype))
    small = reinmax(np.array([0, 0, -3], dtype), index=0).vjp(np.array([size / 16, -size / 16, 0], dtype))
    assert np.array_equal(gradient, 16 * small)


def test_a_masked_array_is_refused():
    with pytest.raises(TypeError, match="mask would be lost"):
        reinmax(np.ma.array([1.0, 2.0], mask=[False, True]))

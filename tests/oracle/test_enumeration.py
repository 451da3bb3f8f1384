"""The oracle against sums written out corner by corner, in exact arithmetic."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from verify import objectives
from verify.oracle import corners as corners_module
from verify.oracle import enumeration
from verify.oracle.enumeration import exact_gradient, softmax, statistics

EPS = np.finfo(float).eps


def rational(rng, *shape):
    pairs = zip(rng.integers(-9, 10, shape).ravel(), rng.integers(1, 8, shape).ravel(), strict=True)
    return np.array([Fraction(int(a), int(b)) for a, b in pairs], dtype=object).reshape(shape)


def rational_problem(seed, variables=3, classes=3):
    rng = np.random.default_rng(seed)
    weights = np.array([Fraction(int(w)) for w in rng.integers(1, 12, variables * classes)], dtype=object)
    p = weights.reshape(variables, classes)
    shape = (variables, classes)
    f = objectives.cubic(rational(rng, *shape * 3), rational(rng, *shape * 2), rational(rng, *shape))
    return p / p.sum(axis=1, keepdims=True), f


def sums_by_hand(f, p):
    variables, classes = p.shape
    value, gradient = 0 * p, np.zeros((variables, classes, classes), p.dtype)
    second = np.zeros((variables, classes, classes, classes), p.dtype)
    for digits in itertools.product(range(classes), repeat=variables):
        x = np.array([[1 if j == k else 0 for j in range(classes)] for k in digits], dtype=p.dtype)
        weight = 1
        for variable, k in enumerate(digits):
            weight = weight * p[variable, k]
        y, g = f.value(x[None])[0], f.gradient(x[None])[0]
        for variable, k in enumerate(digits):
            value[variable, k] += weight * y
            gradient[variable, k] += weight * g[variable]
            second[variable, k] += weight * np.multiply.outer(g[variable], g[variable])
    return value, gradient, second


@pytest.mark.parametrize("numbers", [2**17, 9 * 27, 9 * 6, 9])
@pytest.mark.parametrize("seed", range(3))
def test_every_sum_equals_its_definition_exactly(monkeypatch, numbers, seed):
    monkeypatch.setattr(corners_module, "BLOCK_NUMBERS", numbers)
    p, f = rational_problem(seed)
    found = statistics(f, p)
    value, gradient, second = sums_by_hand(f, p)
    assert (found.value == value).all()
    assert (found.gradient == gradient).all()
    assert (found.second == second).all()
    assert found.corners == 27


@pytest.mark.parametrize("seed", range(5))
def test_true_gradient_equals_the_derivative_of_the_expectation_exactly(seed):
    """∂E[f]/∂θ_lk = Σ_x p(x) f(x) (1[d_l = k] − p_lk), the score form, which the oracle does not use."""
    p, f = rational_problem(seed)
    score_form = 0 * p
    for digits in itertools.product(range(3), repeat=3):
        x = np.array([[int(j == k) for j in range(3)] for k in digits], dtype=object)
        weight = p[0, digits[0]] * p[1, digits[1]] * p[2, digits[2]] * f.value(x[None])[0]
        score_form += weight * (x - p)
    assert (statistics(f, p, degree=0).exact_gradient == score_form).all()


def test_the_exact_comparison_sees_a_wrong_class():
    p, f = rational_problem(0)
    assert (statistics(f, p[:, ::-1], degree=0).exact_gradient != statistics(f, p).exact_gradient).any()


@pytest.mark.parametrize("seed", range(20))
def test_floats_are_within_eight_eps_of_fractions(seed):
    """In units of max|f|: the sum is a mean of terms f·p of that size, and rounding knows no smaller one."""
    p, f = rational_problem(seed, variables=2, classes=4)
    exact = statistics(f, p, degree=0).exact_gradient.astype(float)
    as_float = objectives.cubic(
        *(
            np.asarray(a, float).reshape((2, 4) * n)
            for a, n in zip((f.tensor, f.matrix, f.slope), (3, 2, 1), strict=True)
        )
    )
    found = statistics(as_float, p.astype(float), degree=0).exact_gradient
    eye = np.eye(4)
    largest = max(
        abs(as_float.value(np.stack([eye[a], eye[b]])[None])[0]) for a in range(4) for b in range(4)
    )
    assert np.abs(found - exact).max() <= 8 * EPS * largest


def test_shapes_follow_the_logits():
    f = objectives.linear(np.arange(3.0))
    one, two = exact_gradient(f, np.zeros(3)), exact_gradient(f, np.zeros((1, 3)))
    assert one.shape == (3,)
    assert (two == one[None]).all()


def test_masked_classes_are_not_visited():
    def value(x):
        with np.errstate(divide="ignore"):
            return np.log(1 - x[:, :, 0]).sum(axis=1)  # infinite at class 0

    f = objectives.from_functions(value, lambda x: x)
    assert exact_gradient(f, [-np.inf, 0.0, 1.0])[0] == 0
    with pytest.raises(ValueError, match="NaN or infinite"):
        exact_gradient(f, [0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    "logits", [np.nan, [np.nan, 0], [np.inf, 0], [-np.inf, -np.inf], [], np.zeros((2, 2, 2))]
)
def test_unusable_logits_are_refused(logits):
    with pytest.raises(ValueError, match="logits"):
        softmax(logits)


def test_one_variable_wider_than_a_block(monkeypatch):
    monkeypatch.setattr(corners_module, "BLOCK_NUMBERS", 70)
    rng = np.random.default_rng(0)
    theta, b = rng.standard_normal(33), rng.standard_normal(33)
    p = softmax(theta)
    expected = p * (b - p @ b)
    assert np.abs(exact_gradient(objectives.linear(b), theta) - expected).max() <= 8 * EPS * np.abs(b).max()


def test_too_many_corners_are_refused_with_an_estimate():
    f = objectives.tanh_network(30, 8, rng=0)
    with pytest.raises(ValueError, match=r"10\^27.* corners need about .* MB and about .* s.*monte_carlo"):
        exact_gradient(f, np.zeros((30, 8)))
    with pytest.raises(ValueError, match="MB"):
        statistics(objectives.linear(np.zeros(2000)), np.full(2000, 1 / 2000))


def test_more_corners_than_a_float_can_count():
    f = objectives.polynomial_programming()
    with pytest.raises(ValueError, match=r"10\^1505"):
        exact_gradient(f, np.zeros((5000, 2)))


def small_problem():
    return objectives.tanh_network(6, 4, hidden=8, rng=0), softmax(
        np.random.default_rng(1).normal(size=(6, 4))
    )


def identical(a, b):
    return all(
        getattr(a, part).tobytes() == getattr(b, part).tobytes() for part in ("value", "gradient", "second")
    )


@pytest.fixture
def many_tasks(monkeypatch):
    """Cut 4,096 corners into blocks of 64 and tasks of 8 blocks."""
    monkeypatch.setattr(corners_module, "BLOCK_NUMBERS", 64 * 24)
    monkeypatch.setattr(enumeration, "BLOCKS_PER_TASK", 8)


@pytest.mark.usefixtures("many_tasks")
def test_any_map_gives_the_same_bits():
    f, p = small_problem()
    alone = statistics(f, p)
    with ThreadPoolExecutor(2) as threads:
        assert identical(alone, statistics(f, p, workers=threads.map))
        assert identical(alone, statistics(f, p, workers=lambda fn, xs: [threads.submit(fn, x) for x in xs]))


@pytest.mark.usefixtures("many_tasks")
def test_progress_is_reported():
    f, p = small_problem()
    seen = []
    statistics(f, p, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 8) for i in range(1, 9)]


@pytest.mark.parametrize("workers", [0, -2])
def test_impossible_numbers_of_workers(workers):
    with pytest.raises(ValueError, match="workers"):
        statistics(*small_problem(), workers=workers)


def test_workers_of_the_wrong_type():
    with pytest.raises(TypeError, match="map-like"):
        statistics(*small_problem(), workers="two")


@pytest.mark.usefixtures("many_tasks")
def test_an_objective_that_cannot_be_sent_says_so():
    _, p = small_problem()
    local = objectives.from_functions(lambda x: x.sum(axis=(1, 2)), np.ones_like)
    with pytest.raises(TypeError, match="top level of a module"):
        statistics(local, p, workers=2)

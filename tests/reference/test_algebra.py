"""The formulas in exact arithmetic: the mean of ReinMax is the true gradient of every quadratic."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from reinmax_ref import algebra

CLASSES = 4


def rational(rng, *shape):
    numerators = rng.integers(-50, 51, shape)
    denominators = rng.integers(1, 30, shape)
    return np.vectorize(Fraction, otypes=[object])(numerators, denominators)


def simplex_point(rng, classes=CLASSES):
    weights = np.array([Fraction(int(n)) for n in rng.integers(1, 100, classes)], dtype=object)
    return weights / weights.sum()


def corners(classes, one=Fraction(1)):
    return np.array([[one * int(i == j) for j in range(classes)] for i in range(classes)], dtype=object)


def quadratic(hessian, slope):
    """f and ∇f for f(x) = ½ xᵀHx + bᵀx with symmetric H."""
    return (lambda x: x @ hessian @ x / 2 + slope @ x), (lambda x: hessian @ x + slope)


def true_gradient(value, p):
    """Σ_k f(I_k) p_k (I_k − p): the derivative of E f, from its definition."""
    eye = corners(len(p))
    return sum(value(eye[k]) * p[k] * (eye[k] - p) for k in range(len(p)))


def mean(vjp, gradient, p):
    eye = corners(len(p))
    return sum(p[k] * vjp(eye[k], gradient(eye[k])) for k in range(len(p)))


def problem(seed):
    rng = np.random.default_rng(seed)
    half = rational(rng, CLASSES, CLASSES)
    return simplex_point(rng), simplex_point(rng), half + half.T, rational(rng, CLASSES)


@pytest.mark.parametrize("seed", range(20))
def test_reinmax_is_exact_on_every_rational_quadratic(seed):
    p, _, hessian, slope = problem(seed)
    value, gradient = quadratic(hessian, slope)
    expected = mean(lambda d, g: algebra.reinmax_vjp(p, p, d, g), gradient, p)
    assert (expected == true_gradient(value, p)).all()


@pytest.mark.parametrize("seed", range(20))
def test_straight_through_is_exact_on_linear_functions_and_on_them_alone(seed):
    p, _, hessian, slope = problem(seed)
    for curvature, exact in ((0 * hessian, True), (hessian, False)):
        value, gradient = quadratic(curvature, slope)
        expected = mean(lambda d, g: algebra.straight_through_vjp(p, g), gradient, p)  # noqa: ARG005
        assert (expected == true_gradient(value, p)).all() == exact


def wrong_half_term(p, d, g):
    """The mistake `missing-half-term`: 2 J(q)g alone."""
    return 2 * algebra.softmax_vjp((p + d) / 2, g)


def tempered(p, d, g):
    """The right formula at another temperature, where it is biased."""
    sharp = p * p
    return algebra.reinmax_vjp(p, sharp / sharp.sum(), d, g)


@pytest.mark.parametrize("wrong", [wrong_half_term, tempered])
def test_a_wrong_formula_is_not_exact(wrong):
    p, _, hessian, slope = problem(0)
    value, gradient = quadratic(hessian, slope)
    assert (mean(lambda d, g: wrong(p, d, g), gradient, p) != true_gradient(value, p)).any()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("same", [True, False])
def test_the_reference_equals_the_definition(seed, same):
    """2 J(q)g − ½ J(p)g + J(p)h, unsimplified, at any τ and with both cotangents."""
    rng = np.random.default_rng(seed)
    p, p_tau = simplex_point(rng), simplex_point(rng)
    p_tau = p if same else p_tau
    g, h = rational(rng, CLASSES), rational(rng, CLASSES)
    for d in corners(CLASSES):
        definition = (
            2 * algebra.softmax_vjp((p_tau + d) / 2, g)
            - algebra.softmax_vjp(p, g) / 2
            + algebra.softmax_vjp(p, h)
        )
        assert (algebra.reinmax_vjp(p, p_tau, d, g, h) == definition).all()
        assert (algebra.reinmax_vjp(p, p_tau, d, g) == definition - algebra.softmax_vjp(p, h)).all()


@pytest.mark.parametrize("seed", range(10))
def test_tempered_straight_through_equals_its_definition(seed):
    rng = np.random.default_rng(seed)
    p, p_tau, tau = simplex_point(rng), simplex_point(rng), Fraction(7, 3)
    g, h = rational(rng, CLASSES), rational(rng, CLASSES)
    jacobian = np.diag(p_tau) - np.outer(p_tau, p_tau)
    soft = (np.diag(p) - np.outer(p, p)) @ h
    both = algebra.straight_through_vjp(p, g, h, p_tau=p_tau, tau=tau)
    assert (both == jacobian @ g / tau + soft).all()
    assert (algebra.straight_through_vjp(p, g, p_tau=p_tau, tau=tau) == jacobian @ g / tau).all()
    assert (algebra.straight_through_vjp(p, g, h) == (np.diag(p) - np.outer(p, p)) @ (g + h)).all()


def generic_quadratic(classes):
    entry = sympy.IndexedBase("H")
    hessian = np.array(
        [[entry[min(i, j), max(i, j)] for j in range(classes)] for i in range(classes)], dtype=object
    )
    slope = np.array(sympy.symbols(f"b:{classes}"), dtype=object)
    return quadratic(hessian, slope)


def residual(vjp):
    """E[estimate] − true gradient of a generic quadratic at K = 3, with Σp = 1 put in."""
    p0, p1 = sympy.symbols("p0 p1", positive=True)
    p = np.array([p0, p1, 1 - p0 - p1], dtype=object)
    value, gradient = generic_quadratic(3)
    eye = corners(3, sympy.Integer(1))
    estimate = sum(p[k] * vjp(p, eye[k], gradient(eye[k])) for k in range(3))
    truth = sum(value(eye[k]) * p[k] * (eye[k] - p) for k in range(3))
    return [sympy.expand(x) for x in estimate - truth]


def test_the_same_lines_on_symbols_leave_no_residual():
    assert residual(lambda p, d, g: algebra.reinmax_vjp(p, p, d, g)) == [0, 0, 0]


def test_straight_through_on_symbols_leaves_a_residual():
    assert residual(lambda p, d, g: algebra.straight_through_vjp(p, g)) != [0, 0, 0]  # noqa: ARG005

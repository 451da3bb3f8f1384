"""Objectives: their gradients are those of their values, exactly where arithmetic is exact."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from verify import objectives
from verify.objectives import Objective, evaluate

RATIONAL = st.fractions(-5, 5, max_denominator=7)


def rationals(*shape):
    return hnp.arrays(object, shape, elements=RATIONAL)


@given(rationals(2, 3, 2, 3, 2, 3), rationals(2, 3, 2, 3), rationals(2, 3), rationals(2, 2, 3))
def test_cubic_gradient_is_the_exact_derivative(tensor, matrix, slope, points):
    f = objectives.cubic(tensor, matrix, slope)
    x, v = points[:1], points[1:]
    values = [f.value(x + t * v)[0] for t in map(Fraction, (-2, -1, 1, 2))]
    central = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12  # exact up to degree 4
    assert central == (f.gradient(x) * v).sum()


def test_a_planted_wrong_gradient_is_seen():
    f = objectives.quadratic([[0, 1], [0, 0]], [0, 0])
    x, v = np.array([[[1, 2]]]), np.array([[[1, 0]]])
    wrong = x.reshape(1, 2) @ f.matrix  # forgets the transpose
    assert (f.value(x + v) - f.value(x - v))[0] / 2 == f.gradient(x)[0, 0, 0] != wrong[0, 0]


SMOOTH = {
    "tanh": lambda: objectives.tanh_network(2, 2, rng=0),
    "programming 1.5": lambda: objectives.polynomial_programming(p=1.5),
    "programming 3": lambda: objectives.polynomial_programming(p=3),
    "contracted": lambda: objectives.contracted(objectives.tanh_network(2, 2, rng=1), 0.5, 0.25),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_gradient_matches_a_complex_free_difference(name):
    f = SMOOTH[name]()
    x = np.random.default_rng(5).random((6, 2, 2)) + 0.5
    step = 2.0**-17  # the cube root of eps, where truncation and rounding of a central difference meet
    for variable, k in np.ndindex(2, 2):
        shift = np.zeros((2, 2))
        shift[variable, k] = step
        slope = (f.value(x + shift) - f.value(x - shift)) / (2 * step)
        assert np.abs(slope - f.gradient(x)[:, variable, k]).max() < 1e-8


def test_value_and_gradient_agree_with_the_two_calls():
    f = objectives.tanh_network(3, 4, rng=2)
    x = np.random.default_rng(0).random((5, 3, 4))
    value, gradient = f.value_and_gradient(x)
    assert (value == f.value(x)).all()
    assert (gradient == f.gradient(x)).all()


def test_programming_counts_class_one():
    f = objectives.polynomial_programming(c=0.25, p=2)
    x = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    assert f.value(x)[0] == (0.25**2 + 0.75**2) / 2
    assert (f.gradient(x) == [[[0, -0.25], [0, 0.75]]]).all()
    with pytest.raises(ValueError, match="3 classes"):
        f.value(np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="at least 1"):
        objectives.polynomial_programming(p=0.5)


def test_sympy_objective_is_exact_on_fractions_and_can_be_sent():
    symbols = sympy.symbols("a:4")
    a, b, c, d = symbols
    f = objectives.from_sympy(a * b**2 + 3 * c * d + 1, [[a, b], [c, d]])
    x = np.array([[[Fraction(1, 2), Fraction(2, 3)], [Fraction(1), Fraction(1, 5)]]], dtype=object)
    f = pickle.loads(pickle.dumps(f))  # noqa: S301
    assert f.value(x)[0] == Fraction(1, 2) * Fraction(4, 9) + Fraction(3, 5) + 1
    assert (f.gradient(x)[0] == [[Fraction(4, 9), Fraction(2, 3)], [Fraction(3, 5), 3]]).all()
    assert (objectives.from_sympy(sympy.Integer(2), [a, b]).gradient(np.ones((3, 1, 2))) == 0).all()


def test_sympy_objective_names_strangers():
    a, b = sympy.symbols("a stranger")
    with pytest.raises(ValueError, match="stranger"):
        objectives.from_sympy(a * b, [a])
    with pytest.raises(ValueError, match="must agree"):
        objectives.from_sympy(a, [a]).value(np.ones((1, 2, 2)))


def framework_cube(x):
    return (x**3).sum((1, 2))


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_framework_differentiates(framework):
    f = getattr(objectives, f"from_{framework}")(framework_cube)
    x = np.random.default_rng(0).integers(-3, 4, (4, 2, 3)).astype(float)  # cubes exact in float32 too
    assert (f.value(x) == (x**3).sum((1, 2))).all()
    assert (f.gradient(x) == 3 * x**2).all()
    assert isinstance(f, Objective)
    bad = getattr(objectives, f"from_{framework}")(lambda x: x.sum())
    with pytest.raises(ValueError, match="one number per point"):
        bad.value_and_gradient(x)


def test_torch_function_without_gradient_is_flat():
    f = objectives.from_torch(lambda x: torch.ones(len(x)))
    assert (f.gradient(np.ones((3, 1, 2))) == 0).all()


@pytest.mark.parametrize(
    ("value", "gradient", "message"),
    [
        (lambda x: x.sum(), lambda x: x, "value"),
        (lambda x: x[:, 0], lambda x: x, "value"),
        (lambda x: x.sum((1, 2)), lambda x: x[0], "gradient"),
    ],
)
def test_wrong_shapes_are_refused(value, gradient, message):
    with pytest.raises(ValueError, match=rf"{message}\(x\) returned shape .* expected"):
        evaluate(objectives.from_functions(value, gradient), np.ones((4, 2, 3)))


def test_wrong_coefficients_are_refused():
    with pytest.raises(ValueError, match="matrix has shape"):
        objectives.quadratic(np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match="tensor has shape"):
        objectives.cubic(np.ones((3, 3)), np.ones((3, 3)), np.ones(3))
    with pytest.raises(ValueError, match="slope has shape"):
        objectives.linear(3.0)

"""The symbolic definitions and the analysis of a user's objective, against independent routes."""

import ast
import re
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
import sympy as sp

from verify import symbolic
from verify.symbolic import analyse, corner, exact_gradient, reinmax, simplex, softmax, straight_through

X = sp.symbols("x1:4", real=True)
THIRDS = (Fraction(1, 2), Fraction(1, 3), Fraction(1, 6))


def fractions(vector):
    return tuple(Fraction(int(v.p), int(v.q)) for v in map(sp.nsimplify, vector))


def reinmax_in_fractions(p, d, g):
    """2 J(q)g − ½ J(p)g written out with Fraction, sharing nothing with the module."""
    q = [(w + (k == d)) / 2 for k, w in enumerate(p)]
    mean_q = sum(a * b for a, b in zip(q, g, strict=True))
    mean_p = sum(a * b for a, b in zip(p, g, strict=True))
    return [2 * a * (c - mean_q) - b * (c - mean_p) / 2 for a, b, c in zip(q, p, g, strict=True)]


def test_reinmax_at_a_point_worked_by_hand():
    # p = (1/2, 1/4, 1/4), d = 1, g = (1, 2, 3): at τ = 1 ReinMax is ½ [p∘(g − g_d) + D(g_d − ⟨p, g⟩)].
    p = (sp.Rational(1, 2), sp.Rational(1, 4), sp.Rational(1, 4))
    got = reinmax(p, corner(1, 3), tuple(map(sp.Integer, (1, 2, 3))))
    assert got == (-sp.Rational(1, 4), sp.Rational(1, 8), sp.Rational(1, 8))


def test_reinmax_with_temperature_and_soft_cotangent_by_hand():
    # K = 2, z = 1: [2q(1−q) − ½p(1−p)](g_1 − g_2) + p(1−p)(h_1 − h_2) with p = 1/2, p_τ = 1/3, q = 2/3.
    half, third = sp.Rational(1, 2), sp.Rational(1, 3)
    got = reinmax((half, half), corner(0, 2), (sp.S(5), sp.S(2)), (third, 1 - third), (sp.S(1), sp.S(3)))
    assert got[0] == (sp.Rational(4, 9) - sp.Rational(1, 8)) * 3 - sp.Rational(1, 2)
    assert got[0] + got[1] == 0


def test_straight_through_is_the_derivative_of_softmax():
    theta, g = sp.symbols("t0:3", real=True), sp.symbols("g0:3")
    p = softmax(theta)
    loss = sum(a * b for a, b in zip(p, g, strict=True))
    for k, value in enumerate(straight_through(p, corner(0, 3), g)):
        assert sp.cancel(sp.diff(loss, theta[k]) - value) == 0


@pytest.mark.parametrize(("variables", "classes"), [(1, 3), (2, 2)])
def test_exact_gradient_is_the_derivative_of_the_expectation(variables, classes):
    theta = [sp.symbols(f"t{row}_0:{classes}", real=True) for row in range(variables)]
    x = [sp.symbols(f"x{row}_0:{classes}") for row in range(variables)]
    f = sp.Function("f")(*(v for row in x for v in row))
    p = [softmax(row) for row in theta]
    mean = sp.S.Zero
    for indices in product(range(classes), repeat=variables):
        point = [v for k in indices for v in corner(k, classes)]
        mean += f.func(*point) * sp.Mul(*(p[row][k] for row, k in enumerate(indices)))
    gradient = exact_gradient(f, x, p)
    for row, k in product(range(variables), range(classes)):
        difference = sp.diff(mean, theta[row][k]) - gradient[row][k]
        assert sp.cancel(sp.together(difference)) == 0


def test_analysis_agrees_with_fraction_enumeration():
    objective = 2 * X[0] ** 3 - X[0] * X[1] ** 2 + 5 * X[2] ** 4 + X[1] * X[2]
    result = analyse(objective, X)
    values = dict(zip(result.probabilities[:2], map(sp.Rational, map(str, THIRDS)), strict=False))
    p, exact, mean, plain = list(THIRDS), [Fraction(0)] * 3, [Fraction(0)] * 3, [Fraction(0)] * 3
    for d, weight in enumerate(p):
        at = dict(zip(X, corner(d, 3), strict=True))
        (f,) = fractions([objective.subs(at)])
        g = fractions([sp.diff(objective, x).subs(at) for x in X])
        centre = sum(a * b for a, b in zip(p, g, strict=True))
        sample = reinmax_in_fractions(p, d, g)
        for k in range(3):
            exact[k] += weight * f * ((k == d) - p[k])
            mean[k] += weight * sample[k]
            plain[k] += weight * p[k] * (g[k] - centre)
    assert list(fractions(result.exact.subs(values))) == exact
    assert list(fractions(result.reinmax.subs(values))) == mean
    assert list(fractions(result.straight_through.subs(values))) == plain
    assert list(fractions(result.reinmax_bias.subs(values))) == [
        a - b for a, b in zip(mean, exact, strict=True)
    ]
    assert mean != exact != plain


def test_bias_is_literally_zero_exactly_where_it_vanishes():
    a, b = sp.symbols("a b")
    quadratic = analyse(a * X[0] ** 2 + b * X[0] * X[1] - X[2], X)
    assert quadratic.reinmax_bias == sp.zeros(1, 3)
    assert quadratic.straight_through_bias != sp.zeros(1, 3)
    assert analyse(X[0] ** 3, X).reinmax_bias != sp.zeros(1, 3)
    assert analyse(a * X[0] + b, X).straight_through_bias == sp.zeros(1, 3)
    assert analyse(sp.Integer(7), X).exact == sp.zeros(1, 3)
    assert analyse(X[0] ** 5, X[:1]).reinmax_bias == sp.zeros(1, 1)


def test_several_variables_keep_their_shape_and_are_named_by_two_indices():
    x = sp.Matrix(2, 2, sp.symbols("x1:5"))
    for coordinates in (x, x.tolist()):
        result = analyse(x[0, 0] * x[1, 0], coordinates)
        p, q = sp.Symbol("p_1,1", real=True), sp.Symbol("p_2,1", real=True)
        assert result.exact.shape == (2, 2)
        assert sp.expand(result.exact[0, 0] - p * (1 - p) * q) == 0
        assert sp.expand(result.exact[1, 0] - q * (1 - q) * p) == 0


def test_in_logits_takes_symbols_or_exact_numbers():
    result = analyse(X[0] ** 2, X[:2])
    t1, t2 = sp.symbols("theta_1 theta_2", real=True)
    share = sp.exp(t1) / (sp.exp(t1) + sp.exp(t2))
    assert sp.cancel(result.in_logits().exact[0] - share * (1 - share)) == 0
    at_point = result.in_logits([sp.log(3), 0])
    assert at_point.probabilities == sp.Matrix([[sp.Rational(3, 4), sp.Rational(1, 4)]])
    assert at_point.straight_through_bias == sp.Matrix([[sp.Rational(3, 32), -sp.Rational(3, 32)]])


def test_latex_holds_every_formula_in_one_environment():
    result = analyse(X[0] ** 2, X[:2])
    text = result.latex()
    assert text.startswith("\\begin{aligned}\n")
    assert text.endswith("\n\\end{aligned}")
    assert len(text.splitlines()) == 2 + 5
    for formula in (result.exact, result.reinmax, result.straight_through_bias):
        assert sp.latex(formula) in text
    assert result._repr_latex_() == f"$$\n{text}\n$$"


def test_undefined_functions_stay_as_they_are():
    f = sp.Function("f")
    result = analyse(f(*X[:2]), X[:2])
    p = result.probabilities[0]
    assert sp.expand(result.exact[0] - p * (1 - p) * (f(1, 0) - f(0, 1))) == 0


@pytest.mark.parametrize(
    ("objective", "coordinates", "message"),
    [
        (X[0], [X[0], X[0]], "distinct symbols"),
        (X[0], [X[0], X[1] ** 2], "distinct symbols"),
        (X[0], [[X[0], X[1]], [X[2]]], r"lengths \[2, 1\]"),
        (X[0], [], "hand in K symbols"),
        (sp.log(X[0]), X, "no finite value at the corner"),
        (sp.sqrt(X[0]), X, "no finite value at the corner"),
        (X[0], [sp.symbols(f"y{row}_0:2") for row in range(13)], "8192 corners"),
        (X[0] * sp.Symbol("p_1", real=True), X, "rename the parameters"),
    ],
)
def test_what_cannot_be_analysed_is_refused_with_the_reason(objective, coordinates, message):
    with pytest.raises(ValueError, match=message):
        analyse(objective, coordinates)


def test_logits_of_another_shape_and_a_second_substitution_are_refused():
    result = analyse(X[0], X)
    with pytest.raises(ValueError, match=re.escape("shape (1, 2)")):
        result.in_logits([0, 0])
    with pytest.raises(ValueError, match="in logits already"):
        result.in_logits([0, 0, 0]).in_logits([0, 0, 1])


def test_simplex_sums_to_one():
    assert sum(simplex("p", 4)) == 1
    assert simplex("p", 1) == (1,)


def test_the_definitions_import_nothing_but_sympy_and_the_standard_library():
    folder = Path(symbolic.__file__).parent
    names = set()
    for name in ("__init__.py", "analysis.py", "classes.py", "definitions.py"):
        file = folder / name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module if node.module.startswith("verify") else node.module.split(".")[0])
    allowed = {f"verify.symbolic.{name}" for name in ("analysis", "classes", "definitions")}
    assert names - allowed == {"collections", "dataclasses", "itertools", "sympy", "typing"}

"""The estimators' formulas in rational arithmetic: unbiased where they claim it, with == and no tolerance."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy

from reinmax_ref import algebra
from reinmax_ref.estimators import leave_one_out, muprop, mve, reinforce, unordered_set
from reinmax_ref.score import Calls


def rational(rng, *shape):
    pairs = zip(rng.integers(-9, 10, shape).ravel(), rng.integers(1, 8, shape).ravel(), strict=True)
    return np.array([Fraction(int(a), int(b)) for a, b in pairs], dtype=object).reshape(shape)


def simplex(rng, *shape):
    weights = np.vectorize(Fraction, otypes=[object])(rng.integers(1, 12, shape))
    return weights / weights.sum(axis=-1, keepdims=True)


def corners(variables, classes):
    """All corners (N, L, K)."""
    digits = itertools.product(range(classes), repeat=variables)
    eye = np.array([[Fraction(int(i == j)) for j in range(classes)] for i in range(classes)], dtype=object)
    return np.stack([eye[list(d)] for d in digits])


class Problem:
    """A random quartic f over L variables, with its true gradient by the score form."""

    def __init__(self, seed, variables=2, classes=3, degree=4):
        rng = np.random.default_rng(seed)
        self.p = simplex(rng, variables, classes)
        self.x = corners(variables, classes)
        self.slopes = [rational(rng, variables * classes) for _ in range(degree)]
        self.weights = (self.x * self.p).sum(axis=-1).prod(axis=-1)
        self.truth = (self.weights * self.value(self.x)) @ (self.x - self.p).reshape(len(self.x), -1)

    def value(self, x):
        flat = x.reshape(len(x), -1)
        return sum((flat @ b) ** power for power, b in enumerate(self.slopes, start=1))

    def slope(self, x):
        flat = x.reshape(len(x), -1)
        each = (power * ((flat @ b) ** (power - 1))[:, None] * b for power, b in enumerate(self.slopes, 1))
        return sum(each).reshape(x.shape)


SEEDS = pytest.mark.parametrize("seed", range(5))


def mean_over_corners(problem, rule):
    calls = Calls(problem.value, problem.slope, 2)
    p = np.broadcast_to(problem.p, problem.x.shape)
    found = rule(p, problem.x[None], calls)
    return problem.weights @ found.reshape(len(found), -1)


def muprop_without_control(p, points, calls):
    """The planted fault: the expectation of the tangent is not added back."""
    return muprop._rule(p, points, calls) - algebra.softmax_vjp(p, calls.slope(p))


def reinforce_of_sample_baseline(p, points, calls):
    """The planted fault: a baseline that depends on the sample."""
    return reinforce._rule(p, points, calls, baseline=calls.value(points[0]) ** 2)


@SEEDS
def test_reinforce_and_muprop_are_unbiased_exactly(seed):
    problem = Problem(seed)
    for baseline in (Fraction(0), Fraction(7, 3)):
        found = mean_over_corners(
            problem, lambda *args, b=baseline: reinforce._rule(*args, baseline=np.asarray(b, dtype=object))
        )
        assert (found == problem.truth).all()
    assert (mean_over_corners(problem, muprop._rule) == problem.truth).all()


@pytest.mark.parametrize("wrong", [muprop_without_control, reinforce_of_sample_baseline])
def test_a_wrong_score_estimator_is_seen(wrong):
    problem = Problem(0)
    assert (mean_over_corners(problem, wrong) != problem.truth).any()


def pairs(problem, *, distinct):
    number = np.array(list(itertools.product(range(len(problem.x)), repeat=2))).T
    if distinct:
        number = number[:, number[0] != number[1]]
    first, second = problem.weights[number]
    weights = first * second / (1 - first) if distinct else first * second
    return number, weights, problem.x[number]


@SEEDS
def test_leave_one_out_is_unbiased_exactly(seed):
    problem = Problem(seed)
    _, weights, points = pairs(problem, distinct=False)
    found = leave_one_out._rule(problem.p, points, Calls(problem.value, None, 2))
    assert (weights @ found.reshape(len(found), -1) == problem.truth).all()


@SEEDS
def test_leave_one_out_equals_its_definition_for_three_samples(seed):
    """(1/M) Σ_m (f_m − mean of the others)(D_m − p), unsimplified."""
    problem = Problem(seed)
    points = problem.x[[[0], [4], [7]]]
    f = problem.value(points[:, 0])
    others = [(sum(f) - own) / 2 for own in f]
    definition = sum(
        (own - mean) * (x - problem.p) for own, mean, x in zip(f, others, points[:, 0], strict=True)
    )
    found = leave_one_out._rule(problem.p, points, Calls(problem.value, None, 2))[0]
    assert (found == definition / 3).all()


@SEEDS
def test_the_unordered_set_is_unbiased_exactly(seed):
    problem = Problem(seed)
    number, weights, points = pairs(problem, distinct=True)
    rest = 1 - problem.weights[number]
    f = problem.value(problem.x)[number]
    found = unordered_set.pair_gradient(rest, f, points)
    assert (weights @ found.reshape(len(found), -1) == problem.truth).all()
    wrong = leave_one_out._rule(problem.p, points, Calls(problem.value, None, 2))
    assert (weights @ wrong.reshape(len(wrong), -1) != problem.truth).any()  # as if drawn with replacement


@SEEDS
def test_the_unordered_set_equals_the_sum_with_leave_one_out_ratios(seed):
    """Σ_i P_i R(S,i)(f_i − b_i)(D_i − p) with R and b from the law of ordered pairs."""
    problem = Problem(seed)
    (p1, p2), (f1, f2) = problem.weights[[1, 5]], problem.value(problem.x[[1, 5]])
    x1, x2 = problem.x[[1, 5]]
    whole = p1 * p2 / (1 - p1) + p2 * p1 / (1 - p2)  # the probability of the set
    r1, r2 = p2 / (1 - p1) / whole, p1 / (1 - p2) / whole
    b1, b2 = p1 * f1 + (1 - p1) * f2, p2 * f2 + (1 - p2) * f1
    definition = p1 * r1 * (f1 - b1) * (x1 - problem.p) + p2 * r2 * (f2 - b2) * (x2 - problem.p)
    rest, f = 1 - problem.weights[[1, 5]][:, None], np.array([[f1], [f2]], dtype=object)
    assert (unordered_set.pair_gradient(rest, f, problem.x[[1, 5]][:, None])[0] == definition).all()


def quadratic(seed, classes):
    rng = np.random.default_rng(seed)
    half = rational(rng, classes, classes)
    hessian, slope = half + half.T, rational(rng, classes)
    p = simplex(rng, classes)
    values = np.array([x @ hessian @ x / 2 + slope @ x for x in np.eye(classes, dtype=int).astype(object)])
    return p, hessian, slope, p * (values - p @ values)


def mean_of(rule, p, hessian, slope):
    eye = corners(1, len(p))[:, 0]
    return sum(p[k] * rule(eye[k], hessian @ eye[k] + slope) for k in range(len(p)))


@SEEDS
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_darn_is_exact_on_linear_functions_and_on_quadratics_of_two_classes(seed, classes):
    p, hessian, slope, truth = quadratic(seed, classes)
    middle = Fraction(1, classes)
    linear = mean_of(lambda d, g: algebra.darn_vjp(p, d, g, c=middle), p, 0 * hessian, slope)
    assert (linear == p * (slope - p @ slope)).all()
    found = mean_of(lambda d, g: algebra.darn_vjp(p, d, g, c=middle), p, hessian, slope)
    assert (found == truth).all() == (classes == 2)
    elsewhere = mean_of(lambda d, g: algebra.darn_vjp(p, d, g, c=p), p, hessian, slope)
    assert (elsewhere != truth).any()


@SEEDS
def test_any_baseline_is_exact_on_quadratics(seed):
    p, hessian, slope, truth = quadratic(seed, 4)
    for c in (Fraction(1, 4), simplex(np.random.default_rng(seed + 100), 4)):
        assert (
            mean_of(lambda d, g, c=c: algebra.baseline_vjp(p, d, g, c=c), p, hessian, slope) == truth
        ).all()
    wrong = mean_of(lambda d, g: algebra.baseline_vjp(p, d, g, c=Fraction(1, 3)), p, hessian, slope)
    assert (wrong != truth).any()  # a baseline that does not sum to 1
    for d in corners(1, 4)[:, 0]:
        g = rational(np.random.default_rng(seed), 4)
        assert (algebra.baseline_vjp(p, d, g, c=p) == algebra.reinmax_vjp(p, p, d, g)).all()


@SEEDS
def test_the_soft_cotangent_adds_its_own_term(seed):
    rng = np.random.default_rng(seed)
    p, y, g, h = simplex(rng, 4), simplex(rng, 4), rational(rng, 4), rational(rng, 4)
    d, soft = corners(1, 4)[2, 0], algebra.softmax_vjp(p, h)
    for rule in (
        lambda *args: algebra.darn_vjp(p, d, *args, c=Fraction(1, 4)),
        lambda *args: algebra.baseline_vjp(p, d, *args, c=Fraction(1, 4)),
        lambda *args: algebra.rao_vjp(p, y, *args, tau=Fraction(2, 3)),
    ):
        assert (rule(g, h) == rule(g) + soft).all()


@SEEDS
def test_rao_at_the_midpoint_is_reinmax(seed):
    rng = np.random.default_rng(seed)
    p, g = simplex(rng, 4), rational(rng, 4)
    for d in corners(1, 4)[:, 0]:
        assert (algebra.rao_vjp(p, (p + d) / 2, g) == algebra.reinmax_vjp(p, p, d, g)).all()


def mve_matrices(p, alpha, beta):
    """S(d) of each class, exactly, column of g by column: S[d, i, k]."""
    classes = len(p)
    matrix = mve.system(p[None], alpha, beta)[0]
    if alpha == 0:
        matrix = matrix + Fraction(1)
    solver = sympy.Matrix(classes, classes, [sympy.Rational(x.numerator, x.denominator) for x in matrix.flat])
    inverse = np.array([Fraction(int(x.p), int(x.q)) for x in solver.inv()], dtype=object).reshape(
        classes, -1
    )
    eye = corners(1, classes)[:, 0]
    found = np.empty((classes,) * 3, dtype=object)
    for d, i in itertools.product(range(classes), repeat=2):
        onehot, g = eye[d][None], eye[i][None]
        right = mve.right_side(p[None], onehot, g, alpha, beta)[0]
        v = mve.cotangent(p[None], onehot * g, (inverse @ right)[None], alpha, beta)[0]
        found[d, i] = algebra.softmax_vjp(p, v)
    return found


def residual(S, p):
    """R_di = p_d S(d)_i + p_i S(i)_d − 1(i = d) J_d: the error on the monomials x_d x_i."""
    classes = len(p)
    jacobian = np.array([[p[i] * ((i == k) - p[k]) for k in range(classes)] for i in range(classes)])
    twice = p[:, None, None] * S
    return twice + twice.swapaxes(0, 1) - np.eye(classes, dtype=int).astype(object)[:, :, None] * jacobian


@pytest.mark.parametrize("tau", [Fraction(1, 5), Fraction(1), Fraction(9), None])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_mve_meets_the_conditions_of_its_minimum_exactly(classes, tau):
    """Linear exactness, and p_d S(d) + τ p_d R = p_d λ with one λ for all d; at τ = ∞, R = 0."""
    p = simplex(np.random.default_rng(classes), classes)
    alpha, beta = (Fraction(0), Fraction(1)) if tau is None else (1 / (1 + tau), tau / (1 + tau))
    S = mve_matrices(p, alpha, beta)
    jacobian = np.array([[p[i] * ((i == k) - p[k]) for k in range(classes)] for i in range(classes)])
    assert ((p[:, None, None] * S).sum(axis=0) == jacobian).all()
    R = residual(S, p)
    if tau is None:
        assert (R == 0).all()
    else:
        stationary = S + tau * R
        assert (stationary == stationary[0]).all()
    perturbed = S.copy()
    perturbed[0, 0, 0] += Fraction(1, 10**6)
    assert ((p[:, None, None] * perturbed).sum(axis=0) != jacobian).any()


def test_mve_at_infinity_has_the_least_second_moment_of_the_quadratic_exact():
    """Against ReinMax and the uniform baseline, which are quadratic-exact too: Σ_d p_d ‖S(d)‖²."""
    p = simplex(np.random.default_rng(0), 4)
    eye = corners(1, 4)[:, 0]

    def weight(S):
        return sum(p[d] * (S[d] ** 2).sum() for d in range(4))

    rivals = (
        lambda d, g: algebra.reinmax_vjp(p, p, d, g),
        lambda d, g: algebra.baseline_vjp(p, d, g, c=Fraction(1, 4)),
    )
    least = mve_matrices(p, Fraction(0), Fraction(1))
    for rule in rivals:
        rival = np.array([[rule(d, g) for g in eye] for d in eye])
        assert (residual(rival, p) == 0).all()
        assert weight(least) < weight(rival)
        # and every step from the least towards a rival costs: the stationary point is the minimum
        for step in (Fraction(1, 1000), Fraction(1, 2)):
            assert weight(least) < weight(least + step * (rival - least))


def test_mve_at_infinity_is_stationary_exactly():
    """S(d)_i = λ_i − μ_di with symmetric μ, so S(d)_i − S(i)_d = λ_i − λ_d; convexity makes it a minimum."""
    p = simplex(np.random.default_rng(0), 4)
    S = mve_matrices(p, Fraction(0), Fraction(1))
    skew = S - S.swapaxes(0, 1)
    assert (skew == skew[0][None] - skew[0][:, None]).all()
    rival = np.array(
        [[algebra.reinmax_vjp(p, p, d, g) for g in corners(1, 4)[:, 0]] for d in corners(1, 4)[:, 0]]
    )
    skew = rival - rival.swapaxes(0, 1)
    assert (skew != skew[0][None] - skew[0][:, None]).any()


def test_mve_at_zero_is_straight_through():
    p = simplex(np.random.default_rng(1), 4)
    S = mve_matrices(p, Fraction(1), Fraction(0))
    jacobian = np.array([[p[i] * ((i == k) - p[k]) for k in range(4)] for i in range(4)])
    assert (jacobian == S).all()

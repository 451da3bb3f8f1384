"""The Gumbel family against independent routes: one-dimensional quadrature, and unconditioned noise.

A standard error comes from 8 scrambles, so that an estimate is off by more than
6 of them with probability below 1/1,800 (Student's t, 7 degrees of freedom);
the points are fixed, so that nothing here changes from run to run.
"""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import qmc

from reinmax_ref import reinmax
from reinmax_ref.estimators.gumbel_rao import gumbel_rao
from reinmax_ref.estimators.gumbel_softmax import gumbel_softmax
from reinmax_ref.estimators.reinmax_cv import reinmax_cv
from reinmax_ref.estimators.reinmax_rao import reinmax_rao
from verify import objectives
from verify.lab import noise
from verify.lab.moments import moments
from verify.lab.noise import noisy_moments
from verify.oracle.enumeration import softmax, statistics

ERRORS = 6.0


def problem(seed, variables=1, classes=4):
    rng = np.random.default_rng(seed)
    f = objectives.tanh_network(variables, classes, hidden=8, rng=rng)
    theta = rng.standard_normal((variables, classes))
    return f, theta, statistics(f, softmax(theta), degree=2)


def agrees(found, error, expected):
    return bool((np.abs(found - expected) <= ERRORS * error).all())


def logistic_moments(f, theta, tau):
    """E[ĝ_1] and E[ĝ_1²] of ST Gumbel-softmax for two classes, over the logistic G_1 − G_0."""
    shift = theta[1] - theta[0]
    slope = f.gradient(np.eye(2)[:, None, :])[:, 0]
    difference = slope[:, 1] - slope[:, 0]

    def integrand(x, power, d):
        y = 1 / (1 + np.exp(-(shift + x) / tau))
        return (y * (1 - y) * difference[d] / tau) ** power / (4 * np.cosh(x / 2) ** 2)

    low, high = (-40.0, -shift), (-shift, 40.0)
    return [
        sum(quad(integrand, *at, args=(power, d), epsabs=1e-13)[0] for d, at in enumerate((low, high)))
        for power in (1, 2)
    ]


@pytest.mark.parametrize("tau", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("seed", range(3))
def test_two_classes_agree_with_quadrature(seed, tau):
    f, theta, total = problem(seed, classes=2)
    first, second = logistic_moments(f, theta[0], tau)
    found = noisy_moments(gumbel_softmax, total, theta, tau)
    assert agrees(found.mean[0, 1], found.mean_error[0, 1], first)
    assert agrees(found.variance[0, 1], found.variance_error[0, 1], second - first**2)
    assert found.mean_error.max() < 1e-3 * np.abs(found.mean).max()
    wrong = noisy_moments(gumbel_softmax, total, theta, 1.1 * tau)  # the planted fault: another temperature
    assert not agrees(wrong.mean[0, 1], wrong.mean_error[0, 1], first)


def unconditional(f, theta, tau, log2_points=14, scrambles=8):
    """ST Gumbel-softmax as its papers write it: D = argmax(θ + G), y = softmax((θ + G)/τ)."""
    size, means = len(theta), []
    for seed in range(scrambles):
        u = qmc.Sobol(size, seed=np.random.default_rng(1000 + seed)).random_base2(log2_points)
        x = theta - np.log(-np.log(np.clip(u, 1e-300, 1 - 1e-16)))
        y = np.exp((x - x.max(axis=1, keepdims=True)) / tau)
        y /= y.sum(axis=1, keepdims=True)
        g = f.gradient(np.eye(size)[x.argmax(axis=1)][:, None, :])[:, 0]
        means.append((y * (g - (y * g).sum(axis=1, keepdims=True)) / tau).mean(axis=0))
    return np.mean(means, axis=0), np.std(means, axis=0, ddof=1) / np.sqrt(scrambles)


@pytest.mark.parametrize("tau", [0.5, 1.0])
@pytest.mark.parametrize("classes", [3, 5])
def test_gumbel_rao_has_the_mean_of_st_gumbel_softmax(classes, tau):
    f, theta, total = problem(classes, classes=classes)
    mean, error = unconditional(f, theta[0], tau)
    for estimator in (gumbel_softmax, gumbel_rao, partial(gumbel_rao, samples=3)):
        found = noisy_moments(estimator, total, theta, tau)
        assert agrees(found.mean[0], np.hypot(found.mean_error[0], error), mean)
    # the planted faults: relaxed samples of the midpoint, and ReinMax's own mean
    for wrong in (noisy_moments(reinmax_rao, total, theta, tau), moments("reinmax", f, theta)):
        assert not agrees(wrong.mean[0], np.hypot(getattr(wrong, "mean_error", 0), error), mean)


@pytest.mark.parametrize("variables", [1, 2])
def test_averaging_lowers_the_variance_and_keeps_the_mean(variables):
    _, theta, total = problem(7, variables, classes=3)
    found = [noisy_moments(partial(gumbel_rao, samples=s), total, theta, 0.5) for s in (1, 2, 10, 1000)]
    variances = [each.total_variance for each in found]
    assert variances == sorted(variances, reverse=True)
    assert all((each.mean == found[0].mean).all() for each in found)
    plain = noisy_moments(gumbel_softmax, total, theta, 0.5)
    assert agrees(found[0].variance, np.hypot(found[0].variance_error, plain.variance_error), plain.variance)
    assert variances[1] < 0.95 * plain.total_variance


def brute_force(estimator, f, theta, tau):
    """Mean and second moment with all copies drawn at once, each class forced."""
    size, p = len(theta), softmax(theta)
    g = f.gradient(np.eye(size)[:, None, :])[:, 0]
    arrays = 4 if estimator.func is reinmax_cv else 3
    found, scrambles, log2_points = [], 8, 13
    for seed in range(scrambles):
        u = qmc.Sobol(arrays * size, seed=np.random.default_rng(2000 + seed)).random_base2(log2_points)
        uniforms = np.moveaxis(u.reshape(len(u), arrays, size), 1, 0)
        moment = np.zeros((2, size))
        for k in range(size):
            many = np.broadcast_to(theta, (len(u), size))
            draw = estimator(many, tau, index=np.full(len(u), k), noise=uniforms)
            pulled = draw.vjp(np.broadcast_to(g[k], many.shape))
            moment += p[k] * np.stack([pulled.mean(axis=0), (pulled**2).mean(axis=0)])
        found.append(moment)
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(scrambles)


@pytest.mark.parametrize("family", [gumbel_rao, reinmax_rao, reinmax_cv])
def test_moments_of_three_copies_equal_those_of_copies_drawn_at_once(family):
    f, theta, total = problem(11, classes=3)
    estimator = partial(family, samples=3)
    (mean, square), (mean_error, square_error) = brute_force(estimator, f, theta[0], 0.7)
    found = noisy_moments(estimator, total, theta, 0.7, log2_points=12)
    assert agrees(found.mean[0], np.hypot(found.mean_error[0], mean_error), mean)
    error = np.hypot(found.variance_error[0], square_error + 2 * np.abs(mean) * mean_error)
    assert agrees(found.variance[0], error, square - mean**2)
    single = noisy_moments(partial(family, samples=1), total, theta, 0.7, log2_points=12)
    assert not agrees(single.variance[0], error, square - mean**2)  # the planted fault: copies not averaged


def joint_moments(f, theta, tau, log2_points=13):
    """Mean and second moment of ST Gumbel-softmax for two variables, corner by corner."""
    (variables, classes), p, found = theta.shape, softmax(theta), []
    for seed in range(8):
        source = np.random.default_rng(3000 + seed)
        u = qmc.Sobol(theta.size, seed=source).random_base2(log2_points).reshape(-1, variables, classes)
        many, moment = np.broadcast_to(theta, u.shape), np.zeros((2, variables, classes))
        for corner in np.ndindex(*(classes,) * variables):
            g = f.gradient(np.eye(classes)[list(corner)][None])[0]
            draw = gumbel_softmax(many, tau, index=np.broadcast_to(corner, u.shape[:2]), noise=u[None])
            pulled = draw.vjp(np.broadcast_to(g, u.shape))
            weight = np.prod(p[range(variables), corner])
            moment += weight * np.stack([pulled.mean(axis=0), (pulled**2).mean(axis=0)])
        found.append(moment)
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(8)


def test_several_variables_agree_with_their_joint_law(monkeypatch):
    f, theta, total = problem(13, 2, 3)
    (mean, square), (mean_error, square_error) = joint_moments(f, theta, 0.7)
    error = square_error + 2 * np.abs(mean) * mean_error
    found = noisy_moments(gumbel_softmax, total, theta, 0.7)
    assert agrees(found.mean, np.hypot(found.mean_error, mean_error), mean)
    assert agrees(found.variance, np.hypot(found.variance_error, error), square - mean**2)
    # the planted fault: the other variable's classes are not told apart
    columns = noise._factors(total)
    assert all(factor.shape[1] == 3 for _, factor in columns)
    monkeypatch.setattr(noise, "_factors", lambda _: [(k, factor[:, -1:]) for k, factor in columns])
    wrong = noisy_moments(gumbel_softmax, total, theta, 0.7)
    assert not agrees(wrong.variance, np.hypot(wrong.variance_error, error), square - mean**2)


def relaxed_pair(p, d, tau):
    """E[(1/τ) y(1 − y)] given D = d for two classes, over the gap s·τ between the two perturbed logits."""
    other = p[1 - d]

    def integrand(s):
        grown = np.exp(-s * tau)
        density = other * grown / ((1 - other) * grown + other) ** 2
        return density / (4 * np.cosh(s / 2) ** 2)

    return quad(integrand, 0, 700, limit=500, epsabs=1e-14)[0]


@pytest.mark.parametrize("d", [0, 1])
def test_gumbel_rao_tends_to_reinmax_at_first_order_in_tau(d):
    """For two classes by quadrature: the difference halves with τ, within a tenth, from τ = 1/20 on."""
    p = np.array([0.3, 0.7])
    limit = reinmax(np.log(p), index=d).vjp(np.array([1.0, 0.0]))[0]
    errors = [relaxed_pair(p, d, tau) - limit for tau in (0.05, 0.025, 0.0125)]
    for error, halved in pairwise(errors):
        assert 1.9 < error / halved < 2.1
    wrong = [relaxed_pair(p, d, tau) - 1.1 * limit for tau in (0.05, 0.025)]
    assert not 1.9 < wrong[0] / wrong[1] < 2.1


@pytest.mark.parametrize("d", [0, 1])
def test_the_conditional_law_of_two_classes_agrees_with_quadrature(d):
    theta, points = np.log([0.3, 0.7]), 2**12
    for tau in (0.25, 1.0):
        each = []
        for seed in range(8):
            u = qmc.Sobol(2, seed=np.random.default_rng(seed)).random_base2(12)
            draw = gumbel_softmax(
                np.broadcast_to(theta, (points, 2)), tau, index=np.full(points, d), noise=u[None]
            )
            each.append(draw.vjp(np.broadcast_to([1.0, 0.0], (points, 2)))[:, 0].mean())
        error = np.std(each, ddof=1) / np.sqrt(8)
        assert agrees(np.mean(each), error, relaxed_pair(np.array([0.3, 0.7]), d, tau))
        assert not agrees(np.mean(each), error, relaxed_pair(np.array([0.3, 0.7]), 1 - d, tau))


def pulled_at(estimator, theta, tau, k, g):
    """Mean over the noise given the sample, with its standard error."""
    size, each = len(theta), []
    for seed in range(8):
        u = qmc.Sobol(size, seed=np.random.default_rng(seed)).random_base2(15)
        many = np.broadcast_to(theta, u.shape)
        draw = estimator(many, tau, index=np.full(len(u), k), noise=u[None])
        each.append(draw.vjp(np.broadcast_to(g, u.shape)).mean(axis=0))
    return np.mean(each, axis=0), np.std(each, axis=0, ddof=1) / np.sqrt(8)


@pytest.mark.parametrize("k", range(4))
def test_gumbel_rao_tends_to_reinmax_for_each_sample_of_four_classes(k):
    """By Richardson's rule from τ and τ/2 the first order cancels; the second is left, within 5 τ² ‖g‖."""
    rng = np.random.default_rng(5)
    theta, g, tau = rng.standard_normal(4), rng.standard_normal(4), 0.05
    limit = reinmax(theta, index=k).vjp(g)
    (near, near_error), (far, far_error) = (pulled_at(gumbel_softmax, theta, t, k, g) for t in (tau / 2, tau))
    error = ERRORS * np.hypot(2 * near_error, far_error) + 5 * tau**2 * np.linalg.norm(g)
    assert (np.abs(2 * near - far - limit) <= error).all()
    straight = softmax(theta) * (g - softmax(theta) @ g)
    assert (np.abs(2 * near - far - straight) > error).any()


@pytest.mark.parametrize("k", range(3))
def test_reinmax_rao_tends_to_reinmax_less_half_of_straight_through(k):
    """As τ → 0, GR at θ_D is half of ReinMax: on linear f the mean of ReinMax-Rao is half the gradient."""
    rng = np.random.default_rng(6)
    theta, g, tau = rng.standard_normal(3), rng.standard_normal(3), 0.05
    single = partial(reinmax_rao, samples=1)
    p = softmax(theta)
    limit = reinmax(theta, index=k).vjp(g) - p * (g - p @ g) / 2
    (near, near_error), (far, far_error) = (pulled_at(single, theta, t, k, g) for t in (tau / 2, tau))
    error = ERRORS * np.hypot(2 * near_error, far_error) + 10 * tau**2 * np.linalg.norm(g)
    assert (np.abs(2 * near - far - limit) <= error).all()
    assert (np.abs(2 * near - far - reinmax(theta, index=k).vjp(g)) > error).any()


@pytest.mark.parametrize("classes", [2, 4, 8])
@pytest.mark.parametrize("seed", range(2))
def test_rao_and_cv_do_not_keep_reinmax_s_mean(seed, classes):
    rng = np.random.default_rng(seed)
    theta, f = rng.standard_normal(classes), objectives.linear(rng.standard_normal(classes))
    truth = moments("reinmax", f, theta)
    assert truth.relative_bias < 1e-13
    for name in ("reinmax_rao", "reinmax_cv"):
        found = moments(name, f, theta, 0.5)
        assert np.linalg.norm(found.bias) > 20 * found.standard_error
    short = moments("reinmax_rao", f, theta, 0.5)
    ratio = np.linalg.norm(short.mean) / np.linalg.norm(truth.mean)
    assert 0.5 < ratio < 1
    none = noisy_moments(partial(reinmax_cv, eta=0.0), statistics(f, softmax(theta)), theta, 0.5)
    assert none.relative_bias < 1e-13  # without its control variate it is ReinMax


def control_variate_by_rejection(f, theta, tau, eta, draws=400_000):
    """Mean of ReinMax-CV from unconditioned noise: GR keeps the draws whose largest class is D."""
    source, p, size = np.random.default_rng(0), softmax(theta), len(theta)
    slopes = f.gradient(np.eye(size)[:, None, :])[:, 0]
    total, square = np.zeros(size), np.zeros(size)
    for d in range(size):
        middle, g = np.log((p + np.eye(size)[d]) / 2), slopes[d]
        total += p[d] * reinmax(theta, index=d).vjp(g)
        for sign, own in ((eta, middle), (-eta, theta)):
            noise = source.gumbel(size=(draws, size))
            noise = noise[(own + noise).argmax(axis=1) == d]
            y = softmax((middle + noise) / tau)
            pulled = sign * y * (g - y @ g[:, None]) / tau
            total += p[d] * pulled.mean(axis=0)
            square += p[d] ** 2 * pulled.var(axis=0) / len(pulled)
    return total, np.sqrt(square)


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_reinmax_cv_agrees_with_rejection(tau):
    f, theta, total = problem(17, classes=3)
    mean, error = control_variate_by_rejection(f, theta[0], tau, 0.5)
    found = noisy_moments(reinmax_cv, total, theta, tau)
    assert agrees(found.mean[0], np.hypot(found.mean_error[0], error), mean)
    wrong = noisy_moments(partial(reinmax_cv, eta=0.4), total, theta, tau)
    assert not agrees(wrong.mean[0], np.hypot(wrong.mean_error[0], error), mean)


def test_the_stated_errors_are_those_seen_over_other_scrambles(monkeypatch):
    """Root mean squares over 40 runs: each is known to 1/√80, so that 1.6 lies beyond 5 deviations."""
    _, theta, total = problem(19, classes=3)
    runs = []
    for seed in range(40):
        seeds = np.random.SeedSequence(seed).spawn(8)
        points = np.stack([qmc.Sobol(3, seed=np.random.default_rng(s)).random_base2(5) for s in seeds])
        monkeypatch.setattr(noise, "_points", lambda *_, given=points: given)
        runs.append(noisy_moments(gumbel_softmax, total, theta, 1.5))
    for value, stated in (("mean", "mean_error"), ("variance", "variance_error")):
        seen = np.std([getattr(run, value) for run in runs], axis=0, ddof=1)
        claimed = np.sqrt(np.mean([getattr(run, stated) ** 2 for run in runs], axis=0))
        assert (seen < 1.6 * claimed).all()
        assert (claimed < 1.6 * seen).all()


def test_the_error_shrinks_with_the_points():
    _, theta, total = problem(3, classes=4)
    few, many = (noisy_moments(gumbel_softmax, total, theta, 1.0, log2_points=m) for m in (7, 12))
    # plain sampling would gain √32 = 5.7
    assert many.standard_error < few.standard_error / 8


def test_statistics_without_second_moments_are_refused():
    f, theta, _ = problem(0)
    with pytest.raises(ValueError, match="degree=2"):
        noisy_moments(gumbel_softmax, statistics(f, softmax(theta), degree=1), theta)

"""Estimators that call f: unbiased over all samples, pairs, sets and antithetic bits, in floats.

A mean over n cases is a sum of n rounded terms, each a product of weights that
sum to 1 with a gradient of at most a few times max |f|; (n + 32) eps max |f|
bounds what rounding can do, whatever its order.
"""

import itertools
from functools import partial

import numpy as np
import pytest
from scipy.integrate import quad

from reinmax_ref.binary import antithetic_draw
from reinmax_ref.estimators.arm import arm
from reinmax_ref.estimators.disarm import NEEDS as BITS
from reinmax_ref.estimators.disarm import disarm
from reinmax_ref.estimators.leave_one_out import NEEDS as PAIR
from reinmax_ref.estimators.leave_one_out import leave_one_out
from reinmax_ref.estimators.muprop import muprop
from reinmax_ref.estimators.reinforce import NEEDS as SINGLE
from reinmax_ref.estimators.reinforce import reinforce
from reinmax_ref.estimators.unordered_set import NEEDS as DISTINCT
from reinmax_ref.estimators.unordered_set import unordered_set
from reinmax_ref.score import score_draw
from verify import objectives
from verify.lab.cases import SAMPLED_CASES
from verify.lab.moments import moments
from verify.lab.score_function import sample_moments
from verify.oracle.enumeration import exact_gradient, softmax, statistics

EPS = np.finfo(float).eps


def problem(seed, variables, classes):
    rng = np.random.default_rng(seed)
    f = objectives.tanh_network(variables, classes, hidden=8, scale=2.0, rng=rng)
    return f, rng.standard_normal((variables, classes))


def bound(f, theta, cases):
    every = np.eye(theta.shape[1])[list(itertools.product(range(theta.shape[1]), repeat=len(theta)))]
    largest = max(np.abs(f.value(every)).max(), np.abs(f.gradient(every)).sum(axis=(1, 2)).max())
    return (cases + 32) * EPS * largest


CATEGORICAL = [reinforce, partial(reinforce, baseline=3.0), muprop, leave_one_out, unordered_set]
CASES = {1: lambda n: n, 2: lambda n: n**2}


@pytest.mark.parametrize("shape", [(1, 2), (1, 5), (2, 3), (3, 2)])
@pytest.mark.parametrize("estimator", CATEGORICAL)
@pytest.mark.parametrize("seed", range(2))
def test_unbiased_over_all_samples(estimator, shape, seed):
    f, theta = problem(seed, *shape)
    found = moments(estimator, f, theta)
    cases = (shape[1] ** shape[0]) ** (2 if estimator in {leave_one_out, unordered_set} else 1)
    assert np.abs(found.bias).max() <= bound(f, theta, cases)
    assert found.standard_error == 0


@pytest.mark.parametrize("estimator", [arm, disarm])
@pytest.mark.parametrize("variables", [1, 2, 4])
@pytest.mark.parametrize("seed", range(2))
def test_unbiased_over_all_antithetic_bits(estimator, variables, seed):
    f, theta = problem(seed, variables, 2)
    found = moments(estimator, f, theta)
    assert np.abs(found.bias).max() <= bound(f, theta, 2 * 3**variables)
    assert found.standard_error == 0


def ordered_weights(p, points, calls):
    """As if the two samples of a set were independent."""
    del p
    f = calls.value(points)
    return (f[0] - f[1])[:, None, None] * (points[0] - points[1]) / 2


def own_mean(p, points, calls):
    """A baseline that includes the sample itself."""
    f = calls.value(points)
    return ((f - f.mean(axis=0))[..., None, None] * (points - p)).mean(axis=0)


def without_baseline_correction(p, points, calls):
    f = calls.value(points)
    return (f[0] * f[0])[:, None, None] * (points[0] - p)


@pytest.mark.parametrize(
    ("rule", "needs"), [(ordered_weights, DISTINCT), (own_mean, PAIR), (without_baseline_correction, SINGLE)]
)
def test_a_biased_score_estimator_is_seen(rule, needs):
    def wrong(logits, tau, *, index):
        assert tau == 1.0
        return score_draw(rule, logits, axis=-1, rng=None, index=index, samples=needs.samples)

    f, theta = problem(0, 2, 3)
    total = statistics(f, softmax(theta), degree=0)
    found = sample_moments(wrong, needs, f, theta, tau=1.0, total=total)
    assert np.abs(found.bias).max() > 1e6 * bound(f, theta, 81)


@pytest.mark.parametrize(
    "weight",
    [
        lambda s: (s.b - s.mirrored) * s.p / 2,  # σ(l) for σ(|l|)
        lambda s: (s.b - s.mirrored) / 2,
        lambda s: 2 * s.u - 1,
        lambda s: 0.5 - s.u,
    ],
)
def test_a_wrong_weight_of_antithetic_bits_is_seen(weight):
    def wrong(logits, tau, *, index, noise):
        assert tau == 1.0
        return antithetic_draw(weight, logits, rng=None, index=index, noise=noise)

    f, theta = problem(0, 2, 2)
    total = statistics(f, softmax(theta), degree=0)
    found = sample_moments(wrong, BITS, f, theta, tau=1.0, total=total)
    assert np.abs(found.bias).max() > 1e6 * bound(f, theta, 18)


@pytest.mark.parametrize("logit", [-1.3, 0.4])
def test_the_variance_of_arm_agrees_with_quadrature(logit):
    """(f(b) − f(b̃))²(u − ½)² integrated over u, cut where a bit flips."""
    f, p = objectives.linear([1.0, 4.0]), 1 / (1 + np.exp(-logit))
    value = {0: 1.0, 1: 4.0}

    def square(u):
        return ((value[int(u > 1 - p)] - value[int(u < p)]) * (u - 0.5)) ** 2

    cuts = sorted([0.0, p, 1 - p, 1.0])
    second = sum(quad(square, *at)[0] for at in itertools.pairwise(cuts))
    found = moments("arm", f, [0.0, logit])
    exact = exact_gradient(f, [0.0, logit])[1]
    assert abs(found.variance[1] - (second - exact**2)) <= 64 * EPS * 16
    assert moments("disarm", f, [0.0, logit]).variance[1] < found.variance[1]


def test_disarm_is_arm_averaged_over_its_uniform_numbers():
    """Given b and b̃, u is uniform on one cell, so that two Gauss points average ARM exactly."""
    p, f = 1 / (1 + np.exp(-0.8)), lambda z: z[:, 0] ** 2 + 3 * z[:, 0]
    for b, (low, high) in ((1, (p, 1.0)), (0, (0.0, 1 - p))):
        u = (low + high) / 2 + np.array([-1, 1]) * (high - low) / np.sqrt(12)
        v = (1 - u) / p if b else u / (1 - p)
        each = [arm([0.8], index=[b], noise=[[x]]).gradient(f)[0] for x in v]
        assert abs(np.mean(each) - disarm([0.8], index=[b], noise=[[v[0]]]).gradient(f)[0]) <= 16 * EPS


def test_muprop_of_a_linear_function_has_no_variance():
    f, theta = objectives.linear(np.arange(6.0).reshape(2, 3)), np.ones((2, 3))
    assert moments("muprop", f, theta).total_variance <= 64 * EPS * 25
    assert moments("reinforce", f, theta).total_variance > 1


def test_a_set_of_all_corners_has_no_variance():
    f, theta = problem(0, 1, 2)
    assert moments("unordered_set", f, theta).total_variance <= bound(f, theta, 4)


@pytest.mark.parametrize(("estimator", "needs"), [(unordered_set, DISTINCT), (arm, BITS), (disarm, BITS)])
def test_too_many_cases_are_sampled_with_a_stated_error(estimator, needs):
    """Within 5 standard errors in norm and in variance; false alarm below 1e-6 each."""
    f, theta = problem(1, 2, 2 if needs.binary else 3)
    total = statistics(f, softmax(theta), degree=0)
    exact = sample_moments(estimator, needs, f, theta, tau=1.0, total=total)
    found = sample_moments(estimator, needs, f, theta, tau=1.0, total=total, max_cases=5)
    assert found.standard_error > 0
    assert np.linalg.norm(found.bias) <= 5 * found.standard_error
    assert abs(found.total_variance / exact.total_variance - 1) < 20 / np.sqrt(SAMPLED_CASES)


def test_the_second_of_two_distinct_samples_has_its_conditional_law():
    """Pearson's chi-square over the ordered pairs of 6 corners at 60,000 draws; false alarm 1e-6."""
    theta = np.array([[0.3, -0.4, 1.0], [0.7, -0.2, -np.inf]])
    draw = unordered_set(np.broadcast_to(theta, (60_000, 2, 3)), rng=0)
    code = draw.index[..., 0] * 2 + draw.index[..., 1]
    p = softmax(theta)
    joint = (p[0][:, None] * p[1, :2]).ravel()
    expected = joint[:, None] * joint / (1 - joint[:, None])
    np.fill_diagonal(expected, 0)
    counts = np.zeros((6, 6))
    np.add.at(counts, (code[0], code[1]), 1)
    assert (np.diag(counts) == 0).all()
    off = ~np.eye(6, dtype=bool)
    chi = ((counts - 60_000 * expected)[off] ** 2 / (60_000 * expected[off])).sum()
    assert chi < 80.4  # 29 degrees of freedom
    wrong = np.where(off, joint[:, None] * joint / (1 - (joint**2).sum()), 0)
    assert ((counts - 60_000 * wrong)[off] ** 2 / (60_000 * wrong[off])).sum() > 80.4


def test_antithetic_bits_have_their_law():
    """Bernoulli(p) each, at 100,000 draws, within 5 standard deviations; false alarm 6e-7 each."""
    p = 1 / (1 + np.exp([0.7, -1.1]))
    draw = arm(np.broadcast_to([-0.7, 1.1], (100_000, 2)), rng=0)
    for bits in (draw.hard, draw._rule.keywords["sample"].mirrored):
        assert (np.abs(bits.mean(axis=0) - p) <= 5 * np.sqrt(p * (1 - p) / 100_000)).all()


def test_errors_say_what_to_do():
    with pytest.raises(TypeError, match="slope"):
        muprop([0.0, 1.0], rng=0).gradient(lambda x: x[:, 0, 0])
    with pytest.raises(ValueError, match="value returned shape"):
        reinforce([0.0, 1.0], rng=0).gradient(lambda x: x)
    with pytest.raises(ValueError, match="slope returned shape"):
        muprop([0.0, 1.0], rng=0).gradient(lambda x: x[:, 0, 0], lambda x: x[0])
    with pytest.raises(ValueError, match="NaN or infinite"):
        reinforce([0.0, 1.0], rng=0).gradient(lambda x: x[:, 0, 0] * np.nan)
    with pytest.raises(ValueError, match="axes"):
        reinforce(np.zeros((2, 2, 2, 2)), rng=0)
    with pytest.raises(ValueError, match="at least 2"):
        leave_one_out([0.0, 1.0], samples=1)
    with pytest.raises(TypeError, match="integer"):
        leave_one_out([0.0, 1.0], samples=2.5)
    with pytest.raises(ValueError, match="distinct"):
        unordered_set([0.0, 1.0], index=[1, 1])
    with pytest.raises(ValueError, match="only one vector"):
        unordered_set([0.0, -np.inf], rng=0)
    with pytest.raises(ValueError, match="noise has shape"):
        arm([0.0], noise=[0.5])
    with pytest.raises(ValueError, match="expected numbers in"):
        arm([0.0], noise=[[1.0]])
    with pytest.raises(ValueError, match="not 2"):
        moments("arm", *problem(0, 1, 3))
    with pytest.raises(ValueError, match="corners"):
        moments(
            "reinforce",
            *problem(0, 1, 3),
            total=statistics(problem(0, 1, 3)[0], [0.2, 0.3, 0.5]),
            max_corners=2,
        )
    with pytest.raises(ValueError, match="no estimator is named"):
        moments("nothing", *problem(0, 1, 3))

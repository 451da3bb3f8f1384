"""Exact moments against sums over the corners, written out with each estimator's own gradient."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reinmax_ref
from verify import objectives
from verify.lab.moments import estimator_moments, find_estimator, moments
from verify.oracle.enumeration import softmax, statistics

EPS = np.finfo(float).eps

ESTIMATORS = {"reinmax": reinmax_ref.reinmax, "straight_through": reinmax_ref.straight_through}


def by_hand(estimator, f, logits, tau):
    p = softmax(logits)
    variables, classes = logits.shape
    mean, second, exact, mse = 0 * p, np.zeros((variables, classes, classes)), 0 * p, 0.0
    draws = []
    for digits in itertools.product(range(classes), repeat=variables):
        x = np.eye(classes)[list(digits)]
        weight = np.prod(p[range(variables), digits])
        exact += weight * f.value(x[None])[0] * (x - p)
        g = estimator(logits, tau, index=list(digits)).vjp(f.gradient(x[None])[0])
        draws.append((weight, g))
        mean += weight * g
        second += weight * g[:, :, None] * g[:, None, :]
    for weight, g in draws:
        mse += weight * ((g - exact) ** 2).sum()
    return exact, mean, second - mean[:, :, None] * mean[:, None, :], mse


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("tau", [1.0, 1.5, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_moments_are_sums_over_the_corners(name, tau, seed):
    """Within 64 eps of the largest second moment: 64 corners, each of one rounding at least."""
    rng = np.random.default_rng(seed)
    logits, f = rng.standard_normal((3, 4)), objectives.tanh_network(3, 4, rng=rng)
    exact, mean, covariance, mse = by_hand(ESTIMATORS[name], f, logits, tau)
    found = moments(name, f, logits, tau)
    scale = max(1, np.abs(covariance).max() + (mean**2).max())
    assert np.abs(found.exact_gradient - exact).max() <= 64 * EPS * scale
    assert np.abs(found.mean - mean).max() <= 64 * EPS * scale
    assert np.abs(found.covariance - covariance).max() <= 64 * EPS * scale
    assert np.abs(found.variance - np.diagonal(covariance, axis1=1, axis2=2)).max() <= 64 * EPS * scale
    assert abs(found.mse - mse) <= 64 * EPS * mse
    assert abs(found.mse - found.total_variance - (found.bias**2).sum()) <= 4 * EPS * mse
    assert found.standard_error == 0
    assert found.corners == 64


def test_the_comparison_sees_another_temperature():
    rng = np.random.default_rng(0)
    logits, f = rng.standard_normal((3, 4)), objectives.tanh_network(3, 4, rng=rng)
    assert np.abs(moments("reinmax", f, logits, 1.01).mean - moments("reinmax", f, logits).mean).max() > 1e-6


def random_quadratic(rng, classes):
    return objectives.quadratic(rng.standard_normal((classes, classes)), rng.standard_normal(classes))


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_reinmax_is_exact_on_quadratics_and_straight_through_on_linear(classes, seed):
    rng = np.random.default_rng(seed)
    logits, f = rng.standard_normal(classes), random_quadratic(rng, classes)
    size = np.abs(f.matrix).sum() + np.abs(f.slope).sum()
    assert np.abs(moments("reinmax", f, logits).bias).max() <= 4 * EPS * size
    flat = objectives.linear(f.slope)
    assert np.abs(moments("straight_through", flat, logits).bias).max() <= 4 * EPS * size


def test_planted_faults_are_not_exact_on_quadratics():
    rng = np.random.default_rng(1)
    logits, f = rng.standard_normal(5), random_quadratic(rng, 5)

    class Halved:
        """J(q)g for 2J(q)g: half of ReinMax plus a straight-through term."""

        def __init__(self, theta, tau, index):
            self.parts = [e(theta, tau, index=index) for e in ESTIMATORS.values()]

        def vjp(self, g):
            return self.parts[0].vjp(g) / 2 - self.parts[1].vjp(g) / 4

    for wrong in ("straight_through", Halved):
        assert moments(wrong, f, logits).relative_bias > 0.01
    assert moments("reinmax", f, logits, 1.5).relative_bias > 0.01


def test_one_pass_serves_every_estimator():
    rng = np.random.default_rng(2)
    logits, f = rng.standard_normal((2, 3)), objectives.tanh_network(2, 3, rng=rng)
    total = statistics(f, softmax(logits))
    for name, tau in itertools.product(ESTIMATORS, (1.0, 2.0)):
        assert (
            estimator_moments(name, total, logits, tau).covariance == moments(name, f, logits, tau).covariance
        ).all()
    means = statistics(f, softmax(logits), degree=1)
    assert (estimator_moments("reinmax", means, logits).mean == moments("reinmax", f, logits).mean).all()
    assert np.isnan(estimator_moments("reinmax", means, logits).variance).all()
    with pytest.raises(ValueError, match="degree=1"):
        estimator_moments("reinmax", statistics(f, softmax(logits), degree=0), logits)


def test_shapes_follow_the_logits():
    f = objectives.tanh_network(1, 3, rng=0)
    one, two = moments("reinmax", f, np.zeros(3)), moments("reinmax", f, np.zeros((1, 3)))
    assert one.mean.shape == one.variance.shape == one.bias.shape == (3,)
    assert one.covariance.shape == (3, 3)
    assert two.covariance.shape == (1, 3, 3)
    assert (two.mean == one.mean[None]).all()


def test_a_masked_class_has_no_moments():
    f = objectives.tanh_network(1, 3, rng=0)
    found = moments("reinmax", f, [0.0, -np.inf, 1.0])
    assert found.mean[1] == found.variance[1] == found.exact_gradient[1] == 0
    assert found.corners == 2


def test_one_class_has_nothing_to_learn():
    found = moments("reinmax", objectives.linear([3.0]), [0.5])
    assert found.mse == 0
    assert np.isnan(found.cosine)
    assert np.isnan(found.relative_bias)


def test_cosine_and_relative_bias():
    f = objectives.quadratic([[1.0, 0.0], [0.0, 3.0]], [0.0, 0.0])
    good, other = moments("reinmax", f, [0.0, 1.0]), moments("straight_through", f, [0.0, 1.0])
    assert abs(good.cosine - 1) <= 4 * EPS
    assert other.relative_bias == pytest.approx(
        np.linalg.norm(other.mean - other.exact_gradient) / np.linalg.norm(other.exact_gradient), rel=4 * EPS
    )


class Noisy:
    """Draws Gumbel noise besides the sample."""

    def __init__(self, theta, tau, index):  # noqa: ARG002  an estimator's signature
        self.noise = np.random.default_rng().gumbel(size=theta.shape)

    def vjp(self, g):
        return self.noise * g


class Clipped(Noisy):
    def vjp(self, g):
        return np.clip(g, -0.1, 0.1)


@pytest.mark.parametrize("estimator", [Noisy, Clipped])
def test_estimators_that_are_not_linear_given_the_sample_are_refused(estimator):
    with pytest.raises(ValueError, match="not linear in the cotangent"):
        moments(estimator, objectives.linear([1.0, 2.0]), [0.0, 0.0])


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no estimator is named 'gumbel'"):
        find_estimator("gumbel")

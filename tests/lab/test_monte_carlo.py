"""Sampled moments against exact ones.

The tests of coverage run 400 estimates at 95 %. The intervals hold for all
coordinates together, so at most 5 % should miss; the chance of more than 40
misses in 400 is 1.4e-5 if they are right, and of fewer than 41 is 1e-4 if a sixth
of them miss.
"""

import numpy as np
import pytest
from scipy.stats import binomtest

from verify import objectives
from verify.lab.closer import CUBICS, Closer, how_often_closer, networks
from verify.lab.moments import moments
from verify.lab.monte_carlo import estimate, half_width_factor

RUNS, MOST_MISSES = 400, 40


@pytest.fixture(scope="module")
def problem():
    return objectives.tanh_network(3, 3, hidden=8, rng=0), np.random.default_rng(0).standard_normal((3, 3))


@pytest.fixture(scope="module")
def exact(problem):
    return moments("reinmax", *problem, 1.5)


def misses(problem, exact, part, runs=RUNS, **settings):
    outside = 0
    for seed in range(runs):
        low, high = getattr(estimate("reinmax", *problem, 1.5, rng=seed, **settings), part).interval
        truth = getattr(exact, part)
        outside += bool(((truth < low) | (truth > high)).any())
    return outside


@pytest.mark.parametrize("part", ["bias", "mean", "exact_gradient"])
def test_intervals_cover(problem, exact, part):
    assert misses(problem, exact, part, samples=100) <= MOST_MISSES


def test_intervals_cover_at_a_stopping_time(problem, exact):
    assert misses(problem, exact, "bias", samples=5000, tolerance=0.2) <= MOST_MISSES


def test_the_bias_is_not_found_to_be_that_of_another_temperature(problem):
    other = moments("reinmax", *problem, 1.0)
    assert misses(problem, other, "bias", runs=40, samples=1000) == 40


def test_variance_is_that_of_the_estimator(problem, exact):
    found = estimate("reinmax", *problem, 1.5, samples=4000, rng=0)
    # E[ĝ²] and E[ĝ]² both enter; each is within its own half-width.
    width = found.second_moment.half_width + 2 * np.abs(found.mean.value) * found.mean.half_width
    assert (np.abs(found.variance - exact.variance) <= width + found.mean.half_width**2).all()


def test_one_variable_leaves_nothing_to_chance():
    f, logits = objectives.tanh_network(1, 4, rng=0), np.array([0.0, 1.0, -1.0, 0.5])
    found, exact = estimate("reinmax", f, logits, samples=5, rng=0), moments("reinmax", f, logits)
    assert np.abs(found.bias.value - exact.bias).max() < 1e-15
    assert found.bias.standard_error.max() < 1e-15


def test_more_corners_than_can_be_counted():
    f, logits = objectives.polynomial_programming(p=2), np.zeros((128, 2))
    found = estimate("reinmax", f, logits, samples=50, rng=0)
    assert np.abs(found.bias.value).max() < 1e-15  # a quadratic in every bit
    assert np.abs(estimate("straight_through", f, logits, samples=50, rng=0).bias.value).max() < 1e-15
    assert found.samples == 50
    assert "fixed sample" in found.intervals


def test_stopping_keeps_its_promise(problem):
    found = estimate("reinmax", *problem, samples=10**6, tolerance=0.1, rng=0)
    widths = np.linalg.norm(found.bias.half_width)
    assert widths <= 0.1 * np.linalg.norm(found.exact_gradient.value)
    assert 100 <= found.samples < 10**6
    assert "any stopping time" in found.intervals


def test_masked_classes_stay_out(problem):
    f, _ = problem
    infinite = objectives.from_functions(
        lambda x: np.where(x[:, :, 2].any(axis=1), np.inf, f.value(x)), f.gradient
    )
    logits = np.zeros((3, 3))
    logits[:, 2] = -np.inf
    found = estimate("reinmax", infinite, logits, samples=10, rng=0)
    assert np.isfinite(found.bias.value).all()
    assert (found.mean.value[:, 2] == 0).all()


def test_the_same_rng_gives_the_same_numbers(problem):
    first, second = (estimate("reinmax", *problem, samples=20, rng=7) for _ in range(2))
    assert (first.bias.value == second.bias.value).all()


def test_any_time_intervals_are_wider_and_shrink():
    fixed, any_time = (half_width_factor(1000, 0.95, 1, anytime=a) for a in (False, True))
    assert fixed < any_time < 2 * fixed
    assert half_width_factor(10**6, 0.95, 1, anytime=True) < any_time / 10


@pytest.mark.parametrize(
    "settings", [{"samples": 1}, {"tolerance": 0.0}, {"confidence": 1.0}, {"confidence": 0.0}]
)
def test_unusable_settings_are_refused(problem, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        estimate("reinmax", *problem, **settings)


def test_closer_counts_are_reproducible_and_within_their_intervals():
    rows = list(how_often_closer(CUBICS, draws=40, classes=4))
    assert [row.wins for row in rows] == [row.wins for row in how_often_closer(CUBICS, draws=40, classes=4)]
    assert all(row.interval[0] < row.frequency < row.interval[1] for row in rows)


@pytest.mark.parametrize("wins", [0, 3, 10])
def test_the_interval_is_that_of_scipy(wins):
    row = Closer("any", np.ones(10), np.where(np.arange(10) < wins, 0.5, 2.0))
    interval = binomtest(wins, 10).proportion_ci()
    assert row.interval == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_flat_networks_favour_reinmax():
    """At weight scale 0.3 it wins some nine draws in ten; half or fewer of 40 has a chance below 1e-9."""
    assert next(how_often_closer({"flat": networks(0.3)}, draws=40)).wins > 20

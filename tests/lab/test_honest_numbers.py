"""What once came out wrong without a word: each number is right, carries its error, or is refused."""

import itertools
from functools import partial

import numpy as np
import pytest

from reinmax_ref import reinmax
from reinmax_ref.estimators.gumbel_softmax import gumbel_softmax
from reinmax_ref.estimators.leave_one_out import leave_one_out
from reinmax_ref.estimators.reinforce import reinforce
from reinmax_ref.estimators.straight_through import straight_through
from reinmax_ref.protocol import Needs
from verify import compare, objectives
from verify.lab.grid import Grid
from verify.lab.moments import moments
from verify.lab.monte_carlo import estimate
from verify.lab.noise import noisy_moments
from verify.lab.order import order
from verify.lab.sweeps import sweep
from verify.lab.tables import Row, advise, leaders
from verify.oracle.enumeration import softmax, statistics

RNG = np.random.default_rng(0)
THETA = RNG.standard_normal((2, 3))
F = objectives.tanh_network(2, 3, rng=0)


def stated(function, needs, monkeypatch):
    """Let an estimator of this file state its needs, as a module does."""
    monkeypatch.setattr("verify.lab.moments.needs_of", lambda e: needs if e is function else Needs())
    return function


def test_a_sample_at_another_temperature_is_drawn_at_it():
    """Within 6 standard errors in each of six coordinates: a false alarm once in 1e8."""
    truth = moments("decoupled_straight_through", F, THETA)
    found = estimate("decoupled_straight_through", F, THETA, samples=4000, rng=0)
    for own, exact in ((found.mean, truth.mean), (found.exact_gradient, truth.exact_gradient)):
        assert (np.abs(own.value - exact) <= 6 * own.standard_error + 1e-12).all()
    assert np.abs(found.variance - truth.variance).max() < 0.2 * truth.variance.max()
    assert np.abs(moments("straight_through", F, THETA).mean - truth.mean).max() > 1e-3


class Shaken:
    """REINFORCE with a baseline that is standard normal noise: unbiased, with a known variance."""

    def __init__(self, draw, noise):
        self.draw, self.noise = draw, noise

    def gradient(self, value, slope=None):  # noqa: ARG002
        score = self.draw.hard - self.draw.soft
        return (value(self.draw.hard) - self.noise)[:, None, None] * score


def shaken(logits, tau=1.0, *, index=None, rng=None):
    source = np.random.default_rng(rng)
    draw = reinforce(logits, tau, index=index)
    hard = np.eye(logits.shape[-1])[draw.index]
    own = straight_through(logits, tau, index=draw.index)
    assert (own.hard == hard).all()
    return Shaken(own, source.standard_normal(len(logits)))


def test_noise_of_an_estimator_that_calls_f_is_integrated_with_its_error(monkeypatch):
    """E[s²] = p(1 − p) is added to REINFORCE's variance; within 6 standard errors."""
    stated(shaken, Needs(value=True, noise=True, tempered=False), monkeypatch)
    found, p = moments(shaken, F, THETA), softmax(THETA)
    monkeypatch.undo()
    expected = moments("reinforce", F, THETA).variance + p * (1 - p)
    assert found.standard_error > 0
    assert found.mse_error > 0
    assert (np.abs(found.bias) <= 6 * found.bias_error).all()
    assert (np.abs(found.variance - expected) <= 6 * found.variance_error).all()


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_leave_one_out_is_exact_for_every_number_of_samples(samples):
    """Against all 6^M tuples of corners, to rounding."""
    theta, f = THETA[:, :2], objectives.tanh_network(2, 2, rng=1)
    estimator = partial(leave_one_out, samples=samples)
    found = moments(estimator, f, theta)
    corners = list(itertools.product(range(2), repeat=2))
    p = softmax(theta)
    mean, second = 0 * p, 0 * p
    for tuple_ in itertools.product(corners, repeat=samples):
        weight = np.prod([p[range(2), digits] for digits in tuple_])
        g = leave_one_out(theta, index=np.array(tuple_), samples=samples).gradient(f.value)
        mean += weight * g
        second += weight * g**2
    assert np.abs(found.mean - mean).max() < 1e-14
    assert np.abs(found.variance - (second - mean**2)).max() < 1e-13
    assert found.standard_error == 0


def test_leave_one_out_past_all_pairs_has_no_bias():
    theta = np.random.default_rng(2).standard_normal((4, 8))
    f = objectives.tanh_network(4, 8, rng=0)
    assert moments("leave_one_out", f, theta).relative_bias == 0


class Clipped:
    def __init__(self, draw):
        self.draw, self.hard = draw, draw.hard

    def vjp(self, g):
        return self.draw.vjp(np.clip(g, -0.5, 0.5))


def clipped(logits, tau=1.0, *, index=None, noise=None, rng=None):
    return Clipped(gumbel_softmax(logits, tau, index=index, noise=noise, rng=rng))


def test_a_nonlinear_estimator_with_noise_is_refused_or_drawn(monkeypatch):
    stated(clipped, Needs(noise=True), monkeypatch)
    with pytest.raises(ValueError, match="not linear in the cotangent given its sample and noise"):
        moments(clipped, F, THETA)
    stated(clipped, Needs(noise=True, linear=False), monkeypatch)
    found = moments(clipped, F, THETA)
    source, n = np.random.default_rng(1), 200_000
    draw = gumbel_softmax(np.broadcast_to(THETA, (n, 2, 3)), 1.0, rng=source)
    direct = draw.vjp(np.clip(F.gradient(draw.hard), -0.5, 0.5))
    error = direct.std(axis=0) / np.sqrt(n)
    assert (np.abs(found.mean - direct.mean(axis=0)) <= 6 * np.hypot(error, found.mean_error)).all()
    assert np.abs(found.variance / direct.var(axis=0) - 1).max() < 0.05


class Centred:
    """REINFORCE with the mean of the batch as its baseline."""

    def __init__(self, draw):
        self.draw = draw

    def gradient(self, value, slope=None):  # noqa: ARG002
        f = value(self.draw.hard)
        return (f - f.mean())[:, None, None] * (self.draw.hard - self.draw.soft)


def centred(logits, tau=1.0, *, index=None):
    return Centred(straight_through(logits, tau, index=index))


class Normed:
    """Straight-through whose gradient is divided by the size of the whole batch."""

    def __init__(self, draw):
        self.draw = draw

    def vjp(self, g):
        return self.draw.vjp(g) / g.size


def normed(logits, tau=1.0, *, index=None):
    return Normed(straight_through(logits, tau, index=index))


def test_an_estimator_that_couples_the_batch_is_refused(monkeypatch):
    stated(centred, Needs(value=True, slope=False), monkeypatch)
    with pytest.raises(ValueError, match="couples the members of a batch"):
        moments(centred, F, THETA)
    with pytest.raises(ValueError, match="couples the members of a batch"):
        moments(normed, F, THETA)


def test_an_objective_that_is_no_function_is_refused():
    source = np.random.default_rng(0)
    dropout = objectives.from_functions(lambda x: F.value(x) * source.integers(2, size=len(x)), F.gradient)
    batch_norm = objectives.from_functions(lambda x: F.value(x) - F.value(x).mean(), F.gradient)
    for wrong, said in ((dropout, "another value at the same point"), (batch_norm, "points beside it")):
        with pytest.raises(ValueError, match=said):
            moments("reinmax", wrong, THETA)
        with pytest.raises(ValueError, match=said):
            estimate("reinmax", wrong, THETA, samples=10)
        with pytest.raises(ValueError, match=said):
            compare(wrong, THETA, estimators=["reinmax"], taus=[1.0])


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_errors_hold_for_rare_classes(scale):
    """Each coordinate of the mean against 50 times the points, within 6 standard errors."""
    theta = np.random.default_rng(3).standard_normal((1, 8)) * scale
    total = statistics(objectives.tanh_network(1, 8, rng=0), softmax(theta))
    many = noisy_moments(gumbel_softmax, total, theta, 0.1, log2_points=14)
    few = noisy_moments(gumbel_softmax, total, theta, 0.1, log2_points=8)
    assert (np.abs(few.mean - many.mean) <= 6 * np.hypot(few.mean_error, many.mean_error)).all()


class Broken:
    def __init__(self, shape):
        self.shape = shape

    def vjp(self, _, slope=None):  # noqa: ARG002
        return np.full(self.shape, np.nan)

    gradient = vjp


def broken(logits, tau=1.0, *, index=None):  # noqa: ARG001
    return Broken(np.shape(logits))


def test_nan_from_an_estimator_is_refused_by_name(monkeypatch):
    with pytest.raises(ValueError, match=r"broken.* gives a gradient that is NaN"):
        moments(broken, F, THETA)
    stated(broken, Needs(value=True, slope=False), monkeypatch)
    with pytest.raises(ValueError, match=r"broken.* gives a gradient that is NaN"):
        moments(broken, F, THETA)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"broken.* gives a gradient that is NaN"):
        compare(F, THETA, estimators=["reinmax", broken], taus=[1.0])


def test_a_comparison_with_callables_is_printed():
    text = str(compare(F, THETA, estimators=["reinmax", straight_through], taus=[1.0]))
    assert "straight_through" in text


def test_no_winner_is_named_within_the_error():
    exact = Row("reinmax", 1.0, 1e-4, 1.0, 1.0, 1.0, 1e-4, 0.0, 1, "∇f")
    drawn = Row("unordered_set", None, 5e-4, 1.0, 1.0, 1.0, 5e-4, 5e-4, 2, "f")
    assert "reinmax at τ = 1 or unordered_set, which their errors do not tell apart" in advise([exact, drawn])
    records = sweep(Grid(["gumbel_rao", "gumbel_softmax"], ["tanh"], [3], taus=[1.0]))
    assert len({r.estimator for r in leaders(records, "bias")}) == 2  # the same mean
    assert [r.estimator for r in leaders(records, "variance")] == ["gumbel_rao"]


def test_sampled_intervals_hold_for_peaked_probabilities():
    """Stated at 95 %: 129 or fewer of 150 have a chance of 1e-5; normal intervals alone held in 78 %."""
    theta = np.random.default_rng(5).standard_normal((3, 4)) * 4
    f = objectives.tanh_network(3, 4, rng=0)
    truth = moments("reinmax", f, theta).bias
    held = 0
    for seed in range(150):
        low, high = estimate("reinmax", f, theta, samples=100, rng=seed).bias.interval
        held += ((low <= truth) & (truth <= high)).all()
    assert held > 129


def test_the_order_of_an_implementation_is_of_one_variable():
    with pytest.raises(ValueError, match=r"logits have shape \(2, 3\).*give logits of shape \(K,\)"):
        order(reinmax, logits=np.zeros((2, 3)))

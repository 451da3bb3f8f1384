"""Where a check begins to fail: a bound that is loosened lets one of these pass."""

import numpy as np
import pytest

import reinmax_ref
from tests.mutants.forge import forge, inverse_cdf
from verify.candidate.wrapping import wrap
from verify.conformance.checks import expectation
from verify.conformance.checks.dtypes import check_dtype
from verify.conformance.inputs import GradientComparison, compare_at, summarize
from verify.oracle.convergence import OrderStudy, _fit
from verify.oracle.enumeration import exact_gradient
from verify.oracle.tolerances import gradient_tolerance


def reinmax():
    return wrap(reinmax_ref.reinmax)


@pytest.mark.parametrize(
    ("order", "status"),
    [(2.019, "pass"), (1.981, "pass"), (2.03, "fail"), (1.97, "fail")],
)
def test_the_slope_may_be_off_by_two_hundredths(monkeypatch, order, status):
    monkeypatch.setattr(expectation, "study", lambda *_, **__: OrderStudy("op", order, 0.0, (), ""))
    assert expectation.check_order(reinmax(), np.random.default_rng(0)).status == status


# Five classes, logits within ±1 and slopes of at most 60: rounding costs 32 eps · 2 · 60 at most.
MOST = 32 * 2 * 60


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (2.0**-52, "pass"),
        (MOST * 2.0**-52, "warn"),
        (32 * 2.0**-23, "warn"),
        (MOST * 2.0**-23, "fail"),
    ],
)
def test_the_expectation_may_be_off_by_rounding_alone(monkeypatch, error, status):
    def off(_candidate, objective, logits, *, seed):
        del seed
        assert np.abs(objective.gradient(np.eye(5)[:, None, :])).max() < 60
        return exact_gradient(objective, logits) + error

    monkeypatch.setattr(expectation, "expected_gradient", off)
    assert expectation.check_expectation(reinmax(), np.random.default_rng(0)).status == status


@pytest.mark.parametrize(
    ("error", "tolerance", "single", "status"),
    [(0.99, 1.0, 1.0, "pass"), (1.01, 1.0, 1.0, "fail"), (1.01, 1.0, 2.0, "warn"), (2.01, 1.0, 2.0, "fail")],
)
def test_a_comparison_forgives_its_tolerance_and_no_more(error, tolerance, single, status):
    seen = GradientComparison("logits", error, tolerance, single)
    right = GradientComparison("others", 0.0, 1.0, 1.0)
    assert summarize([right, seen], "the gradient").status == status


def test_the_tolerance_of_a_comparison_is_that_of_the_table():
    logits, g = np.array([[0.5, -0.25, 1.0]]), np.array([[1.0, -2.0, 4.0]])
    found = compare_at(reinmax(), logits, 1.0, g, None, seed=0)
    assert found.tolerance == gradient_tolerance("float64", logits, 1.0, g) == 32 * 2.0**-52 * 2 * 4
    assert found.single == 32 * 2.0**-23 * 2 * 4


def uneven(weight):
    """A sampler that in float16 takes its class from a uniform distribution with some probability."""

    def sampler(theta, tau, rng):
        index, shape = inverse_cdf(theta, tau, rng), theta.shape[:-1]
        if theta.dtype != np.float16:
            return index
        return np.where(rng.random(shape) < weight, rng.integers(theta.shape[-1], size=shape), index)

    return wrap(forge(sampler=sampler))


def test_a_sampler_is_granted_eight_roundings_of_its_dtype():
    # With (1 − w)p + w/K the root of Σ (r − p)²/p is 1.32 w for these logits: 2 and 125 units of 2⁻¹⁰.
    # In 8,000 draws the second gives a chi-square of about 123 ± 22, where 49 is allowed, and 166 would
    # be if 80 units were granted.
    small, large = (uneven(units * 2.0**-10 / 1.32) for units in (2, 125))
    for seed in range(3):
        assert check_dtype(small, np.random.default_rng(seed), dtype="float16").status == "pass"
        assert check_dtype(large, np.random.default_rng(seed), dtype="float16").status == "fail"


@pytest.mark.parametrize("third", [-2.0, -1.0, 1.0, 2.0])
@pytest.mark.parametrize("order", [1, 2])
def test_the_uncertainty_of_an_order_covers_what_the_fit_leaves_out(order, third):
    steps = 2.0 ** -np.arange(10)
    bias = steps**order * np.exp(0.3 * steps - 0.2 * steps**2 + third * steps**3)
    slope, uncertainty = _fit(steps, bias)
    assert abs(slope - order) <= uncertainty < 0.2

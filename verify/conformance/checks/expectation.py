"""The expected gradient from a black box, against the exact one by enumeration."""

from functools import partial

import numpy as np

from verify.candidate import Candidate
from verify.candidate.expected_gradient import MissingOutcomeError, UnsteadyError, expected_gradient
from verify.conformance.inputs import finite, new_seed
from verify.conformance.report import Outcome
from verify.objectives import quadratic
from verify.oracle.convergence import LOGITS, study
from verify.oracle.enumeration import exact_gradient
from verify.oracle.tolerances import gradient_tolerance

__all__ = ["check_expectation", "check_order"]

#: How far the measured slope of an estimator of order 2 may be off 2, beyond its own uncertainty.
SLOPE = 0.02


def check_expectation(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """At τ = 1 the mean over the outcomes is the true gradient of a random quadratic."""
    K = candidate.classes
    logits = np.linspace(1.0, -1.0, K)
    half = rng.standard_normal((K, K))
    objective = quadratic(half + half.T, rng.standard_normal(K) + 10)
    exact = exact_gradient(objective, logits)
    corners = objective.gradient(np.eye(K)[:, None, :])
    tolerance, single = (gradient_tolerance(d, logits, 1.0, corners) for d in (candidate.dtype, "float32"))
    try:
        mean = expected_gradient(candidate, objective, logits, seed=new_seed(rng))
    except (MissingOutcomeError, UnsteadyError) as problem:
        return Outcome("fail", str(problem), None, tolerance)
    error = float(np.abs(mean - exact).max())
    if not error <= max(tolerance, single):
        relative = float(np.linalg.norm(mean - exact) / np.linalg.norm(exact))
        return Outcome(
            "fail",
            f"the expected gradient of a quadratic is biased by {relative:.2g} of its "
            "norm; second order has none",
            finite(error),
            tolerance,
        )
    if error > tolerance:
        return Outcome("warn", f"exact to float32 only, though given {candidate.dtype}", error, tolerance)
    return Outcome("pass", f"within {error:.1e} of the exact gradient of a quadratic", error, tolerance)


def check_order(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Contract a smooth objective and fit the slope of the bias: 2 at τ = 1."""
    mean = partial(expected_gradient, candidate, seed=new_seed(rng))
    logits = np.resize(LOGITS, candidate.classes)
    try:
        found = study(mean, name=candidate.name, dtype=candidate.dtype, logits=logits)
    except (MissingOutcomeError, UnsteadyError) as problem:
        return Outcome("fail", f"there is no expected gradient to measure: {problem}")
    if not np.isfinite(found.order):
        return Outcome("fail", f"ReinMax has a bias of second order; {found.explanation}")
    error, tolerance = abs(found.order - 2), SLOPE + found.uncertainty
    if found.uncertainty > SLOPE and candidate.dtype == "float64":  # the finest levels may be rounding
        coarse = study(mean, name=candidate.name, dtype="float32", logits=logits)
        if abs(coarse.order - 2) <= SLOPE + coarse.uncertainty:
            detail = f"order of accuracy {coarse.order:.3f} as far as float32 goes, though given float64"
            return Outcome("warn", detail, abs(coarse.order - 2), SLOPE + coarse.uncertainty, coarse.order)
    measured = f"measured order of accuracy {found.order:z.3f} ± {found.uncertainty:.1g}"
    if error <= tolerance:
        return Outcome("pass", measured, error, tolerance, found.order)
    return Outcome("fail", f"{measured}; second order is 2", error, tolerance, found.order)

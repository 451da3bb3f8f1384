"""The expected gradient from a black box, against the exact one by enumeration."""

import numpy as np

from verify.candidate import Candidate, MissingOutcomeError
from verify.checks.comparison import finite, new_seed
from verify.definition import softmax
from verify.enumeration import exact_gradient
from verify.objectives import quadratic
from verify.report import Outcome
from verify.tolerances import gradient_tolerance

__all__ = ["check_expectation"]

LOGITS = np.array([1.0, 0.5, 0.0, -0.5, -1.0])


def check_expectation(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """At τ = 1 the mean over the outcomes is the true gradient of a random quadratic."""
    half = rng.standard_normal((len(LOGITS), len(LOGITS)))
    objective = quadratic(half + half.T, rng.standard_normal(len(LOGITS)) + 10)
    exact = exact_gradient(objective, LOGITS)
    corners = objective.gradient(np.eye(len(LOGITS))[:, None, :])
    tolerance, single = (gradient_tolerance(d, LOGITS, 1.0, corners) for d in (candidate.dtype, "float32"))
    try:
        gradients, spread = candidate.by_outcome(objective, LOGITS, seed=new_seed(rng))
    except MissingOutcomeError as missing:
        return Outcome("fail", str(missing))
    if not spread <= max(tolerance, single):
        return Outcome(
            "fail",
            f"equal samples with equal cotangents give gradients that differ by {spread:.2g}: something else "
            "than the sample enters the backward pass",
            finite(spread),
            tolerance,
        )
    mean = np.asarray(softmax(LOGITS) @ gradients, float)
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

"""The backward pass of each sample: the gradient formula at the sample that was drawn."""

import numpy as np

from verify.candidate import Candidate
from verify.checks.comparison import CLASSES, batches, compare, cotangent, new_seed, summarize
from verify.report import Outcome
from verify.tolerances import gradient_tolerance

__all__ = ["check_backward", "check_row_independence", "check_soft_cotangent"]


def check_backward(candidate: Candidate, rng: np.random.Generator, *, tau: float) -> Outcome:
    """Compare with 2 J(q)g − ½ J(p)g + J(p)h over all batch shapes at one temperature."""
    if tau != 1 and not candidate.has_tau:
        return Outcome("skip", "there is no temperature among the arguments")
    comparisons = [compare(candidate, rng, batch, tau) for batch in batches(candidate)]
    return summarize(comparisons, f"the gradient at τ = {tau:g}")


def check_soft_cotangent(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Use the hard output alone, the soft one alone, and both."""
    if not candidate.has_soft:
        return Outcome("skip", "there is no soft output among the results")
    names = {(True, False): "the hard output", (False, True): "the soft output", (True, True): "both outputs"}
    worst = Outcome("pass", "right through hard alone, soft alone and both", 0.0, 0.0)
    for through, name in names.items():
        comparison = compare(candidate, rng, (7,), 1.0, through)
        if comparison.raised is not None:
            return Outcome("fail", f"a loss that uses {name} raises {comparison.raised}")
        outcome = summarize([comparison], f"the gradient through {name}")
        if outcome.status == "fail":
            return outcome
        if outcome.status == "warn" or (outcome.error or 0) > (worst.error or 0):
            detail = worst.detail if outcome.status == "pass" else outcome.detail
            worst = Outcome(outcome.status, detail, outcome.error, outcome.tolerance)
    return worst


def check_row_independence(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Give one row alone a cotangent: every other row's gradient must vanish."""
    batch = (CLASSES, CLASSES) if (CLASSES, CLASSES) in batches(candidate) else (CLASSES,)
    logits = rng.standard_normal((*batch, CLASSES))
    g = np.zeros_like(logits)
    one = (2,) * len(batch)
    g[one] = cotangent(rng, (CLASSES,))
    try:
        seen = candidate.observe(logits, cotangent=lambda _: (g, None), seed=new_seed(rng))
    except Exception:  # noqa: BLE001  (then the candidate takes one batch axis only)
        logits, g, one = logits[:, 2], g[:, 2], one[:1]
        seen = candidate.observe(logits, cotangent=lambda _: (g, None), seed=new_seed(rng))
    assert seen.gradient is not None  # noqa: S101  (a cotangent was given)
    others = np.abs(seen.gradient)
    others[one] = 0
    tolerance = gradient_tolerance(candidate.dtype, logits, 1.0, g)
    error = float(others.max())
    if not error <= tolerance:
        return Outcome(
            "fail",
            f"a cotangent in one row of logits of shape {logits.shape} gives others "
            f"a gradient of {error:.2g}",
            error,
            tolerance,
        )
    return Outcome("pass", f"other rows of logits of shape {logits.shape} have no gradient", error, tolerance)

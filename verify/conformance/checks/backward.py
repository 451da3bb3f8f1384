"""The backward pass of each sample: the gradient formula at the sample that was drawn."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from verify.candidate import Candidate
from verify.conformance.inputs import (
    FEW,
    MANY_CLASSES,
    MANY_ROWS,
    ROWS,
    GradientComparison,
    batches,
    compare,
    cotangent,
    finite,
    new_seed,
    summarize,
)
from verify.conformance.report import Outcome
from verify.conformance.temperatures import refusal
from verify.oracle.tolerances import gradient_tolerance

__all__ = ["check_backward", "check_class_axis", "check_row_independence", "check_soft_cotangent"]


def check_backward(candidate: Candidate, rng: np.random.Generator, *, tau: float) -> Outcome:
    """Compare with 2 J(q)g − ½ J(p)g + J(p)h over all batch shapes at one temperature."""
    if tau != 1 and not candidate.has_tau:
        return Outcome("skip", "there is no temperature among the arguments")
    refused = refusal(candidate, tau)
    if refused:
        return Outcome("warn", f"it refuses τ = {tau:g}, so there is no gradient to compare: {refused}")
    comparisons = [compare(candidate, rng, batch, tau) for batch in batches(candidate)]
    comparisons += _elsewhere(candidate, rng, tau)
    return summarize(comparisons, f"the gradient at τ = {tau:g}")


def _elsewhere(candidate: Candidate, rng: np.random.Generator, tau: float) -> Iterator[GradientComparison]:
    """Off the beaten track: many rows of many classes with large cotangents, and float32."""
    if not candidate.convention.binary and candidate.rank != 1:
        batch = (*[1] * (candidate.rank - 2), MANY_ROWS)
        classes = MANY_CLASSES if candidate.takes(MANY_CLASSES) else candidate.classes
        yield compare(candidate, rng, batch, tau, classes=classes, size=1e3)
    single = compare(candidate, rng, (FEW,), tau, dtype="float32")
    if single.raised is None:  # the check of that dtype reports one that is refused
        yield replace(single, what=f"{single.what} in float32")


def check_class_axis(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Move the class axis with the argument that sets it."""
    convention = candidate.convention
    if convention.axis_name is None:
        return Outcome("skip", "there is no class axis among the arguments")
    comparisons = []
    for axis in (0, 1, 2, -2):
        moved = replace(candidate, convention=replace(convention, axis=axis))
        found = compare(moved, rng, (3, 4), 1.0)
        comparisons.append(replace(found, what=f"3-D logits with {convention.axis_name}={axis}"))
    return summarize(comparisons, "the gradient")


def check_soft_cotangent(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Use the hard output alone, the soft one alone, and both."""
    if not candidate.has_soft:
        return Outcome("skip", "there is no soft output among the results")
    names = {(True, True): "both outputs", (True, False): "the hard output", (False, True): "the soft output"}
    comparisons = []
    for (through, name), tau in product(names.items(), (1.0, 2.0) if candidate.has_tau else (1.0,)):
        found = compare(candidate, rng, (ROWS,), tau, through)
        if found.raised is not None and all(through):
            return Outcome("error", f"it raised {found.raised}")
        if found.raised is not None:
            return Outcome("fail", f"a loss that uses {name} only raises {found.raised}")
        comparisons.append(replace(found, what=f"losses of {name} at τ = {tau:g}"))
    return summarize(comparisons, "the gradient")


def check_row_independence(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Give one row alone a cotangent: every other row's gradient must vanish."""
    if candidate.rank == 1:
        return Outcome("skip", "it takes one row at a time")
    K = candidate.classes
    batch = (K, K) if (K, K) in batches(candidate) else (K,)
    logits = rng.standard_normal((*batch, K))
    g = np.zeros_like(logits)
    one = (K // 2,) * len(batch)
    g[one] = cotangent(rng, (K,))
    try:
        seen = candidate.observe(logits, cotangent=lambda _: (g, None), seed=new_seed(rng))
    except Exception:  # noqa: BLE001  (then the candidate takes one batch axis only)
        logits, g, one = logits[:, K // 2], g[:, K // 2], one[:1]
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
            finite(error),
            tolerance,
        )
    return Outcome("pass", f"other rows of logits of shape {logits.shape} have no gradient", error, tolerance)

"""Saturated logits: some that leave small gradients, and some beyond the range of exp."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from verify.candidate import Candidate
from verify.conformance.inputs import (
    FEW,
    ROWS,
    GradientComparison,
    compare_at,
    cotangent,
    forward,
    new_seed,
    representable,
    summarize,
)
from verify.conformance.report import Outcome
from verify.oracle.definitions import softmax
from verify.oracle.tolerances import EPS, probability_tolerance
from verify.typing import Array

__all__ = ["check_saturation", "over_temperatures"]

#: Sizes of logits whose exp overflows in each dtype, at τ = 2 as well.
FAR = {"float64": 1600.0, "float32": 200.0, "bfloat16": 200.0, "float16": 30.0}

#: No sampler draws a class of so small a probability.
IMPOSSIBLE = 1e-20


def over_temperatures(
    candidate: Candidate,
    rng: np.random.Generator,
    logits: Array,
    what: str,
    *,
    masked: Array | None = None,
    dtype: str | None = None,
) -> Iterator[GradientComparison]:
    """Compare the gradients of given logits at τ = 1 and 2.

    Parameters
    ----------
    candidate : Candidate
    rng : numpy Generator
    logits : array, shape (..., K)
    what : str
        The logits in words.
    masked, dtype
        See :func:`verify.conformance.inputs.compare_at`.
    """
    for tau in (1.0, 2.0) if candidate.has_tau else (1.0,):
        g = cotangent(rng, logits.shape)
        h = cotangent(rng, logits.shape) if candidate.has_soft else None
        found = compare_at(candidate, logits, tau, g, h, seed=new_seed(rng), masked=masked, dtype=dtype)
        yield replace(found, what=f"{what} at τ = {tau:g}")


def check_saturation(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Gradients of improbable classes are small, not zero or NaN; no size of logits gives NaN."""
    K = candidate.classes
    size = rng.uniform(20, 60, (ROWS, K)) * rng.choice([-1, 1], (ROWS, K))
    size[:8] = np.eye(K)[np.arange(8) % K] * 20
    near = representable(size, candidate.dtype)
    comparisons = [*over_temperatures(candidate, rng, near, "logits of ±20 to ±60")]
    for dtype, far in FAR.items():
        own = dtype == candidate.dtype
        if not own and (dtype == "float64" or not _takes(candidate, dtype)):
            continue  # it does not compute in that, or the check of that dtype reports it
        logits, what = _far(rng, (ROWS if own else FEW, K), dtype), f"logits about ±{far:g} in {dtype}"
        wrong = _forward(candidate, logits, dtype, new_seed(rng))
        if wrong:
            return Outcome("fail", f"for {what} {wrong}")
        comparisons += over_temperatures(candidate, rng, logits, what, dtype=dtype)
    return summarize(comparisons, "the gradient")


def _takes(candidate: Candidate, dtype: str) -> bool:
    try:
        forward(candidate, np.zeros((FEW, candidate.classes)), seed=0, dtype=dtype)
    except Exception:  # noqa: BLE001  (a foreign implementation may raise anything)
        return False
    return True


def _far(rng: np.random.Generator, shape: tuple[int, int], dtype: str) -> Array:
    """Rows around one large number, around one large negative number, and of both signs."""
    signs = rng.choice([-1.0, 1.0], shape)
    signs[:2], signs[2:4] = 1, -1
    return representable(FAR[dtype] * signs + rng.standard_normal(shape), dtype)


def _forward(candidate: Candidate, logits: Array, dtype: str, seed: int) -> str | None:
    """What is wrong with the sample or the soft output."""
    try:
        seen = forward(candidate, logits, seed=seed, dtype=dtype)
    except Exception:  # noqa: BLE001  (the gradient will raise it again)
        return None
    p, drawn = softmax(logits), seen.hard.argmax(axis=-1)
    off = float(np.abs(seen.hard - np.eye(p.shape[-1])[drawn]).max())
    if not off <= 4 * EPS[dtype]:
        return f"the sample is off one-hot by {off:.2g}"
    if np.take_along_axis(p, drawn[..., None], -1).min() < IMPOSSIBLE:
        return "a class of probability 0 is drawn"
    if seen.soft is not None:
        off = float(np.abs(seen.soft - p).max())
        if not off <= max(probability_tolerance(d, logits) for d in (dtype, "float32")):
            return f"the soft output is off softmax(θ) by {off:.2g}"
    return None

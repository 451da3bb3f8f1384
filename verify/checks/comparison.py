"""What the gradient checks share: batches to try, hard cotangents, and the comparison itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.definition import reinmax_gradient
from verify.report import Outcome
from verify.tolerances import gradient_tolerance

__all__ = ["CLASSES", "Comparison", "batches", "compare", "cotangent", "finite", "new_seed", "summarize"]

Array = np.ndarray[Any, np.dtype[Any]]

CLASSES = 5

#: Batch shapes by rank of the logits. Some have as many rows as classes, so
#: that an operation along the wrong axis cannot fail on the shape alone.
BATCHES = ((), (7,), (CLASSES,), (3, 4), (CLASSES, CLASSES))


@dataclass(frozen=True)
class Comparison:
    """One observed gradient against the definition.

    Attributes
    ----------
    what : str
    error, tolerance, single : float
        The largest difference; what honest rounding may cost in the observed
        dtype, and in float32.
    raised : str or None
        What the candidate raised instead.
    """

    what: str
    error: float = 0.0
    tolerance: float = 0.0
    single: float = 0.0
    raised: str | None = None


def batches(candidate: Candidate) -> list[tuple[int, ...]]:
    """The batch shapes that have room for the candidate's class axis."""
    axis = candidate.convention.axis
    needed = axis + 1 if axis >= 0 else -axis
    return [batch for batch in BATCHES if len(batch) + 1 >= needed]


def new_seed(rng: np.random.Generator) -> int:
    """A seed for one observation."""
    return int(rng.integers(2**32))


def cotangent(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A random cotangent with a large mean in every row; J(·)1 = 0 makes the mean a no-op."""
    return rng.standard_normal(shape) + rng.uniform(-10, 10, (*shape[:-1], 1))


def compare(
    candidate: Candidate,
    rng: np.random.Generator,
    batch: tuple[int, ...],
    tau: float,
    through: tuple[bool, bool] = (True, True),
    **options: Any,
) -> Comparison:
    """Observe one gradient and compare it with the definition at the same sample.

    Parameters
    ----------
    candidate : Candidate
    rng : numpy Generator
    batch : tuple of int
    tau : float
    through : pair of bool
        Whether the loss uses the hard and the soft output.
    **options
        Passed on to :meth:`verify.candidate.Candidate.observe`.
    """
    logits = rng.standard_normal((*batch, CLASSES))
    logits = logits.astype(candidate.dtype).astype(float)
    g = cotangent(rng, logits.shape).astype(candidate.dtype) if through[0] else None
    h = cotangent(rng, logits.shape).astype(candidate.dtype) if through[1] and candidate.has_soft else None
    what = f"{logits.ndim}-D logits of shape {logits.shape}"
    try:
        seen = candidate.observe(logits, tau, lambda _: (g, h), seed=new_seed(rng), **options)
    except Exception as raised:  # noqa: BLE001  (a foreign implementation may raise anything)
        return Comparison(what, raised=f"{type(raised).__name__}: {raised}")
    zero = np.zeros_like(logits)
    onehot = np.eye(CLASSES)[seen.hard.argmax(axis=-1)]
    exact = reinmax_gradient(logits, tau, onehot, zero if g is None else g, zero if h is None else h)
    if seen.gradient is None or seen.gradient.shape != exact.shape:
        return Comparison(what, np.inf)
    error = float(np.abs(seen.gradient - exact).max())
    bounds = [gradient_tolerance(dtype, logits, tau, g, h) for dtype in (candidate.dtype, "float32")]
    return Comparison(what, error if np.isfinite(error) else np.inf, bounds[0], max(bounds))


def summarize(comparisons: list[Comparison], claim: str) -> Outcome:
    """One outcome of several comparisons: the worst decides, and every failing shape is named."""
    ran = [c for c in comparisons if c.raised is None]
    raised = [f"{c.what} raise {c.raised}" for c in comparisons if c.raised is not None]
    if not ran:
        return Outcome("error", raised[0])
    worst = max(ran, key=lambda c: c.error / c.tolerance)
    measured = {"error": finite(worst.error), "tolerance": worst.tolerance}
    wrong = [c for c in ran if not c.error <= c.single]
    if wrong:
        right = [c.what for c in ran if c.error <= c.single]
        places = "; ".join(f"{c.what} by {c.error:.2g}" for c in wrong)
        besides = f"; right on {', '.join(right)}" if right else ""
        return Outcome("fail", f"{claim} is wrong on {places}{besides}", **measured)
    if raised:
        return Outcome("warn", f"{claim} is right where it runs, but {'; '.join(raised)}", **measured)
    if worst.error > worst.tolerance:
        return Outcome("warn", f"{claim} is right to float32 only", **measured)
    return Outcome("pass", f"{claim} is within {worst.error:.1e} of the definition", **measured)


def finite(error: float) -> float | None:
    """The error for a report; None where it is not a number."""
    return error if np.isfinite(error) else None

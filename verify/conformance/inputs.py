"""What the gradient checks share: batches to try, hard cotangents, and the comparison itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.candidate.frameworks import Observation
from verify.conformance.report import Outcome
from verify.oracle.definitions import reinmax_gradient
from verify.oracle.tolerances import gradient_tolerance
from verify.typing import Array

__all__ = [
    "FEW",
    "MANY_CLASSES",
    "MANY_ROWS",
    "ROWS",
    "GradientComparison",
    "batches",
    "brief",
    "compare",
    "compare_at",
    "cotangent",
    "finite",
    "forward",
    "new_seed",
    "representable",
    "summarize",
]

#: Rows of a batch in most checks, and in those of the other dtypes: few
#: distinct shapes, since some frameworks compile for each.
ROWS, FEW = 64, 7

#: Rows and classes of the largest batches.
MANY_ROWS, MANY_CLASSES = 1025, 33


@dataclass(frozen=True)
class GradientComparison:
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
    """The batch shapes that have room for the candidate's class axis.

    Some have as many rows as classes, so that an operation along the wrong
    axis cannot fail on the shape alone.
    """
    K = candidate.classes
    shapes: list[tuple[int, ...]] = [(ROWS,), (K,), (3, 4), (K, K), (2, 3, 2)]
    if candidate.convention.binary:
        return shapes
    axis = candidate.convention.axis
    needed = axis + 1 if axis >= 0 else -axis
    return [batch for batch in [(), *shapes] if len(batch) + 1 >= needed]


def new_seed(rng: np.random.Generator) -> int:
    """A seed for one observation."""
    return int(rng.integers(2**32))


def cotangent(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A random cotangent with a large mean in every row; J(·)1 = 0 makes the mean a no-op."""
    return rng.standard_normal(shape) + rng.uniform(-10, 10, (*shape[:-1], 1))


def representable(values: Array, dtype: str) -> Array:
    """The values rounded to what a dtype holds, so that both sides are given the same numbers.

    Examples
    --------
    >>> representable(np.array([0.1]), "bfloat16")
    array([0.09960938])
    """
    if dtype == "bfloat16":
        bits = np.asarray(values, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        return bits.view(np.float32).astype(float)
    return np.asarray(values, dtype).astype(float)


def forward(
    candidate: Candidate, logits: Array, tau: float = 1.0, *, seed: int, dtype: str | None = None
) -> Observation:
    """The sample and the soft output as in training, with a backward pass; without one where that raises.

    JAX may take another way through a function that it differentiates, and
    compiles each way for each shape. The checks of the sampler, which have few
    shapes, take the other one.
    """
    zero = np.zeros_like(logits)
    pair = zero, zero if candidate.has_soft else None
    try:
        return candidate.observe(logits, tau, lambda _: pair, seed=seed, dtype=dtype)
    except Exception:  # noqa: BLE001  (the checks of the gradient report it)
        return candidate.observe(logits, tau, seed=seed, dtype=dtype)


def compare(
    candidate: Candidate,
    rng: np.random.Generator,
    batch: tuple[int, ...],
    tau: float,
    through: tuple[bool, bool] = (True, True),
    *,
    classes: int | None = None,
    size: float = 1.0,
    **options: Any,
) -> GradientComparison:
    """Observe one gradient on random logits, with cotangents of some size; see :func:`compare_at`."""
    shape = (*batch, classes or candidate.classes)
    logits = representable(rng.standard_normal(shape), options.get("dtype") or candidate.dtype)
    g = size * cotangent(rng, shape) if through[0] else None
    h = size * cotangent(rng, shape) if through[1] and candidate.has_soft else None
    return compare_at(candidate, logits, tau, g, h, seed=new_seed(rng), **options)


def compare_at(
    candidate: Candidate,
    logits: Array,
    tau: float,
    g: Array | None,
    h: Array | None,
    *,
    seed: int,
    masked: Array | None = None,
    dtype: str | None = None,
    **options: Any,
) -> GradientComparison:
    """Observe one gradient and compare it with the definition at the same sample.

    Parameters
    ----------
    candidate : Candidate
    logits : array, shape (..., K)
    tau : float
    g, h : array, the shape of the logits, or None
        None leaves an output unused.
    seed : int
    masked : boolean array, optional
        Logits that do not count for the conditioning.
    dtype : str, optional
    **options
        Passed on to :meth:`verify.candidate.Candidate.observe`.
    """
    wanted = dtype or candidate.dtype
    g, h = (None if c is None else representable(c, wanted) for c in (g, h))
    what = f"{logits.ndim}-D logits of shape {logits.shape}"
    try:
        seen = candidate.observe(logits, tau, lambda _: (g, h), seed=seed, dtype=dtype, **options)
    except Exception as raised:  # noqa: BLE001  (a foreign implementation may raise anything)
        return GradientComparison(what, raised=brief(raised))
    zero = np.zeros_like(logits)
    onehot = np.eye(logits.shape[-1])[seen.hard.argmax(axis=-1)]
    exact = reinmax_gradient(logits, tau, onehot, zero if g is None else g, zero if h is None else h)
    if seen.gradient is None or seen.gradient.shape != exact.shape:
        found = None if seen.gradient is None else seen.gradient.shape
        return GradientComparison(f"{what}, where the gradient has shape {found},", np.inf, 1.0, 1.0)
    error = float(np.abs(seen.gradient - exact).max(initial=0.0))
    counted = logits if masked is None else np.where(masked, -np.inf, logits)
    bounds = [gradient_tolerance(d, counted, tau, g, h) for d in (wanted, "float32")]
    return GradientComparison(what, error if np.isfinite(error) else np.inf, bounds[0], max(bounds))


def brief(raised: Exception) -> str:
    """The kind of an exception and its first line: some frameworks add a page."""
    return f"{type(raised).__name__}: {str(raised).strip().partition(chr(10))[0][:160]}"


def summarize(comparisons: list[GradientComparison], claim: str) -> Outcome:
    """One outcome of several comparisons: the worst decides, and every failing shape is named."""
    ran = [c for c in comparisons if c.raised is None]
    raised = [f"{c.what} raise {c.raised}" for c in comparisons if c.raised is not None]
    if not ran:
        return Outcome("error", raised[0])
    worst = max(ran, key=lambda c: c.error / (c.tolerance or 1.0))
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

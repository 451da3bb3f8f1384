"""What a good implementation also takes and keeps; a failure here is a warning."""

import numpy as np

from verify.candidate import Candidate
from verify.conformance.inputs import ROWS, compare, cotangent, new_seed, summarize
from verify.conformance.report import Outcome
from verify.typing import Array

__all__ = [
    "check_empty_batch",
    "check_inputs_unchanged",
    "check_non_contiguous",
    "check_repeatability",
]


def _strided(array: Array) -> Array:
    """The same numbers with the last two axes swapped in memory."""
    if array.ndim < 2:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    return np.ascontiguousarray(array.swapaxes(-1, -2)).swapaxes(-1, -2)


def check_non_contiguous(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Logits that are a transposed view of something, as they often are in a model."""
    if candidate.framework.name == "jax":
        return Outcome("skip", "JAX arrays have no strides")
    batch = () if candidate.rank == 1 else (3, 4)
    found = compare(candidate, rng, batch, 1.0, layout=_strided)
    if found.raised is not None and batch:
        found = compare(candidate, rng, (4,), 1.0, layout=_strided) if _refuses_3d(candidate, rng) else found
    return summarize([found], "the gradient of strided logits")


def _refuses_3d(candidate: Candidate, rng: np.random.Generator) -> bool:
    return compare(candidate, rng, (3, 4), 1.0).raised is not None


def check_inputs_unchanged(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Neither the logits nor the cotangents are written to."""
    if candidate.framework.name == "jax":
        return Outcome("skip", "JAX arrays cannot be written to")
    shape = (candidate.classes,) if candidate.rank == 1 else (ROWS, candidate.classes)
    g, h = cotangent(rng, shape), cotangent(rng, shape) if candidate.has_soft else None
    seen = candidate.observe(rng.standard_normal(shape), cotangent=lambda _: (g, h), seed=new_seed(rng))
    if seen.changed:
        return Outcome("fail", f"it writes to {', '.join(seen.changed)}, which belong to the caller")
    return Outcome("pass", "the logits and the cotangents are as they were")


def check_repeatability(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """The same seed gives the same sample and the same gradient; so does a second backward pass."""
    logits = rng.standard_normal((ROWS, candidate.classes))
    g, seed = cotangent(rng, logits.shape), new_seed(rng)
    first, second = (
        candidate.observe(logits, cotangent=lambda _: (g, None), seed=seed, twice=twice)
        for twice in (True, False)
    )
    if not first.steady:
        return Outcome(
            "fail",
            "a second vjp of the same draw, after one with another cotangent, gives another gradient: it "
            "writes to what the draw keeps, or draws again",
        )
    if not np.array_equal(first.hard, second.hard):
        return Outcome(
            "fail",
            "the same seed gives other samples: it takes no random source and does not follow the "
            "framework's global one, or keeps a state of its own",
        )
    if not np.array_equal(first.gradient, second.gradient):  # type: ignore[arg-type]
        return Outcome("fail", "the same seed gives the same samples but other gradients")
    return Outcome("pass", "the same seed gives the same samples and gradients")


def check_empty_batch(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """No rows give no rows."""
    if candidate.rank == 1:
        return Outcome("skip", "it takes one row at a time")
    return summarize([compare(candidate, rng, (0,), 1.0)], "the gradient of an empty batch")

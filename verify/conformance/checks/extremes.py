"""Masked classes, and the least numbers of classes; a failure here is a warning."""

import numpy as np

from verify.candidate import Candidate
from verify.conformance.checks.saturation import over_temperatures
from verify.conformance.inputs import FEW, ROWS, forward, new_seed, representable, summarize
from verify.conformance.report import Outcome

__all__ = ["check_classes", "check_mask"]


def check_mask(candidate: Candidate, rng: np.random.Generator, *, mask: float) -> Outcome:
    """Masked classes are never drawn and have no gradient; the others have the right one."""
    if candidate.convention.binary:
        return Outcome("skip", "a binary variable has no class to mask")
    K = candidate.classes
    logits = representable(rng.standard_normal((ROWS, K)), candidate.dtype)
    masked = rng.permuted(np.tile(np.arange(K) < min(2, K - 1), (ROWS, 1)), axis=-1)
    logits[masked] = mask
    seen = forward(candidate, logits, seed=new_seed(rng))
    if not np.isfinite(seen.hard).all():
        return Outcome("fail", f"the sample of logits masked with {mask:g} holds NaN")
    drawn = int((np.abs(seen.hard[masked]) > 0.5).sum())
    if drawn:
        return Outcome("fail", f"a class masked with {mask:g} is drawn in {drawn} of {len(logits)} rows")
    comparisons = over_temperatures(candidate, rng, logits, f"logits masked with {mask:g}", masked=masked)
    return summarize([*comparisons], "the gradient")


def check_classes(candidate: Candidate, rng: np.random.Generator, *, classes: int) -> Outcome:
    """With one class there is nothing to choose and no gradient; with two the formula holds."""
    if candidate.convention.binary:
        return Outcome("skip", "a binary implementation has two classes")
    if not candidate.takes(classes):
        return Outcome("skip", f"it takes logits of {candidate.classes} classes only")
    logits = representable(rng.standard_normal((FEW, classes)), candidate.dtype)
    seen = forward(candidate, logits, seed=new_seed(rng))
    if seen.hard.shape != logits.shape or not np.allclose(seen.hard.sum(axis=-1), 1):
        return Outcome("fail", f"the sample is not one-hot for logits of shape {logits.shape}")
    return summarize([*over_temperatures(candidate, rng, logits, f"K = {classes}")], "the gradient")

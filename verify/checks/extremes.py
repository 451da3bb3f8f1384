"""Saturated logits, masked classes, and the least numbers of classes; a failure here is a warning."""

from dataclasses import replace

import numpy as np

from verify.candidate import Candidate
from verify.checks.comparison import Comparison, compare_at, cotangent, new_seed, representable, summarize
from verify.frameworks import Array
from verify.report import Outcome

__all__ = ["check_classes", "check_mask", "check_saturation"]


def _taus(candidate: Candidate) -> tuple[float, ...]:
    return (1.0, 2.0) if candidate.has_tau else (1.0,)


def _over_taus(
    candidate: Candidate, rng: np.random.Generator, logits: Array, what: str, masked: Array | None = None
) -> list[Comparison]:
    found = []
    for tau in _taus(candidate):
        g = cotangent(rng, logits.shape)
        h = cotangent(rng, logits.shape) if candidate.has_soft else None
        comparison = compare_at(candidate, logits, tau, g, h, seed=new_seed(rng), masked=masked)
        found.append(replace(comparison, what=f"{what} at τ = {tau:g}"))
    return found


def check_saturation(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Logits of 20 to 60 in size: the gradients of improbable classes are small, not zero or NaN."""
    size = rng.uniform(20, 60, (32, candidate.classes)) * rng.choice([-1, 1], (32, candidate.classes))
    size[:8] = np.eye(candidate.classes)[np.arange(8) % candidate.classes] * 20
    logits = representable(size, candidate.dtype)
    return summarize(_over_taus(candidate, rng, logits, "logits of ±20 to ±60"), "the gradient")


def check_mask(candidate: Candidate, rng: np.random.Generator, *, mask: float) -> Outcome:
    """Masked classes are never drawn and have no gradient; the others have the right one."""
    if candidate.convention.binary:
        return Outcome("skip", "a binary variable has no class to mask")
    K = candidate.classes
    logits = representable(rng.standard_normal((64, K)), candidate.dtype)
    masked = rng.permuted(np.tile(np.arange(K) < 2, (64, 1)), axis=-1)
    logits[masked] = mask
    seen = candidate.observe(logits, seed=new_seed(rng))
    if not np.isfinite(seen.hard).all():
        return Outcome("fail", f"the sample of logits masked with {mask:g} holds NaN")
    drawn = int((np.abs(seen.hard[masked]) > 0.5).sum())
    if drawn:
        return Outcome("fail", f"a class masked with {mask:g} is drawn in {drawn} of {len(logits)} rows")
    comparisons = _over_taus(candidate, rng, logits, f"logits masked with {mask:g}", masked)
    return summarize(comparisons, "the gradient")


def check_classes(candidate: Candidate, rng: np.random.Generator, *, classes: int) -> Outcome:
    """With one class there is nothing to choose and no gradient; with two the formula holds."""
    if candidate.convention.binary:
        return Outcome("skip", "a binary implementation has two classes")
    logits = representable(rng.standard_normal((7, classes)), candidate.dtype)
    seen = candidate.observe(logits, seed=new_seed(rng))
    if seen.hard.shape != logits.shape or not np.allclose(seen.hard.sum(axis=-1), 1):
        return Outcome("fail", f"the sample is not one-hot for logits of shape {logits.shape}")
    return summarize(_over_taus(candidate, rng, logits, f"K = {classes}"), "the gradient")

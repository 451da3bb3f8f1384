"""The forward pass: a one-hot sample and the probabilities it is drawn from."""

import numpy as np

from verify.candidate import Candidate
from verify.checks.comparison import CLASSES, batches, new_seed
from verify.definition import softmax
from verify.report import Outcome
from verify.tolerances import probability_tolerance

__all__ = ["check_one_hot", "check_soft_output"]


def check_one_hot(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Every row holds a single 1 and zeros; an index names the same class.

    The sum D − sg(π) + π, which hands a gradient through, may round by a few ulp.
    """
    shapes: list[tuple[int, ...]] = []
    worst, tolerance = 0.0, 4 * float(np.finfo(candidate.dtype).eps)
    for batch in batches(candidate):
        logits = rng.standard_normal((*batch, CLASSES))
        try:
            seen = candidate.observe(logits, seed=new_seed(rng))
        except Exception:  # noqa: BLE001, S112  (a shape that is refused is reported by the backward checks)
            continue
        hard = seen.hard
        if hard.shape != logits.shape:
            return Outcome("fail", f"the sample has shape {hard.shape} for logits of shape {logits.shape}")
        error = float(np.abs(hard - np.eye(CLASSES)[hard.argmax(axis=-1)]).max())
        if not error <= tolerance:
            return Outcome(
                "fail",
                f"the sample is off one-hot by {error:.2g} for logits of shape {logits.shape}",
                error,
                tolerance,
            )
        worst = max(worst, error)
        if seen.index is not None and not np.array_equal(seen.index.reshape(batch), hard.argmax(axis=-1)):
            return Outcome("fail", "the index names another class than the one-hot sample")
        shapes.append(logits.shape)
    if not shapes:
        return Outcome("error", "it raised for logits of every shape tried")
    return Outcome("pass", f"one-hot for logits of shapes {', '.join(map(str, shapes))}", worst, tolerance)


def check_soft_output(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """The soft output is softmax(θ); a temperature must not change it."""
    if not candidate.has_soft:
        return Outcome("skip", "there is no soft output among the results")
    logits = rng.standard_normal((7, CLASSES)).astype(candidate.dtype).astype(float)
    worst, tolerance = 0.0, probability_tolerance(candidate.dtype, logits)
    for tau in (1.0, 2.0) if candidate.has_tau else (1.0,):
        seen = candidate.observe(logits, tau, seed=new_seed(rng))
        assert seen.soft is not None  # noqa: S101  (has_soft)
        error = float(np.abs(seen.soft - softmax(logits)).max())
        if not error <= probability_tolerance("float32", logits):
            return Outcome("fail", f"off softmax(θ) by {error:.2g} at τ = {tau:g}", error, tolerance)
        worst = max(worst, error)
    if worst > tolerance:
        return Outcome(
            "warn", f"softmax(θ) to float32 only, though given {candidate.dtype}", worst, tolerance
        )
    return Outcome("pass", f"within {worst:.1e} of softmax(θ)", worst, tolerance)

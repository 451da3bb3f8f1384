"""Arguments that mean nothing are refused, or answered with NaN; a failure here is a warning."""

import numpy as np

from verify.candidate import Candidate
from verify.conformance.inputs import ROWS, cotangent, new_seed
from verify.conformance.report import Outcome
from verify.typing import Array

__all__ = ["check_logits_validation", "check_tau_validation"]


def _answers(candidate: Candidate, rng: np.random.Generator, logits: Array, tau: float) -> bool:
    """Whether it gives finite numbers, as if the arguments meant something."""
    g = cotangent(rng, logits.shape)
    try:
        seen = candidate.observe(logits, tau, lambda _: (g, None), seed=new_seed(rng))
    except Exception:  # noqa: BLE001  (any exception is a refusal)
        return False
    parts = [part for part in (seen.hard, seen.soft, seen.gradient) if part is not None]
    return all(bool(np.isfinite(part).all()) for part in parts)


def check_tau_validation(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """τ = 0 and τ < 0 raise."""
    if not candidate.has_tau:
        return Outcome("skip", "there is no temperature among the arguments")
    logits = rng.standard_normal((ROWS, candidate.classes))
    taken = [tau for tau in (0.0, -1.0) if _answers(candidate, rng, logits, tau)]
    if taken:
        numbers = " and ".join(f"τ = {tau:g}" for tau in taken)
        return Outcome("fail", f"it takes {numbers} and gives finite numbers; expected an error")
    return Outcome("pass", "τ = 0 and τ = −1 are refused or give NaN")


def check_logits_validation(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """A NaN among the logits raises."""
    logits = rng.standard_normal((ROWS, candidate.classes))
    logits[3, 1] = np.nan
    if _answers(candidate, rng, logits, 1.0):
        return Outcome("fail", "a NaN among the logits gives finite numbers; expected an error")
    return Outcome("pass", "a NaN among the logits is refused or stays NaN")

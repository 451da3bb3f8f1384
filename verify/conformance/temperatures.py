"""The temperatures that are tried, and those below 1 that an implementation may refuse."""

import numpy as np

from verify.candidate import Candidate
from verify.conformance.inputs import brief

__all__ = ["LOW", "refusal", "temperatures"]

#: The one below 1. The paper uses τ ≥ 1, so what raises here alone is not wrong.
LOW = 0.5


def refusal(candidate: Candidate, tau: float) -> str | None:
    """What it raises at a temperature below 1 though not at 1; None where it does not.

    Parameters
    ----------
    candidate : Candidate
        Which takes a temperature.
    tau : float
    """
    logits = np.zeros((1, candidate.classes))
    if tau >= 1:
        return None
    try:
        candidate.observe(logits, tau, seed=0)
    except Exception as raised:  # noqa: BLE001  (a foreign implementation may raise anything)
        candidate.observe(logits, seed=0)
        return brief(raised)
    return None


def temperatures(candidate: Candidate) -> tuple[float, ...]:
    """Those at which the sampler and the soft output are tried: none may change what they are."""
    if not candidate.has_tau:
        return (1.0,)
    return (1.0, 2.0) if refusal(candidate, LOW) else (1.0, 2.0, LOW)

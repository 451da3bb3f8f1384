"""The one table of tolerances: what honest rounding may cost, by dtype and conditioning."""

from typing import Any

import numpy as np

__all__ = ["gradient_tolerance", "probability_tolerance"]

Array = np.ndarray[Any, np.dtype[Any]]

#: Roundings on the longest path from logits to gradient in the longest honest
#: form, Algorithm 2 differentiated automatically, with a margin of two.
ROUNDINGS = 32


def probability_tolerance(dtype: str, logits: Array, tau: float = 1.0) -> float:
    """How far an honest softmax(θ/τ) may be from the exact one, absolutely.

    The relative condition number of softmax with respect to a rounding of θ/τ
    is max |θ|/τ; probabilities are at most 1.

    Parameters
    ----------
    dtype : str
    logits : array
        The finite ones count.
    tau : float

    Returns
    -------
    float
    """
    finite = np.abs(logits[np.isfinite(logits)])
    conditioning = 1.0 + float(finite.max(initial=0.0)) / min(tau, 1.0)
    return ROUNDINGS * float(np.finfo(dtype).eps) * conditioning


def gradient_tolerance(dtype: str, logits: Array, tau: float, *cotangents: Array | None) -> float:
    """How far an honest gradient may be from the exact one, in its largest entry.

    Every term of the gradient is a probability times a difference of
    cotangents, so the tolerance of a probability is multiplied by the largest
    cotangent.

    Parameters
    ----------
    dtype : str
    logits : array
    tau : float
    *cotangents : array or None

    Returns
    -------
    float
    """
    scale = max((float(np.abs(c).max(initial=0.0)) for c in cotangents if c is not None), default=0.0)
    return probability_tolerance(dtype, logits, tau) * scale

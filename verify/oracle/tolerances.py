"""The one table of tolerances: what honest rounding may cost, by dtype and conditioning."""

import numpy as np

from verify.typing import Array

__all__ = ["EPS", "gradient_tolerance", "probability_tolerance"]

#: Spacing of the numbers above 1; NumPy has no bfloat16 to ask.
EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}

#: Roundings on the longest path from logits to gradient in the longest honest
#: form, Algorithm 2 differentiated automatically, with a margin of two. The
#: kernels of the short dtypes accumulate in float32, so that only what is
#: stored between operations is rounded, and those errors partly cancel.
ROUNDINGS = {"float64": 32, "float32": 32, "float16": 4, "bfloat16": 4}


def probability_tolerance(dtype: str, logits: Array, tau: float = 1.0) -> float:
    """How far an honest softmax(θ/τ) may be from the exact one, absolutely.

    The relative condition number of softmax with respect to a rounding of θ/τ
    is max |θ|/τ; probabilities are at most 1.

    Examples
    --------
    >>> probability_tolerance("float32", np.zeros(3)) == 32 * 2.0**-23
    True
    """
    finite = np.abs(logits[np.isfinite(logits)])
    conditioning = 1.0 + float(finite.max(initial=0.0)) / min(tau, 1.0)
    return ROUNDINGS[dtype] * EPS[dtype] * conditioning


def gradient_tolerance(dtype: str, logits: Array, tau: float, *cotangents: Array | None) -> float:
    """How far an honest gradient may be from the exact one, in its largest entry.

    Every term of the gradient is a probability times a difference of
    cotangents, so the tolerance of a probability is multiplied by the largest
    cotangent.
    """
    scale = max((float(np.abs(c).max(initial=0.0)) for c in cotangents if c is not None), default=0.0)
    return probability_tolerance(dtype, logits, tau) * scale

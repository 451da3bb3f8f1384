"""Bits as pairs of classes, of which class 1 is the bit 1: the one place that knows the order.

The logit of a bit is then θ_1 − θ_0, and softmax(0, l) = (1 − σ(l), σ(l)).
"""

import numpy as np

from verify.typing import Array

__all__ = ["narrow", "widen"]


def narrow(pairs: Array) -> Array:
    """Give θ_1 − θ_0: the logit of a bit, or its cotangent, of those of a pair.

    Examples
    --------
    >>> narrow(np.array([[0.5, 2.0]]))
    array([1.5])
    """
    return np.asarray(pairs[..., 1] - pairs[..., 0])


def widen(bits: Array, *, total: float) -> Array:
    """Give the pairs (total − z, z): samples and probabilities have total 1, gradients total 0.

    Examples
    --------
    >>> widen(np.array([1.0, 0.0]), total=1)
    array([[0., 1.],
           [1., 0.]])
    """
    return np.stack([total - bits, bits], axis=-1)

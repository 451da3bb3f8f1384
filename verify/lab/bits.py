"""Estimators of bits as estimators of pairs of classes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, SupportsFloat

from verify.oracle.bits import narrow, widen
from verify.typing import Array

__all__ = ["AsPairs"]


@dataclass(frozen=True)
class AsPairs:
    """An estimator of bits, as one of pairs of classes: the logit of a bit is θ_1 − θ_0.

    Attributes
    ----------
    bits : callable
        The estimator, one logit a variable.
    """

    bits: Callable[..., Any]

    def __call__(self, logits: Array, tau: SupportsFloat, /, *, index: Array) -> "PairPullback":
        """Draw on the logits of the bits."""
        return PairPullback(self.bits(narrow(logits), tau, index=index))


@dataclass(frozen=True)
class PairPullback:
    """A draw of bits that pulls cotangents of pairs back to pairs of logits."""

    draw: Any

    def vjp(self, grad_hard: Array, /) -> Array:
        """Give the gradient at the pairs of logits."""
        return widen(self.draw.vjp(narrow(grad_hard)), total=0)

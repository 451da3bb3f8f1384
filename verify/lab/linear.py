"""Exact bias, variance and error of any estimator that is linear in the cotangent.

Given the sampled class d of a variable, such an estimator's gradient is
A_d g with a matrix A_d that depends on the logits alone. Its moments follow
from sums over the corners that know nothing of it:

    E[A_d g]            = Σ_k A_k E[g 1[d = k]]
    E[(A_d g)(A_d g)ᵀ]  = Σ_k A_k E[g gᵀ 1[d = k]] A_kᵀ

so one pass over the corners serves every estimator at every temperature.
A_k is applied by the estimator's own ``vjp`` with the sample forced to k.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, SupportsFloat

import numpy as np

from reinmax_ref.protocol import find, name_of
from verify.lab.results import Moments
from verify.oracle.bits import narrow, widen
from verify.oracle.enumeration import Statistics
from verify.typing import Array

__all__ = ["AsPairs", "Estimator", "Forced", "estimator_moments", "find_estimator"]


class Pullback(Protocol):
    """What an estimator returns: a draw that pulls cotangents back to the logits."""

    def vjp(self, grad_hard: Array, /) -> Array:
        """Give the gradient at the logits for a cotangent at the sample."""


class Estimator(Protocol):
    """A NumPy estimator such as :func:`reinmax_ref.reinmax`, whose sample can be forced."""

    def __call__(self, logits: Array, tau: SupportsFloat, /, *, index: Array) -> Pullback:
        """Draw with the classes on the last axis of the logits."""


def estimator_moments(
    estimator: str | Estimator, total: Statistics, logits: Any, tau: SupportsFloat = 1.0
) -> Moments:
    """Combine the sums over the corners into one estimator's moments; cheap beside the pass itself.

    Parameters
    ----------
    estimator : str or Estimator
    total : Statistics
        Of degree 1 or 2; with degree 1 the variance and covariance are NaN.
    logits : array, shape (K,) or (L, K)
        Those that the statistics belong to.
    tau : float

    Examples
    --------
    >>> from verify.oracle.enumeration import statistics
    >>> from verify.objectives import linear
    >>> total = statistics(linear([0.0, 4.0]), [0.5, 0.5])
    >>> [estimator_moments(e, total, [0.0, 0.0]).total_variance for e in ("reinmax", "straight_through")]
    [0.0, 0.0]
    """
    if total.gradient is None:
        raise ValueError("the statistics hold no gradients; collect them with degree=1 or 2")
    theta = np.asarray(logits, dtype=np.float64)
    apply = Forced(find_estimator(estimator), np.atleast_2d(theta), total.probabilities, tau)
    apply.require_linear()
    mean = apply(total.gradient[..., None, :])[..., 0, :].sum(axis=1)
    covariance = np.full((*mean.shape, mean.shape[1]), np.nan)
    if total.second is not None:
        once = apply(total.second)
        covariance = apply(once.swapaxes(-1, -2)).sum(axis=1) - mean[:, :, None] * mean[:, None, :]
    variance = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)
    return Moments(
        name_of(estimator),
        float(tau),
        total.exact_gradient.reshape(theta.shape),
        mean.reshape(theta.shape),
        variance.reshape(theta.shape),
        covariance.reshape(*theta.shape, theta.shape[-1]),
        total.corners,
    )


def find_estimator(estimator: str | Estimator) -> Estimator:
    """Give the estimator of a name; an estimator object is given back as it is.

    Examples
    --------
    >>> find_estimator("reinmax").__name__
    'reinmax'
    """
    return find(estimator) if isinstance(estimator, str) else estimator


@dataclass(frozen=True)
class Forced:
    """The matrices A_k of every variable and class, as a product with cotangents (L, K, rows, K).

    Attributes
    ----------
    estimator : Estimator
    logits, probabilities : array, shape (L, K)
    tau : float
    """

    estimator: Estimator
    logits: Array
    probabilities: Array
    tau: SupportsFloat

    def __call__(self, cotangents: Array) -> Array:
        """Apply A_k of variable l to each row of ``cotangents[l, k]``."""
        return self._pull(self.logits, self.probabilities, cotangents)

    def for_variable(self, variable: int, cotangents: Array) -> Array:
        """Apply A_k of one variable to each row of ``cotangents[k]``."""
        own = slice(variable, variable + 1)
        return np.asarray(self._pull(self.logits[own], self.probabilities[own], cotangents[None])[0])

    def _pull(self, logits: Array, probabilities: Array, cotangents: Array) -> Array:
        theta = np.broadcast_to(logits[:, None, None, :], cotangents.shape)
        forced = np.broadcast_to(self._forced(probabilities)[:, :, None], cotangents.shape[:3])
        return np.asarray(self.estimator(theta, self.tau, index=forced).vjp(cotangents))

    def require_linear(self) -> None:
        """Refuse an estimator that is random given the sample, or not linear in the cotangent."""
        size = self.logits.size
        one, two = (np.cos(w * np.arange(1, size + 1)).reshape(self.logits.shape) for w in (1.0, 2.0))
        rows = np.broadcast_to(
            np.stack([one, two, one - 2 * two], axis=1)[:, None],
            (self.logits.shape[0], self.logits.shape[1], 3, self.logits.shape[1]),
        )
        first, second, both = np.moveaxis(self(rows), 2, 0)
        if not np.isfinite(first).all():
            raise ValueError(
                f"{name_of(self.estimator)} at τ = {float(self.tau):g} gives a gradient that is NaN "
                "or infinite"
            )
        scale = np.abs(first) + 2 * np.abs(second)
        # A gradient that saturation left near 0 is a difference of terms of the size of the cotangent.
        rounding = 64 * np.finfo(float).eps * max(1.0, 1 / float(self.tau))
        if not (np.abs(both - (first - 2 * second)) <= 1e-6 * scale.max() + rounding).all():
            raise ValueError(
                f"{self.estimator!r} is not linear in the cotangent given the sample, or draws further "
                "noise; state which, as Needs(linear=False) or Needs(noise=True)"
            )
        whole = self(rows).reshape(-1, size // len(self.logits))
        part = np.arange(len(whole))[: len(whole) // 2 - 1 : -1]
        alone = self._alone(rows, part)
        if not (np.abs(alone - whole[part]) <= 1e-6 * scale.max() + rounding).all():
            raise ValueError(
                f"{self.estimator!r} couples the members of a batch: the gradient of a row changes with the "
                "rows beside it, so that its moments depend on the batch; give each row its own gradient"
            )

    def _alone(self, rows: Array, part: Array) -> Array:
        """Pull some of the rows back, in their order, without the others beside them."""
        classes = self.logits.shape[1]
        theta = np.broadcast_to(self.logits[:, None, None, :], rows.shape).reshape(-1, classes)[part]
        index = np.broadcast_to(self._forced(self.probabilities)[:, :, None], rows.shape[:3]).ravel()[part]
        found = self.estimator(theta, self.tau, index=index).vjp(rows.reshape(-1, classes)[part])
        return np.asarray(found)

    def _forced(self, probabilities: Array) -> Array:
        """Each class, or the likeliest for a masked one: its stratum is empty, so any will do there."""
        likeliest = probabilities.argmax(axis=1)[:, None]
        return np.where(probabilities > 0, np.arange(probabilities.shape[1]), likeliest)


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

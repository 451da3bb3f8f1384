"""A sample, its probabilities and its vector-Jacobian product: what every estimator returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref.categorical import choose, one_hot, softmax
from reinmax_ref.rows import Array, Rows, blockwise, check_tau

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    #: What ``numpy.random.default_rng`` takes (scientific-python SPEC 7).
    RandomSource = (
        np.random.Generator | np.random.BitGenerator | np.random.SeedSequence | int | ArrayLike | None
    )

    #: The gradient at the logits from (p, p_tau, onehot, grad_hard, grad_soft), each of shape (n, K).
    Rule = Callable[[Array, Array, Array, Array, Array | None], Array]

__all__ = ["Draw", "Sampled", "draw"]


@dataclass(frozen=True, eq=False)
class Sampled:
    """What a rule is given of a sample, each a matrix with one variable a row.

    Attributes
    ----------
    p, p_tau, onehot : array, shape (n, K)
        p, what stands in the place of p_τ, and D.
    """

    p: Array
    p_tau: Array
    onehot: Array


@dataclass(frozen=True, eq=False, repr=False)
class Draw:
    """One sample of each row, and the estimator's gradient at it.

    Attributes
    ----------
    hard : array, the shape and dtype of the logits
        The one-hot sample D. Read-only.
    soft : array, the shape and dtype of the logits
        The probabilities p = softmax(θ). Read-only.
    index : integer array, the shape of the logits without the class axis
        The sampled classes. Read-only.
    """

    hard: Array
    soft: Array
    index: NDArray[np.intp]
    _rows: Rows
    _sampled: Sampled
    _rule: Rule

    def __repr__(self) -> str:
        return f"Draw(hard={self.hard!r}, soft={self.soft!r}, index={self.index!r})"

    def vjp(self, grad_hard: ArrayLike, grad_soft: ArrayLike | None = None) -> Array:
        """Pull cotangents of the two outputs back to the logits.

        Parameters
        ----------
        grad_hard : array_like, the shape of the logits
            Cotangent g of the loss at ``hard``.
        grad_soft : array_like, the shape of the logits, optional
            Cotangent h of the loss at ``soft``; absent means zero.

        Returns
        -------
        array, the shape and dtype of the logits
            The gradient of the loss with respect to the logits.

        Raises
        ------
        TypeError
            Where a cotangent does not hold real numbers.
        ValueError
            Where a cotangent has another shape, or holds NaN or an infinity.
        OverflowError
            Where the gradient of a finite cotangent exceeds the dtype.
        """
        g = self._rows.check_cotangent(grad_hard, "grad_hard")
        h = None if grad_soft is None else self._rows.check_cotangent(grad_soft, "grad_soft")
        out = np.empty(g.shape, self._rows.matrix.dtype)
        try:
            gradient = self._pull(out, g, h)
        except FloatingPointError:
            _check_finite(g, h)
            gradient = self._pull_scaled(out, g, h)
        # A sum over the row enters each of its entries, so one column shows every bad row.
        if not np.isfinite(out[:, 0]).all():
            _check_finite(g, h)
        return gradient

    def _pull(self, out: Array, g: Array, h: Array | None) -> Array:
        with np.errstate(over="raise", invalid="ignore"):
            x = self._sampled
            return self._rows.restore(blockwise(self._rule, out, x.p, x.p_tau, x.onehot, g, h))

    def _pull_scaled(self, out: Array, g: Array, h: Array | None) -> Array:
        """Differences of large cotangents may overflow where the gradient does not: scale them, exactly."""
        small, back = out.dtype.type(1 / 16), out.dtype.type(16)
        try:
            self._pull(out, g * small, None if h is None else h * small)
            with np.errstate(over="raise"):
                return self._rows.restore(out * back)
        except FloatingPointError as error:
            raise OverflowError(
                f"the gradient exceeds the range of {self._rows.dtype}; scale the loss down"
            ) from error


def _check_finite(g: Array, h: Array | None) -> None:
    for name, cotangent in (("grad_hard", g), ("grad_soft", h)):
        if cotangent is not None and not np.isfinite(cotangent).all():
            raise ValueError(
                f"{name} holds NaN or an infinity; expected finite numbers: find the operation of the loss "
                "that produced them, and give masked classes a cotangent of 0"
            )


def draw(
    rule: Rule,
    logits: ArrayLike,
    tau: SupportsFloat,
    *,
    axis: int,
    rng: RandomSource,
    index: ArrayLike | None,
) -> Draw:
    """Sample D ~ Categorical(softmax(θ)) and bind an estimator's rule to the sample.

    The parameters are those of :func:`reinmax_ref.reinmax`; ``rule`` gives the
    gradient in terms of :mod:`reinmax_ref.algebra`.
    """
    tau = check_tau(tau)
    rows = Rows.from_logits(logits, axis)
    p = softmax(rows.matrix)
    p_tau = p if tau == 1 else softmax(rows.matrix, tau)
    if index is None:
        classes = choose(_mass(p, rows), np.random.default_rng(rng).random(len(p)))  # type: ignore[arg-type]
    else:
        classes = rows.check_index(index)
    onehot = one_hot(classes, p)
    hard, soft = rows.restore(onehot), rows.restore(p)
    shaped = classes.reshape(rows.batch)
    for result in (hard, soft, shaped):
        result.flags.writeable = False
    return Draw(hard, soft, shaped, rows, Sampled(p, p_tau, onehot), rule)


def _mass(p: Array, rows: Rows) -> Array:
    """Give the masses to sample from: 0 where the probability is returned as 0."""
    if p.dtype == rows.dtype:
        return p
    return np.where(p.astype(rows.dtype) == 0, 0, p)

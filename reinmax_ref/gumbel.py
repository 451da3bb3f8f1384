"""Relaxed samples given the sampled class, and the draws that use them.

With E_j ~ Exp(1) independent and Z = Σ e^θ, the perturbed logits x = θ + G given
that class d is the largest are

    x_d = −ln(E_d/Z),        x_j = −ln(E_j/e^{θ_j} + E_d/Z)   (j ≠ d)

(Paulus, Maddison and Krause, "Rao-Blackwellizing the Straight-Through
Gumbel-Softmax Gradient Estimator", ICLR 2021, arXiv:2010.04838). A softmax needs
their differences only, x_j − x_d = −ln(1 + E_j/(p_j E_d)).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from reinmax_ref import algebra
from reinmax_ref.draw import draw
from reinmax_ref.rows import Rows, scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from reinmax_ref.draw import Draw, RandomSource
    from reinmax_ref.rows import Array

__all__ = ["Blend", "NoisySample", "bind", "check_samples", "conditional", "relaxed_rule", "sample"]


def conditional(p: Array, index: NDArray[np.intp], uniforms: Array) -> NDArray[np.float64]:
    """Give the perturbed logits x − x_d given that class d is the largest.

    Parameters
    ----------
    p : array, shape (n, K)
        Probabilities; 0 masks a class.
    index : integer array, shape (n,)
        d.
    uniforms : array, shape (n, K)
        In [0, 1); E = −ln(1 − u).

    Returns
    -------
    array, shape (n, K)
        0 at d, below 0 elsewhere.

    Examples
    --------
    >>> conditional(np.array([[0.5, 0.5]]), np.array([0]), np.array([[0.5, 0.5]])).round(4)
    array([[ 0.    , -1.0986]])
    """
    each = np.arange(len(index))
    # u = 0 stands for a cell of width 2⁻⁵³, whose mean keeps E above 0
    exponential = np.maximum(-np.log1p(-np.asarray(uniforms, np.float64)), 2.0**-54)
    with np.errstate(divide="ignore", over="ignore"):
        x = -np.log1p(exponential / (exponential[each, index][:, None] * p))
    x[each, index] = 0.0
    return np.asarray(x)


@dataclass(frozen=True, eq=False)
class NoisySample:
    """A sample with its ReinMax draw at τ = 1, and the uniform numbers of the noise still to come.

    Attributes
    ----------
    base : Draw
    p : array, shape (n, K)
    index : integer array, shape (n,)
    noise : list of arrays, shape (n, K)
    """

    base: Draw
    p: Array
    index: NDArray[np.intp]
    noise: list[NDArray[np.float64]]

    @property
    def middle(self) -> Array:
        """The point (p + D)/2, halfway between p and the sample."""
        return np.asarray((self.p + self.base._sampled.onehot) / 2)  # noqa: SLF001


def sample(
    logits: ArrayLike,
    *,
    axis: int,
    rng: RandomSource,
    index: ArrayLike | None,
    noise: ArrayLike | None,
    count: int,
) -> NoisySample:
    """Sample D and ``count`` arrays of uniform numbers, or take those given."""
    source = np.random.default_rng(rng)  # type: ignore[arg-type]
    base = draw(algebra.reinmax_vjp, logits, 1.0, axis=axis, rng=source, index=index)
    uniforms = _noise(noise, Rows.from_logits(logits, axis), count, source)
    return NoisySample(base, base._sampled.p, base.index.reshape(-1), uniforms)  # noqa: SLF001


def _noise(
    noise: ArrayLike | None, rows: Rows, count: int, source: np.random.Generator
) -> list[NDArray[np.float64]]:
    if noise is None:
        return list(source.random((count, *rows.matrix.shape)))
    given = np.asarray(noise)
    if given.shape != (count, *rows.shape):
        raise ValueError(
            f"noise has shape {given.shape}; expected {(count, *rows.shape)}: one array of uniform numbers "
            "in the shape of the logits for each relaxed sample"
        )
    if given.size and not (given.min() >= 0 and given.max() < 1):
        raise ValueError(f"noise ranges from {given.min()} to {given.max()}; expected numbers in [0, 1)")
    return [rows.check_cotangent(part, "noise") for part in given]


def check_samples(samples: int, least: int = 1) -> int:
    """Check a number of samples.

    Raises
    ------
    TypeError
        Where it is not an integer.
    ValueError
        Where it is too small.
    """
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer):
        raise TypeError(f"samples is {samples!r}; expected an integer")
    if samples < least:
        raise ValueError(f"samples is {samples}; expected at least {least}")
    return int(samples)


def relaxed_rule(p: Array, y: Array, onehot: Array, g: Array, h: Array | None, *, tau: float) -> Array:
    """(1/τ) J(y)g + J(p)h: straight-through at a relaxed sample y in place of p_τ."""
    del onehot
    return algebra.straight_through_vjp(p, g, h, p_tau=y, tau=scale(tau, p.dtype))  # type: ignore[no-any-return]


def bind(base: Draw, y: Array, rule: Callable[..., Array]) -> Draw:
    """Give a draw of the same sample with y in the place of p_τ and another rule."""
    old = base._sampled  # noqa: SLF001
    return replace(base, _sampled=replace(old, p_tau=y.astype(old.p.dtype, copy=False)), _rule=rule)


@dataclass(frozen=True, eq=False, repr=False)
class Blend:
    """A weighted sum of gradients at one sample.

    Attributes
    ----------
    parts : tuple of Draw
        Draws of the same sample.
    weights : tuple of float

    Examples
    --------
    >>> from reinmax_ref import reinmax
    >>> one = reinmax([0.0, 0.0], index=0)
    >>> Blend((one, one), (0.5, 0.5)).vjp([3.0, 1.0])
    array([ 0.5, -0.5])
    """

    parts: tuple[Draw, ...]
    weights: tuple[float, ...]

    def __repr__(self) -> str:
        return f"Blend(hard={self.hard!r}, soft={self.soft!r}, index={self.index!r})"

    @property
    def hard(self) -> Array:
        """The one-hot sample D."""
        return self.parts[0].hard

    @property
    def soft(self) -> Array:
        """The probabilities p = softmax(θ)."""
        return self.parts[0].soft

    @property
    def index(self) -> NDArray[np.intp]:
        """The sampled classes."""
        return self.parts[0].index

    def vjp(self, grad_hard: ArrayLike, grad_soft: ArrayLike | None = None) -> Array:
        """Pull cotangents back, as in :meth:`reinmax_ref.Draw.vjp`."""
        total = np.zeros(self.hard.shape, np.promote_types(self.hard.dtype, np.float32))
        for part, weight in zip(self.parts, self.weights, strict=True):
            total += weight * part.vjp(grad_hard, grad_soft)
        return total.astype(self.hard.dtype, copy=False)

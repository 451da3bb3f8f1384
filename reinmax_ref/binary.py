"""One logit per variable: z ~ Bernoulli(σ(l)) as the class of a pair of logits with difference l."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from reinmax_ref import algebra
from reinmax_ref.draw import draw
from reinmax_ref.rows import Rows
from reinmax_ref.score import ScoreDraw, event_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from reinmax_ref.draw import Draw, RandomSource
    from reinmax_ref.rows import Array
    from reinmax_ref.score import Calls

__all__ = ["Antithetic", "BitDraw", "antithetic_draw", "pair"]


def pair(logits: ArrayLike) -> Array:
    """Give the two logits (min(−l, 0), min(l, 0)) of classes 0 and 1 along a new last axis.

    Their difference is l, and l = ±inf stays within what a categorical takes.

    Examples
    --------
    >>> pair([2.0, -3.0])
    array([[-2.,  0.],
           [ 0., -3.]])
    """
    # Rows checks that these are real numbers, and widens integers
    flat = np.asarray(logits)
    rows = Rows.from_logits(flat.reshape(-1, 1))
    single = np.asarray(flat, rows.dtype)
    return np.stack([np.minimum(-single, 0), np.minimum(single, 0)], axis=-1)


@dataclass(frozen=True, eq=False, repr=False)
class BitDraw:
    """Bits, and a gradient with respect to one logit each.

    Attributes
    ----------
    base : Draw
        Of the pairs.

    Examples
    --------
    >>> from reinmax_ref import reinmax
    >>> BitDraw(reinmax(pair([0.0]), index=[1])).vjp([2.0])
    array([0.5])
    """

    base: Draw

    def __repr__(self) -> str:
        return f"BitDraw(hard={self.hard!r}, soft={self.soft!r})"

    @property
    def hard(self) -> Array:
        """The bits z, in the dtype of the logits."""
        return self.base.hard[..., 1]

    @property
    def soft(self) -> Array:
        """The probabilities σ(l)."""
        return self.base.soft[..., 1]

    @property
    def index(self) -> NDArray[np.intp]:
        """The bits as integers."""
        return self.base.index

    def vjp(self, grad_hard: ArrayLike, grad_soft: ArrayLike | None = None) -> Array:
        """Pull cotangents of z and of σ(l) back to the logits."""
        both = None if grad_soft is None else _one(grad_soft)
        return self.base.vjp(_one(grad_hard), both)[..., 1]


def _one(cotangent: ArrayLike) -> Array:
    """Class 1 carries the cotangent of z: f depends on class 0 through z alone."""
    g = np.asarray(cotangent)
    return np.stack([np.zeros_like(g), g], axis=-1)


@dataclass(frozen=True, eq=False)
class Antithetic:
    """Bits b = 1[u > 1 − p] and their mirror images b̃ = 1[u < p], each of shape (n, L).

    Attributes
    ----------
    p, rest : array
        p = σ(l) and 1 − p.
    b, u : array
        The bits and their uniform numbers.
    """

    p: Array
    rest: Array
    b: Array
    u: Array

    @property
    def mirrored(self) -> Array:
        """The bits b̃ = 1[u < p]."""
        return (self.u < self.p).astype(self.b.dtype)


def antithetic_draw(
    weight: Callable[[Antithetic], Array],
    logits: ArrayLike,
    *,
    rng: RandomSource,
    index: ArrayLike | None,
    noise: ArrayLike | None,
) -> ScoreDraw:
    """Sample antithetic bits, with the gradient (f(b) − f(b̃))·weight."""
    source = np.random.default_rng(rng)  # type: ignore[arg-type]
    base = BitDraw(draw(algebra.reinmax_vjp, pair(logits), 1.0, axis=-1, rng=source, index=index))
    v = _check_noise(noise, base.index.shape) if noise is not None else source.random(base.index.shape)
    shape = event_shape(base.index.shape, depth=1)
    b, p, rest = (a.reshape(shape) for a in (base.hard, base.soft, base.base.soft[..., 0]))
    v = v.reshape(shape)
    sample = Antithetic(p, rest, b, np.where(b == 1, 1 - p * v, rest * v))
    rule = partial(_antithetic_rule, sample=sample, weight=weight)
    return ScoreDraw(base.hard, base.soft, base.index, b[None], p, None, rule)


def _check_noise(noise: ArrayLike, shape: tuple[int, ...]) -> Array:
    given = np.asarray(noise)
    if given.shape != (1, *shape):
        raise ValueError(
            f"noise has shape {given.shape}; expected {(1, *shape)}, a uniform number for each bit"
        )
    if given.size and not (given.min() >= 0 and given.max() < 1):
        raise ValueError(f"noise ranges from {given.min()} to {given.max()}; expected numbers in [0, 1)")
    return given


def _antithetic_rule(
    p: Array, points: Array, calls: Calls, *, sample: Antithetic, weight: Callable[[Antithetic], Array]
) -> Array:
    del p, points
    f = calls.value(np.stack([sample.b, sample.mirrored]))
    return np.asarray((f[0] - f[1])[:, None] * weight(sample))

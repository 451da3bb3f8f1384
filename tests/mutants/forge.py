"""NumPy implementations put together from parts, right ones or wrong ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Forged", "Pieces", "forge", "inverse_cdf", "right", "softmax", "softmax_vjp", "terms"]

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Pieces:
    """What a backward pass may use; probabilities of shape (..., K)."""

    theta: Array
    tau: float
    p: Array
    p_tau: Array
    onehot: Array
    rng: np.random.Generator

    @property
    def q(self) -> Array:
        """The midpoint (p_τ + D)/2."""
        return (self.p_tau + self.onehot) / 2


#: The gradient from the pieces, g and h.
Rule = Callable[[Pieces, Array, Array], Array]
Sampler = Callable[[Array, float, np.random.Generator], Array]


@dataclass(frozen=True, eq=False)
class Forged:
    """One draw of a forged implementation."""

    hard: Array
    soft: Array
    pieces: Pieces
    rule: Rule

    def vjp(self, grad_hard: Array, grad_soft: Array | None = None) -> Array:
        """The forged gradient."""
        h = np.zeros_like(self.hard) if grad_soft is None else grad_soft
        return self.rule(self.pieces, grad_hard, h)


def softmax(x: Array, axis: int = -1) -> Array:
    """Softmax over an axis."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def softmax_vjp(q: Array, v: Array, axis: int = -1) -> Array:
    """J(q)v, with the inner product over an axis."""
    return np.asarray(q * (v - (q * v).sum(axis=axis, keepdims=True)))


def onehot(index: Array, like: Array) -> Array:
    """One-hot rows in the dtype of ``like``."""
    return np.eye(like.shape[-1], dtype=like.dtype)[index]


def inverse_cdf(theta: Array, tau: float, rng: np.random.Generator) -> Array:
    """Classes drawn from softmax(θ)."""
    del tau
    steps = softmax(theta).astype(float).cumsum(axis=-1)
    return np.asarray((steps <= rng.random((*theta.shape[:-1], 1)) * steps[..., -1:]).sum(axis=-1))


def right(s: Pieces, g: Array, h: Array) -> Array:
    """The definition."""
    return 2 * softmax_vjp(s.q, g) - softmax_vjp(s.p, g) / 2 + softmax_vjp(s.p, h)


def terms(a: float = 2.0, b: float = -0.5, c: float = 1.0) -> Rule:
    """The rule a·J(q)g + b·J(p)g + c·J(p)h."""
    return lambda s, g, h: a * softmax_vjp(s.q, g) + b * softmax_vjp(s.p, g) + c * softmax_vjp(s.p, h)


def forge(
    rule: Rule = right,
    sampler: Sampler = inverse_cdf,
    soft: Callable[[Array, float], Array] = lambda theta, _: softmax(theta),
    logits: Callable[[Array], Array] = lambda theta: theta,
    tempered: Callable[[Array, float], Array] = lambda theta, tau: softmax(theta / tau),
) -> Callable[..., Forged]:
    """An implementation with parts replaced.

    Parameters
    ----------
    rule : callable
        The gradient.
    sampler : callable
        Classes from θ, τ and a generator.
    soft : callable
        The soft output from θ and τ.
    logits : callable
        What stands for θ everywhere else.
    tempered : callable
        p_τ from θ and τ.

    Returns
    -------
    callable, (logits, tau=1.0, rng=None) → Forged
    """

    def forged(logits_: Array, tau: float = 1.0, rng: Any = None) -> Forged:
        generator = np.random.default_rng(rng)
        theta = logits(np.asarray(logits_))
        hard = onehot(sampler(theta, tau, generator), theta)
        pieces = Pieces(theta, tau, softmax(theta), tempered(theta, tau), hard, generator)
        return Forged(hard, soft(theta, tau), pieces, rule)

    return forged

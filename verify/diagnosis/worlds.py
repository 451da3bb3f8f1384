"""The probabilities that an implementation may use in its terms: the right ones, and those of mistakes.

A world says what stands for p, p_τ and q. In each, the gradient is fitted as
a·J(q)g + b·J(p)g + c·J(p_τ)g; the paper has a = 2, b = −½, c = 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from verify.definition import softmax
from verify.diagnosis.evidence import Columns
from verify.frameworks import Array

__all__ = ["World", "worlds"]


@dataclass(frozen=True, eq=False)
class World:
    """What stands for p, p_τ and q, and the mistakes that this is by itself.

    Attributes
    ----------
    name : str
    codes : tuple of str
    p, p_tau, q : array, shape (n, K)
    chain : array, shape (n, K), or None
        Probabilities whose softmax product follows the terms.
    known : bool
        Whether it is the paper's, or that of a named mistake.
    """

    name: str
    codes: tuple[str, ...]
    p: Array
    p_tau: Array
    q: Array
    chain: Array | None = None
    known: bool = True

    def terms(self, g: Array) -> Array:
        """J(q)g, J(p)g and J(p_τ)g, shape (3, n, K)."""
        found = [product(base, g) for base in (self.q, self.p, self.p_tau)]
        if self.chain is not None:
            found = [product(self.chain, term) for term in found]
        return np.stack(found).astype(float)


def product(q: Array, v: Array) -> Array:
    """J(q)v = q∘v − q⟨q, v⟩."""
    return np.asarray(q * v - q * (q * v).sum(axis=-1, keepdims=True))


def _algorithm(q: Array, logits: Array, sign: float) -> Array:
    """What softmax(ln q − θ + sign·θ) comes to."""
    with np.errstate(divide="ignore"):
        return softmax(np.log(q) - (1 - sign) * logits)


def worlds(columns: Columns, *, binary: bool) -> Iterator[World]:
    """The worlds, the paper's first, then those of named mistakes, then others.

    Parameters
    ----------
    columns : Columns
    binary : bool
        Whether the implementation is a binary one.
    """
    theta, tau, D = columns.logits, columns.tau, columns.onehot
    p, p_tau = softmax(theta), softmax(theta, tau)
    twice, inverted = softmax(p), softmax(theta * tau)
    top = np.eye(theta.shape[-1])[theta.argmax(axis=-1)]
    doubled = ("probabilities-as-logits",)
    q = (p_tau + D) / 2
    yield World("q = (p_τ + D)/2", (), p, p_tau, q)
    yield World("q = (softmax(θτ) + D)/2", ("inverted-tau",), p, inverted, (inverted + D) / 2)
    yield World("ln q − 2θ for ln q − θ + θ", (), p, p_tau, _algorithm(q, theta, -1.0))
    for name, first, second in (
        ("softmax(softmax(θ)) and softmax(softmax(θ)/τ)", twice, softmax(p, tau)),
        ("softmax(softmax(θ)/τ) for p_τ", p, softmax(p, tau)),
        ("softmax(softmax(θ)) and softmax(softmax(θ/τ))", twice, softmax(p_tau)),
        ("softmax(softmax(θ/τ)) for p_τ", p, softmax(p_tau)),
        ("softmax(softmax(θ)) for p", twice, p_tau),
    ):
        mixed = (second + D) / 2
        yield World(name, doubled, first, second, mixed)
        yield World(f"{name}, differentiated to θ", doubled, first, second, mixed, chain=p)
    yield World("D = argmax θ", ("resampled-backward",), p, p_tau, (p_tau + top) / 2)
    if binary:
        ratio = q[..., :1] / (1 + q[..., :1])
        log_sigmoid = np.concatenate([ratio, 1 - ratio], axis=-1)
        yield World("sigmoid(ln π₁)", ("binary-log-sigmoid",), p, p_tau, log_sigmoid)
        p2, p2_tau = softmax(2 * theta), softmax(2 * theta, tau)
        yield World("the logits (l, −l) of two classes", (), p2, p2_tau, (p2_tau + D) / 2, known=False)
    yield World("q = (p + D)/2, which ignores τ", (), p, p_tau, (p + D) / 2, known=False)
    yield World("q = (p_τ + p)/2, without the sample", (), p, p_tau, (p_tau + p) / 2, known=False)

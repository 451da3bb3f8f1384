"""The probabilities that an implementation may use in its terms: the right ones, and those of mistakes.

A world says what stands for p, p_τ and q. In each, the gradient is fitted as
a·J(q)g + b·J(p)g + c·J(p_τ)g; the paper has a = 2, b = −½, c = 0. A world is
put together from lines 1 and 3, which give p and p_τ, and line 4, which gives q.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from verify.conformance.diagnosis.evidence import Columns
from verify.oracle.bits import widen
from verify.oracle.definitions import softmax, softmax_vjp
from verify.typing import Array

__all__ = ["World", "paper", "reweighted", "worlds"]


@dataclass(frozen=True, eq=False)
class World:
    """What stands for p, p_τ and q, and the mistakes that this is by itself.

    Attributes
    ----------
    name : str
    p, p_tau, q : array, shape (n, K)
    codes : tuple of str
        The classes of mistakes that it is.
    remark : str
        What is wrong in it that is of no class, in a sentence.
    chain : array, shape (n, K), or None
        Probabilities whose Jacobian follows the terms.
    factor, lead : float
        Of all the terms, and of the first one besides.
    heat : float
        The temperature that it uses for p_τ.
    """

    name: str
    p: Array
    p_tau: Array
    q: Array
    codes: tuple[str, ...] = ()
    remark: str = ""
    chain: Array | None = None
    factor: float = 1.0
    lead: float = 1.0
    heat: float = 1.0

    @property
    def faults(self) -> int:
        """How many mistakes it is."""
        return len(self.codes) + bool(self.remark)

    def terms(self, g: Array) -> Array:
        """J(q)g, J(p)g and, where it is another than the second, J(p_τ)g; shape (2 or 3, n, K)."""
        bases = [self.q, self.p] if np.allclose(self.p, self.p_tau) else [self.q, self.p, self.p_tau]
        found = [softmax_vjp(base, g) for base in bases]
        if self.chain is not None:
            found = [softmax_vjp(self.chain, term) for term in found]
        found[0] = self.lead * found[0]
        return self.factor * np.stack(found).astype(float)


def reweighted(q: Array, logits: Array, times: float) -> Array:
    """What softmax(ln q + times·θ) comes to."""
    with np.errstate(divide="ignore"):
        return softmax(np.log(q) + times * logits)


def paper(columns: Columns) -> World:
    """The right one."""
    theta, tau = columns.logits, columns.tau
    p_tau = softmax(theta, tau)
    return World("q = (p_τ + D)/2", softmax(theta), p_tau, (p_tau + columns.onehot) / 2, heat=tau)


@dataclass(frozen=True, eq=False)
class _Softmaxes:
    """Lines 1 and 3: what stands for p and p_τ; the attributes are those of a world."""

    name: str
    p: Array
    p_tau: Array
    codes: tuple[str, ...] = ()
    remark: str = ""
    chain: Array | None = None


@dataclass(frozen=True, eq=False)
class _Fourth:
    """Line 4: what it makes of π₁; the attributes are those of a world."""

    name: str
    made: Callable[[Array, _Softmaxes], Array]
    codes: tuple[str, ...] = ()
    remark: str = ""


def worlds(columns: Columns, *, binary: bool) -> Iterator[World]:
    """The worlds, the paper's first, then those of the fewest mistakes.

    Parameters
    ----------
    columns : Columns
    binary : bool
        Whether the implementation is a binary one.
    """
    bases, fourths = list(_softmaxes(columns, binary=binary)), list(_fourths(columns, binary=binary))
    found = [_put_together(columns, base, fourth) for base, fourth in product(bases, fourths)]
    yield from sorted(found, key=lambda world: world.faults)


def _put_together(columns: Columns, base: _Softmaxes, fourth: _Fourth) -> World:
    q = fourth.made((base.p_tau + columns.onehot) / 2, base)
    return World(
        ", ".join(filter(None, (base.name, fourth.name))) or "q = (p_τ + D)/2",
        base.p,
        base.p_tau,
        q,
        base.codes + fourth.codes,
        " ".join(filter(None, (base.remark, fourth.remark))),
        base.chain,
        heat=columns.tau,
    )


def _softmaxes(columns: Columns, *, binary: bool) -> Iterator[_Softmaxes]:
    theta, tau = columns.logits, columns.tau
    p, p_tau = softmax(theta), softmax(theta, tau)
    yield _Softmaxes("", p, p_tau)
    yield _Softmaxes("softmax(θτ) for p_τ", p, softmax(theta * tau), ("inverted-tau",))
    twice, doubled = softmax(p), ("probabilities-as-logits",)
    for name, first, second in (
        ("softmax(softmax(θ)) for p and softmax(softmax(θ)/τ) for p_τ", twice, softmax(p, tau)),
        ("softmax(softmax(θ)/τ) for p_τ", p, softmax(p, tau)),
        ("softmax(softmax(θ)) for p and softmax(softmax(θ/τ)) for p_τ", twice, softmax(p_tau)),
        ("softmax(softmax(θ/τ)) for p_τ", p, softmax(p_tau)),
        ("softmax(softmax(θ)) for p", twice, p_tau),
    ):
        yield _Softmaxes(name, first, second, doubled)
        yield _Softmaxes(f"{name}, differentiated to θ", first, second, doubled, chain=p)
    ignored = (
        "The temperature is not used: line 3 averages D with softmax(θ) at every τ. Divide θ by τ there."
    )
    yield _Softmaxes("softmax(θ) for p_τ", p, p, remark=ignored)
    if binary:
        p2, p2_tau = softmax(2 * theta), softmax(2 * theta, tau)
        two = "A logit l is taken for the two logits (l, −l), whose softmax is sigmoid(2l). Take (l, 0)."
        yield _Softmaxes("sigmoid(2l) for p", p2, p2_tau, remark=two)


def _fourths(columns: Columns, *, binary: bool) -> Iterator[_Fourth]:
    theta = columns.logits
    yield _Fourth("", lambda q, _: q)
    yield _Fourth("softmax(ln q − 2θ) for q", lambda q, _: reweighted(q, theta, -2.0))
    yield _Fourth(
        "softmax(ln q + θ) for q",
        lambda q, _: reweighted(q, theta, 1.0),
        remark="Line 4 comes to softmax(ln π₁ + θ), not back to π₁: − θ is missing inside of the "
        "stop-gradient. Write softmax(sg(ln π₁ − θ) + θ).",
    )
    yield _Fourth(
        "softmax(q) for q",
        lambda q, _: softmax(q),
        remark="Line 4 comes to softmax(π₁), not back to π₁: the logarithm is missing. Write "
        "softmax(sg(ln π₁ − θ) + θ).",
    )
    yield _Fourth(
        "(p_τ + p)/2 for q",
        lambda _, base: (base.p_tau + base.p) / 2,
        remark="The sample is not in π₁: line 3 averages p_τ with softmax(θ). Average p_τ with D.",
    )
    if binary:
        yield _Fourth("sigmoid(ln π₁) for q", _log_sigmoid, ("binary-log-sigmoid",))


def _log_sigmoid(q: Array, _: _Softmaxes) -> Array:
    return widen(q[..., 1] / (1 + q[..., 1]), total=1)

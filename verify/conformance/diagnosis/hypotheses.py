"""What an implementation may use for p, p_τ and q: the right probabilities, and those of mistakes.

Under each hypothesis the gradient is fitted as a·J(q)g + b·J(p)g + c·J(p_τ)g.
The paper has a = 2, b = −½, c = 0. A hypothesis is put together from lines 1
and 3, which give p and p_τ, and from line 4, which gives q.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from verify.conformance.diagnosis.describe import law, listed
from verify.conformance.diagnosis.observations import Columns
from verify.oracle.bits import widen
from verify.oracle.definitions import softmax, softmax_vjp
from verify.typing import Array

__all__ = ["FAMILIES", "Family", "Hypothesis", "hypotheses"]


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """What stands for p, p_τ and q, and the mistakes that are made there.

    Attributes
    ----------
    name : str
    p, p_tau, q : array, shape (n, K)
    codes : tuple of str
        Of the mistakes that it makes.
    remark : str
        What is wrong in it and has no code, in a sentence.
    chain : array, shape (n, K), or None
        Probabilities through whose softmax the terms are carried back.
    factor, lead : float
        Of all the terms, and of the first one besides.
    tau : float
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
    tau: float = 1.0

    @property
    def mistakes(self) -> int:
        """How many there are."""
        return len(self.codes) + bool(self.remark)

    def terms(self, g: Array) -> Array:
        """J(q)g, J(p)g and, where it is another than the second, J(p_τ)g; shape (2 or 3, n, K)."""
        bases = [self.q, self.p] if np.allclose(self.p, self.p_tau) else [self.q, self.p, self.p_tau]
        found = [softmax_vjp(base, g) for base in bases]
        if self.chain is not None:
            found = [softmax_vjp(self.chain, term) for term in found]
        found[0] = self.lead * found[0]
        return self.factor * np.stack(found).astype(float)


@dataclass(frozen=True, eq=False)
class _LineFour:
    """What line 4 makes of the hypothesis so far; the other attributes are those of a hypothesis."""

    name: str
    made: Callable[[Hypothesis], Array]
    codes: tuple[str, ...] = ()
    remark: str = ""


def hypotheses(columns: Columns, *, binary: bool) -> Iterator[Hypothesis]:
    """All of them: the paper's first, then those of the fewest mistakes."""
    pairs = product(_softmaxes(columns, binary=binary), _fourths(columns, binary=binary))
    found = [_put_together(base, fourth) for base, fourth in pairs]
    yield from sorted(found, key=lambda hypothesis: hypothesis.mistakes)


def _put_together(base: Hypothesis, fourth: _LineFour) -> Hypothesis:
    return replace(
        base,
        name=", ".join(filter(None, (base.name, fourth.name))) or "q = (p_τ + D)/2",
        q=fourth.made(base),
        codes=base.codes + fourth.codes,
        remark=" ".join(filter(None, (base.remark, fourth.remark))),
    )


def _averaged(columns: Columns, name: str, p: Array, p_tau: Array, **found: Any) -> Hypothesis:
    """The hypothesis whose q is (p_τ + D)/2, as in line 3."""
    return Hypothesis(name, p, p_tau, (p_tau + columns.onehot) / 2, **{"tau": columns.tau} | found)


def _paper(columns: Columns) -> Hypothesis:
    return _averaged(
        columns, "q = (p_τ + D)/2", softmax(columns.logits), softmax(columns.logits, columns.tau)
    )


def _softmaxes(columns: Columns, *, binary: bool) -> Iterator[Hypothesis]:
    """What stands for p and p_τ in lines 1 and 3."""
    theta, tau = columns.logits, columns.tau
    p, p_tau = softmax(theta), softmax(theta, tau)
    yield _averaged(columns, "", p, p_tau)
    yield _averaged(columns, "softmax(θτ) for p_τ", p, softmax(theta * tau), codes=("inverted-tau",))
    twice, doubled = softmax(p), ("probabilities-as-logits",)
    for name, first, second in (
        ("softmax(softmax(θ)) for p and softmax(softmax(θ)/τ) for p_τ", twice, softmax(p, tau)),
        ("softmax(softmax(θ)/τ) for p_τ", p, softmax(p, tau)),
        ("softmax(softmax(θ)) for p and softmax(softmax(θ/τ)) for p_τ", twice, softmax(p_tau)),
        ("softmax(softmax(θ/τ)) for p_τ", p, softmax(p_tau)),
        ("softmax(softmax(θ)) for p", twice, p_tau),
    ):
        yield _averaged(columns, name, first, second, codes=doubled)
        yield _averaged(columns, f"{name}, differentiated to θ", first, second, codes=doubled, chain=p)
    ignored = (
        "The temperature is not used: line 3 averages D with softmax(θ) at every τ. Divide θ by τ there."
    )
    yield _averaged(columns, "softmax(θ) for p_τ", p, p, remark=ignored)
    if binary:
        p2, p2_tau = softmax(2 * theta), softmax(2 * theta, tau)
        two = "A logit l is taken for the two logits (l, −l), whose softmax is sigmoid(2l). Take (l, 0)."
        yield _averaged(columns, "sigmoid(2l) for p", p2, p2_tau, remark=two)


def _fourths(columns: Columns, *, binary: bool) -> Iterator[_LineFour]:
    theta = columns.logits
    yield _LineFour("", lambda h: h.q)
    yield _LineFour("softmax(ln q − 2θ) for q", lambda h: _reweighted(h.q, theta, -2.0))
    yield _LineFour(
        "softmax(ln q + θ) for q",
        lambda h: _reweighted(h.q, theta, 1.0),
        remark="Line 4 comes to softmax(ln π₁ + θ), not back to π₁: − θ is missing inside of the "
        "stop-gradient. Write softmax(sg(ln π₁ − θ) + θ).",
    )
    yield _LineFour(
        "softmax(q) for q",
        lambda h: softmax(h.q),
        remark="Line 4 comes to softmax(π₁), not back to π₁: the logarithm is missing. Write "
        "softmax(sg(ln π₁ − θ) + θ).",
    )
    yield _LineFour(
        "(p_τ + p)/2 for q",
        lambda h: (h.p_tau + h.p) / 2,
        remark="The sample is not in π₁: line 3 averages p_τ with softmax(θ). Average p_τ with D.",
    )
    if binary:
        yield _LineFour(
            "sigmoid(ln π₁) for q",
            lambda h: widen(h.q[..., 1] / (1 + h.q[..., 1]), total=1),
            ("binary-log-sigmoid",),
        )


def _reweighted(q: Array, logits: Array, times: float) -> Array:
    """What softmax(ln q + times·θ) comes to."""
    with np.errstate(divide="ignore"):
        return softmax(np.log(q) + times * logits)


@dataclass(frozen=True)
class Family:
    """A hypothesis for each value of a number: a temperature, a weight, a small constant.

    Attributes
    ----------
    make : callable
        The hypothesis from columns and the number.
    grid : tuple of float
        Where the number is looked for first.
    tell : callable
        What is wrong, in a sentence, from the number at each temperature.
    """

    make: Callable[[Columns, float], Hypothesis]
    grid: tuple[float, ...]
    tell: Callable[[dict[float, float]], str]


def _spaced(low: float, high: float) -> tuple[float, ...]:
    return tuple(map(float, np.geomspace(low, high, 60)))


def _at_temperature(columns: Columns, tau: float) -> Hypothesis:
    theta = columns.logits
    return _averaged(columns, "softmax(θ/t) for p_τ", softmax(theta), softmax(theta, tau), tau=tau)


def _tell_temperature(values: dict[float, float]) -> str:
    found = law(values)
    if found is not None and "τ" not in found:
        fixed = next(iter(values.values()))
        every = " at every τ" if len(values) > 1 else ""
        return (
            f"This is ReinMax at τ = {fixed:.2f}, fixed inside: line 3 takes softmax(θ/{found}){every}. "
            "Divide θ by a τ that the caller gives."
        )
    return f"Line 3 takes softmax(θ/t) with t = {listed(values)} in place of τ. Divide θ by τ itself."


def _scaled(columns: Columns, scale: float) -> Hypothesis:
    theta, name = scale * columns.logits, "softmax(sθ) for p and softmax(sθ/τ) for p_τ"
    return _averaged(columns, name, softmax(theta), softmax(theta, columns.tau), factor=scale)


def _tell_scale(values: dict[float, float]) -> str:
    return (
        f"This is ReinMax of s·θ with s = {listed(values)}: the logits are scaled before everything. "
        "Take them as they come."
    )


def _shifted(columns: Columns, times: float) -> Hypothesis:
    right = _paper(columns)
    q = _reweighted(right.q, columns.logits, times)
    return replace(right, name="softmax(ln q + mθ) for q", q=q)


def _tell_shift(values: dict[float, float]) -> str:
    return (
        f"Line 4 comes to softmax(ln π₁ + mθ) with m = {listed(values)}, not back to π₁: what is added "
        "outside of the stop-gradient is not what was subtracted inside. Write softmax(sg(ln π₁ − θ) + θ)."
    )


def _powered(columns: Columns, power: float) -> Hypothesis:
    right = _paper(columns)
    with np.errstate(divide="ignore"):
        q = softmax(power * np.log(right.q))
    return replace(right, name="softmax(n·ln q) for q", q=q, lead=power)


def _tell_power(values: dict[float, float]) -> str:
    return (
        f"Line 4 comes to softmax(n·ln π₁) with n = {listed(values)}, not back to π₁: its softmax is scaled, "
        "as by a temperature. The temperature belongs to line 3 alone."
    )


def _smoothed(columns: Columns, weight: float) -> Hypothesis:
    right, K = _paper(columns), columns.logits.shape[-1]
    q = right.q - weight * (columns.onehot - 1 / K) / 2
    return replace(right, name="(1 − α)D + α/K for D", q=q)


def _tell_smoothing(values: dict[float, float]) -> str:
    return (
        f"D is smoothed: line 3 takes (1 − α)D + α/K with α = {listed(values)}. Take the sample as it was "
        "drawn."
    )


def _raised(columns: Columns, epsilon: float) -> Hypothesis:
    right, K = _paper(columns), columns.logits.shape[-1]
    q = (right.q + epsilon) / (1 + K * epsilon)
    return replace(right, name="q + ε, made to sum to one, for q", q=q)


def _tell_epsilon(values: dict[float, float]) -> str:
    return (
        f"Line 4 takes ln(π₁ + ε) with ε = {listed(values)}, or π₁ is mixed with a uniform distribution. "
        "Where a logarithm has to be guarded, take ε of the size of the smallest normal number."
    )


def _floored(columns: Columns, least: float) -> Hypothesis:
    right = _paper(columns)
    q = np.maximum(right.q, least)
    q = q / q.sum(axis=-1, keepdims=True)
    return replace(right, name="q, clamped from below, for q", q=q)


def _tell_floor(values: dict[float, float]) -> str:
    return (
        f"Line 4 takes the logarithm of π₁ clamped at {max(values.values()):.3g}. Where a logarithm has to "
        "be guarded, clamp at the size of the smallest normal number."
    )


FAMILIES: tuple[Family, ...] = (
    Family(_at_temperature, _spaced(0.05, 20), _tell_temperature),
    Family(_scaled, _spaced(0.05, 20), _tell_scale),
    Family(_shifted, tuple(map(float, np.linspace(-4, 4, 60))), _tell_shift),
    Family(_powered, _spaced(0.1, 10), _tell_power),
    Family(_smoothed, _spaced(1e-5, 1), _tell_smoothing),
    Family(_raised, _spaced(1e-7, 1), _tell_epsilon),
    Family(_floored, _spaced(1e-6, 0.3), _tell_floor),
)

"""Fitted numbers in words: the mistakes that lead to them, and how they depend on the temperature."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import isclose, log

from verify.typing import Array

__all__ = [
    "CLOSE",
    "TERMS",
    "Explanation",
    "Triple",
    "alternatives",
    "explanations",
    "formula",
    "interpret",
    "law",
    "listed",
    "scaled",
    "told_apart",
    "told_order",
]

#: The coefficients of these terms.
Triple = tuple[float, float, float]
TERMS = ("J(q)g", "J(p)g", "J(p_τ)g")

CLOSE = 1e-3


@dataclass(frozen=True)
class Explanation:
    """Mistakes, and the coefficients that they lead to.

    Attributes
    ----------
    codes : tuple of str
    terms : tuple of (int, float, int)
        Which of the three terms, its coefficient, and the power of τ.
    """

    codes: tuple[str, ...]
    terms: tuple[tuple[int, float, int], ...]

    def predict(self, tau: float) -> Triple:
        """The coefficients at a temperature; at τ = 1 the last two terms are one."""
        found = [0.0, 0.0, 0.0]
        for place, factor, power in self.terms:
            found[1 if isclose(tau, 1) and place == 2 else place] += factor * tau**power
        return found[0], found[1], found[2]

    def factors(self, fitted: dict[float, Triple], used: dict[float, float]) -> dict[float, float] | None:
        """The factor at each temperature between fitted and predicted; None where there is no such factor."""
        found = {}
        for tau, seen in fitted.items():
            due = self.predict(used[tau])
            factor = sum(x * y for x, y in zip(seen, due, strict=True)) / (sum(y * y for y in due) or 1.0)
            if any(abs(x - factor * y) > CLOSE * abs(factor) for x, y in zip(seen, due, strict=True)):
                return None
            found[tau] = factor
        return found


FIRST: tuple[tuple[tuple[str, ...], tuple[tuple[int, float, int], ...]], ...] = (
    ((), ((0, 2.0, 0),)),
    (("missing-factor-two",), ((0, 1.0, 0),)),
    (("sign-flip",), ((0, -2.0, 0),)),
    (("missing-factor-two", "sign-flip"), ((0, -1.0, 0),)),
    (("severed-gradient",), ()),
    (("missing-stop-gradient",), ((2, 1.0, -1),)),
    (("missing-stop-gradient",), ((0, 2.0, 0), (2, 1.0, -1))),
    (("missing-stop-gradient", "missing-factor-two"), ((2, 0.5, -1),)),
    (("inverse-tau-scale",), ((0, 2.0, -1),)),
    (("inverse-tau-scale", "missing-factor-two"), ((0, 1.0, -1),)),
)

HALF: tuple[tuple[tuple[str, ...], tuple[tuple[int, float, int], ...]], ...] = (
    ((), ((1, -0.5, 0),)),
    (("missing-half-term",), ()),
    (("sign-flip",), ((1, 0.5, 0),)),
    (("tempered-half-term",), ((2, -0.5, 0),)),
    (("tempered-half-term",), ((2, -0.5, -1),)),
    (("tempered-half-term", "inverse-tau-scale"), ((2, -0.5, -2),)),
    (("sign-flip", "tempered-half-term"), ((2, 0.5, 0),)),
    (("sign-flip", "tempered-half-term"), ((2, 0.5, -1),)),
    (("inverse-tau-scale",), ((1, -0.5, -1),)),
)

WHOLE: tuple[Explanation, ...] = (
    Explanation(("severed-gradient",), ()),
    Explanation(("straight-through",), ((1, 1.0, 0),)),
    Explanation(("straight-through",), ((2, 1.0, 0),)),
    Explanation(("straight-through",), ((2, 1.0, -1),)),
    Explanation(("straight-through", "inverse-tau-scale"), ((1, 1.0, -1),)),
)


@cache
def explanations() -> tuple[Explanation, ...]:
    """All combinations, those of the fewest mistakes first.

    Without the first term, the half term with the opposite sign is half of
    Straight-Through, not two mistakes.
    """
    mixed = [
        Explanation(tuple(dict.fromkeys(one + two)), first + half)
        for (one, first), (two, half) in product(FIRST, HALF)
        if not (one == ("severed-gradient",) and (not half or two == ("sign-flip",)))
    ]
    return tuple(sorted([*WHOLE, *mixed], key=lambda e: len(e.codes)))


def interpret(fitted: dict[float, Triple], used: dict[float, float] | None = None) -> Explanation | None:
    """The fewest mistakes that lead to these coefficients; ``used`` are the temperatures in place of τ.

    Examples
    --------
    >>> interpret({1.0: (1.0, -0.5, 0.0)}).codes
    ('missing-factor-two',)
    """
    return next(iter(alternatives(fitted, used)), None)


def alternatives(fitted: dict[float, Triple], used: dict[float, float] | None = None) -> list[Explanation]:
    """All that lead to these coefficients by the fewest mistakes."""
    used = used or {tau: tau for tau in fitted}
    found: dict[frozenset[str], Explanation] = {}
    for explanation in told_apart(used):
        if all(
            abs(x - y) <= CLOSE
            for tau, seen in fitted.items()
            for x, y in zip(seen, explanation.predict(used[tau]), strict=True)
        ):
            found.setdefault(frozenset(explanation.codes), explanation)
    fewest = min(map(len, found), default=0)
    return [explanation for codes, explanation in found.items() if len(codes) == fewest]


def told_apart(used: dict[float, float]) -> Iterator[Explanation]:
    """Those whose mistakes the temperatures can show: at τ = 1 alone a power of τ shows nothing."""
    cold = all(isclose(tau, 1) for tau in used.values())
    hidden = {"inverse-tau-scale", "tempered-half-term"} if cold else set()
    return (e for e in explanations() if not hidden & set(e.codes))


def scaled(
    fitted: dict[float, Triple], used: dict[float, float]
) -> tuple[Explanation, dict[float, float]] | None:
    """The right gradient or Straight-Through's with its factor by temperature, where it is that."""
    right = Explanation((), ((0, 2.0, 0), (1, -0.5, 0)))
    for explanation in (right, *WHOLE[1:]):
        factors = explanation.factors(fitted, used)
        if factors is not None and all(factors.values()):
            return explanation, factors
    return None


def formula(coefficients: dict[float, Triple]) -> str:
    """Coefficients as a sum of terms, said once where they are the same at several temperatures.

    Examples
    --------
    >>> formula({1.0: (2.0, -0.5, 0.0)})
    '2·J(q)g − 0.5·J(p)g'
    >>> formula({1.0: (0.0, 1.0, 0.0), 1.5: (2.0, -0.5, 0.0), 2.0: (2.0, -0.5, 0.0)})
    '1·J(p)g at τ = 1; 2·J(q)g − 0.5·J(p)g at τ = 1.5, 2'
    """
    groups: dict[str, list[float]] = {}
    for tau, triple in sorted(coefficients.items(), key=lambda each: each[0] == 1):
        same = (
            told for told, (first, *_) in groups.items() if tau == 1 and _alike(coefficients[first], triple)
        )
        groups.setdefault(next(same, _sum(triple)), []).append(tau)
    if len(groups) == 1:
        return next(iter(groups)) + (" at every τ" if len(coefficients) > 1 else "")
    ordered = sorted((sorted(taus), told) for told, taus in groups.items())
    return "; ".join(f"{told} at τ = {', '.join(f'{tau:g}' for tau in taus)}" for taus, told in ordered)


def _alike(elsewhere: Triple, at_one: Triple) -> bool:
    """Whether coefficients come to those at τ = 1, where p_τ is p."""
    a, b, c = elsewhere
    return _sum((a, b + c, 0.0)) == _sum(at_one)


def _sum(triple: Triple) -> str:
    shown = [f"{x:.3g}·{term}" for x, term in zip(triple, TERMS, strict=True) if abs(x) > 5e-4]
    return " + ".join(shown).replace("+ -", "− ") or "0"


#: What is written, the law itself, and its constant from one value (τ, v); ``v`` is the constant.
Law = tuple[str, Callable[[float, float], float], Callable[[float, float], float]]

LAWS: tuple[Law, ...] = (
    ("{:.4g}", lambda c, _: c, lambda _, v: v),
    ("τ^{:.4g}", lambda c, tau: tau**c, lambda tau, v: log(v) / log(tau) if v > 0 else 0.0),
    ("{:.4g}·τ", lambda c, tau: c * tau, lambda tau, v: v / tau),
    ("τ + {:.4g}", lambda c, tau: tau + c, lambda tau, v: v - tau),
    ("max(τ, {:.4g})", lambda c, tau: max(tau, c), lambda _, v: v),
    ("min(τ, {:.4g})", lambda c, tau: min(tau, c), lambda _, v: v),
)


def law(values: dict[float, float]) -> str | None:
    """The simplest function of τ that has these values; None where it is none of those that are known.

    Examples
    --------
    >>> law({1.0: 1.0, 1.5: 2.25, 2.0: 4.0})
    'τ^2'
    >>> law({0.5: 1.0, 1.0: 1.0, 2.0: 2.0})
    'max(τ, 1)'
    """
    for text, value, constant in LAWS:
        for tau, v in values.items():
            if tau == 1 and text.startswith("τ^"):
                continue  # every power has this value
            c = constant(tau, v)
            if all(isclose(value(c, t), seen, rel_tol=1e-4, abs_tol=1e-9) for t, seen in values.items()):
                written = text.format(c).replace("+ -", "− ")
                return {"τ^1": "τ", "τ^-1": "1/τ"}.get(written, written)
    return None


def listed(values: dict[float, float]) -> str:
    """The function of τ, or else the values one by one.

    Examples
    --------
    >>> listed({1.0: 1.0, 2.0: 7.0, 4.0: 5.0})
    '1 at τ = 1, 7 at τ = 2, 5 at τ = 4'
    """
    return law(values) or ", ".join(f"{round(v, 6) + 0.0:.3g} at τ = {tau:g}" for tau, v in values.items())


def told_order(order: Sequence[int] | Array) -> str:
    """An order of the classes in words.

    Examples
    --------
    >>> told_order([2, 1, 0])
    'reversed'
    """
    found = [int(i) for i in order]
    return "reversed" if found == [*range(len(found))][::-1] else f"in the order {', '.join(map(str, found))}"

"""From fitted coefficients to the mistakes that explain them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import isclose

__all__ = ["CLOSE", "Explanation", "Triple", "alternatives", "interpret", "scaled", "told_apart"]

#: Coefficients are those of J(q)g, J(p)g and J(p_τ)g.
Triple = tuple[float, float, float]

CLOSE = 1e-3


@dataclass(frozen=True)
class Explanation:
    """Coefficients as powers of τ, with the mistakes that lead to them.

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

    def factors(self, fitted: dict[float, Triple], heats: dict[float, float]) -> dict[float, float] | None:
        """What the coefficients are as multiples of this, by temperature; None where they are none."""
        found = {}
        for tau, seen in fitted.items():
            due = self.predict(heats[tau])
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


def interpret(fitted: dict[float, Triple], heats: dict[float, float] | None = None) -> Explanation | None:
    """The fewest mistakes that lead to these coefficients.

    Parameters
    ----------
    fitted : dict from τ to (a, b, c)
        At τ = 1 with c = 0.
    heats : dict from τ to float, optional
        The temperatures that are used in place of τ.

    Returns
    -------
    Explanation or None

    Examples
    --------
    >>> interpret({1.0: (1.0, -0.5, 0.0)}).codes
    ('missing-factor-two',)
    """
    return next(iter(alternatives(fitted, heats)), None)


def alternatives(fitted: dict[float, Triple], heats: dict[float, float] | None = None) -> list[Explanation]:
    """All that lead to these coefficients by the fewest mistakes; see :func:`interpret`."""
    used = heats or {tau: tau for tau in fitted}
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


def told_apart(heats: dict[float, float]) -> Iterator[Explanation]:
    """Those whose mistakes the temperatures can show: at τ = 1 alone a power of τ shows nothing.

    Parameters
    ----------
    heats : dict from τ to float
        As for :func:`interpret`.
    """
    cold = all(isclose(heat, 1) for heat in heats.values())
    hidden = {"inverse-tau-scale", "tempered-half-term"} if cold else set()
    return (e for e in explanations() if not hidden & set(e.codes))


def scaled(
    fitted: dict[float, Triple], heats: dict[float, float]
) -> tuple[Explanation, dict[float, float]] | None:
    """The right gradient or Straight-Through's, times a factor.

    The parameters are those of :func:`interpret`.

    Returns
    -------
    (explanation, factor by temperature), or None
    """
    right = Explanation((), ((0, 2.0, 0), (1, -0.5, 0)))
    for explanation in (right, *WHOLE[1:]):
        factors = explanation.factors(fitted, heats)
        if factors is not None and all(factors.values()):
            return explanation, factors
    return None

"""From fitted coefficients to the mistakes that explain them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

__all__ = ["Explanation", "interpret"]

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
            found[1 if tau == 1 and place == 2 else place] += factor * tau**power
        return found[0], found[1], found[2]


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
    """All combinations, those of the fewest mistakes first."""
    mixed = [
        Explanation(tuple(dict.fromkeys(one + two)), first + half)
        for (one, first), (two, half) in product(FIRST, HALF)
        if not (one == ("severed-gradient",) and not half)
    ]
    return tuple(sorted([*WHOLE, *mixed], key=lambda e: len(e.codes)))


def interpret(fitted: dict[float, Triple]) -> Explanation | None:
    """The fewest mistakes that lead to these coefficients.

    Parameters
    ----------
    fitted : dict from τ to (a, b, c)
        At τ = 1 with c = 0.

    Returns
    -------
    Explanation or None

    Examples
    --------
    >>> interpret({1.0: (1.0, -0.5, 0.0)}).codes
    ('missing-factor-two',)
    """
    for explanation in _told_apart(fitted):
        if all(
            abs(x - y) <= CLOSE
            for tau, seen in fitted.items()
            for x, y in zip(seen, explanation.predict(tau), strict=True)
        ):
            return explanation
    return None


def _told_apart(fitted: dict[float, Triple]) -> Iterator[Explanation]:
    """Those whose mistakes the temperatures can show: at τ = 1 alone a power of τ shows nothing."""
    hidden = {"inverse-tau-scale", "tempered-half-term"} if set(fitted) == {1.0} else set()
    return (e for e in explanations() if not hidden & set(e.codes))

"""Away from τ = 1 ReinMax is biased, and already on linear objectives."""

from collections.abc import Callable, Iterator
from functools import partial

import sympy as sp

from verify.symbolic.any_number import BY_CLASS, products
from verify.symbolic.certificate import Check, Theorem, vanishing
from verify.symbolic.classes import entrywise, total
from verify.symbolic.definitions import Vector, corner, reinmax, simplex, softmax_vjp
from verify.symbolic.patterns import cotangent, merging

__all__ = ["TEMPERATURE_BIAS"]

Mean = Callable[[Vector, Vector, Vector], Vector]


def _mean(p: Vector, p_tau: Vector, g: Vector) -> Vector:
    """Average the definition over D ~ p at a cotangent that does not depend on D."""
    samples = [reinmax(p, corner(d, len(p)), g, p_tau) for d in range(len(p))]
    return tuple(sp.Add(*(w * v[k] for w, v in zip(p, samples, strict=True))) for k in range(len(p)))


def _claimed(p: Vector, p_tau: Vector, g: Vector) -> Vector:
    """Return [J(p_τ) + ½ (p_τ − p)(p_τ − p)ᵀ] g."""
    gap = entrywise(lambda a, b: a - b, p_tau, p)
    along = total(entrywise(lambda a, b: a * b, gap, g))
    return entrywise(lambda a, b: a + b * along / 2, softmax_vjp(p_tau, g), gap)


def _check(claimed: Mean) -> Iterator[Check]:
    def at(mean: Mean, named: int, classes: int) -> Vector:
        return mean(simplex("p", classes), simplex("r", classes), cotangent("g", named, classes))

    yield from products(_mean, claimed)
    for classes in (2, 3, 4):
        pairs = zip(at(_mean, classes, classes), at(claimed, classes, classes), strict=True)
        yield vanishing(f"K = {classes}, generic g, p and p_τ", *(a - b for a, b in pairs))
    for mean, which in ((_mean, "left"), (claimed, "right")):
        changes = merging(partial(at, mean, 2), 2)
        yield vanishing(f"{which} side: classes outside two named ones can be merged", *changes)
    yield from _two_classes()


def _two_classes() -> Iterator[Check]:
    """Check the bias itself for K = 2 and f = x_1, as a formula and at one rational point."""
    p, r = sp.symbols("p r")
    pair, tempered, g = (p, 1 - p), (r, 1 - r), corner(0, 2)
    bias = _mean(pair, tempered, g)[0] - softmax_vjp(pair, g)[0]
    claim = "K = 2, f = x_1: the bias is ½ (p_τ − p)(2 − p_τ − 3p) in the first class"
    yield vanishing(claim, bias - (r - p) * (2 - r - 3 * p) / 2)
    claim = "K = 2, θ = (ln 4, 0), τ = 2, f = x_1: the bias is 16/225, so linear exactness is lost"
    at_point = bias.subs({p: sp.Rational(4, 5), r: sp.Rational(2, 3)})
    yield vanishing(claim, at_point - sp.Rational(16, 225))


def _tempered_product(p: Vector, p_tau: Vector, g: Vector) -> Vector:
    """Forget the rank-one part, as if the mean were that of tempered straight-through."""
    del p
    return softmax_vjp(p_tau, g)


TEMPERATURE_BIAS = Theorem(
    name="temperature-bias",
    statement="For linear f, E[grad] = [J(p_τ) + ½ (p_τ − p)(p_τ − p)ᵀ] g, which is not J(p)g in general.",
    hypotheses=(
        "D ~ p, one variable, g constant",
        BY_CLASS,
        "p and p_τ are any two points of the simplex, so any τ",
    ),
    classes="all K: K = 2, 3, 4 in full; an entry names two classes and the others merge",
    formula=_claimed,
    falsehood=_tempered_product,
    check=_check,
)

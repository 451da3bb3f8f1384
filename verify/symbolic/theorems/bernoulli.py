"""One binary logit is the pair (l, 0), and not (l, −l)."""

from collections.abc import Callable, Iterator

import sympy as sp

from verify.symbolic.certificate import Check, Theorem, vanishing
from verify.symbolic.definitions import reinmax, softmax

__all__ = ["BERNOULLI"]

Scalar = Callable[[sp.Expr, sp.Expr, sp.Expr, sp.Expr, sp.Expr], sp.Expr]


def _claimed(p: sp.Expr, p_tau: sp.Expr, z: sp.Expr, g: sp.Expr, h: sp.Expr) -> sp.Expr:
    """Return [2q(1−q) − ½p(1−p)]·g + p(1−p)·h with q = (p_τ + z)/2."""
    q = (p_tau + z) / 2
    return (2 * q * (1 - q) - p * (1 - p) / 2) * g + p * (1 - p) * h


def _check(claimed: Scalar) -> Iterator[Check]:
    p, r, a, b, u, v = sp.symbols("p r a b u v", real=True)
    pair = (p, 1 - p)
    for z in (sp.S.Zero, sp.S.One):
        sample = (z, 1 - z)
        general = reinmax(pair, sample, (a, b), (r, 1 - r), (u, v))
        claim = f"z = {z}, any τ: the first coordinate is the claim with g = g_1 − g_2 and h = h_1 − h_2"
        yield vanishing(claim, general[0] - claimed(p, r, z, a - b, u - v))
        distance = sp.Piecewise((p, sp.Eq(z, 0)), (1 - p, True))
        at_one = reinmax(pair, sample, (a, b))[0]
        difference = at_one - claimed(p, p, z, a - b, sp.S.Zero)
        yield vanishing(f"z = {z}, τ = 1: ½ g |z − p|", at_one - (a - b) * distance / 2, difference)
    yield _logits()


def _logits() -> Check:
    """Check which pair of logits has the probability σ(l), with w = exp(l)."""
    w, logit = sp.Symbol("w", positive=True), sp.Symbol("l", real=True)

    def first(*logits: sp.Expr) -> sp.Expr:
        return softmax(logits)[0].subs(logit, sp.log(w))

    claim = "the pair (l, 0) has p = σ(l); the pair (l, −l) has σ(2l)"
    return vanishing(claim, first(logit, sp.S.Zero) - w / (1 + w), first(logit, -logit) - w**2 / (1 + w**2))


def _tempered_half_term(p: sp.Expr, p_tau: sp.Expr, z: sp.Expr, g: sp.Expr, h: sp.Expr) -> sp.Expr:
    """Use p_τ in the half term: invisible at τ = 1."""
    q = (p_tau + z) / 2
    return (2 * q * (1 - q) - p_tau * (1 - p_tau) / 2) * g + p * (1 - p) * h


BERNOULLI = Theorem(
    name="bernoulli",
    statement="For the pair of logits (l, 0), ReinMax is [2q(1−q) − ½p(1−p)]·g + p(1−p)·h in l, with "
    "p = σ(l) and q = (σ(l/τ) + z)/2; at τ = 1 the first term is ½·g·|z − p|.",
    hypotheses=(
        "g and h are derivatives with respect to z and p: the difference of the pair's two cotangents",
        "z is 0 or 1",
        "σ(l) and σ(l/τ) are any two numbers, so any τ",
    ),
    classes="K = 2",
    formula=_claimed,
    falsehood=_tempered_half_term,
    check=_check,
)

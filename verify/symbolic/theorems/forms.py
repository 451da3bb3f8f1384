"""Other forms of ReinMax: at τ = 1 a rank-one update and a sum over pairs, for two classes a scalar."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

import sympy as sp

from verify.symbolic.any_number import BY_CLASS, samples
from verify.symbolic.certificate import Check, Theorem, vanishing
from verify.symbolic.classes import entrywise, total
from verify.symbolic.definitions import Estimator, Vector, reinmax, softmax, softmax_vjp
from verify.symbolic.patterns import Sample, by_sample

__all__ = ["BERNOULLI", "RANK_ONE_FORM", "pairwise", "rank_one"]


def rank_one(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Return ½ [J(p)g + s⟨s, g⟩] with the score s = D − p."""
    score = entrywise(lambda a, b: a - b, onehot, p)
    along = total(entrywise(lambda a, b: a * b, score, grad_hard))
    return entrywise(lambda a, b: (a + b * along) / 2, softmax_vjp(p, grad_hard), score)


def pairwise(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Return ½ Σ_j p_j (e_d − e_j)(g_d − g_j)."""
    at_sample = total(entrywise(lambda a, b: a * b, onehot, grad_hard))
    pairs = entrywise(lambda w, g: w * (at_sample - g), p, grad_hard)
    whole = total(pairs)
    return entrywise(lambda d, pair: (d * whole - pair) / 2, onehot, pairs)


def _as_sample(estimator: Estimator) -> Sample:
    """Ignore the temperature and the soft cotangent, which these forms do not have."""
    return lambda p, _tempered, onehot, grad_hard, _soft: estimator(p, onehot, grad_hard)


def _check(forms: dict[str, Estimator]) -> Iterator[Check]:
    for name, form in forms.items():
        left, right = _as_sample(reinmax), _as_sample(form)
        for check in chain(samples(left, right), by_sample(left, right)):
            yield replace(check, claim=f"{name}: {check.claim}")


def _without_score(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Use the sample in place of the score, as if D were centred."""
    along = total(entrywise(lambda a, b: a * b, onehot, grad_hard))
    return entrywise(lambda a, b: (a + b * along) / 2, softmax_vjp(p, grad_hard), onehot)


RANK_ONE_FORM = Theorem(
    name="rank-one-form",
    statement="At τ = 1 ReinMax is ½ [J(p)g + s⟨s, g⟩] with s = D − p, and ½ Σ_j p_j (e_d − e_j)(g_d − g_j).",
    hypotheses=("p is any point of the simplex", "τ = 1", BY_CLASS),
    classes="all K: K = 2, 3, 4 in full; an entry names three classes and the others merge",
    formula={"½ [J(p)g + s⟨s, g⟩]": rank_one, "sum over pairs": pairwise},
    falsehood={"½ [J(p)g + D⟨D, g⟩]": _without_score, "sum over pairs": pairwise},
    check=_check,
)


Scalar = Callable[[sp.Expr, sp.Expr, sp.Expr, sp.Expr, sp.Expr], sp.Expr]


def _bits(p: sp.Expr, p_tau: sp.Expr, z: sp.Expr, g: sp.Expr, h: sp.Expr) -> sp.Expr:
    """Return [2q(1−q) − ½p(1−p)]·g + p(1−p)·h with q = (p_τ + z)/2."""
    q = (p_tau + z) / 2
    return (2 * q * (1 - q) - p * (1 - p) / 2) * g + p * (1 - p) * h


def _check_bits(claimed: Scalar) -> Iterator[Check]:
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


def _tempered_bits(p: sp.Expr, p_tau: sp.Expr, z: sp.Expr, g: sp.Expr, h: sp.Expr) -> sp.Expr:
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
    formula=_bits,
    falsehood=_tempered_bits,
    check=_check_bits,
)

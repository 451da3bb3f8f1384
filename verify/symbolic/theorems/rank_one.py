"""Two more forms of ReinMax at τ = 1: a rank-one update of straight-through, and a sum over pairs."""

from collections.abc import Iterator

import sympy as sp

from verify.symbolic.certificate import Check, Theorem
from verify.symbolic.definitions import Estimator, Vector, corner, reinmax, softmax_vjp
from verify.symbolic.patterns import Sample, by_sample

__all__ = ["RANK_ONE_FORM", "pairwise", "rank_one"]


def rank_one(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Return ½ [J(p)g + s⟨s, g⟩] with the score s = D − p."""
    score = tuple(a - b for a, b in zip(onehot, p, strict=True))
    along = sp.Add(*(a * b for a, b in zip(score, grad_hard, strict=True)))
    return tuple((a + b * along) / 2 for a, b in zip(softmax_vjp(p, grad_hard), score, strict=True))


def pairwise(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Return ½ Σ_j p_j (e_d − e_j)(g_d − g_j)."""
    at_sample = sp.Add(*(a * b for a, b in zip(onehot, grad_hard, strict=True)))
    total = tuple(sp.S.Zero for _ in p)
    for j, (weight, slope) in enumerate(zip(p, grad_hard, strict=True)):
        step = zip(total, onehot, corner(j, len(p)), strict=True)
        total = tuple(t + weight * (a - b) * (at_sample - slope) / 2 for t, a, b in step)
    return total


def _as_sample(estimator: Estimator) -> Sample:
    """Ignore the temperature and the soft cotangent, which these forms do not have."""
    return lambda p, _tempered, onehot, grad_hard, _soft: estimator(p, onehot, grad_hard)


def _check(forms: dict[str, Estimator]) -> Iterator[Check]:
    for name, form in forms.items():
        for check in by_sample(_as_sample(reinmax), _as_sample(form)):
            yield Check(f"{name}: {check.claim}", check.residual)


def _without_score(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Use the sample in place of the score, as if D were centred."""
    along = sp.Add(*(a * b for a, b in zip(onehot, grad_hard, strict=True)))
    return tuple((a + b * along) / 2 for a, b in zip(softmax_vjp(p, grad_hard), onehot, strict=True))


RANK_ONE_FORM = Theorem(
    name="rank-one-form",
    statement="At τ = 1 ReinMax is ½ [J(p)g + s⟨s, g⟩] with s = D − p, and ½ Σ_j p_j (e_d − e_j)(g_d − g_j).",
    hypotheses=("p is any point of the simplex", "τ = 1"),
    classes="all K: K = 2, 3, 4 in full; an entry names three classes and the others merge",
    formula={"½ [J(p)g + s⟨s, g⟩]": rank_one, "sum over pairs": pairwise},
    falsehood={"½ [J(p)g + D⟨D, g⟩]": _without_score, "sum over pairs": pairwise},
    check=_check,
)

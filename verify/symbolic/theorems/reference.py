"""The lines of the reference, run on symbols, against the paper's definition.

The one place in the theorems that imports the implementation.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from reinmax_ref import algebra
from verify.symbolic.certificate import Check, Theorem
from verify.symbolic.definitions import Vector, reinmax
from verify.symbolic.patterns import Sample, by_sample

__all__ = ["SIMPLIFIED_FORM"]


def _reference(vjp: Callable[..., Any], *, at_one: bool, soft: bool) -> Sample:
    """Run the reference's lines on NumPy object arrays; the same object twice selects its τ = 1 branch."""

    def sample(p: Vector, p_tau: Vector, onehot: Vector, grad_hard: Vector, grad_soft: Vector) -> Vector:
        a, b, d, g, h = (np.array(v, dtype=object) for v in (p, p_tau, onehot, grad_hard, grad_soft))
        return tuple(vjp(a, a if at_one else b, d, g, h if soft else None))

    return sample


def _definition(*, at_one: bool, soft: bool) -> Sample:
    """Return the paper's definition with the same arguments left out."""

    def sample(p: Vector, p_tau: Vector, onehot: Vector, grad_hard: Vector, grad_soft: Vector) -> Vector:
        return reinmax(p, onehot, grad_hard, None if at_one else p_tau, grad_soft if soft else None)

    return sample


def _check(vjp: Callable[..., Any]) -> Iterator[Check]:
    for at_one, soft in product((False, True), repeat=2):
        branch = f"{'τ = 1' if at_one else 'any τ'}, {'with' if soft else 'without'} h"
        left, right = _reference(vjp, at_one=at_one, soft=soft), _definition(at_one=at_one, soft=soft)
        for check in by_sample(left, right):
            yield Check(f"{branch}: {check.claim}", check.residual)


def _tempered_half_term(p: Any, p_tau: Any, onehot: Any, grad_hard: Any, grad_soft: Any) -> Any:
    """Use p_τ in the half term: invisible at τ = 1."""
    hard = algebra.reinmax_vjp(p_tau, p_tau, onehot, grad_hard)
    return hard if grad_soft is None else hard + algebra.softmax_vjp(p, grad_soft)


SIMPLIFIED_FORM = Theorem(
    name="simplified-form",
    statement="reinmax_ref.algebra.reinmax_vjp computes 2 J(q)g − ½ J(p)g + J(p)h, in both of its branches.",
    hypotheses=("p and p_τ are any two points of the simplex; equal in the τ = 1 branch",),
    classes="all K: K = 2, 3, 4 in full; an entry names three classes and the others merge",
    formula=algebra.reinmax_vjp,
    falsehood=_tempered_half_term,
    check=_check,
)

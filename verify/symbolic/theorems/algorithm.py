"""Algorithm 2 of the paper, run line by line and differentiated, and the lines that the reference computes.

A stopped quantity is a fresh symbol while SymPy differentiates and takes its
value afterwards. θ enters π1 = softmax(sg(ln π1 − θ) + θ) with slope one
whatever τ is: the temperature sits inside the stopped part. That is why the
gradient has no factor 1/τ.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, product
from typing import Any

import numpy as np
import sympy as sp

from reinmax_ref import algebra
from verify.symbolic.any_number import BY_CLASS, samples
from verify.symbolic.certificate import Check, Theorem
from verify.symbolic.classes import Classes, entrywise
from verify.symbolic.definitions import Vector, reinmax, softmax, softmax_vjp
from verify.symbolic.patterns import Sample, by_sample

__all__ = ["ALGORITHM_2", "SIMPLIFIED_FORM", "closed_definition", "differentiated"]

TAU = sp.Symbol("tau", positive=True)


def closed_definition(
    p: Vector, p_tau: Vector, onehot: Vector, grad_hard: Vector, grad_soft: Vector
) -> Vector:
    """Return 2 J(q)g − ½ J(p)g + J(p)h with the arguments in the order of the theorems."""
    return reinmax(p, onehot, grad_hard, p_tau, grad_soft)


def differentiated(p: Vector, p_tau: Vector, onehot: Vector, grad_hard: Vector, grad_soft: Vector) -> Vector:
    """Differentiate Algorithm 2 with respect to θ; then p and p_τ stand for softmax(θ) and softmax(θ/τ)."""
    theta = tuple(sp.Symbol(f"theta{k}", real=True) for k in range(len(p)))
    stopped: dict[sp.Symbol, sp.Expr] = {}

    def stop(vector: Vector) -> Vector:
        symbols = tuple(sp.Dummy("sg", real=True) for _ in vector)
        stopped.update(zip(symbols, vector, strict=True))
        return symbols

    pi0 = softmax(theta)
    pi1 = tuple((a + b) / 2 for a, b in zip(onehot, softmax([t / TAU for t in theta]), strict=True))
    shift = stop(tuple(sp.log(a) - t for a, t in zip(pi1, theta, strict=True)))
    pi1 = softmax([c + t for c, t in zip(shift, theta, strict=True)])
    pi2 = tuple(2 * a - b / 2 for a, b in zip(pi1, pi0, strict=True))
    out = tuple(a - b + d for a, b, d in zip(pi2, stop(pi2), onehot, strict=True))

    loss = sp.Add(*(g * y for g, y in zip((*grad_hard, *grad_soft), (*out, *pi0), strict=True)))
    tempered = {sp.exp(t / TAU): v for t, v in zip(theta, p_tau, strict=True)}
    values = {symbol: value.xreplace(tempered) for symbol, value in stopped.items()}
    plain = {t: sp.log(v) for t, v in zip(theta, p, strict=True)}
    return tuple(sp.diff(loss, t).xreplace(values).xreplace(plain) for t in theta)


def _check(closed: Sample) -> Iterator[Check]:
    yield from samples(differentiated, closed)
    yield from by_sample(differentiated, closed)


def _scaled_by_temperature(p: Vector, p_tau: Vector, onehot: Vector, g: Vector, h: Vector) -> Vector:
    hard = reinmax(p, onehot, g, p_tau)
    return entrywise(lambda a, b: a / TAU + b, hard, softmax_vjp(p, h))


ALGORITHM_2 = Theorem(
    name="algorithm-2",
    statement="The gradient of Algorithm 2 is 2 J(q)g − ½ J(p)g + J(p)h with q = (p_τ + D)/2; no factor 1/τ.",
    hypotheses=(
        "p and p_τ are any two points of the open simplex: softmax(θ) and softmax(θ/τ) are two, for any τ",
        BY_CLASS,
        "g is the cotangent of the hard output, h that of the soft output π0 = p",
        "sg(·) is constant under differentiation and equal to its argument in value",
    ),
    classes="all K: K = 2, 3, 4 in full; an entry names three classes and the others merge",
    formula=closed_definition,
    falsehood=_scaled_by_temperature,
    check=_check,
)


def _reference(vjp: Callable[..., Any], *, at_one: bool, soft: bool) -> Sample:
    """Run the reference's lines on NumPy object arrays; the same object twice selects its τ = 1 branch."""

    def sample(p: Vector, p_tau: Vector, onehot: Vector, grad_hard: Vector, grad_soft: Vector) -> Vector:
        if isinstance(p, Classes):
            return vjp(p, p if at_one else p_tau, onehot, grad_hard, grad_soft if soft else None)
        a, b, d, g, h = (np.array(v, dtype=object) for v in (p, p_tau, onehot, grad_hard, grad_soft))
        return tuple(vjp(a, a if at_one else b, d, g, h if soft else None))

    return sample


def _definition(*, at_one: bool, soft: bool) -> Sample:
    """Return the paper's definition with the same arguments left out."""

    def sample(p: Vector, p_tau: Vector, onehot: Vector, grad_hard: Vector, grad_soft: Vector) -> Vector:
        return reinmax(p, onehot, grad_hard, None if at_one else p_tau, grad_soft if soft else None)

    return sample


def _check_branches(vjp: Callable[..., Any]) -> Iterator[Check]:
    for at_one, soft in product((False, True), repeat=2):
        branch = f"{'τ = 1' if at_one else 'any τ'}, {'with' if soft else 'without'} h"
        left, right = _definition(at_one=at_one, soft=soft), _reference(vjp, at_one=at_one, soft=soft)
        for check in chain(samples(left, right), by_sample(left, right)):
            yield replace(check, claim=f"{branch}: {check.claim}")


def _tempered_half_term(p: Any, p_tau: Any, onehot: Any, grad_hard: Any, grad_soft: Any) -> Any:
    """Use p_τ in the half term: invisible at τ = 1."""
    hard = algebra.reinmax_vjp(p_tau, p_tau, onehot, grad_hard)
    return hard if grad_soft is None else hard + algebra.softmax_vjp(p, grad_soft)


SIMPLIFIED_FORM = Theorem(
    name="simplified-form",
    statement="reinmax_ref.algebra.reinmax_vjp computes 2 J(q)g − ½ J(p)g + J(p)h, in both of its branches.",
    hypotheses=("p and p_τ are any two points of the simplex; equal in the τ = 1 branch", BY_CLASS),
    classes="all K: K = 2, 3, 4 in full; an entry names three classes and the others merge",
    formula=algebra.reinmax_vjp,
    falsehood=_tempered_half_term,
    check=_check_branches,
)

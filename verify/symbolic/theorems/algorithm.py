"""Algorithm 2 of the paper, run line by line and differentiated with its stop-gradients.

A stopped quantity is a fresh symbol while SymPy differentiates and takes its
value afterwards. θ enters π1 = softmax(sg(ln π1 − θ) + θ) with slope one
whatever τ is: the temperature sits inside the stopped part. That is why the
gradient has no factor 1/τ.
"""

from collections.abc import Iterator

import sympy as sp

from verify.symbolic.certificate import Check, Theorem
from verify.symbolic.definitions import Vector, reinmax, softmax, softmax_vjp
from verify.symbolic.patterns import Sample, by_sample

__all__ = ["ALGORITHM_2", "closed_definition", "differentiated"]

TAU = sp.Symbol("tau", positive=True)


def closed_definition(
    p: Vector, p_tau: Vector, onehot: Vector, grad_hard: Vector, grad_soft: Vector
) -> Vector:
    """Return 2 J(q)g − ½ J(p)g + J(p)h with the arguments in the order of the theorems."""
    return reinmax(p, onehot, grad_hard, p_tau, grad_soft)


def differentiated(p: Vector, p_tau: Vector, onehot: Vector, grad_hard: Vector, grad_soft: Vector) -> Vector:
    """Differentiate Algorithm 2 with respect to θ; then p and p_τ stand for softmax(θ) and softmax(θ/τ).

    Parameters
    ----------
    p, p_tau : tuple of K expressions
        Points of the simplex. After differentiation exp(θ_k) is replaced by p_k, and exp(θ_k/τ) by p_τ,k;
        both softmaxes are homogeneous of degree 0 in these, so their scale is free.
    onehot, grad_hard, grad_soft : tuple of K expressions

    Returns
    -------
    tuple of K expressions
    """
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
    yield from by_sample(differentiated, closed)


def _scaled_by_temperature(p: Vector, p_tau: Vector, onehot: Vector, g: Vector, h: Vector) -> Vector:
    hard = reinmax(p, onehot, g, p_tau)
    return tuple(a / TAU + b for a, b in zip(hard, softmax_vjp(p, h), strict=True))


ALGORITHM_2 = Theorem(
    name="algorithm-2",
    statement="The gradient of Algorithm 2 is 2 J(q)g − ½ J(p)g + J(p)h with q = (p_τ + D)/2; no factor 1/τ.",
    hypotheses=(
        "p and p_τ are any two points of the open simplex: softmax(θ) and softmax(θ/τ) are two, for any τ",
        "g is the cotangent of the hard output, h that of the soft output π0 = p",
        "sg(·) is constant under differentiation and equal to its argument in value",
    ),
    classes="all K: K = 2, 3, 4 in full; an entry names three classes and the others merge",
    formula=closed_definition,
    falsehood=_scaled_by_temperature,
    check=_check,
)

"""Known-answer vectors, for ports to other languages: inputs that are exact, outputs that are proven.

Logits, temperatures and cotangents are exact in every binary dtype down to
float16. The probabilities and the gradient follow the paper's definition in
interval arithmetic: both ends of every interval round to the same float64,
which is therefore the one nearest to the true number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from mpmath import iv, mp

from verify.oracle.tolerances import EPS, gradient_tolerance, probability_tolerance

__all__ = ["SCHEMA", "Vector", "judge", "to_dict", "vectors"]

SCHEMA = "reinmax-verify/vectors/1"

#: Bits of the intervals; the rounding of some hundred operations is far below that of float64.
BITS = 256

LOGITS = {
    "one class": (0.75,),
    "two classes": (0.25, -0.5),
    "equal logits": (0.0, 0.0, 0.0),
    "four classes": (0.25, -0.5, 0.75, 0.125),
    "saturated": (20.0, -20.0, 0.5, -1.0),
    "nine classes": (-1.25, 0.5, 2.0, -0.75, 0.0, 1.5, -2.25, 1.0, 0.375),
}
TAUS = (0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Vector:
    """One call with its answer.

    Attributes
    ----------
    name : str
    tau : float
    index : int
        The class that is drawn; its one-hot vector is the sample D.
    logits, grad_hard, grad_soft : tuple of float
        θ, and the cotangents at the sample and at the soft output.
    soft : tuple of float
        softmax(θ).
    gradient : tuple of float
        2 J(q)g − ½ J(p)g + J(p)h with q = (softmax(θ/τ) + D)/2.
    """

    name: str
    tau: float
    index: int
    logits: tuple[float, ...]
    grad_hard: tuple[float, ...]
    grad_soft: tuple[float, ...]
    soft: tuple[float, ...]
    gradient: tuple[float, ...]


def vectors() -> Iterator[Vector]:
    """Every class of every set of logits, at every temperature.

    Examples
    --------
    >>> first = next(vectors())
    >>> first.soft, first.gradient
    ((1.0,), (0.0,))
    """
    for (name, logits), tau in product(LOGITS.items(), TAUS):
        for index in range(len(logits)):
            yield _vector(f"{name}, class {index}, tau {tau:g}", logits, tau, index)


def to_dict() -> dict[str, Any]:
    """The vectors as plain data, in the form that :func:`judge` takes."""
    return {"schema": SCHEMA, "dtype": "float64", "cases": [asdict(vector) for vector in vectors()]}


def _vector(name: str, logits: tuple[float, ...], tau: float, index: int) -> Vector:
    K = range(len(logits))
    g, h = tuple((7 * k * k + 3 * k) % 11 / 4 + 8 for k in K), tuple((5 * k + 2) % 7 / 2 - 3 for k in K)
    before, iv.prec = iv.prec, BITS
    try:
        p, p_tau = _softmax(logits, 1.0), _softmax(logits, tau)
        q = [(x + (k == index)) / 2 for k, x in enumerate(p_tau)]
        terms = zip(softmax_vjp(q, g), softmax_vjp(p, g), softmax_vjp(p, h), strict=True)
        gradient = [2 * first - second / 2 + third for first, second, third in terms]
        return Vector(name, tau, index, logits, g, h, _nearest(p), _nearest(gradient))
    finally:
        iv.prec = before


def _softmax(logits: tuple[float, ...], tau: float) -> list[Any]:
    e = [iv.exp(iv.mpf(x) / iv.mpf(tau)) for x in logits]
    return [x / sum(e) for x in e]


def softmax_vjp(q: list[Any], v: tuple[float, ...]) -> list[Any]:
    """J(q)v, from the differences v_k − v_j: what is equal cancels exactly."""
    rows = [sum((b * (iv.mpf(v[k]) - v[j]) for j, b in enumerate(q)), iv.mpf(0)) for k in range(len(q))]
    return [a * row for a, row in zip(q, rows, strict=True)]


def _nearest(values: list[Any]) -> tuple[float, ...]:
    """The float64 nearest to each number, which lies in an interval."""
    found = []
    for value in values:
        low, high = (float(mp.make_mpf(end)) for end in value._mpi_)
        if low != high:
            raise ArithmeticError(f"{BITS} bits do not settle the rounding of {value}")
        found.append(low)
    return tuple(found)


def judge(answers: Mapping[str, Any]) -> list[str]:
    """Say where the answers of a port are wrong.

    Parameters
    ----------
    answers : mapping
        As :func:`to_dict` gives it, with ``soft`` and ``gradient`` of the port,
        and ``dtype`` that in which it computes.

    Returns
    -------
    list of str
        A sentence for each wrong answer; empty where none is.

    Raises
    ------
    ValueError
        Where they are not answers to these vectors.

    Examples
    --------
    >>> answers = to_dict()
    >>> judge(answers)
    []
    >>> answers["cases"][0]["gradient"] = [0.5]
    >>> judge(answers)
    ['one class, class 0, tau 0.5: gradient is off by 0.5, more than rounding, 1.4e-13']
    """
    found = answers if isinstance(answers, Mapping) else {}
    dtype, cases, due = found.get("dtype"), found.get("cases"), list(vectors())
    if found.get("schema") != SCHEMA or dtype not in EPS or not isinstance(cases, list):
        raise ValueError(
            f"these are no answers; expected schema {SCHEMA}, cases, and dtype out of {', '.join(EPS)}"
        )
    if len(cases) != len(due):
        raise ValueError(f"there are {len(cases)} cases; expected all {len(due)}, in their order")
    return [told for case, vector in zip(cases, due, strict=True) for told in _judge(case, vector, dtype)]


def _judge(case: Any, vector: Vector, dtype: str) -> Iterator[str]:
    if not isinstance(case, Mapping) or case.get("name") != vector.name:
        raise ValueError(f"the case {vector.name!r} is not where it was exported; keep the cases in order")
    theta, g, h = (np.asarray(x) for x in (vector.logits, vector.grad_hard, vector.grad_soft))
    tolerances = {
        "soft": probability_tolerance(dtype, theta),
        "gradient": gradient_tolerance(dtype, theta, vector.tau, g, h),
    }
    for part, tolerance in tolerances.items():
        try:
            given = np.asarray(case.get(part), np.float64)
        except (TypeError, ValueError):
            given = np.empty(0)
        if given.shape != theta.shape:
            raise ValueError(f"{vector.name}: {part} is no list of {theta.size} numbers")
        error = float(np.abs(given - getattr(vector, part)).max())
        if not error <= tolerance:
            yield f"{vector.name}: {part} is off by {error:.2g}, more than rounding, {tolerance:.2g}"

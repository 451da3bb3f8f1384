"""Which estimators an implementation can be judged against, and the forms in which each is written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.oracle import tables
from verify.typing import Array

__all__ = ["FAMILY", "RELAXED", "Form", "Settled", "find", "option", "supported"]

#: M from logits, τ and the sampled class; see :mod:`verify.oracle.tables`.
Table = Callable[[Array, float, Array], Array]

#: The estimator whose gradient has the noise of its sample in it.
RELAXED = "gumbel_softmax"

#: Names under which the temperature of the sample goes.
FORWARD_TAU = ("forward_tau", "tau_forward", "tau_f", "forward_temperature")


@dataclass(frozen=True)
class Form:
    """One way of writing an estimator; ``says`` is the matrix M, of the gradient Mᵀg."""

    says: str
    table: Table


@dataclass(frozen=True)
class Settled:
    """An estimator whose gradient the sample settles.

    Attributes
    ----------
    name : str
    forms : tuple of Form
        Any of them will do, the same one throughout.
    forward_tau : float
        The sample is drawn from softmax(θ/τ_f).
    conditioning : callable
        By what factor an honest form may lose more than a softmax, from logits and τ.
    """

    name: str
    forms: tuple[Form, ...]
    forward_tau: float = 1.0
    conditioning: Callable[[Array, float], float] = field(default=lambda _logits, _tau: 1.0)


def option(candidate: Candidate, *names: str) -> Any:
    """What a candidate is given for an argument, or its default; None where it has none of that name."""
    known = candidate.convention.known or {}
    for name in names:
        if name in candidate.convention.constants:
            return candidate.convention.constants[name]
        if name in known and known[name].default is not known[name].empty:
            return known[name].default
    return None


STRAIGHT = Form("(1/τ) J(p_τ)", tables.straight_through)


def _straight_through(_: Candidate) -> Settled:
    return Settled("straight_through", (STRAIGHT, Form("J(p)", tables.straight_through_untempered)))


def _decoupled(candidate: Candidate) -> Settled:
    given = option(candidate, *FORWARD_TAU)
    if given is None:
        raise ValueError(
            f"{candidate.name}: it has no argument among {', '.join(FORWARD_TAU)}, so the temperature of its "
            "sample is not known: give the argument one of these names, or wrap it in a function that does"
        )
    return Settled("decoupled_straight_through", (STRAIGHT,), float(given))


def _darn(candidate: Candidate) -> Settled:
    center = option(candidate, "center", "centre")
    if center is not None:
        return Settled("darn", (Form("(D − c)(D − p)ᵀ", partial(tables.darn, center=center)),))
    about = Form("(D − p)(D − p)ᵀ", tables.darn_about_p)
    return Settled("darn", (Form("(D − 1/K)(D − p)ᵀ", tables.darn), about))


def _gapped(candidate: Candidate) -> Settled:
    natural = Form("(1/τ) J(softmax(l/τ)) with the natural gap", tables.naturally_gapped)
    gap = option(candidate, "gap")
    one = Form(
        f"(1/τ) J(softmax(l/τ)) with gap {gap or 1:g}", partial(tables.gapped, gap=1 if gap is None else gap)
    )
    named = "gap" in {*candidate.convention.constants, *(candidate.convention.known or {})}
    forms = (one, natural) if not named else (natural,) if gap is None else (one,)
    return Settled("gapped_straight_through", forms)


def _mve_conditioning(logits: Array, tau: float) -> float:
    return float(np.linalg.cond(tables.mve_system(logits, tau)[0].astype(float)).max())


def _mve(_: Candidate) -> Settled:
    return Settled("mve", (Form("S of the linear system", tables.mve),), conditioning=_mve_conditioning)


def _uniform(_: Candidate) -> Settled:
    return Settled("reinmax_uniform", (Form("½[(D − 1/K)(D − p)ᵀ + J(p)/(K p_d)]", tables.reinmax_uniform),))


def _bernoulli(candidate: Candidate) -> Settled:
    if not candidate.convention.binary:
        raise ValueError(
            f"{candidate.name}: it is called on logits with a class axis, and bernoulli is judged one logit "
            "a variable: say binary=True or --binary"
        )
    return Settled("bernoulli", (Form("2 J(q) − ½ J(p) of the pair (l, 0)", tables.reinmax),))


def _reinmax(_: Candidate) -> Settled:
    return Settled("reinmax", (Form("2 J(q) − ½ J(p)", tables.reinmax),))


#: What each name stands for, given how the candidate is called.
FAMILY: dict[str, Callable[[Candidate], Settled]] = {
    "reinmax": _reinmax,
    "bernoulli": _bernoulli,
    "straight_through": _straight_through,
    "decoupled_straight_through": _decoupled,
    "darn": _darn,
    "gapped_straight_through": _gapped,
    "mve": _mve,
    "reinmax_uniform": _uniform,
}


def supported() -> list[str]:
    """The names that ``against`` takes."""
    return sorted([*FAMILY, RELAXED])


def find(against: str) -> str:
    """The name itself.

    Raises
    ------
    ValueError
        Where nothing can be judged against it.

    Examples
    --------
    >>> find("darn")
    'darn'
    """
    if against not in supported():
        raise ValueError(f"against is {against!r}; it can be one of {', '.join(supported())}")
    return against

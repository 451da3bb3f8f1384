"""The gradient through the sample: under which condition it is wrong, and what it is made of there."""

from collections.abc import Iterator

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.catalogue import CODES
from verify.conformance.diagnosis.conditions import find_condition
from verify.conformance.diagnosis.coupling import (
    SMALL,
    describe_leftover,
    describe_nonlinear,
    diagnose_coupling,
)
from verify.conformance.diagnosis.gradient import Other, diagnose_columns
from verify.conformance.diagnosis.observations import (
    USUAL,
    Call,
    is_steady,
    observe_alone,
    observe_gradients,
)
from verify.conformance.report import Diagnosis

__all__ = ["diagnose_backward"]


def diagnose_backward(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name what is wrong with the gradient through the sample."""
    columns = observe_gradients(candidate, rng)
    leftover = describe_leftover(columns)
    if leftover is not None:
        yield Diagnosis("unknown-gradient", leftover)
        return
    steady = is_steady(columns)
    coupled = list(diagnose_coupling(candidate, rng, steady=steady))
    yield from coupled
    if not steady:
        yield from _alone(candidate, rng) if coupled else diagnose_columns(candidate, columns, rng)
        return
    nonlinear = None if coupled else describe_nonlinear(candidate, rng)
    if nonlinear is not None:
        yield Diagnosis("unknown-gradient", nonlinear)
        columns = observe_gradients(candidate, rng, size=SMALL)
    others = () if coupled or nonlinear else (*_fresh(candidate, rng), *_elsewhere(candidate, rng))
    found = list(diagnose_columns(candidate, columns, rng, others))
    if not coupled and nonlinear is None:
        yield from _under_condition(candidate, found, rng)
        return
    named = [d for d in found if d.code in CODES]
    if coupled and found and not named:
        named = list(_alone(candidate, rng))
    # where rows mix or the size counts, that explains what has no code
    yield from named if coupled or nonlinear else found


def _under_condition(
    candidate: Candidate, found: list[Diagnosis], rng: np.random.Generator
) -> Iterator[Diagnosis]:
    """What is found in the usual calls; where the gradient is wrong in others only, what is found there."""
    condition = find_condition(candidate, rng)
    if condition is None:
        yield from found
        return
    per_call = [
        list(
            diagnose_columns(
                candidate,
                observe_gradients(candidate, rng, call=call),
                rng,
                tuple(_fresh(candidate, rng, call)),
            )
        )
        for call in condition.calls
    ]
    everywhere = set.intersection(*({d.code for d in told} for told in per_call))
    for diagnosis in per_call[0]:
        if diagnosis.code in everywhere:
            yield Diagnosis(diagnosis.code, f"Only {condition.text}. {diagnosis.explanation}")


def _fresh(candidate: Candidate, rng: np.random.Generator, call: Call = USUAL) -> Iterator[Other]:
    """Observations that every explanation has to predict."""
    return (("", columns.distinct()) for columns in observe_gradients(candidate, rng, call=call))


def _elsewhere(candidate: Candidate, rng: np.random.Generator) -> Iterator[Other]:
    """Observations of other calls; where they are not predicted, that is said."""
    for text, call in (
        ("in float32", Call(dtype="float32")),
        ("on 3-D logits", Call(axes=3)),
        ("on logits of a wide spread", Call(change=lambda rows: 3 * rows)),
    ):
        try:
            for columns in observe_gradients(candidate, rng, call=call):
                yield text, columns.distinct()
        except Exception:  # noqa: BLE001, S112  (a call that is refused shows nothing)
            continue


def _alone(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """The mistakes of a call on one row, where other rows cannot disturb.

    What normalizes over the rows may have no gradient there, so that a severed one is not named.
    """
    try:
        columns = observe_alone(candidate, rng)
    except Exception:  # noqa: BLE001  (it may take no single row)
        return
    found = diagnose_columns(candidate, columns, rng)
    yield from (d for d in found if d.code in CODES and d.code != "severed-gradient")

"""Whether the gradient is that of another sample than the one that was drawn."""

from collections.abc import Iterator

import numpy as np

from verify.conformance.diagnosis.evidence import Columns, bound
from verify.conformance.diagnosis.interpretation import Explanation, told_apart
from verify.conformance.diagnosis.mistakes import name
from verify.conformance.diagnosis.worlds import World
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import softmax, softmax_vjp
from verify.typing import Array

__all__ = ["diagnose_other_sample"]

#: Of more classes than these, too many would have to be tried.
CLASSES = 16


def diagnose_other_sample(all_columns: list[Columns]) -> Iterator[Diagnosis]:
    """Name a backward pass with another sample, and the mistakes that it has besides.

    Every single gradient has to be that of some class, by the paper's terms
    with the same mistakes throughout; nothing is supposed of how the class
    came about.

    Parameters
    ----------
    all_columns : list of Columns
        Steady or not.
    """
    if all_columns[0].logits.shape[-1] > CLASSES:
        return
    for inverted in (False, True):
        candidates = [_by_class(columns, inverted=inverted) for columns in all_columns]
        for explanation in told_apart({columns.tau: columns.tau for columns in all_columns}):
            if explanation.predict(all_columns[-1].tau)[0] == 0:
                continue  # it knows no sample
            chosen = _choose(all_columns, candidates, explanation)
            if chosen is not None:
                yield from _named(all_columns, chosen, explanation, inverted=inverted)
                return


def _by_class(columns: Columns, *, inverted: bool) -> list[World]:
    """The paper's world for each class in place of the sample."""
    theta, tau, K = columns.logits, columns.tau, columns.logits.shape[-1]
    p, p_tau = softmax(theta), softmax(theta * tau) if inverted else softmax(theta, tau)
    return [World("", p, p_tau, (p_tau + e) / 2) for e in np.eye(K)]


def _choose(
    all_columns: list[Columns], candidates: list[list[World]], explanation: Explanation
) -> list[Array] | None:
    """The class whose gradient each one is, by temperature; None where one is that of no class."""
    found = []
    for columns, made in zip(all_columns, candidates, strict=True):
        a, b, c = explanation.predict(columns.tau)
        rest = b * softmax_vjp(made[0].p, columns.basis) + c * softmax_vjp(made[0].p_tau, columns.basis)
        left = np.stack(
            [np.abs(a * softmax_vjp(w.q, columns.basis) + rest - columns.gradient).max(axis=-1) for w in made]
        )
        if left.min(axis=0).max() > bound(columns):
            return None
        found.append(left.argmin(axis=0))
    return found


def _named(
    all_columns: list[Columns], chosen: list[Array], explanation: Explanation, *, inverted: bool
) -> Iterator[Diagnosis]:
    drawn, likely = (
        np.concatenate([x.argmax(axis=-1) for x in found])
        for found in zip(*((columns.onehot, columns.logits) for columns in all_columns), strict=True)
    )
    used = np.concatenate(chosen)
    which = "the most likely class" if (used == likely).all() else "another class than the one drawn"
    evidence = f"in {(used != drawn).mean():.0%} of draws, the gradient is that of {which}."
    for code in dict.fromkeys(("resampled-backward", *inverted * ("inverted-tau",), *explanation.codes)):
        yield name(code, evidence)

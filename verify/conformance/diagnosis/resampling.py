"""A backward pass with another sample than the one that was drawn, or with noise of its own."""

from collections.abc import Iterator

import numpy as np

from verify.conformance.diagnosis.catalogue import name
from verify.conformance.diagnosis.describe import Explanation, told_apart
from verify.conformance.diagnosis.hypotheses import Hypothesis
from verify.conformance.diagnosis.observations import Columns, bound, spread
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import softmax, softmax_vjp
from verify.typing import Array

__all__ = ["diagnose_other_sample", "diagnose_unsteady"]

#: Of more classes than these, too many would have to be tried.
CLASSES = 16


def diagnose_unsteady(all_columns: list[Columns]) -> Iterator[Diagnosis]:
    """Name what makes equal samples have unequal gradients."""
    found = list(diagnose_other_sample(all_columns))
    if found:
        yield from found
        return
    few = all(spread(columns)[1] for columns in all_columns)
    yield name(
        "resampled-backward" if few else "noise-in-backward",
        "equal logits, samples and cotangents give "
        + ("one of a few gradients." if few else "another gradient every time."),
    )


def diagnose_other_sample(all_columns: list[Columns]) -> Iterator[Diagnosis]:
    """Name a backward pass with another sample, and the mistakes that it has besides.

    Every single gradient has to be the one of some class, with the same
    mistakes throughout.
    """
    if all_columns[0].logits.shape[-1] > CLASSES:
        return
    for inverted in (False, True):
        candidates = [_by_class(columns, inverted=inverted) for columns in all_columns]
        for explanation in told_apart({columns.tau: columns.tau for columns in all_columns}):
            if explanation.predict(all_columns[-1].tau)[0] == 0:
                continue  # the sample does not enter it
            chosen = _choose(all_columns, candidates, explanation)
            if chosen is not None:
                yield from _named(all_columns, chosen, explanation, inverted=inverted)
                return


def _by_class(columns: Columns, *, inverted: bool) -> list[Hypothesis]:
    """The paper's terms for each class in place of the sample."""
    theta, tau, K = columns.logits, columns.tau, columns.logits.shape[-1]
    p, p_tau = softmax(theta), softmax(theta * tau) if inverted else softmax(theta, tau)
    return [Hypothesis("", p, p_tau, (p_tau + e) / 2) for e in np.eye(K)]


def _choose(
    all_columns: list[Columns], candidates: list[list[Hypothesis]], explanation: Explanation
) -> list[Array] | None:
    """The class that each gradient belongs to, by temperature; None where one belongs to none."""
    found = []
    for columns, made in zip(all_columns, candidates, strict=True):
        a, b, c = explanation.predict(columns.tau)
        g = columns.basis
        rest = b * softmax_vjp(made[0].p, g) + c * softmax_vjp(made[0].p_tau, g)
        left = np.stack(
            [np.abs(a * softmax_vjp(each.q, g) + rest - columns.gradient).max(axis=-1) for each in made]
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

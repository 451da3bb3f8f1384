"""A sample whose classes come in another order than those of the logits; of two classes, 1 − D."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import optimize

from verify.candidate import Candidate
from verify.conformance.diagnosis.catalogue import CODES
from verify.conformance.diagnosis.describe import told_order
from verify.conformance.diagnosis.gradient import diagnose_columns
from verify.conformance.diagnosis.observations import is_steady, observe_gradients
from verify.conformance.diagnosis.sampler import fits
from verify.conformance.inputs import new_seed
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import softmax
from verify.typing import Array

__all__ = ["diagnose_class_order", "find_order"]

#: Distinct rows, and draws of each.
ROWS, DRAWS = 4, 1000


def diagnose_class_order(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name another order of the classes, and what is wrong with the gradient in the right order."""
    order = find_order(candidate, rng)
    if order is None:
        return
    what = (
        "is 1 − D: each class comes as often as the other one should"
        if len(order) == 2
        else f"has its classes {told_order(order)}: class {order[0]} of the logits comes as class 0"
    )
    yield Diagnosis(
        "unknown-sampler",
        f"The sample {what}. Line 6 returns D, the one-hot of the class that line 2 draws from softmax(θ).",
    )
    yield from _gradient(candidate, order, rng)


def find_order(candidate: Candidate, rng: np.random.Generator) -> Array | None:
    """Which class of the logits each class of the sample is, where that is another one."""
    K = candidate.classes
    rows = rng.standard_normal((ROWS, K))
    drawn = candidate.observe(np.tile(rows, (DRAWS, 1)), seed=new_seed(rng)).hard.argmax(axis=-1)
    counts = np.eye(K)[drawn].reshape(DRAWS, ROWS, K).sum(axis=0)
    p = softmax(rows).astype(float)
    order = np.asarray(optimize.linear_sum_assignment(-counts.T @ np.log(p))[1])
    same = np.array_equal(order, np.arange(K)) or fits(counts, p, DRAWS)
    return None if same or not fits(counts, p[:, order], DRAWS) else order


def _gradient(candidate: Candidate, order: Array, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """The mistakes that have a code, with the cotangent in the order of the sample or of the logits."""
    seen, back = observe_gradients(candidate, rng), np.argsort(order)
    if not is_steady(seen):
        return
    both = []
    for move in (back, np.arange(len(order))):
        moved = [replace(c, onehot=c.onehot[:, back], basis=c.basis[:, move]) for c in seen]
        found = list(diagnose_columns(candidate, moved, rng))
        if not found:
            return
        both.append(found)
    yield from next((found for found in both if all(d.code in CODES for d in found)), ())

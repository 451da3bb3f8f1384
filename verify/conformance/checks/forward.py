"""The forward pass: a one-hot sample and the probabilities it is drawn from."""

from itertools import product

import numpy as np

from verify.candidate import Candidate
from verify.conformance.inputs import batches, brief, finite, forward, new_seed, representable
from verify.conformance.report import Outcome
from verify.conformance.temperatures import temperatures
from verify.oracle.definitions import softmax
from verify.oracle.tolerances import EPS, probability_tolerance
from verify.typing import Array

__all__ = ["check_one_hot", "check_soft_output", "without_last_class"]


def check_one_hot(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Every row holds a single 1 and zeros; an index names the same class.

    The sum D − sg(π) + π, which hands a gradient through, may round by a few ulp.
    """
    shapes: list[tuple[int, ...]] = []
    worst, tolerance = 0.0, 4 * EPS[candidate.dtype]
    for batch in batches(candidate):
        logits = rng.standard_normal((*batch, candidate.classes))
        try:
            seen = forward(candidate, logits, seed=new_seed(rng))
        except Exception:  # noqa: BLE001, S112  (a shape that is refused is reported by the backward checks)
            continue
        hard = seen.hard
        if hard.shape != logits.shape:
            return Outcome("fail", f"the sample has shape {hard.shape} for logits of shape {logits.shape}")
        error = float(np.abs(hard - np.eye(candidate.classes)[hard.argmax(axis=-1)]).max())
        if not error <= tolerance:
            detail = f"the sample is off one-hot by {error:.2g} for logits of shape {logits.shape}"
            return Outcome("fail", detail, finite(error), tolerance)
        worst = max(worst, error)
        if seen.index is not None and not _same_class(seen.index, hard):
            return Outcome("fail", "the index names another class than the one-hot sample")
        shapes.append(logits.shape)
    narrow = without_last_class(candidate, rng)
    if narrow:
        return Outcome("fail", f"where the last of {candidate.classes} classes is not drawn, it {narrow}")
    if not shapes:
        return Outcome("error", "it raised for logits of every shape tried")
    return Outcome("pass", f"one-hot for logits of shapes {', '.join(map(str, shapes))}", worst, tolerance)


def without_last_class(candidate: Candidate, rng: np.random.Generator) -> str:
    """What is wrong where the last class is sure not to be drawn, and is not where it is sure to be.

    Parameters
    ----------
    candidate : Candidate
    rng : numpy Generator

    Returns
    -------
    str
        What it does there, from the verb on; empty where nothing is wrong.
    """
    logits = np.zeros((8, candidate.classes))
    logits[:, -1] = 60.0
    drawn, missing = (_width(candidate, chosen, new_seed(rng)) for chosen in (logits, -logits))
    return missing if not drawn else ""


def _width(candidate: Candidate, logits: Array, seed: int) -> str:
    """What is the matter with the shape of the sample; empty where it is that of the logits."""
    try:
        shape = forward(candidate, logits, seed=seed).hard.shape
    except Exception as error:  # noqa: BLE001  (a foreign implementation may raise anything)
        return f"raises {brief(error)}"
    return (
        "" if shape == logits.shape else f"has a sample of shape {shape} for logits of shape {logits.shape}"
    )


def _same_class(index: np.ndarray, hard: np.ndarray) -> bool:
    named = hard.argmax(axis=-1)
    return index.size == named.size and np.array_equal(index.reshape(named.shape), named)


def check_soft_output(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """The soft output is softmax(θ) over the class axis; a temperature must not change it."""
    if not candidate.has_soft:
        return Outcome("skip", "there is no soft output among the results")
    worst, bound, ran = 0.0, 0.0, 0
    for tau, batch in product(temperatures(candidate), batches(candidate)):
        logits = representable(rng.standard_normal((*batch, candidate.classes)), candidate.dtype)
        tolerance = probability_tolerance(candidate.dtype, logits)
        try:
            seen = forward(candidate, logits, tau, seed=new_seed(rng))
        except Exception:  # noqa: BLE001, S112  (a shape that is refused is reported by the backward checks)
            continue
        assert seen.soft is not None  # noqa: S101  (has_soft)
        error = float(np.abs(seen.soft - softmax(logits)).max())
        if not error <= probability_tolerance("float32", logits):
            detail = f"off softmax(θ) by {error:.2g} at τ = {tau:g} for logits of shape {logits.shape}"
            return Outcome("fail", detail, finite(error), tolerance)
        worst, bound, ran = max(worst, error), max(bound, tolerance), ran + 1
    if not ran:
        return Outcome("error", "it raised for logits of every shape tried")
    if worst > bound:
        return Outcome("warn", f"softmax(θ) to float32 only, though given {candidate.dtype}", worst, bound)
    return Outcome("pass", f"within {worst:.1e} of softmax(θ)", worst, bound)

"""What is given as the sample: whether it is one, as wide as it should be, and drawn afresh."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.conformance.checks.forward import without_last_class
from verify.conformance.diagnosis.probabilities import describe_probabilities, distributions
from verify.conformance.inputs import new_seed
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import softmax
from verify.oracle.tolerances import EPS, probability_tolerance
from verify.typing import Array

__all__ = ["Form", "diagnose_seed", "diagnose_sharing", "diagnose_width", "find_form"]

UNKNOWN = "unknown-sampler"

DUE = "Line 6 returns π₂ − sg(π₂) + D, whose value is the one-hot D that line 2 draws from softmax(θ)."


@dataclass(frozen=True)
class Form:
    """What is given in place of a one-hot sample, and whether a class is drawn all the same."""

    diagnosis: Diagnosis
    drawn: bool


def diagnose_width(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name a sample that is only as wide as the largest class that was drawn."""
    seen = without_last_class(candidate, rng)
    if seen:
        yield Diagnosis(
            UNKNOWN,
            "The sample is as wide as the largest class that was drawn: where the last of "
            f"{candidate.classes} classes is not drawn, it {seen}. Give the one-hot the number of classes, "
            "as in F.one_hot(index, num_classes=logits.shape[-1]).",
        )


def find_form(candidate: Candidate, rng: np.random.Generator) -> Form | None:
    """What is given as the sample, where that is not one-hot."""
    tau, rows, repeats = 2.0 if candidate.has_tau else 1.0, 6, 40
    logits = np.repeat(rng.standard_normal((rows, candidate.classes)), repeats, axis=0)
    hard = candidate.observe(logits, tau, seed=new_seed(rng)).hard.reshape(rows, repeats, -1)
    if np.abs(hard - np.eye(candidate.classes)[hard.argmax(axis=-1)]).max() <= 4 * EPS["float32"]:
        return None
    counted = _counted(hard)
    if counted is not None:
        return Form(Diagnosis(UNKNOWN, counted), drawn=False)
    values = max(len(np.unique(row.round(5), axis=0)) for row in hard)
    if values == 1:
        text = _deterministic(logits[::repeats], tau, hard[:, 0])
    elif values > candidate.classes:
        text = f"What is given as the sample is {_noisy(hard)}."
    else:
        text = _of_outcome(logits, tau, hard.reshape(logits.shape))
    return Form(Diagnosis(UNKNOWN, f"{text} {DUE}"), drawn=1 < values <= candidate.classes)


def _counted(hard: Array) -> str | None:
    """What a sample of zeros and ones in every row is, where all rows have as many ones."""
    ones = hard.sum(axis=-1)
    if np.abs(hard - hard.round()).max() > 1e-4 or set(np.unique(hard.round())) != {0.0, 1.0}:
        return None
    number, K = round(float(ones.mean())), hard.shape[-1]
    if np.abs(ones - number).max() > 1e-3 or number == 1:
        return None
    if number == K - 1:
        return f"The sample is 1 − D: every row has a single 0 among ones. {DUE}"
    return (
        f"The sample has {number} ones: a subset, not a category. ReinMax is for one class of {K}; "
        "a subset of a fixed size has another distribution, and needs another estimator."
    )


def _noisy(hard: Array) -> str:
    if hard.min() > -1e-5 and np.abs(hard.sum(axis=-1) - 1).max() < 1e-5:
        return "a relaxed sample, probabilities with noise, as of gumbel_softmax without hard=True"
    return "another vector at every draw, and not one-hot"


def _deterministic(logits: Array, tau: float, seen: Array) -> str:
    close = probability_tolerance("float32", logits)
    known = {f: p for f, (p, _) in distributions(logits, tau).items() if np.abs(p - seen).max() <= close}
    what = next(iter(known), None) or describe_probabilities(logits, seen)
    named = f"{what} itself" if what else "a function of the logits"
    return f"What is given as the sample is {named}: it is not one-hot, and nothing is drawn."


def _of_outcome(logits: Array, tau: float, seen: Array) -> str:
    """One vector for each class that is drawn, as a sum of D and of probabilities."""
    parts = {"D": np.eye(logits.shape[-1])[seen.argmax(axis=-1)], "p": softmax(logits)}
    parts |= {"p_τ": softmax(logits, tau)} if tau != 1 else {}
    parts |= {"(1/K)": np.full(seen.shape, 1 / seen.shape[-1])}
    design = np.stack([part.ravel() for part in parts.values()]).T.astype(float)
    solution = np.linalg.lstsq(design, seen.ravel())[0]
    if np.abs(design @ solution - seen.ravel()).max() > probability_tolerance("float32", logits):
        return "What is given as the sample is a vector for each class that is drawn, but not its one-hot."
    shown = [f"{x:.3g}·{name}" for x, name in zip(solution, parts, strict=True) if abs(x) > 1e-5]
    told, sums = " + ".join(shown).replace("+ -", "− "), seen.sum(axis=-1)
    row = f" Every row of the sample sums to {sums[0]:.3g}." if np.abs(sums - 1).max() > 1e-3 else ""
    return f"The value of what is given as the sample is {told}, not D.{row}"


def diagnose_seed(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name samples that no seed changes."""
    logits = rng.standard_normal((256, candidate.classes))
    first, *others = (_classes(candidate, logits, rng) for _ in range(3))
    same = all(np.array_equal(first, other) for other in others)
    if same and not np.array_equal(first, logits.argmax(axis=-1)):
        yield Diagnosis(
            UNKNOWN,
            "Calls with other seeds give the same samples: a seed is set inside, or the same generator is "
            "made anew in every call. Line 2 draws D afresh: take the caller's generator, or the global "
            "one.",
        )


def diagnose_sharing(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name random numbers that rows share."""
    shape = _batch(candidate, rng)
    logits = rng.standard_normal((*shape, candidate.classes))
    if np.array_equal(_classes(candidate, logits, rng), logits.argmax(axis=-1)):
        return
    drawn = _classes(candidate, np.zeros_like(logits), rng)
    axes = [axis for axis in range(drawn.ndim) if (drawn == np.take(drawn, [0], axis=axis)).all()]
    if axes:
        where = " and ".join(f"axis {axis}" for axis in axes)
        yield Diagnosis(
            UNKNOWN,
            f"In one call, rows of equal logits draw the same class along {where} of logits of shape "
            f"{logits.shape}: they share a random number. Line 2 draws each row by itself: draw noise of the "
            "shape of the whole batch.",
        )


def _batch(candidate: Candidate, rng: np.random.Generator) -> tuple[int, ...]:
    """Two batch axes where the candidate takes them, else one."""
    try:
        _classes(candidate, np.zeros((16, 16, candidate.classes)), rng)
    except Exception:  # noqa: BLE001  (it may take matrices only)
        return (256,)
    return (16, 16)


def _classes(candidate: Candidate, logits: Array, rng: np.random.Generator) -> Array:
    return np.asarray(candidate.observe(logits, seed=new_seed(rng)).hard.argmax(axis=-1))

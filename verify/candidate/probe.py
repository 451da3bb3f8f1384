"""What is found out by calling a candidate: dtype, rank, form of the temperature, parts of the result."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from traceback import walk_tb
from typing import Any

import numpy as np

from verify.candidate.candidate import Candidate
from verify.candidate.options import MOST_AXES, MOST_CLASSES
from verify.candidate.parts import MisshapenError, ask_axis, is_sample, understand
from verify.candidate.questions import ask_inside, ask_switches, ask_vjp, inside
from verify.typing import Array

__all__ = ["probe"]

#: Batches by the number of axes of the logits, in the order in which they are tried; enough
#: rows that independent bits cannot look one-hot by chance.
BATCHES = {2: (32,), 3: (4, 8), 4: (2, 4, 4), 1: (), 5: (2, 2, 2, 4)}

#: Packages whose lines say nothing about where an implementation went wrong.
FAMILIAR = {"verify", "contextlib", "torch", "jax", "jaxlib", "numpy", "inspect", "functools"}

#: Words of exceptions about tensors on different devices, or a device that is missing.
DEVICES = ("device", "cuda", "triton", "active torch")

ONEHOT_NAMES = ("sample", "onehot", "one_hot", "one_hot_sample", "D", "hard")


def probe(candidate: Candidate) -> Candidate:
    """Fix what the signature left open, by calling; raises ValueError with the question where that fails."""
    found = _first_that_works(candidate)
    logits = _logits(found)
    _look_in_3d(found)
    ask_inside(found)
    ask_vjp(found, logits)
    ask_switches(found)
    return found


def _first_that_works(candidate: Candidate) -> Candidate:
    """The first way of calling that gives a sample and a gradient; where none does, a sample."""
    problems: dict[str, Exception] = {}
    first: Candidate | None = None
    for trial in _trials(candidate):
        try:
            result = trial.result(_logits(trial))
        except Exception as error:  # noqa: BLE001  (a foreign implementation may raise anything)
            problems.setdefault(trial.dtype, error)
            continue
        try:
            found = _understood(trial, result)
        except ValueError:
            if first is not None:
                continue
            raise
        if _differentiates(found):
            return found
        first = first or found
    if first is not None:
        return first
    problem = problems["float32"]  # in float64 it may be the dtype alone
    fewest, *_, most = sorted({*_ranks(candidate)}) * 2
    raise ValueError(
        f"it could not be called on {candidate.framework.name} logits of {candidate.classes} classes with "
        f"{fewest - 1 if fewest == most else f'{fewest - 1} to {most - 1}'} batch axes: "
        f"{type(problem).__name__}: {problem}{place_of(problem)}. {_remedy(candidate, problem)}"
    ) from problem


def _ranks(candidate: Candidate) -> list[int]:
    """The numbers of axes that are left open; the pairs of a binary candidate are one more."""
    convention = candidate.convention
    if convention.ndim is not None:
        return [convention.ndim + convention.binary]
    return [rank for rank in BATCHES if convention.axes <= rank <= MOST_AXES]


def _trials(candidate: Candidate) -> Iterator[Candidate]:
    """The ways of calling it that are left open."""
    for rank, dtype, tau_array, onehot in product(
        _ranks(candidate), ("float64", "float32"), _tau_forms(candidate), _sample_forms(candidate)
    ):
        convention = replace(candidate.convention, tau_array=tau_array, injected_onehot=onehot)
        yield replace(candidate, convention=convention, dtype=dtype, rank=rank)


def _logits(trial: Candidate, rank: int | None = None) -> Array:
    return np.random.default_rng(0).uniform(-1, 1, (*BATCHES[rank or trial.rank], trial.classes))


def _differentiates(found: Candidate) -> bool:
    """Whether its backward pass runs; what it gives, the checks look at."""
    logits = _logits(found)
    try:
        found.observe(logits, cotangent=lambda _: (np.cos(logits), None), seed=0)
    except Exception:  # noqa: BLE001  (a foreign implementation may raise anything)
        return False
    return True


def place_of(error: BaseException) -> str:
    """Where in foreign code an exception was raised; empty where it was not."""
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in FAMILIAR
    ]
    if not frames:
        return ""
    file, line = frames[-1]
    return f" ({file.removeprefix(f'{Path.cwd()}/')}, line {line})"


def _remedy(candidate: Candidate, problem: Exception) -> str:
    """What to say, so that it can be called."""
    if candidate.framework.name != "numpy" and any(w in str(problem).lower() for w in DEVICES):
        return "Say where it computes with device=... or --device, as --device cuda"
    if told := inside(candidate):
        return told
    taken = [] if candidate.convention.classes or candidate.convention.binary else _classes_taken(candidate)
    if taken:
        shown = ", ".join(map(str, taken[:5])) + (", …" if len(taken) > 5 else "")
        return f"It takes logits of {shown} classes: say classes={taken[0]} or --classes {taken[0]}"
    return (
        "Say how it is called with --tau-name or --no-tau, --logits-name, --axis, --classes, --set (keywords "
        "of check: tau, logits, axis, classes), or name what takes the logits themselves, as "
        "path/to/file.py:object.method"
    )


def _classes_taken(candidate: Candidate) -> list[int]:
    """The numbers of classes with which it can be called, where that of the checks is refused."""
    first = [trial for trial in _trials(candidate) if trial.dtype == "float32"]
    numbers = range(2, MOST_CLASSES + 1)
    return [K for K in numbers if any(_works(_with_classes(t, K)) for t in first if t.rank == first[0].rank)]


def _with_classes(trial: Candidate, classes: int) -> Candidate:
    return replace(trial, convention=replace(trial.convention, classes=classes))


def _works(trial: Candidate) -> bool:
    try:
        trial.result(_logits(trial))
    except Exception:  # noqa: BLE001  (a foreign implementation may raise anything)
        return False
    return True


def _look_in_3d(candidate: Candidate) -> None:
    """A class axis of 1 is the last one in 2-D; only with more axes is it seen."""
    if candidate.rank != 2 or candidate.convention.binary or candidate.convention.ndim:
        return
    try:
        hard = candidate.observe(_logits(candidate, rank=3), seed=0).hard
    except Exception:  # noqa: BLE001  (it may well take matrices only)
        return
    ask_axis(np.moveaxis(hard, -1, candidate.convention.axis), candidate.convention.axis)


def _tau_forms(candidate: Candidate) -> tuple[bool, ...]:
    return (False, True) if candidate.has_tau else (False,)


def _sample_forms(candidate: Candidate) -> tuple[bool, ...]:
    name = candidate.convention.injected
    if name is None or candidate.convention.binary:
        return (False,)
    return (True, False) if name in ONEHOT_NAMES else (False, True)


def _understood(trial: Candidate, result: Any) -> Candidate:
    """Name the parts of a result; where two axes make no sense and single rows do, take those."""
    try:
        return _named(trial, result)
    except MisshapenError as error:
        alone = None if trial.rank != 2 or trial.convention.ndim else _row_by_row(trial)
        if alone is None and (told := inside(trial)):
            raise ValueError(f"{error}. {told}") from error
        if alone is None:
            raise
        return alone


def _row_by_row(trial: Candidate) -> Candidate | None:
    """The candidate of single rows, if each of many rows alone gives a one-hot sample."""
    alone = replace(trial, rank=1)
    try:
        found = _named(alone, alone.result(_logits(alone)))
        hard = found.observe(_logits(trial), seed=0).hard
    except Exception:  # noqa: BLE001  (a foreign implementation may raise anything)
        return None
    return found if is_sample(hard, -1) else None


def _named(trial: Candidate, result: Any) -> Candidate:
    logits, axis = _logits(trial), trial.convention.axis
    shape = logits.shape[:-1] if trial.convention.binary else np.moveaxis(logits, -1, axis).shape
    convention, named = understand(trial.framework, trial.convention, result, shape)
    dtype = named["hard"].dtype.name
    dtype = dtype if dtype in {"float32", "float64"} else trial.dtype
    return replace(trial, convention=convention, has_soft="soft" in named, dtype=dtype)

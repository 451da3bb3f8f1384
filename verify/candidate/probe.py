"""What one look at a candidate settles: dtype, rank, form of the temperature, parts of the result."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.candidate import questions
from verify.candidate.convention import is_sample, name_parts
from verify.candidate.options import MOST_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.candidate import Candidate
    from verify.typing import Array

__all__ = ["settle"]

#: Tried in this order; enough rows that independent bits cannot look one-hot by chance.
BATCHES = ((32,), (4, 8), (2, 4, 4), ())
ONEHOT_NAMES = ("sample", "onehot", "one_hot", "one_hot_sample", "D", "hard")


def settle(candidate: Candidate) -> Candidate:
    """Fix what the signature left open, by calling.

    Parameters
    ----------
    candidate : Candidate

    Returns
    -------
    Candidate
        In float64 where it takes that, else float32.

    Raises
    ------
    ValueError
        Where no way of calling it works, or the result cannot be understood.
    """
    problems: dict[str, Exception] = {}
    for trial in _trials(candidate):
        logits = _logits(trial)
        try:
            result = _result(trial, logits)
        except Exception as error:  # noqa: BLE001  (a foreign implementation may raise anything)
            problems.setdefault(trial.dtype, error)
            continue
        found = _understood(trial, result, logits)
        _look_in_3d(found)
        questions.ask_vjp(found, logits)
        questions.ask_switches(found)
        return found
    problem = problems["float32"]  # in float64 it may be the dtype alone
    raise ValueError(
        f"it could not be called on {candidate.framework.name} logits of {candidate.classes} classes with 0 "
        f"to {len(BATCHES) - 1} batch axes: {type(problem).__name__}: {problem}. {_remedy(candidate)}"
    ) from problem


def _trials(candidate: Candidate) -> Iterator[Candidate]:
    """The ways of calling it that are left open."""
    needed = candidate.convention.axes
    batches = [batch for batch in BATCHES if len(batch) + 1 >= needed]
    for batch, dtype, tau_array, onehot in product(
        batches, ("float64", "float32"), _tau_forms(candidate), _sample_forms(candidate)
    ):
        convention = replace(candidate.convention, tau_array=tau_array, injected_onehot=onehot)
        yield replace(candidate, convention=convention, dtype=dtype, rank=len(batch) + 1)


def _logits(trial: Candidate) -> Array:
    batch = next(batch for batch in BATCHES if len(batch) + 1 == trial.rank)
    return np.random.default_rng(0).uniform(-1, 1, (*batch, trial.classes))


def _result(trial: Candidate, logits: Array) -> Any:
    return trial.framework.result(trial.query(logits, 1.0, 0, trial.dtype, np.ascontiguousarray))


def _remedy(candidate: Candidate) -> str:
    """What to say, so that it can be called."""
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
        _result(trial, _logits(trial))
    except Exception:  # noqa: BLE001  (a foreign implementation may raise anything)
        return False
    return True


def _look_in_3d(candidate: Candidate) -> None:
    """A class axis of 1 is the last one in 2-D; only with more axes is it seen."""
    if candidate.rank != 2 or candidate.convention.binary:
        return
    try:
        hard = candidate.observe(_logits(replace(candidate, rank=3)), seed=0).hard
    except Exception:  # noqa: BLE001  (it may well take matrices only)
        return
    questions.ask_axis(candidate, np.moveaxis(hard, -1, candidate.convention.axis))


def _tau_forms(candidate: Candidate) -> tuple[bool, ...]:
    return (False, True) if candidate.has_tau else (False,)


def _sample_forms(candidate: Candidate) -> tuple[bool, ...]:
    name = candidate.convention.injected
    if name is None or candidate.convention.binary:
        return (False,)
    return (True, False) if name in ONEHOT_NAMES else (False, True)


def _understood(trial: Candidate, result: Any, logits: Array) -> Candidate:
    """Name the parts of the result, and look at the sample."""
    binary = trial.convention.binary
    shape = logits.shape[:-1] if binary else np.moveaxis(logits, -1, trial.convention.axis).shape
    axis = None if binary else trial.convention.axis
    convention = trial.convention
    parts = convention.parts(result)
    if "hard" not in parts and convention.returns is None:
        convention = replace(convention, returns=_told_apart(trial, parts, shape, axis))
    split = convention.split(result)
    named = {name: questions.array_of(trial, name, part) for name, part in split.items()}
    questions.ask_shapes(named, shape, axis)
    if not binary:
        questions.ask_axis(trial, named["hard"])
    if trial.convention.returns is None and convention.returns is not None:
        questions.ask_soft(named, convention.returns, axis)
    if trial.convention.returns is not None:
        others = {n: trial.framework.numpy(part) for n, part in parts.items() if hasattr(part, "shape")}
        questions.ask_sample(named["hard"], others, trial.convention.returns, axis)
    dtype = named["hard"].dtype.name
    dtype = dtype if dtype in {"float32", "float64"} else trial.dtype
    return replace(trial, convention=convention, has_soft="soft" in named, dtype=dtype)


def _told_apart(
    trial: Candidate, parts: dict[str, Any], shape: tuple[int, ...], axis: int | None
) -> tuple[str, ...]:
    """Names for the parts of a result; one that is None is ignored."""
    kept = {name: part for name, part in parts.items() if part is not None} or parts
    arrays = {name: questions.array_of(trial, name, part) for name, part in kept.items()}
    if not arrays:
        raise ValueError(
            f"the result of {trial.name} holds no array; expected the one-hot sample among its parts"
        )
    full = [array for array in arrays.values() if array.shape == shape]
    if axis is not None and not any(is_sample(array, axis) for array in full):
        for array in full:
            questions.ask_axis(trial, array)
    names = dict(zip(arrays, name_parts(list(arrays.values()), shape, axis), strict=True))
    return tuple(names.get(name, "_") for name in parts)

"""What is found out by calling a candidate: dtype, rank, form of the temperature, parts of the result."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from verify.candidate.candidate import Candidate
from verify.candidate.convention import owner_of
from verify.candidate.options import MOST_CLASSES
from verify.candidate.parts import ask_axis, understand
from verify.typing import Array

__all__ = ["probe"]

#: Tried in this order; enough rows that independent bits cannot look one-hot by chance.
BATCHES = ((32,), (4, 8), (2, 4, 4), ())
#: Arguments that turn sampling, or the estimator itself, on.
SWITCHES = ("hard", "training", "train", "is_training", "stochastic", "straight_through", "reinmax", "sample")

ONEHOT_NAMES = ("sample", "onehot", "one_hot", "one_hot_sample", "D", "hard")


def probe(candidate: Candidate) -> Candidate:
    """Fix what the signature left open, by calling; raises ValueError with the question where that fails."""
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
        _ask_vjp(found, logits)
        _ask_switches(found)
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
    ask_axis(np.moveaxis(hard, -1, candidate.convention.axis), candidate.convention.axis)


def _tau_forms(candidate: Candidate) -> tuple[bool, ...]:
    return (False, True) if candidate.has_tau else (False,)


def _sample_forms(candidate: Candidate) -> tuple[bool, ...]:
    name = candidate.convention.injected
    if name is None or candidate.convention.binary:
        return (False,)
    return (True, False) if name in ONEHOT_NAMES else (False, True)


def _understood(trial: Candidate, result: Any, logits: Array) -> Candidate:
    binary, axis = trial.convention.binary, trial.convention.axis
    shape = logits.shape[:-1] if binary else np.moveaxis(logits, -1, axis).shape
    convention, named = understand(trial.framework, trial.convention, result, shape)
    dtype = named["hard"].dtype.name
    dtype = dtype if dtype in {"float32", "float64"} else trial.dtype
    return replace(trial, convention=convention, has_soft="soft" in named, dtype=dtype)


def _ask_vjp(candidate: Candidate, logits: Array) -> None:
    """Ask where the vjp of a NumPy candidate does not take its cotangents as they are given."""
    if candidate.framework.name != "numpy":
        return
    h = np.sin(logits) if candidate.has_soft else None
    try:
        gradient = candidate.observe(logits, cotangent=lambda _: (np.cos(logits), h), seed=0).gradient
        problem = "" if gradient is not None and gradient.shape == logits.shape else "its shape is another"
    except (TypeError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  (whatever else it raises, the checks report)
        return
    if problem:
        raise ValueError(
            f"the vjp did not give a gradient ({problem}); expected "
            "vjp(grad_hard, grad_soft=None) on arrays of the shape of the logits, which returns one: "
            "wrap it in that form, or leave the soft output out with --returns hard,_"
        )


def _ask_switches(candidate: Candidate) -> None:
    """Ask where nothing is sampled or differentiated while a switch is off, or a module evaluates."""
    known, constants = candidate.convention.known or {}, candidate.convention.constants
    off = [n for n in SWITCHES if n in known and known[n].default is False and n not in constants]
    evaluates = getattr(owner_of(candidate.fn), "training", None) is False
    missing = "computes no ReinMax" if "reinmax" in off else _missing(candidate) if off or evaluates else ""
    if missing and evaluates:
        raise ValueError(
            f"it is in evaluation mode, and {missing} there: call train() on it first, so that "
            "it is checked as it trains"
        )
    if missing:
        raise ValueError(
            f"it {missing} with {', '.join(f'{n}=False' for n in off)}, as by default: turn on what is a "
            f"switch with {' '.join(f'--set {n}=true' for n in off)} (keywords of check), or set it to false "
            "to have it checked as it is"
        )


def _missing(candidate: Candidate) -> str:
    """What a call lacks of a sample with a gradient; empty where nothing or where it cannot be told."""
    logits = np.random.default_rng(0).uniform(-1, 1, (64, candidate.classes))
    try:
        first, second = (
            candidate.observe(logits, cotangent=lambda _: (np.cos(logits), None), seed=s) for s in (0, 1)
        )
    except Exception:  # noqa: BLE001  (what it raises, the checks report)
        return ""
    if not np.allclose(first.hard.max(axis=-1), 1, atol=1e-3):
        return "gives no one-hot sample"
    if candidate.convention.injected is None and np.array_equal(first.hard, second.hard):
        return "gives the same sample every time"
    return "" if first.gradient is None or first.gradient.any() else "gives no gradient"

"""The condition under which the gradient is wrong, where it is right under others."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.observations import (
    USUAL,
    Call,
    hard_columns,
    wrong_columns,
)
from verify.typing import Array

__all__ = ["Condition", "find_condition"]

NUMBERS = (2, 3, 4, 5, 8, 17, 33, 64, 65, 100, 257)

#: A framework that compiles each shape is given few of them.
COMPILED = (2, 33)

#: How often a condition has to hold anew: what depends on all logits of a call may fail by chance.
AGAIN = 4

LOGITS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("on logits that are all positive", lambda rows: np.abs(rows) + 0.1),
    ("on logits that are all negative", lambda rows: -np.abs(rows) - 0.1),
    ("on equal logits", np.zeros_like),
    ("on logits of a wide spread", lambda rows: 5 * rows),
)


@dataclass(frozen=True)
class Condition:
    """When the gradient is wrong, in words, and calls in which it is."""

    text: str
    calls: tuple[Call, ...]


def find_condition(candidate: Candidate, rng: np.random.Generator) -> Condition | None:
    """The first dimension of a call along which the gradient is right in some calls and wrong in others."""

    def wrong(call: Call) -> bool | None:
        try:
            tau = 2.0 if candidate.has_tau else 1.0
            return bool(wrong_columns(hard_columns(candidate, tau, rng, call=call, repeats=1)).any())
        except Exception:  # noqa: BLE001  (a call that is refused shows nothing)
            return None

    for dimension in (_by_logits, _by_dtype, _by_classes, _by_axes):
        found = dimension(candidate, wrong)
        if found is not None and all(wrong(call) for call in found.calls * AGAIN):
            return found
    return None


Wrong = Callable[[Call], bool | None]


def _by_dtype(candidate: Candidate, wrong: Wrong) -> Condition | None:
    found = {dtype: wrong(Call(dtype=dtype)) for dtype in dict.fromkeys((candidate.dtype, "float32"))}
    failing = [dtype for dtype, is_wrong in found.items() if is_wrong]
    if len(failing) == 1 and False in found.values():
        return Condition(f"in {failing[0]}", (Call(dtype=failing[0]),))
    return None


def _by_classes(candidate: Candidate, wrong: Wrong) -> Condition | None:
    if candidate.convention.binary:
        return None
    numbers = COMPILED if candidate.framework.name == "jax" else NUMBERS
    numbers = tuple(K for K in sorted({*numbers, candidate.classes}) if candidate.takes(K))
    return _by_number("where K {}", numbers, lambda K: Call(classes=K), wrong)


def _by_axes(candidate: Candidate, wrong: Wrong) -> Condition | None:
    numbers = (2,) if candidate.framework.name == "jax" or candidate.rank == 1 else (1, 2, 3, 4, 5)
    return _by_number("on logits with a number of axes {}", numbers, lambda axes: Call(axes=axes), wrong)


def _by_logits(candidate: Candidate, wrong: Wrong) -> Condition | None:
    del candidate
    if wrong(USUAL) is not False:
        return None
    failing = [(text, Call(change=change)) for text, change in LOGITS if wrong(Call(change=change))]
    return Condition(failing[0][0], (failing[0][1],)) if failing else None


def _by_number(
    where: str, numbers: tuple[int, ...], make: Callable[[int], Call], wrong: Wrong
) -> Condition | None:
    """A bound from above or below; the numbers themselves where that is not what separates them."""
    seen = {n: wrong(make(n)) for n in numbers}
    failing, passing = ([n for n, is_wrong in seen.items() if is_wrong is what] for what in (True, False))
    if not failing or not passing:
        return None
    usual = sorted(failing, key=lambda n: abs(np.log(n / numbers[len(numbers) // 3])))
    calls = tuple(map(make, usual[:2]))  # two numbers that are far from extreme speak for all
    if min(failing) > max(passing):
        least = _threshold(max(passing), min(failing), lambda n: bool(wrong(make(n))))
        return Condition(where.format(f"≥ {least}"), calls)
    if max(failing) < min(passing):
        most = _threshold(max(failing), min(passing), lambda n: not wrong(make(n))) - 1
        return Condition(where.format(f"≤ {most}"), calls)
    told, right = (", ".join(map(str, each)) for each in (failing, passing))
    return Condition(where.format(f"is {told}, not where it is {right}"), calls)


def _threshold(low: int, high: int, after: Callable[[int], bool]) -> int:
    """The first number that is after the change, by bisection between one before and one after."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if after(middle) else (middle, high)
    return high

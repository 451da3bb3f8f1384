"""A failing case reduced to the smallest that still fails."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.conformance.cases import Numbers, Result, numbers, try_numbers
from verify.conformance.space import Case, Space, feasible
from verify.typing import Array

__all__ = ["Smallest", "shrink"]

#: In this order: what surrounds the call first, then its size, then its numbers.
ORDER = (
    "history",
    "context",
    "layout",
    "cotangent layout",
    "tau type",
    "axis",
    "dtype",
    "batch",
    "classes",
    "soft cotangent",
    "hard cotangent",
    "logits",
    "tau",
)

#: Draws that a smaller case is given to fail: the fault may show for some samples only.
DRAWS = 4


@dataclass(frozen=True, eq=False)
class Smallest:
    """A smallest failing case, with its numbers."""

    result: Result
    given: Numbers


def shrink(candidate: Candidate, result: Result, space: Space) -> Smallest:
    """Replace the values of a failing case by simpler ones as long as the same part fails.

    Parameters
    ----------
    candidate : Candidate
    result : Result
        Which is wrong.
    space : mapping
        Its values in order, the simplest first.

    Returns
    -------
    Smallest
    """
    again = True
    while again:
        again = False
        for simpler in _simpler(candidate, result, space):
            found = _fails(candidate, simpler, result)
            if found is not None:
                result, again = found, True
                break
    return _rounded(candidate, result)


def _simpler(candidate: Candidate, result: Result, space: Space) -> Iterator[Case]:
    """The cases with one value made simpler, most of all first."""
    for name in ORDER:
        value, values = result.case[name], space[name]
        before = [*values[: values.index(value)]] if value in values else [*values]
        if name == "classes":
            before = sorted(k for k in {*before, *range(value - 3, value)} if 1 < k < value)
        for other in before:
            case = {**result.case, name: other}
            if feasible(case, candidate):
                yield case


def _fails(candidate: Candidate, case: Case, like: Result) -> Result | None:
    for seed in range(like.seed, like.seed + DRAWS):
        found = try_numbers(candidate, case, numbers(case, seed), seed)
        if (found.status, found.part) == (like.status, like.part):
            return found
    return None


def _rounded(candidate: Candidate, result: Result) -> Smallest:
    """With numbers of as few digits as still fail."""
    exact = numbers(result.case, result.seed)
    for digits in (0, 1, 2, 3) if result.case["dtype"] in {"float64", "float32"} else ():
        given = Numbers(
            exact.logits.round(digits), *(c if c is None else _short(c, digits) for c in (exact.g, exact.h))
        )
        found = try_numbers(candidate, result.case, given, result.seed)
        if (found.status, found.part) == (result.status, result.part):
            return Smallest(found, given)
    return Smallest(result, exact)


def _short(cotangent: Array, digits: int) -> Array:
    """Rounded, unless it is so small that nothing would be left."""
    return cotangent if np.abs(cotangent).max(initial=0.0) < 1e-3 else cotangent.round(digits)

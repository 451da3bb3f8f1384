"""Speed of the op beside others, and the cost of exact moments; times that are compared are taken in turn."""

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

__all__ = ["in_turn"]

WARM_UP = 2
"""Rounds that do not count."""


def in_turn(steps: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Give the median seconds of each step, run one after the other, so that a slow spell hits all of them.

    Examples
    --------
    >>> fast, slow = in_turn([lambda: None, lambda: sum(range(10**5))], repeats=3)
    >>> fast < slow
    True
    """
    times: list[list[float]] = [[] for _ in steps]
    for _ in range(WARM_UP + repeats):
        for step, taken in zip(steps, times, strict=True):
            start = perf_counter()
            step()
            taken.append(perf_counter() - start)
    return [median(taken[WARM_UP:]) for taken in times]

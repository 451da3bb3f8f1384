"""Cases in which every pair of values occurs that can: a greedy pairwise design."""

from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any

import numpy as np

from verify.conformance.space import Case, Space

__all__ = ["Pair", "cover", "draw_case", "pairs_in", "pairs_of"]

#: Two values, each as (dimension, its number, the number of the value).
Pair = tuple[tuple[int, int], tuple[int, int]]

Allowed = Callable[[dict[str, Any]], bool]


def pairs_of(space: Space, allowed: Allowed) -> set[Pair]:
    """Every pair of values of two dimensions that go together."""
    names = [*space]
    return {
        ((a, i), (b, j))
        for a, b in combinations(range(len(names)), 2)
        for i, j in product(range(len(space[names[a]])), range(len(space[names[b]])))
        if allowed({names[a]: space[names[a]][i], names[b]: space[names[b]][j]})
    }


def pairs_in(case: Case, space: Space) -> set[Pair]:
    """The pairs of values that occur in a case."""
    places = [(a, space[name].index(case[name])) for a, name in enumerate(space) if case[name] in space[name]]
    return set(combinations(places, 2))


def cover(space: Space, allowed: Allowed, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Cases that hold every pair of :func:`pairs_of`, each with as many new ones as a greedy choice finds.

    A pair for which no case is found, since a third dimension always forbids
    it, is given up.
    """
    names, missing = [*space], pairs_of(space, allowed)
    while missing:
        first = min(missing)
        chosen = dict(first)
        for a in map(int, rng.permutation(len(names))):
            if a not in chosen:
                goes = [
                    i
                    for i in map(int, rng.permutation(len(space[names[a]])))
                    if allowed(_named(chosen | {a: i}, space))
                ]
                if not goes:
                    break
                chosen[a] = max(goes, key=lambda i: len(missing & _pairs_with((a, i), chosen)))
        missing -= {first, *combinations(sorted(chosen.items()), 2)}
        if len(chosen) == len(names) and allowed(case := _named(chosen, space)):
            yield {name: case[name] for name in names}


def _named(chosen: dict[int, int], space: Space) -> dict[str, Any]:
    names = [*space]
    return {names[a]: space[names[a]][i] for a, i in chosen.items()}


def _pairs_with(one: tuple[int, int], chosen: dict[int, int]) -> set[Pair]:
    """The pairs of one value with those that are chosen."""
    return {(one, other) if one < other else (other, one) for other in chosen.items()}


def draw_case(
    space: Space, allowed: Allowed, rng: np.random.Generator, **fixed: Any
) -> dict[str, Any] | None:
    """A case at random with some values fixed; None where none is found."""
    for _ in range(50):
        case = {name: values[int(rng.integers(len(values)))] for name, values in space.items()} | fixed
        if allowed(case):
            return case
    return None

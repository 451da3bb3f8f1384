"""The search of the space of cases: each value once, every pair of values, and then at random."""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.conformance.cases import Result, try_case
from verify.conformance.covering import Pair, cover, draw_case, pairs_in, pairs_of
from verify.conformance.inputs import new_seed
from verify.conformance.space import BASE, HUGE, Case, Space, compiles, feasible, space_of

__all__ = ["Search", "search"]

#: Cases at random in every search, and the least of them that a budget of time is looked at after.
RANDOM = 30

#: The dimensions that make another program of a candidate that is compiled.
STATIC = ("axis", "tau type", "context")


@dataclass(frozen=True, eq=False)
class Search:
    """What was tried, and what came of it.

    Attributes
    ----------
    space : mapping
        The values that apply.
    results : tuple of Result
    refused : tuple of (str, value)
        The values at which the candidate raises, or is right only in part, by themselves.
    pairs, due : int
        The pairs of values that occurred in calls that gave a result, and all that could.
    """

    space: Space = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    refused: tuple[tuple[str, Any], ...] = ()
    pairs: int = 0
    due: int = 0

    def having(self, *statuses: str) -> list[Result]:
        """The results with one of these statuses."""
        return [r for r in self.results if r.status in statuses]


class _Searcher:
    """One search as it goes on."""

    def __init__(self, candidate: Candidate, rng: np.random.Generator) -> None:
        self.candidate, self.rng = candidate, rng
        self.space: Space = space_of(candidate)
        self.results: list[Result] = []

    def allowed(self, case: Case) -> bool:
        return feasible(case, self.candidate)

    def run(self, case: Case) -> Result:
        self.results.append(try_case(self.candidate, case, new_seed(self.rng)))
        return self.results[-1]

    def with_values(self, fixed: Case) -> dict[str, Any] | None:
        """The usual case with some values, or where they do not go with it one at random."""
        usual = {n: BASE[n] if BASE[n] in values else values[0] for n, values in self.space.items()}
        for tau in {usual["tau"]: 0, 2.0: 0}:
            case = {**usual, "tau": tau, **fixed}
            if tau in self.space["tau"] and self.allowed(case):
                return case
        return draw_case(self.space, self.allowed, self.rng, **fixed)

    def one_by_one(self) -> Iterator[tuple[str, Any]]:
        """Try every value once; those that fail by themselves are left out from there on."""
        usual = self.with_values({})
        if usual is None or self.run(usual).status == "raised":
            return
        for name, values in self.space.items():
            for value in values:
                case = self.with_values({name: value})
                if case is not None and self.run(case).status in {"raised", "fragile"}:
                    yield name, value

    def covered(self) -> set[Pair]:
        """The pairs of values that occurred in calls that gave a result."""
        return set().union(*(pairs_in(r.case, self.space) for r in self.results if r.status != "raised"))

    def pairwise(self, due: set[Pair]) -> None:
        """Every pair of values; again by itself where it was only tried beside something that is refused."""
        for case in cover(self.space, self.allowed, self.rng):
            self.run(case)
        names = [*self.space]
        for pair in sorted(due - self.covered()) if not compiles(self.candidate) else ():
            alone = self.with_values({names[a]: self.space[names[a]][i] for a, i in pair})
            if alone is not None:
                self.run(alone)

    def at_random(self) -> None:
        """A case with sizes and a temperature that are no values of the space."""
        drawn = draw_case(self.space, self.allowed, self.rng)
        if drawn is None:
            return
        case = dict(drawn)
        if len(self.space["classes"]) > 5 and not compiles(self.candidate):
            case["classes"] = int(self.rng.integers(2, 150))
        if len(case["batch"]) == 1 and case["batch"][0] in {7, 64} and self.candidate.rank != 1:
            case["batch"] = (int(self.rng.integers(1, 300)),)
        if len(self.space["tau"]) > 5 and case["tau type"] == "float":
            low = min(1.0, *self.space["tau"])
            case["tau"] = float(np.exp(self.rng.uniform(np.log(low), np.log(10.0))).round(2))
        if self.allowed(case):
            self.run(case)


def search(candidate: Candidate, rng: np.random.Generator, budget: float = 0.0) -> Search:
    """Try the cases.

    Parameters
    ----------
    candidate : Candidate
    rng : numpy Generator
    budget : float
        Seconds for which cases at random go on after the others.

    Returns
    -------
    Search
    """
    start, at = time.monotonic(), _Searcher(candidate, rng)
    with warnings.catch_warnings(), candidate.framework.keeping():
        warnings.simplefilter("ignore")  # what foreign code warns of is not for our caller's filters
        refused = [*at.one_by_one()]
        at.space = {
            name: tuple(v for v in values if (name, v) not in refused) for name, values in at.space.items()
        }
        if not at.results or at.results[0].status == "raised" or not all(at.space.values()):
            return Search(at.space, tuple(at.results), tuple(refused), 0, 0)
        if compiles(
            candidate
        ):  # by themselves these were tried, and each pair of them is one more to compile
            at.space = {n: values[:1] if n in STATIC else values for n, values in at.space.items()}
        due = pairs_of(at.space, at.allowed)
        at.pairwise(due)
        _at_last(at)
        while len(at.results) and time.monotonic() - start < budget:
            at.at_random()
    return Search(at.space, tuple(at.results), tuple(refused), len(at.covered() & due), len(due))


def _at_last(at: _Searcher) -> None:
    """Some at random, one that is large, and the first once more, after all the calls before it."""
    for _ in range(RANDOM):
        at.at_random()
    usual = at.results[0].case
    large = {**usual, **HUGE}
    if all(value in at.space[name] for name, value in HUGE.items()) and not compiles(at.candidate):
        at.run(large)
    at.run(usual)

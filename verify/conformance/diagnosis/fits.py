"""The gradient through the sample, fitted with the terms of the paper in each world."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from verify.conformance.diagnosis.evidence import Columns, bound
from verify.conformance.diagnosis.families import Family
from verify.conformance.diagnosis.interpretation import Triple
from verify.conformance.diagnosis.worlds import World, worlds
from verify.typing import Array

__all__ = ["TERMS", "Fit", "fit_family", "fit_worlds", "formula"]

TERMS = ("J(q)g", "J(p)g", "J(p_τ)g")


@dataclass(frozen=True)
class Fit:
    """Coefficients by temperature in one world.

    Attributes
    ----------
    world : World
        At the last temperature.
    coefficients : dict from τ to (a, b, c)
        c is 0 where p_τ is p.
    heats : dict from τ to float
        The temperatures that are used for p_τ.
    residual : float
        Largest entry that the fit leaves, over the tolerance.
    remark : str
        What is wrong in the world that is of no class.
    """

    world: World
    coefficients: dict[float, Triple]
    heats: dict[float, float]
    residual: float
    remark: str

    @property
    def formula(self) -> str:
        """The gradient in words of the paper."""
        return formula(self.coefficients)


def formula(coefficients: dict[float, Triple]) -> str:
    """Coefficients in words of the paper, once where they are the same at several temperatures.

    Examples
    --------
    >>> formula({1.0: (2.0, -0.5, 0.0)})
    '2·J(q)g − 0.5·J(p)g'
    >>> formula({1.0: (0.0, 1.0, 0.0), 1.5: (2.0, -0.5, 0.0), 2.0: (2.0, -0.5, 0.0)})
    '1·J(p)g at τ = 1; 2·J(q)g − 0.5·J(p)g at τ = 1.5, 2'
    """
    groups: dict[str, list[float]] = {}
    for tau, triple in sorted(coefficients.items(), key=lambda each: each[0] == 1):
        same = (
            told for told, (first, *_) in groups.items() if tau == 1 and _alike(coefficients[first], triple)
        )
        groups.setdefault(next(same, _sum(triple)), []).append(tau)
    if len(groups) == 1:
        return next(iter(groups)) + (" at every τ" if len(coefficients) > 1 else "")
    ordered = sorted((sorted(taus), told) for told, taus in groups.items())
    return "; ".join(f"{told} at τ = {', '.join(f'{tau:g}' for tau in taus)}" for taus, told in ordered)


def _alike(elsewhere: Triple, at_one: Triple) -> bool:
    """Whether coefficients come to those at τ = 1, where p_τ is p."""
    a, b, c = elsewhere
    return _sum((a, b + c, 0.0)) == _sum(at_one)


def _sum(triple: Triple) -> str:
    shown = [f"{x:.3g}·{term}" for x, term in zip(triple, TERMS, strict=True) if abs(x) > 5e-4]
    return " + ".join(shown).replace("+ -", "− ") or "0"


def fit_worlds(all_columns: list[Columns], *, binary: bool) -> Iterator[Fit]:
    """The fits that leave no more than rounding, in the order of their worlds."""
    for world in zip(*(worlds(columns, binary=binary) for columns in all_columns), strict=True):
        fit = _fit(all_columns, world, world[-1].remark)
        if fit.residual <= 1:
            yield fit


def fit_family(all_columns: list[Columns], family: Family) -> Fit | None:
    """The fit at the best number for each temperature, if it leaves no more than rounding."""
    made, numbers = [], {}
    for columns in reversed(all_columns):  # the last ones show most
        number = _best(columns, family)
        world = family.make(columns, number)
        if _solve(columns, world)[1] > bound(columns):
            return None
        made.append(world)
        numbers[columns.tau] = number
    return _fit(all_columns, tuple(reversed(made)), family.tell(dict(sorted(numbers.items()))))


def _best(columns: Columns, family: Family) -> float:
    """The number with the least sum of squares left, by a look at the grid and a search around its best."""

    def left(number: float) -> float:
        return _solve(columns, family.make(columns, number))[2]

    place = int(np.argmin([left(number) for number in family.grid]))
    around = family.grid[max(place - 1, 0)], family.grid[min(place + 1, len(family.grid) - 1)]
    found = optimize.minimize_scalar(left, bounds=around, method="bounded", options={"xatol": 1e-9})
    return float(found.x)


def _solve(columns: Columns, world: World) -> tuple[Array, float, float]:
    """The coefficients, the largest entry that they leave, and the sum of squares."""
    terms = world.terms(columns.basis)
    design, target = terms.reshape(len(terms), -1).T, columns.gradient.ravel()
    solution = np.linalg.lstsq(design, target)[0]
    left = design @ solution - target
    return solution, float(np.abs(left).max()), float(left @ left)


def _fit(all_columns: list[Columns], made: tuple[World, ...], remark: str) -> Fit:
    found, worst = {}, 0.0
    for columns, world in zip(all_columns, made, strict=True):
        solution, left, _ = _solve(columns, world)
        worst = max(worst, left / bound(columns))
        a, b, c = map(float, [*solution, 0.0][:3])
        found[columns.tau] = (a, b, c)
    heats = {columns.tau: world.heat for columns, world in zip(all_columns, made, strict=True)}
    return Fit(made[-1], found, heats, worst, remark)

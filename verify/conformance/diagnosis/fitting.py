"""The gradient through the sample, fitted with the terms of the paper under each hypothesis."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
from scipy import optimize

from verify.conformance.diagnosis.describe import Triple, formula, scaled
from verify.conformance.diagnosis.hypotheses import Family, Hypothesis, hypotheses
from verify.conformance.diagnosis.observations import Columns, bound
from verify.typing import Array

__all__ = ["Fit", "fit_all", "fit_family"]

#: No slip leads to a coefficient above this, unless to a factor of the whole gradient.
LARGEST = 8.0


@dataclass(frozen=True)
class Fit:
    """Coefficients by temperature under one hypothesis.

    Attributes
    ----------
    hypothesis : Hypothesis
        At the last temperature.
    coefficients : dict from τ to (a, b, c)
        c is 0 where p_τ is p.
    used : dict from τ to float
        The temperatures that are used for p_τ.
    residual : float
        Largest entry that the fit leaves, over the tolerance.
    remark : str
        What is wrong in the hypothesis and has no code.
    make : callable
        The hypothesis for other columns.
    """

    hypothesis: Hypothesis
    coefficients: dict[float, Triple]
    used: dict[float, float]
    residual: float
    remark: str
    make: Callable[[Columns], Hypothesis]

    def predicts(self, columns: Columns) -> bool:
        """Whether other columns, at one of its temperatures, are as it says."""
        terms = self.make(columns).terms(columns.basis)
        a, b, c = self.coefficients[columns.tau]
        weights = (a, b + c) if len(terms) == 2 else (a, b, c)
        return bool(np.abs(np.tensordot(weights, terms, 1) - columns.gradient).max() <= bound(columns))

    @property
    def plain(self) -> bool:
        """Whether its coefficients are of a size that a slip leads to, or one factor of all of them."""
        sizes = [abs(x) for triple in self.coefficients.values() for x in triple]
        return max(sizes) <= LARGEST or scaled(self.coefficients, self.used) is not None

    @property
    def formula(self) -> str:
        """The gradient as a sum of the paper's terms."""
        return formula(self.coefficients)


def fit_all(all_columns: list[Columns], *, binary: bool) -> Iterator[Fit]:
    """The fits that leave no more than rounding, in the order of the hypotheses."""
    every = zip(*(hypotheses(columns, binary=binary) for columns in all_columns), strict=True)
    for number, made in enumerate(every):
        fit = _fit(all_columns, made, made[-1].remark, partial(_numbered, number=number, binary=binary))
        if fit.residual <= 1:
            yield fit


def fit_family(all_columns: list[Columns], family: Family) -> Fit | None:
    """The fit at the best number for each temperature, if it leaves no more than rounding."""
    made, numbers = [], {}
    for columns in reversed(all_columns):  # the last ones show most
        number = _best(columns, family)
        hypothesis = family.make(columns, number)
        if _solve(columns, hypothesis)[1] > bound(columns):
            return None
        made.append(hypothesis)
        numbers[columns.tau] = number
    return _fit(
        all_columns,
        tuple(reversed(made)),
        family.tell(dict(sorted(numbers.items()))),
        lambda columns: family.make(columns, numbers[columns.tau]),
    )


def _numbered(columns: Columns, *, number: int, binary: bool) -> Hypothesis:
    return next(islice(hypotheses(columns, binary=binary), number, None))


def _best(columns: Columns, family: Family) -> float:
    """The number with the least sum of squares left: the best of the grid, then a search around it."""

    def left(number: float) -> float:
        return _solve(columns, family.make(columns, number))[2]

    place = int(np.argmin([left(number) for number in family.grid]))
    around = family.grid[max(place - 1, 0)], family.grid[min(place + 1, len(family.grid) - 1)]
    found = optimize.minimize_scalar(left, bounds=around, method="bounded", options={"xatol": 1e-9})
    return float(found.x)


def _solve(columns: Columns, hypothesis: Hypothesis) -> tuple[Array, float, float]:
    """The coefficients, the largest entry that they leave, and the sum of squares."""
    terms = hypothesis.terms(columns.basis)
    design, target = terms.reshape(len(terms), -1).T, columns.gradient.ravel()
    solution = np.linalg.lstsq(design, target)[0]
    left = design @ solution - target
    return solution, float(np.abs(left).max()), float(left @ left)


def _fit(
    all_columns: list[Columns],
    made: tuple[Hypothesis, ...],
    remark: str,
    make: Callable[[Columns], Hypothesis],
) -> Fit:
    found, worst = {}, 0.0
    for columns, hypothesis in zip(all_columns, made, strict=True):
        solution, left, _ = _solve(columns, hypothesis)
        worst = max(worst, left / bound(columns))
        a, b, c = map(float, [*solution, 0.0][:3])
        found[columns.tau] = (a, b, c)
    used = {columns.tau: each.tau for columns, each in zip(all_columns, made, strict=True)}
    return Fit(made[-1], found, used, worst, remark, make)

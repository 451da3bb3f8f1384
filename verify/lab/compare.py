"""Which estimator for my objective: all of them at their best temperature, and a sentence of advice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from textwrap import fill
from typing import Any

import numpy as np

from reinmax_ref.estimators import names
from reinmax_ref.protocol import name_of, needs_of
from verify.lab.grid import TAUS, check_axis, check_positive
from verify.lab.moments import OnePass, why_not
from verify.lab.tables import Row, advise, best
from verify.objectives import Objective
from verify.oracle.parallel import Workers

__all__ = ["Comparison", "Row", "compare"]


@dataclass(frozen=True)
class Comparison:
    """All estimators on one objective.

    Attributes
    ----------
    rows : tuple of Row
        Each estimator at its best temperature, the least MSE of one draw first.
    advice : str
        Which to use for a small batch and which for a large one.
    everything : tuple of Row
        Each estimator at every temperature of the search.
    skipped : dict
        Why an estimator is not among them.
    """

    rows: tuple[Row, ...]
    advice: str
    everything: tuple[Row, ...] = field(repr=False)
    skipped: dict[str, str] = field(default_factory=dict)

    def best(self, draws: int) -> Row:
        """Give the estimator and temperature of least error for a mean of so many draws."""
        return best(self.everything, draws)

    def to_text(self) -> str:
        """Write a table, one line an estimator, and the advice."""
        told = "".join(f"{name:>11}{'±':>8}" for name in ("bias", "variance", "MSE"))
        head = f"{'estimator':<28}{'τ':>6}{told}{'cosine':>9}{'points':>8}  needs"
        lines = [head, *map(_line, self.rows)]
        lines += [f"left out: {name}, {reason}" for name, reason in self.skipped.items()]
        return "\n".join([*lines, "", fill(self.advice, 110)])

    def __str__(self) -> str:
        return self.to_text()


def compare(
    objective: Objective,
    logits: Any,
    *,
    estimators: Sequence[str | Callable[..., Any]] | None = None,
    taus: Sequence[float] = TAUS,
    workers: Workers = 1,
) -> Comparison:
    """Compare the estimators on an objective, exactly, each at its best temperature.

    Parameters
    ----------
    objective : Objective
        See :mod:`verify.objectives`.
    logits : array, shape (K,) or (L, K)
    estimators : sequence of str or callable, optional
        As in :func:`verify.lab.moments.moments`; all of ``reinmax_ref/estimators``
        where absent.
    taus : sequence of float
        Temperatures to search, by the MSE of one draw.
    workers : int or map-like callable
        For the pass over the corners; see :func:`verify.oracle.parallel.run_tasks`.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        For an unknown name, a temperature that is not above 0, no estimator
        that applies, and what :func:`verify.oracle.enumeration.statistics` refuses.

    Examples
    --------
    >>> from verify.lab.compare import compare
    >>> from verify.objectives import linear
    >>> found = compare(linear([0.0, 1.0, 3.0]), [0.0, 0.5, 1.0], estimators=["reinmax", "straight_through"])
    >>> [row.name for row in found.rows]
    ['straight_through at τ = 1', 'reinmax at τ = 1.5']
    """
    asked = names() if estimators is None else estimators
    check_axis("estimators", asked)
    check_axis("taus", taus)
    check_positive("taus", taus)
    theta = np.asarray(logits, dtype=np.float64)
    if theta.ndim not in {1, 2}:
        raise ValueError(f"logits have shape {theta.shape}; expected (K,) or (L, K)")
    shared = OnePass(objective, theta, workers)
    reasons = [why_not(name, theta.shape[-1]) for name in asked]
    skipped = {name_of(n): reason for n, reason in zip(asked, reasons, strict=True) if reason}
    able = [name for name, reason in zip(asked, reasons, strict=True) if not reason]
    if not able:
        raise ValueError(f"nothing to compare at {theta.shape[-1]} classes: {'; '.join(skipped.values())}")
    searched = [_rows(shared, name, taus) for name in able]
    everything = tuple(row for rows in searched for row in rows)
    each = [min(rows, key=lambda row: row.mse) for rows in searched]
    return Comparison(tuple(sorted(each, key=lambda r: r.mse)), advise(everything), everything, skipped)


def _rows(shared: OnePass, name: str | Callable[..., Any], taus: Sequence[float]) -> list[Row]:
    needs = needs_of(name)
    told = ", ".join(w for w, wanted in (("f", needs.value), ("∇f", needs.slope)) if wanted)
    rows = []
    for tau in taus if needs.tempered else taus[:1]:
        m = shared.moments(name, tau)
        size, spread = float(np.linalg.norm(m.bias)), sqrt(m.total_variance)
        own = float(tau) if needs.tempered else None
        found = (size, spread, m.mse, m.cosine, m.relative_bias, m.standard_error)
        errors = (m.total_variance_error, m.mse_error)
        rows.append(Row(name_of(name), own, *found, needs.evaluations, told, *errors))
    return rows


def _line(row: Row) -> str:
    tau = "" if row.tau is None else f"{row.tau:g}"
    pairs = (
        (sqrt(row.squared_bias), row.standard_error),
        (row.deviation**2, row.variance_error),
        (row.mse, row.mse_error),
    )
    numbers = "".join(f"{value:>11.3g}{error:>8.1g}" for value, error in pairs)
    return f"{row.estimator:<28}{tau:>6}{numbers}{row.cosine:>9.4f}{row.evaluations:>8}  {row.needs}"

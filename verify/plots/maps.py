"""The map of who wins over temperature and curvature of the objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from verify.lab.tables import grouped, winner
from verify.plots.style import COLOURS, legend_beside, new_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from verify.lab.results import Record

__all__ = ["family_of", "who_wins"]


def who_wins(records: Sequence[Record], *, by: str = "mse", ax: Axes | None = None) -> Axes:
    """Map the best estimator over temperature and curvature of the objective.

    Parameters
    ----------
    records : sequence of Record
        Of one family of objectives with its curvatures (tanh:0.1, tanh:1, …),
        and one K, L, scale and seed.
    by : {"mse", "bias", "variance"}
        See :func:`verify.lab.tables.winner`; estimators without a temperature
        compete at each.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    ValueError
        For another criterion, or records of several families or shapes.
    """
    _require_family(records)
    cells = grouped(records, "curvature", "tau")
    rows, columns = (sorted({key[axis] for key in cells}) for axis in (0, 1))
    best = {key: winner(found, by).estimator for key, found in cells.items()}
    won = sorted(set(best.values()), key=lambda name: -list(best.values()).count(name))
    ax = new_axes() if ax is None else ax
    for (curvature, tau), name in best.items():
        _cell(ax, columns.index(tau), rows.index(curvature), won.index(name))
    for number, name in enumerate(won):
        ax.plot([], [], "s", markersize=9, label=f"{number + 1}  {name}", **_fill(number))
    ax.set_xticks(range(len(columns)), [f"{tau:g}" for tau in columns])
    ax.set_yticks(range(len(rows)), [f"{curvature:g}" for curvature in rows])
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
    first = records[0]
    ax.set(xlabel="temperature τ (1)", ylabel=f"curvature of {family_of(first)} (1)")
    where = f"{first.categories} classes, L = {first.variables}, logits of scale {first.scale:g}"
    ax.set_title(f"least {_told(by)}: {where}", fontsize="medium")
    return legend_beside(ax)


def _require_family(records: Sequence[Record]) -> None:
    found = {(family_of(r), r.categories, r.variables, r.scale, r.seed) for r in records}
    if len(found) != 1:
        raise ValueError(
            f"records of {len(found)} families or shapes came; a map is of one, as tanh:0.1 tanh:1 tanh:4"
        )


def family_of(record: Record) -> str:
    """Name the objective of a record without its curvature."""
    name, colon, number = record.objective.rpartition(":")
    return name if colon and number.replace(".", "").isdigit() else record.objective


def _told(by: str) -> str:
    return "MSE of one draw" if by == "mse" else by


def _fill(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % len(COLOURS)], "alpha": 0.85}


def _cell(ax: Axes, column: int, row: int, number: int) -> None:
    """Colour a cell, and number it for those who cannot tell the colours."""
    corners = np.array([-0.5, 0.5])
    ax.fill_between(column + corners, row - 0.5, row + 0.5, linewidth=0, **_fill(number))
    ax.annotate(
        str(number + 1),
        (column, row),
        ha="center",
        va="center",
        fontsize="small",
        bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "none"},
    )

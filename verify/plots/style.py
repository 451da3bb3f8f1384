"""What all pictures share: a figure of their own, styles that everybody can tell apart, a legend beside."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from reinmax_ref.estimators import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = [
    "COLOURS",
    "floor_below",
    "legend_beside",
    "log_axes",
    "mark_floor",
    "new_axes",
    "new_figure",
    "numbered",
    "style",
]

#: Okabe and Ito, "Color universal design", 2008; without the yellow, which is lost on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

#: Those that are met most, which differ in colour too.
LEADING = (
    "reinmax",
    "straight_through",
    "gumbel_softmax",
    "mve",
    "reinforce",
    "gumbel_rao",
    "reinmax_cv",
)

MARKERS = "osD^vPX*<>h"
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":")


def new_figure(width: float, height: float) -> Figure:
    """Make a figure outside pyplot, sized in inches.

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  (for those who ask for a picture)
    except ImportError as error:
        raise ImportError(
            "pictures are drawn by matplotlib, which is not installed; pip install 'reinmax-ref[plot]'"
        ) from error
    return Figure(figsize=(width, height), layout="constrained", dpi=120)


def new_axes() -> Axes:
    """Make axes in a new figure, with room for a legend beside them."""
    axes: Axes = new_figure(8.5, 4.8).subplots()
    return axes


def style(name: str) -> dict[str, Any]:
    """Give the colour, marker and dashes of an estimator, the same in every picture.

    Examples
    --------
    >>> style("reinmax") == style("straight_through")
    False
    """
    known = [*LEADING, *(other for other in names() if other not in LEADING)]
    return numbered(known.index(name) if name in known else len(known))


def numbered(number: int) -> dict[str, Any]:
    """Give the style of a number; seven colours, eleven markers and four dashes meet anew only after 308.

    Examples
    --------
    >>> numbered(0)["color"], numbered(7)["color"], numbered(7)["marker"]
    ('#0072B2', '#0072B2', '*')
    """
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": DASHES[number % len(DASHES)],
        "markersize": 5,
        "linewidth": 1.4,
    }


def floor_below(values: Sequence[float]) -> float:
    """Give the height at which a logarithmic axis shows none: a third of the least positive value.

    Examples
    --------
    >>> floor_below([0.0, 0.75, 6.0])
    0.25
    """
    return min([float(v) for v in values if v > 0], default=1.0) / 3


def mark_floor(ax: Axes, floor: float) -> None:
    """Mark the height at which none is shown, beside the axes."""
    ax.axhline(floor, color="0.7", linestyle=":", linewidth=1, zorder=0)
    where: Any = ("axes fraction", "data")
    ax.annotate("none", (1, floor), (3, 0), where, "offset points", fontsize="small", va="center")


def log_axes(ax: Axes) -> None:
    """Make both axes logarithmic, with numbers between the powers where few powers are shown."""
    lines = [np.asarray(line.get_ydata(), float) for line in ax.lines]
    if not any((y > 0).any() for y in lines):  # all are free of bias: a logarithm has nothing to show
        ax.set(ylim=(1e-3, 1))
    ax.set(xscale="log", yscale="log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(partial(_between, axis))


def _between(axis: Any, value: float, _position: int | None = None) -> str:
    low, high = axis.get_view_interval()
    digit = round(value / 10.0 ** np.floor(np.log10(value)))
    return f"{value:g}" if high < 30 * low and digit in (2, 3, 5) else ""


def legend_beside(ax: Axes) -> Axes:
    """Add the legend to the right of the axes, where no data are."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.07, 1.0), borderaxespad=0, fontsize="small", frameon=False)
    return ax

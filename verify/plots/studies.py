"""Pictures of studies: orders of accuracy, and speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from verify.plots.style import legend_beside, log_axes, new_axes, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from verify.bench.op import Bench
    from verify.oracle.convergence import OrderStudy

__all__ = ["order_of_accuracy", "speed"]


def order_of_accuracy(studies: Sequence[OrderStudy], *, ax: Axes | None = None) -> Axes:
    """Draw the relative bias against the contraction ε; the slope is the order of accuracy.

    Parameters
    ----------
    studies : sequence of OrderStudy
        From :func:`verify.lab.order.order`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    """
    ax = new_axes() if ax is None else ax
    for number, study in enumerate(studies):
        level = np.array([(row.epsilon, row.relative_bias) for row in study.table if row.relative_bias > 0])
        told = "no bias" if np.isinf(study.order) else f"order {study.order:.2f} ± {study.uncertainty:.1g}"
        ax.plot(*level.reshape(-1, 2).T, label=f"{study.estimator}: {told}", **numbered(number))
    steps = np.array([row.epsilon for study in studies for row in study.table])
    ends = np.array([steps.min(), steps.max()])
    for slope, dashes in ((1, (0, (1, 3))), (2, (0, (5, 3)))):
        ax.plot(ends, ends**slope, color="0.6", linestyle=dashes, label=f"slope {slope}", zorder=0)
    log_axes(ax)
    ax.set_xlabel("contraction ε of the objective (1)")
    ax.set_ylabel("relative bias ‖E[ĝ] − ∇‖ / ‖∇‖ (1)")
    return legend_beside(ax)


def speed(bench: Bench, *, ax: Axes | None = None) -> Axes:
    """Draw the time of each contestant of a bench at each shape.

    Parameters
    ----------
    bench : Bench
        From :func:`verify.bench.op.run`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    """
    ax = new_axes() if ax is None else ax
    shapes = list(dict.fromkeys((t.rows, t.classes) for t in bench.timings))
    for number, name in enumerate(dict.fromkeys(t.contestant for t in bench.timings)):
        times = {(t.rows, t.classes): t.milliseconds for t in bench.timings if t.contestant == name}
        ax.plot([shapes.index(s) for s in times], list(times.values()), label=name, **numbered(number))
    ax.set_xticks(range(len(shapes)), [f"{rows} × {classes}" for rows, classes in shapes])
    ax.set(yscale="log", xlabel="shape (rows × classes)", ylabel="time, forward and backward (ms)")
    ax.set_title(f"median of {bench.repeats} on {bench.device}", fontsize="medium")
    return legend_beside(ax)

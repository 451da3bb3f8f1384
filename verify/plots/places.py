"""Pictures of one place of a sweep: bias against temperature, and the plane of bias and variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from verify.lab.tables import ROUNDING, grouped
from verify.plots.style import floor_below, legend_beside, log_axes, mark_floor, new_axes, style

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from verify.lab.results import Record

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["PLACE", "bias_against_temperature", "bias_and_variance"]

#: The fields of a record that one picture holds fixed.
PLACE = ("objective", "categories", "variables", "scale", "seed")

NO_BIAS = "no bias:"

CLIP = 1e-5
"""Smaller variances, as a fraction of the largest, are drawn at this one."""


def bias_against_temperature(records: Sequence[Record], *, ax: Axes | None = None) -> Axes:
    """Draw the relative bias of each estimator against τ, on logarithmic axes.

    Parameters
    ----------
    records : sequence of Record
        Of one place: one objective, K, L, scale and seed.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    ValueError
        For records of several places, or none.

    Notes
    -----
    A bias of the size of rounding is drawn on a dotted floor marked "none".
    Estimators without bias at every temperature are named in the legend alone.
    Where the noise of an estimator was integrated numerically, a band of two
    standard errors surrounds its line.
    """
    require_one(records)
    ax = new_axes() if ax is None else ax
    floor = floor_below([r.relative_bias for r in records if r.relative_bias > ROUNDING])
    free = []
    for name, own in _by_estimator(records):
        tau, bias, error = (_column(own, f) for f in ("tau", "relative_bias", "relative_bias_error"))
        if (bias <= ROUNDING).all():
            free.append(name)
            continue
        shown = np.where(bias <= ROUNDING, floor, bias)
        (line,) = ax.plot(tau, shown, label=name, **style(name))
        if error.any():
            _band(ax, tau, shown, error, line.get_color())
    if any(r.relative_bias <= ROUNDING for r in records if r.estimator not in free):
        mark_floor(ax, floor)
    if free:
        ax.plot([], [], " ", label="\n  ".join([NO_BIAS, *free]))
    log_axes(ax)
    taus = sorted({record.tau for record in records})
    ax.set_xticks(taus, [f"{tau:g}" for tau in taus])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("temperature τ (1)")
    ax.set_ylabel("relative bias ‖E[ĝ] − ∇‖ / ‖∇‖ (1)")
    ax.set_title(place_of(records[0]), fontsize="medium")
    return legend_beside(ax)


def bias_and_variance(records: Sequence[Record], *, ax: Axes | None = None) -> Axes:
    """Draw each estimator in the plane of variance and squared bias, a line through its temperatures.

    Parameters
    ----------
    records : sequence of Record
        Of one place: one objective, K, L, scale and seed.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError, ValueError
        As in :func:`bias_against_temperature`.

    Notes
    -----
    The ring is at the temperature nearest 1. Along a grey line the MSE of one
    draw is the same. No bias is drawn on a dotted floor marked "none", and a variance below
    1e-5 of the largest at the left edge; the bars are two standard errors.
    """
    require_one(records)
    ax = new_axes() if ax is None else ax
    floor = floor_below([r.bias_norm**2 for r in records if r.relative_bias > ROUNDING])
    least = CLIP * max(record.variance for record in records) or 1.0
    for name, own in _by_estimator(records):
        variance, bias, relative, error = (
            _column(own, f) for f in ("variance", "bias_norm", "relative_bias", "standard_error")
        )
        x = np.maximum(variance, least)
        y = np.where(relative <= ROUNDING, floor, bias**2)
        ax.plot(x, y, label=name, **style(name))
        if error.any():
            ax.errorbar(x, y, 4 * bias * error, fmt="none", ecolor=style(name)["color"], capsize=2)
        near = int(np.argmin(np.abs(np.log(_column(own, "tau")))))
        if np.ptp(bias) > 0:
            ax.plot(x[near], y[near], "o", markersize=11, fillstyle="none", color=style(name)["color"])
    if any(r.relative_bias <= ROUNDING for r in records):
        mark_floor(ax, floor)
    log_axes(ax)
    _level_lines(ax)
    ax.set_xlabel("variance E‖ĝ − E[ĝ]‖² (unit of f, squared)")
    ax.set_ylabel("squared bias ‖E[ĝ] − ∇‖² (unit of f, squared)")
    ax.set_title(place_of(records[0]), fontsize="medium")
    return legend_beside(ax)


def require_one(records: Sequence[Record]) -> None:
    """Refuse records of several places, or none."""
    places = list(grouped(records, *PLACE))
    if len(places) != 1:
        told = "; ".join(str(dict(zip(PLACE, place, strict=True))) for place in places[:2])
        raise ValueError(
            f"records of {len(places)} places came ({told}); this picture is of one: select them, or use page"
        )


def place_of(record: Record) -> str:
    """Name the place of a record."""
    shape = f"{record.categories} classes, L = {record.variables}"
    return f"{record.objective}, {shape}, logits of scale {record.scale:g}"


def _by_estimator(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    for (name,), own in grouped(records, "estimator").items():
        yield name, sorted(own, key=lambda record: record.tau)


def _column(records: Sequence[Record], name: str) -> Array:
    return np.array([getattr(record, name) for record in records])


def _band(ax: Axes, tau: Array, bias: Array, error: Array, colour: Any) -> None:
    low = np.maximum(bias - 2 * error, bias / 10)
    ax.fill_between(tau, low, bias + 2 * error, color=colour, alpha=0.3, linewidth=0)


def _level_lines(ax: Axes) -> None:
    """Lines of equal bias² + variance, behind the data and within their limits."""
    limits = np.array([ax.get_xlim(), ax.get_ylim()])
    low, high = np.floor(np.log10(limits.min())), np.ceil(np.log10(limits.max()))
    for level in 10.0 ** np.arange(low, high + 1):
        share = 1 / (1 + np.exp(-np.linspace(-25, 25, 400)))
        ax.plot(level * share, level * (1 - share), color="0.85", linewidth=0.8, zorder=0)
    ax.set(xlim=limits[0], ylim=limits[1])

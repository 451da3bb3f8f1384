"""Pages: one kind of picture for every place of a sweep."""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from verify.lab.tables import CRITERIA, ROUNDING, grouped
from verify.plots.maps import family_of, who_wins
from verify.plots.places import NO_BIAS, PLACE, bias_against_temperature, bias_and_variance
from verify.plots.style import new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from verify.lab.results import Record

__all__ = ["PICTURES", "page"]

PICTURES = ("temperature", "plane", "winners")


def page(records: Sequence[Record], picture: str = "temperature") -> Figure:
    """Draw one kind of picture for every place of a sweep, on one page.

    Parameters
    ----------
    records : sequence of Record
    picture : {"temperature", "plane", "winners"}
        Bias against temperature, bias and variance, or who wins by each of the
        three criteria.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    ValueError
        For another kind, or no records.
    """
    if picture not in PICTURES or not records:
        raise ValueError(
            f"picture is {picture!r} of {len(records)} records; expected one of {', '.join(PICTURES)} of some"
        )
    if picture == "winners":
        return _winners_page(records)
    draw = bias_against_temperature if picture == "temperature" else bias_and_variance
    places = list(grouped(records, *PLACE).values())
    objectives = len({record.objective for record in records})
    across = objectives if 1 < objectives < len(places) else ceil(sqrt(len(places)))
    down = ceil(len(places) / across)
    figure = new_figure(4.4 * across + 2.8, max(3.6 * down, 4.8))
    axes = figure.subplots(down, across, squeeze=False)
    for ax, own in zip(axes.flat, places, strict=False):
        draw(own, ax=ax)
    for ax in axes.flat[len(places) :]:
        ax.set_axis_off()
    return _one_legend(figure, _free(records)) if len(places) > 1 else figure


def _one_legend(figure: Figure, free: list[str]) -> Figure:
    """Replace the legends of all axes by one beside them, with those that no axes show at its end."""
    found: dict[str, Any] = {}
    for ax in figure.axes:
        legend = ax.get_legend()
        if legend is not None:
            legend.remove()
        handles, labels = ax.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    unseen = [name for name in free if name not in found]
    blank = [handle for label, handle in found.items() if label.startswith(NO_BIAS)][: len(unseen)]
    kept = {label: handle for label, handle in found.items() if not label.startswith(NO_BIAS)}
    kept |= {"\n  ".join([NO_BIAS, *unseen]): handle for handle in blank[:1]}
    figure.legend(list(kept.values()), list(kept), loc="outside right upper", fontsize="small", frameon=False)
    return figure


def _free(records: Sequence[Record]) -> list[str]:
    """Name the estimators without bias anywhere."""
    each = grouped(records, "estimator").items()
    return [name for (name,), own in each if all(r.relative_bias <= ROUNDING for r in own)]


def _winners_page(records: Sequence[Record]) -> Figure:
    groups: dict[Any, list[Record]] = {}
    for record in records:
        place = (family_of(record), record.categories, record.variables, record.scale)
        groups.setdefault(place, []).append(record)
    figure = new_figure(7.5, 3.6 * len(groups) * len(CRITERIA))
    axes = figure.subplots(len(groups) * len(CRITERIA), 1, squeeze=False).flat
    for own in groups.values():
        for by in CRITERIA:
            who_wins(own, by=by, ax=next(axes))
    return figure

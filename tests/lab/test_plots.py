"""Pictures: what stands on the axes, where the legend is, and that nothing global is touched."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from reinmax_ref.estimators import names
from verify import plots
from verify.bench.op import Bench, Timing
from verify.lab import Grid, sweep
from verify.lab.tables import winner
from verify.oracle.convergence import Level, OrderStudy
from verify.plots.style import numbered, style

NAMES = ["reinmax", "straight_through", "gumbel_softmax", "reinforce"]
CURVATURES = (0.1, 1.0, 4.0)


@pytest.fixture(scope="module")
def records():
    return sweep(Grid(NAMES, ["quadratic"], [4], taus=[0.5, 1.0, 2.0]))


@pytest.fixture(scope="module")
def curved():
    names_of = [f"tanh:{c:g}" for c in CURVATURES]
    return sweep(Grid(["reinmax", "straight_through", "mve"], names_of, [4], taus=[0.5, 1.0, 2.0]))


def study(name, order):
    steps = 2.0 ** -np.arange(1, 9)
    table = tuple(Level(e, 0.1 * e**order, order) for e in steps)
    return OrderStudy(name, order, 0.003, table, "all 8 levels fitted")


STUDIES = [study("straight_through", 1.0), study("reinmax", 2.0)]
BENCH = Bench(
    tuple(Timing(n, r, k, ms) for n, ms in (("one", 3.0), ("two", 5.0)) for r, k in ((64, 8), (16, 32))),
    {},
    20,
    "cpu",
)


def drawn(kind, records, curved, ax=None):
    draw, what = {
        "temperature": (plots.bias_against_temperature, records),
        "plane": (plots.bias_and_variance, records),
        "order": (plots.order_of_accuracy, STUDIES),
        "map": (plots.who_wins, curved),
        "speed": (plots.speed, BENCH),
    }[kind]
    return draw(what, ax=ax)


KINDS = ["temperature", "plane", "order", "map", "speed"]


@pytest.mark.parametrize("kind", KINDS)
def test_axes_are_labelled_with_units_and_the_legend_covers_nothing(records, curved, kind):
    ax = drawn(kind, records, curved)
    for label in (ax.get_xlabel(), ax.get_ylabel()):
        assert label.endswith(")"), label
        assert "(" in label
    ax.figure.draw_without_rendering()
    legend, data = ax.get_legend().get_window_extent(), ax.get_window_extent()
    assert legend.x0 >= data.x1
    assert legend.x1 <= ax.figure.bbox.x1
    assert legend.y0 >= ax.figure.bbox.y0


@pytest.mark.parametrize("kind", KINDS)
def test_the_axes_given_are_drawn_into_and_returned(kind, records, curved):
    ax = Figure().subplots()
    assert drawn(kind, records, curved, ax=ax) is ax
    assert ax.has_data()


def test_pyplot_is_not_loaded(records, curved, monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    for kind in KINDS:
        drawn(kind, records, curved)
    assert "matplotlib.pyplot" not in sys.modules


def labelled(ax):
    return dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))


def test_a_line_holds_the_biases(records):
    ax = plots.bias_against_temperature(records)
    own = [r for r in records if r.estimator == "straight_through"]
    line = next(line for line in ax.get_lines() if line.get_label() == "straight_through")
    assert list(line.get_xdata()) == [0.5, 1.0, 2.0]
    assert list(line.get_ydata()) == [r.relative_bias for r in own]


def test_no_bias_is_told_apart_from_a_small_one(records):
    ax = plots.bias_against_temperature(records)
    line = labelled(ax)["reinmax"]
    least = min(r.relative_bias for r in records if r.relative_bias > 1e-12)
    assert line.get_ydata()[1] < least
    assert [text.get_text() for text in ax.texts] == ["none"]
    assert "no bias:\n  reinforce" in labelled(ax)
    biased = [r for r in records if r.estimator in {"straight_through", "gumbel_softmax"}]
    assert not plots.bias_against_temperature(biased).texts


def test_a_band_stands_where_there_is_an_error_and_only_there(records):
    ax = plots.bias_against_temperature(records)
    (band,) = ax.collections
    assert band.get_facecolor()[0, :3] == pytest.approx(mpl.colors.to_rgb(style("gumbel_softmax")["color"]))
    exact = [replace(r, standard_error=0.0, relative_bias_error=0.0) for r in records]
    assert not plots.bias_against_temperature(exact).collections


def test_the_plane_holds_variance_and_squared_bias(records):
    ax = plots.bias_and_variance(records)
    line = labelled(ax)["straight_through"]
    own = [r for r in records if r.estimator == "straight_through"]
    assert line.get_xdata() == pytest.approx([r.variance for r in own])
    assert line.get_ydata() == pytest.approx([r.bias_norm**2 for r in own])
    rings = [line for line in ax.get_lines() if line.get_fillstyle() == "none"]
    assert len(rings) == 3


def test_the_order_stands_in_the_legend():
    labels = list(labelled(plots.order_of_accuracy(STUDIES)))
    assert labels == [
        "straight_through: order 1.00 ± 0.003",
        "reinmax: order 2.00 ± 0.003",
        "slope 1",
        "slope 2",
    ]


@pytest.mark.parametrize("by", ["mse", "bias", "variance"])
def test_a_cell_is_numbered_by_its_winner(curved, by):
    ax = plots.who_wins(curved, by=by)
    key = dict(label.split("  ") for label in labelled(ax))
    taus = (0.5, 1.0, 2.0)
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert len(cells) == 9
    for (column, row), number in cells.items():
        here = [r for r in curved if (r.tau, r.curvature) == (taus[column], CURVATURES[row])]
        assert key[number] == winner(here, by).estimator
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0.1", "1", "4"]


def test_speed_holds_every_timing():
    ax = plots.speed(BENCH)
    assert list(labelled(ax)["two"].get_ydata()) == [5.0, 5.0]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["64 × 8", "16 × 32"]


def test_every_estimator_has_a_look_of_its_own():
    looks = [tuple(sorted(style(name).items())) for name in names()]
    assert len(set(looks)) == len(names())
    without_colour = {(numbered(n)["marker"], numbered(n)["linestyle"]) for n in range(len(names()))}
    assert len(without_colour) == len(names())


def test_a_page_has_axes_for_each_place_and_one_legend(curved):
    page = plots.page(curved)
    assert len([ax for ax in page.axes if ax.axison]) == 3
    assert all(ax.get_legend() is None for ax in page.axes)
    assert [text.get_text() for text in page.legends[0].get_texts()] == ["reinmax", "straight_through", "mve"]
    assert len(plots.page(curved, "winners").axes) == 3


def test_a_page_names_those_without_bias_anywhere():
    grid = Grid(
        ["reinmax", "straight_through", "reinforce", "darn"], ["linear", "quadratic"], [4], taus=[1.0]
    )
    labels = [t.get_text() for t in plots.page(sweep(grid)).legends[0].get_texts()]
    assert labels == ["straight_through", "darn", "no bias:\n  reinmax\n  reinforce"]


def test_what_a_picture_cannot_show_is_refused(records, curved):
    with pytest.raises(ValueError, match="records of 3 places came"):
        plots.bias_against_temperature(curved)
    with pytest.raises(ValueError, match="records of 0 places came"):
        plots.bias_and_variance([])
    with pytest.raises(ValueError, match="records of 2 families or shapes"):
        plots.who_wins([*records, *curved])
    with pytest.raises(ValueError, match="picture is 'pie'"):
        plots.page(records, "pie")


def test_without_matplotlib_the_reason_is_told(records, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'reinmax-ref\[plot\]'"):
        plots.bias_against_temperature(records)


def test_a_picture_is_written(records, tmp_path):
    plots.page(records).savefig(tmp_path / "p.svg")
    assert (tmp_path / "p.svg").stat().st_size > 1000


def test_estimators_that_are_all_free_of_bias_are_named_and_nothing_breaks():
    free = sweep(Grid(["reinforce", "muprop"], ["quadratic"], [3], taus=[0.5, 1.0]))
    ax = plots.bias_against_temperature(free)
    ax.figure.canvas.draw()
    assert "reinforce" in ax.get_legend().get_texts()[-1].get_text()


def test_the_examples_draw_an_estimator_in_its_colour(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs" / "examples"))
    picture = importlib.import_module("picture")
    for name, own in (("reinmax", picture.REINMAX), ("straight_through", picture.STRAIGHT_THROUGH)):
        assert style(name)["color"] == own.color

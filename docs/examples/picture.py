"""What the examples share: two options on the command line, and one style of picture."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

DPI = 110

SCIKIT_LEARN_MISSING = (
    "scikit-learn, which holds the digits, is not installed; run: python -m pip install scikit-learn"
)


class Style(NamedTuple):
    """A line that differs from the others in hue, in dash and in marker, so that it reads in grey too."""

    color: str
    linestyle: str
    marker: str


#: The hues of Okabe and Ito, which people with any colour vision tell apart.
EXACT = Style("black", "-", "")
STRAIGHT_THROUGH = Style("#D55E00", "--", "o")
REINMAX = Style("#0072B2", "-", "s")
REINMAX_HOT = Style("#009E73", "-.", "^")
FOURTH = Style("#CC79A7", ":", "D")


def arguments(description: str | None, argv: Sequence[str] | None) -> Namespace:
    """Read ``--plot FILE`` and ``--quick`` from the command line."""
    parser = ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--plot", metavar="FILE", help="save the picture here, as PNG, SVG or PDF")
    parser.add_argument("--quick", action="store_true", help="a small run of a few seconds, to see it work")
    return parser.parse_args(argv)


@contextmanager
def picture(file: str, columns: int = 1) -> Iterator[Any]:
    """Give an array of axes side by side, and save them at the end."""
    try:
        import matplotlib as mpl  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "--plot needs matplotlib; run: python -m pip install 'reinmax-ref[plot]'"
        ) from error
    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(
        1, columns, figsize=(0.9 + 3.4 * columns, 3.4), layout="constrained", squeeze=False
    )
    yield axes[0]
    for ax in axes[0]:
        ax.grid(alpha=0.3, linewidth=0.5)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=DPI)
    plt.close(figure)


def curve(ax: Any, x: Any, y: Any, style: Style, *, band: Any = None, label: str | None = None) -> None:
    """Draw one line with about eight markers, and its band (low, high) where there is an error."""
    ax.plot(x, y, label=label, markevery=max(1, len(x) // 8), markersize=4, linewidth=1.5, **style._asdict())
    if band is not None:
        ax.fill_between(x, *band, color=style.color, alpha=0.2, linewidth=0)


def legend_below(axes: Any, columns: int = 3) -> None:
    """Put one legend for all axes under them, where it covers no data."""
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)

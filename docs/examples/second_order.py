"""Second order does not mean smaller bias: it says how fast the bias falls as the objective flattens.

Random smooth networks f(x) = ⟨w₂, tanh(W₁x + b₁)⟩ with 64 hidden units are differentiated exactly at
random logits (8 classes, θ ~ N(0, 1)). The standard deviation of W₁, the weight scale, says how far f is from
a straight line. For each scale: how often ReinMax's mean is the closer one, and the ratio of the two biases.
"""

from collections.abc import Sequence

import numpy as np
from picture import EXACT, REINMAX, STRAIGHT_THROUGH, arguments, curve, picture

from verify.lab.closer import CUBICS, Closer, how_often_closer, networks

SCALES = 2.0 ** np.arange(-5, 3.1, 0.5)  # 1/32 to 8
DRAWS, QUICK_DRAWS = 1000, 100


def ratio(row: Closer) -> np.ndarray:
    """The 10 %, 50 % and 90 % quantiles of bias of ReinMax / bias of straight-through."""
    return np.quantile(row.reinmax / row.straight_through, [0.1, 0.5, 0.9])


def line(row: Closer) -> str:
    low, high = row.interval
    numbers = (*ratio(row), np.median(row.straight_through), np.median(row.reinmax))
    told = "".join(f"{n:9.4f}" for n in numbers)
    return f"{row.family:<18} {row.frequency:6.1%} ({low:6.1%} – {high:6.1%}){told}"


def plot(file: str, rows: list[Closer]) -> None:
    with picture(file, columns=2) as (left, right):
        for name, style in (("straight_through", STRAIGHT_THROUGH), ("reinmax", REINMAX)):
            quartiles = np.array([np.quantile(getattr(row, name), [0.25, 0.5, 0.75]) for row in rows]).T
            curve(left, SCALES, quartiles[1], style, band=quartiles[[0, 2]], label=name)
        left.set(yscale="log", ylabel="relative bias ‖E[ĝ] − ∇‖ / ‖∇‖\n(median, band: quartiles)")
        left.legend(frameon=False, loc="lower right")
        deciles = np.array([ratio(row) for row in rows]).T
        curve(right, SCALES, deciles[1], EXACT._replace(marker="o"), band=deciles[[0, 2]])
        right.axhline(1, color="gray", linewidth=1)
        right.set(yscale="log", ylabel="bias of reinmax / of straight_through\n(median, band: 10–90 %)")
        for ax in (left, right):
            ax.set(xscale="log", xlabel="weight scale of the network")
            ax.set_xticks([0.03, 0.1, 0.3, 1, 3, 8], ["0.03", "0.1", "0.3", "1", "3", "8"])


def main(argv: Sequence[str] | None = None) -> list[Closer]:
    chosen = arguments(__doc__, argv)
    draws = QUICK_DRAWS if chosen.quick else DRAWS
    print("                                             bias of ReinMax / of ST     median bias/∇")
    print("objective         ReinMax closer (95 %)         10 %     50 %     90 %       ST  ReinMax")
    rows = []
    families = {f"tanh, scale {scale:.3g}": networks(scale) for scale in SCALES}
    for row in how_often_closer(families | CUBICS, draws):
        rows.append(row)
        print(line(row))
    flat_to_bent = rows[: len(SCALES)]
    if chosen.plot:
        plot(chosen.plot, flat_to_bent)
    return flat_to_bent


if __name__ == "__main__":
    main()

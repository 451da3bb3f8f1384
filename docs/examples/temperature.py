"""Where the best temperature lies, and how it moves with the curvature of the objective.

f(x) = ⟨b, x⟩ + κ xᵀAx with standard normal b and A over one variable of 8 classes, θ ~ N(0, 1): κ = 0 is
linear, and the larger κ, the more of f is curved. Every number is exact for its draw of b, A and θ: for each
τ the bias and the variance of an estimator come from enumeration, and the mean squared error of an average of
M samples is ‖bias‖² + variance/M. So the best τ depends on the batch as well.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from picture import FOURTH, REINMAX, REINMAX_HOT, STRAIGHT_THROUGH, arguments, curve, legend_below, picture

from verify.lab.moments import estimator_moments
from verify.objectives import quadratic
from verify.oracle.enumeration import softmax, statistics

CLASSES, DRAWS, QUICK_DRAWS = 8, 50, 4
TEMPERATURES = 2.0 ** np.arange(-3, 4.01, 0.25)  # 1/8 to 16
CURVATURES = np.array([0, 0.125, 0.25, 0.5, 1, 2, 4])
BATCHES = (1, 16, 256)
ESTIMATORS = ("straight_through", "reinmax")
LINES = {(0, 0): STRAIGHT_THROUGH, (0, 2): FOURTH, (1, 0): REINMAX, (1, 2): REINMAX_HOT}  # (name, batch)


def squares(curvature: float, rng: np.random.Generator) -> np.ndarray:
    """‖bias‖² and variance, both over ‖∇‖², shape (estimators, temperatures, 2), of one random objective."""
    b, A = rng.standard_normal(CLASSES), rng.standard_normal((CLASSES, CLASSES))
    logits = rng.standard_normal(CLASSES)
    total = statistics(quadratic(curvature * A, b), softmax(logits))
    found = [[estimator_moments(e, total, logits, tau) for tau in TEMPERATURES] for e in ESTIMATORS]
    pairs = np.array([[((m.bias**2).sum(), m.total_variance) for m in row] for row in found])
    return pairs / (total.exact_gradient**2).sum()


def measure(curvature: float, draws: int) -> np.ndarray:
    """Root mean squared error relative to ‖∇‖, shape (draws, estimators, batches, temperatures)."""
    rng = np.random.default_rng(0)
    bias, variance = np.moveaxis(np.array([squares(curvature, rng) for _ in range(draws)]), -1, 0)
    return np.sqrt(bias[:, :, None] + variance[:, :, None] / np.array(BATCHES)[:, None])


def best(errors: np.ndarray) -> np.ndarray:
    """The best τ of every draw: its quartiles, shape (3, estimators, batches)."""
    return np.quantile(TEMPERATURES[errors.argmin(axis=-1)], [0.25, 0.5, 0.75], axis=0)


def report(curvature: float, errors: np.ndarray) -> None:
    at_one = np.flatnonzero(TEMPERATURES == 1)[0]
    low, median, high = best(errors)
    for e, name in enumerate(ESTIMATORS):
        row = f"{curvature:<8g}{name:<18}"
        for m in range(len(BATCHES)):
            found = np.median(errors[:, e, m], axis=0)
            quartiles = f"{median[e, m]:.2f} ({low[e, m]:.2f}–{high[e, m]:.2f})"
            row += f"{quartiles:<19}{found.min():.2f} {found[at_one]:.2f}    "
        print(row.rstrip())


def plot(file: str, errors: list[np.ndarray]) -> None:
    with picture(file, columns=2) as (left, right):
        draw_errors(left, errors[list(CURVATURES).index(1)])
        quartiles, places = np.array([best(found) for found in errors]), np.arange(len(CURVATURES))
        for (e, m), style in LINES.items():
            low, median, high = quartiles[:, :, e, m].T
            curve(right, places, median, style, band=(low, high))
        right.set(xlabel="curvature κ", ylabel="best temperature τ\n(median, band: quartiles)", yscale="log")
        right.set_xticks(places, [f"{c:g}" for c in CURVATURES])
        right.set_yticks([0.125, 0.25, 0.5, 1, 2, 4, 8, 16], ["⅛", "¼", "½", "1", "2", "4", "8", "16"])
        legend_below([left], columns=2)
        for axis in (left.xaxis, right.yaxis):
            axis.minorticks_off()


def draw_errors(ax: Any, errors: np.ndarray) -> None:
    for (e, m), style in LINES.items():
        quartiles = np.quantile(errors[:, e, m], [0.25, 0.5, 0.75], axis=0)
        label = f"{ESTIMATORS[e]}, batch {BATCHES[m]}"
        curve(ax, TEMPERATURES, quartiles[1], style, band=quartiles[[0, 2]], label=label)
    ax.set(xscale="log", yscale="log", xlabel="temperature τ, at κ = 1")
    ax.set(ylabel="root mean squared error / ‖∇‖\n(median, band: quartiles)")
    ax.set_xticks([0.125, 0.5, 1, 2, 4, 16], ["⅛", "½", "1", "2", "4", "16"])


def main(argv: Sequence[str] | None = None) -> list[np.ndarray]:
    chosen = arguments(__doc__, argv)
    print(" " * 26 + "".join(f"batch {size:<26}" for size in BATCHES).rstrip())
    print("κ       estimator         " + ("best τ (quartiles) least τ=1    " * len(BATCHES)).rstrip())
    errors = []
    for curvature in CURVATURES:
        errors.append(measure(curvature, QUICK_DRAWS if chosen.quick else DRAWS))
        report(curvature, errors[-1])
    print("\nleast, τ=1: median over the draws of RMSE/‖∇‖, the least over τ and that at τ = 1")
    if chosen.plot:
        plot(chosen.plot, errors)
    return errors


if __name__ == "__main__":
    main()

"""Second order does not mean smaller bias: it says how fast the bias falls as the objective flattens.

Random smooth networks f(x) = ⟨w₂, tanh(W₁x + b₁)⟩ with 64 hidden units are differentiated exactly at
random logits (8 classes, θ ~ N(0, 1)). The standard deviation of W₁, the weight scale, says how far f is from
a straight line. For each scale: how often ReinMax's mean is the closer one, and the ratio of the two biases.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from picture import EXACT, REINMAX, STRAIGHT_THROUGH, arguments, curve, picture
from scipy.stats import binomtest

from verify.enumeration import softmax, statistics
from verify.moments import estimator_moments
from verify.objectives import Objective, cubic, tanh_network

CLASSES = 8
SCALES = 2.0 ** np.arange(-5, 3.1, 0.5)  # 1/32 to 8
DRAWS, QUICK_DRAWS = 1000, 100

Family = Callable[[np.random.Generator], Objective]


class Row(NamedTuple):
    """One family: relative biases, (draws,) each."""

    name: str
    straight_through: np.ndarray
    reinmax: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """The 10 %, 50 % and 90 % quantiles of bias of ReinMax / bias of straight-through."""
        return np.quantile(self.reinmax / self.straight_through, [0.1, 0.5, 0.9])

    def __str__(self) -> str:
        closer = binomtest(int((self.reinmax < self.straight_through).sum()), len(self.reinmax))
        interval = closer.proportion_ci()  # Clopper–Pearson, 95 %
        numbers = (*self.ratio, np.median(self.straight_through), np.median(self.reinmax))
        return (
            f"{self.name:<18} {closer.statistic:6.1%} ({interval.low:6.1%} – {interval.high:6.1%})"
            + "".join(f"{n:9.4f}" for n in numbers)
        )


def random_cubic(rng: np.random.Generator) -> Objective:
    return cubic(*(rng.standard_normal((CLASSES,) * power) for power in (3, 2, 1)))


def sum_of_cubes(rng: np.random.Generator) -> Objective:
    """Σ_h a_h ⟨w_h, x⟩³, which has no quadratic part that ReinMax could take exactly."""
    weights, factors = rng.standard_normal((64, CLASSES)), rng.standard_normal(64)
    tensor = np.einsum("h,hi,hj,hk->ijk", factors, weights, weights, weights)
    return cubic(tensor, np.zeros((CLASSES, CLASSES)), np.zeros(CLASSES))


def network(scale: float) -> Family:
    return lambda rng: tanh_network(1, CLASSES, scale=scale, rng=rng)


def biases(family: Family, rng: np.random.Generator) -> tuple[float, float]:
    """Relative bias of straight-through and of ReinMax at one random objective and random logits."""
    objective, logits = family(rng), rng.standard_normal(CLASSES)
    total = statistics(objective, softmax(logits), degree=1)
    first, second = (estimator_moments(e, total, logits) for e in ("straight_through", "reinmax"))
    return first.relative_bias, second.relative_bias


def measure(name: str, family: Family, draws: int) -> Row:
    rng = np.random.default_rng(0)
    return Row(name, *np.array([biases(family, rng) for _ in range(draws)]).T)


def plot(file: str, rows: list[Row]) -> None:
    with picture(file, columns=2) as (left, right):
        for name, style in (("straight_through", STRAIGHT_THROUGH), ("reinmax", REINMAX)):
            quartiles = np.array([np.quantile(getattr(row, name), [0.25, 0.5, 0.75]) for row in rows]).T
            curve(left, SCALES, quartiles[1], style, band=quartiles[[0, 2]], label=name)
        left.set(yscale="log", ylabel="relative bias ‖E[ĝ] − ∇‖ / ‖∇‖\n(median, band: quartiles)")
        left.legend(frameon=False, loc="lower right")
        ratio = np.array([row.ratio for row in rows]).T
        curve(right, SCALES, ratio[1], EXACT._replace(marker="o"), band=ratio[[0, 2]])
        right.axhline(1, color="gray", linewidth=1)
        right.set(yscale="log", ylabel="bias of reinmax / of straight_through\n(median, band: 10–90 %)")
        for ax in (left, right):
            ax.set(xscale="log", xlabel="weight scale of the network")
            ax.set_xticks([0.03, 0.1, 0.3, 1, 3, 8], ["0.03", "0.1", "0.3", "1", "3", "8"])


def main(argv: Sequence[str] | None = None) -> list[Row]:
    chosen = arguments(__doc__, argv)
    draws = QUICK_DRAWS if chosen.quick else DRAWS
    print("                                             bias of ReinMax / of ST     median bias/∇")
    print("objective         ReinMax closer (95 %)         10 %     50 %     90 %       ST  ReinMax")
    rows = []
    for scale in SCALES:
        rows.append(measure(f"tanh, scale {scale:.3g}", network(scale), draws))
        print(rows[-1])
    print(measure("cubic", random_cubic, draws))
    print(measure("sum of 64 cubes", sum_of_cubes, draws))
    if chosen.plot:
        plot(chosen.plot, rows)
    return rows


if __name__ == "__main__":
    main()

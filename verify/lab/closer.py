"""How often ReinMax's mean is closer to the truth than straight-through's.

Second order says how fast the bias falls as the objective flattens, not which
bias is smaller at a given objective. ``python -m verify.lab.closer`` prints the
answer for random smooth networks and random cubics.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv

from verify.lab.moments import estimator_moments
from verify.objectives import Objective, cubic, tanh_network
from verify.oracle.enumeration import softmax, statistics
from verify.typing import Array

__all__ = ["CUBICS", "Closer", "DrawsObjective", "how_often_closer", "networks"]

DrawsObjective = Callable[[np.random.Generator, int], Objective]
"""Draws an objective of one variable with so many classes."""


def networks(scale: float) -> DrawsObjective:
    """Give the networks of 64 hidden units whose first weights have a standard deviation.

    Examples
    --------
    >>> networks(0.3)(np.random.default_rng(0), 4).W1.shape
    (64, 4)
    """
    return lambda source, classes: tanh_network(1, classes, scale=scale, rng=source)


def _cubic(source: np.random.Generator, classes: int) -> Objective:
    return cubic(*(source.standard_normal((classes,) * power) for power in (3, 2, 1)))


def _sum_of_cubes(source: np.random.Generator, classes: int) -> Objective:
    weights, factors = source.standard_normal((64, classes)), source.standard_normal(64)
    tensor = np.einsum("h,hi,hj,hk->ijk", factors, weights, weights, weights)
    return cubic(tensor, np.zeros((classes, classes)), np.zeros(classes))


#: One has every coefficient of T, A and b standard normal; the other is Σ_h a_h ⟨w_h, x⟩³ with standard
#: normal a and w, which has no quadratic part that ReinMax could take exactly.
CUBICS: dict[str, DrawsObjective] = {"cubic": _cubic, "sum of 64 cubes": _sum_of_cubes}


@dataclass(frozen=True, eq=False)
class Closer:
    """The biases of both estimators over draws of one family of objectives.

    Attributes
    ----------
    family : str
    straight_through, reinmax : array, shape (draws,)
        Relative biases at the same objectives and logits.
    """

    family: str
    straight_through: Array
    reinmax: Array

    @property
    def wins(self) -> int:
        """In how many draws ReinMax had the smaller bias."""
        return int((self.reinmax < self.straight_through).sum())

    @property
    def draws(self) -> int:
        """How many objectives were drawn."""
        return len(self.reinmax)

    @property
    def frequency(self) -> float:
        """Share of the draws that ReinMax won."""
        return self.wins / self.draws

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper–Pearson interval of the frequency at 95 %."""
        wins, losses = self.wins, self.draws - self.wins
        low = betaincinv(wins, losses + 1, 0.025) if wins else 0.0
        high = betaincinv(wins + 1, losses, 0.975) if losses else 1.0
        return float(low), float(high)


def how_often_closer(
    families: Mapping[str, DrawsObjective], draws: int = 1000, classes: int = 8, *, rng: Any = 0
) -> Iterator[Closer]:
    """Compare the biases of ReinMax and straight-through at τ = 1 on random objectives.

    Parameters
    ----------
    families : mapping of str to DrawsObjective
        The objectives, by name. Logits are standard normal.
    draws : int
        Objectives of each family.
    classes : int
        K.
    rng : optional
        Anything :func:`numpy.random.default_rng` takes; a seed starts every
        family anew.

    Yields
    ------
    Closer
        One for each family.

    Examples
    --------
    >>> [row.draws for row in how_often_closer(CUBICS, draws=2, classes=3)]
    [2, 2]
    """
    for name, family in families.items():
        source = np.random.default_rng(rng)
        yield Closer(name, *np.array([_biases(family, source, classes) for _ in range(draws)]).T)


def _biases(family: DrawsObjective, source: np.random.Generator, classes: int) -> list[float]:
    objective, logits = family(source, classes), source.standard_normal(classes)
    total = statistics(objective, softmax(logits), degree=1)
    names = ("straight_through", "reinmax")
    return [estimator_moments(name, total, logits).relative_bias for name in names]


def main() -> None:
    """Print the table, row by row as it is computed."""
    sys.stdout.write(f"{'objective':<24}  ReinMax closer than ST   95 % interval\n")
    families = {f"tanh network, scale {scale:g}": networks(scale) for scale in (0.3, 1.0, 2.0, 4.0)}
    for row in how_often_closer(families | CUBICS):
        low, high = row.interval
        told = f"{row.frequency:8.1%} of {row.draws:<10}  {low:.1%} – {high:.1%}"
        sys.stdout.write(f"{row.family:<24}  {told}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

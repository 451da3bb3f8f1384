"""How often ReinMax's mean is closer to the truth than straight-through's.

Second order says how fast the bias falls as the objective flattens, not which
bias is smaller at a given objective. ``python -m verify.closer`` prints the
answer for random smooth networks and random cubics.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv

from verify.enumeration import softmax, statistics
from verify.moments import estimator_moments
from verify.objectives import Objective, cubic, tanh_network

__all__ = ["Closer", "how_often_closer"]

SCALES = (0.3, 1.0, 2.0, 4.0)

Family = Callable[[np.random.Generator, int], Objective]


@dataclass(frozen=True)
class Closer:
    """In how many draws of one family of objectives ReinMax had the smaller bias.

    Attributes
    ----------
    family : str
    wins, draws : int
    low, high : float
        Clopper–Pearson interval of the frequency at 95 %.
    """

    family: str
    wins: int
    draws: int
    low: float
    high: float

    @property
    def frequency(self) -> float:
        """Share of the draws that ReinMax won."""
        return self.wins / self.draws


def how_often_closer(draws: int = 1000, classes: int = 8, *, rng: Any = 0) -> Iterator[Closer]:
    """Compare the bias norms of ReinMax and straight-through on random objectives.

    Logits are standard normal; networks are :func:`verify.objectives.tanh_network`
    with 64 hidden units at weight scales 0.3, 1, 2 and 4. One family of cubics
    has every coefficient of T, A and b standard normal, the other is
    Σ_h a_h ⟨w_h, x⟩³ with standard normal a and w.

    Parameters
    ----------
    draws : int
        Objectives of each family.
    classes : int
        K.
    rng : optional
        Anything :func:`numpy.random.default_rng` takes.

    Yields
    ------
    Closer
        One for each family.

    Examples
    --------
    >>> [row.draws for row in how_often_closer(draws=2, classes=3)]
    [2, 2, 2, 2, 2, 2]
    """
    source = np.random.default_rng(rng)
    for name, family in _families():
        wins = sum(_reinmax_is_closer(family(source, classes), source, classes) for _ in range(draws))
        yield Closer(name, wins, draws, *_clopper_pearson(wins, draws))


def _families() -> Iterator[tuple[str, Family]]:
    for scale in SCALES:
        yield f"tanh network, scale {scale:g}", _network(scale)
    yield "cubic, all coefficients", _cubic
    yield "cubic, sum of 64 cubes", _cubes


def _network(scale: float) -> Family:
    return lambda source, classes: tanh_network(1, classes, scale=scale, rng=source)


def _cubic(source: np.random.Generator, classes: int) -> Objective:
    return cubic(*(source.standard_normal((classes,) * power) for power in (3, 2, 1)))


def _cubes(source: np.random.Generator, classes: int) -> Objective:
    weights, factors = source.standard_normal((64, classes)), source.standard_normal(64)
    tensor = np.einsum("h,hi,hj,hk->ijk", factors, weights, weights, weights)
    return cubic(tensor, np.zeros((classes, classes)), np.zeros(classes))


def _reinmax_is_closer(f: Objective, source: np.random.Generator, classes: int) -> bool:
    logits = source.standard_normal(classes)
    total = statistics(f, softmax(logits), degree=1)
    second, first = (
        np.linalg.norm(estimator_moments(name, total, logits).bias)
        for name in ("reinmax", "straight_through")
    )
    return bool(second < first)


def _clopper_pearson(wins: int, draws: int, alpha: float = 0.05) -> tuple[float, float]:
    low = betaincinv(wins, draws - wins + 1, alpha / 2) if wins else 0.0
    high = betaincinv(wins + 1, draws - wins, 1 - alpha / 2) if wins < draws else 1.0
    return float(low), float(high)


def main() -> None:
    """Print the table, row by row as it is computed."""
    sys.stdout.write(f"{'objective':<24}  ReinMax closer than ST   95 % interval\n")
    for row in how_often_closer():
        sys.stdout.write(
            f"{row.family:<24}  {row.frequency:8.1%} of {row.draws:<10}  {row.low:.1%} – {row.high:.1%}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()

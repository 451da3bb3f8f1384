"""What a sweep asks for, and how it is cut into passes over the corners."""

from collections.abc import Collection, Sequence, Sized
from dataclasses import dataclass, field, replace
from itertools import product
from math import isfinite

from reinmax_ref.estimators import names
from reinmax_ref.protocol import needs_of
from verify.lab.families import NAMES, curvature_of
from verify.lab.moments import why_not
from verify.lab.results import Key

__all__ = ["TAUS", "Grid", "Point", "check_axis", "check_positive"]

#: Ten temperatures, about evenly spaced by ratio; 1 is among them.
TAUS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)

MANY_CORNERS = 2**16
"""Past this many, a pass over the corners is not repeated for every temperature."""


@dataclass(frozen=True)
class Grid:
    """What a sweep asks for: every combination of these.

    Attributes
    ----------
    estimators : sequence of str
        Files under ``reinmax_ref/estimators``; all of them where absent.
    objectives : sequence of str
        See :func:`verify.lab.families.build`.
    categories, variables : sequence of int
        K and L.
    taus, scales : sequence of float
        Temperatures, and standard deviations of the logits.
    seed : int
        Of objectives and logits.

    Raises
    ------
    ValueError
        For an unknown name, an empty axis, a repeated value, or a number that
        is not positive.

    Examples
    --------
    >>> grid = Grid(estimators=["reinmax"], objectives=["linear", "tanh:2"], categories=[2])
    >>> len(grid.points), len(grid.keys)
    (20, 20)
    """

    estimators: Sequence[str] = field(default_factory=names)
    objectives: Sequence[str] = NAMES
    categories: Sequence[int] = (2, 4, 8, 16)
    variables: Sequence[int] = (1,)
    taus: Sequence[float] = TAUS
    scales: Sequence[float] = (1.0,)
    seed: int = 0

    def __post_init__(self) -> None:
        for axis in ("estimators", "objectives"):
            check_axis(axis, getattr(self, axis))
        for axis in ("categories", "variables", "taus", "scales"):
            check_axis(axis, getattr(self, axis))
            check_positive(axis, getattr(self, axis))
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; expected 0 or more")
        if min(self.categories) < 2:
            raise ValueError(
                f"categories holds {min(self.categories)}; a variable of one class has no gradient"
            )
        for name in self.estimators:
            why_not(name, 2)
        for name in self.objectives:
            curvature_of(name)

    @property
    def skipped(self) -> dict[tuple[str, int], str]:
        """Why an estimator has no records at a number of classes, by (estimator, classes)."""
        pairs = product(self.estimators, self.categories)
        return {pair: reason for pair in pairs if (reason := why_not(*pair))}

    @property
    def keys(self) -> list[Key]:
        """What each record stands for, in their order."""
        return [key for place in self._places for key in self._keys(*place)]

    @property
    def points(self) -> "list[Point]":
        """The work in pieces that do not depend on who does it, place by place.

        A temperature is a piece, and so are the estimators without one; where
        the pass over the corners is long beside the rest, all are one piece.
        """
        found = []
        for variables, classes, scale, objective in self._places:
            keys = self._keys(variables, classes, scale, objective)
            long = classes**variables > MANY_CORNERS
            pieces = {key: 0.0 if long or not needs_of(key.estimator).tempered else key.tau for key in keys}
            for piece in dict.fromkeys(pieces.values()):
                wanted = tuple(key for key in keys if pieces[key] == piece)
                found.append(Point(variables, classes, scale, objective, self.seed, wanted))
        return found

    @property
    def _places(self) -> list[tuple[int, int, float, str]]:
        return list(product(self.variables, self.categories, self.scales, self.objectives))

    def _keys(self, variables: int, classes: int, scale: float, objective: str) -> list[Key]:
        able = [name for name in self.estimators if why_not(name, classes) is None]
        return [
            Key(name, objective, classes, variables, tau, scale, self.seed)
            for name, tau in product(able, self.taus)
        ]


@dataclass(frozen=True)
class Point:
    """What is wanted of one objective at one set of logits.

    Attributes
    ----------
    variables, categories : int
    scale : float
    objective : str
    seed : int
    wanted : tuple of Key
    """

    variables: int
    categories: int
    scale: float
    objective: str
    seed: int
    wanted: tuple[Key, ...]

    def without(self, known: Collection[Key]) -> "Point":
        """Leave out what is known."""
        return replace(self, wanted=tuple(key for key in self.wanted if key not in known))


def check_axis(axis: str, values: Sequence[object]) -> None:
    """Refuse what is no sequence of at least one, each once."""
    if isinstance(values, str) or not isinstance(values, Sized) or not len(values):
        raise ValueError(f"{axis} is {values!r}; expected a sequence of at least one")
    if len(set(values)) < len(values):
        raise ValueError(f"{axis} holds a value twice: {list(values)}; leave the second out")


def check_positive(axis: str, values: Sequence[float]) -> None:
    """Refuse numbers that are not finite and above 0."""
    for value in values:
        if not (value > 0 and isfinite(value)):
            raise ValueError(f"{axis} holds {value}; expected finite numbers above 0")

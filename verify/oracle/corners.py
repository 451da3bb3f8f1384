"""The corners of a product of simplices, cut into fixed blocks.

The last variables run within a block while the leading ones are held, so every
block is a full grid: sums over strata are sums over its axes. Where the classes
of one variable overflow a block, the first that runs is cut into segments.
Classes of probability zero are left out. The cut depends on the probabilities
alone, never on who does the work.
"""

from dataclasses import dataclass
from functools import cached_property, reduce
from math import ceil, prod

import numpy as np

from verify.typing import Array

__all__ = ["Block", "Corners"]

BLOCK_NUMBERS = 2**17
"""Numbers in one block of points (1 MB of float64), small enough for a core's cache."""


@dataclass(frozen=True)
class Corners:
    """All corners of positive probability.

    Attributes
    ----------
    probabilities : array, shape (L, K)

    Examples
    --------
    >>> grid = Corners(np.full((3, 2), 0.5))
    >>> grid.count, grid.blocks
    (8, 1)
    """

    probabilities: Array

    @cached_property
    def support(self) -> list[Array]:
        """The classes of positive probability of each variable."""
        return [np.flatnonzero(row != 0) for row in self.probabilities]

    @cached_property
    def count(self) -> int:
        """How many corners there are."""
        return prod(len(classes) for classes in self.support)

    @cached_property
    def layout(self) -> tuple[int, int]:
        """The first variable that runs within a block, and how many of its classes do."""
        room = max(1, BLOCK_NUMBERS // self.probabilities.size)
        sizes = [len(classes) for classes in self.support]
        first, inner = len(sizes) - 1, 1
        while first > 0 and inner * sizes[first] < room:
            inner *= sizes[first]
            first -= 1
        return first, min(sizes[first], max(1, room // inner))

    @cached_property
    def blocks(self) -> int:
        """How many blocks cover the corners."""
        first, run = self.layout
        sizes = [len(classes) for classes in self.support]
        return prod(sizes[:first]) * ceil(sizes[first] / run)

    def block(self, number: int, previous: "Block | None" = None) -> "Block":
        """Make one block; the points of a previous one of the same size are overwritten."""
        first, run = self.layout
        rest, segment = divmod(number, ceil(len(self.support[first]) / run))
        chosen = [self.support[first][segment * run : (segment + 1) * run], *self.support[first + 1 :]]
        for classes in reversed(self.support[:first]):
            rest, digit = divmod(rest, len(classes))
            chosen.insert(0, classes[digit : digit + 1])
        return Block.make(self.probabilities, chosen, previous)


@dataclass(frozen=True, eq=False)
class Block:
    """A full grid of corners.

    Attributes
    ----------
    classes : list of L integer arrays
        Those each variable takes within the block; one for a held variable.
    points : array, shape (n, L, K)
        The corners, the last variable running fastest.
    weights : array, shape (n,)
        Their probabilities.
    """

    classes: list[Array]
    points: Array
    weights: Array

    @classmethod
    def make(cls, p: Array, classes: list[Array], previous: "Block | None") -> "Block":
        """Lay out the grid, rewriting in a previous block only the variables that moved."""
        sizes = [len(own) for own in classes]
        reuse = previous is not None and [len(own) for own in previous.classes] == sizes
        points = (
            previous.points if previous is not None and reuse else np.zeros((prod(sizes), *p.shape), p.dtype)
        )
        block = cls(classes, points, reduce(_outer, [row[own] for row, own in zip(p, classes, strict=True)]))
        for variable, own in enumerate(classes):
            if previous is not None and reuse and np.array_equal(previous.classes[variable], own):
                continue
            grid = points.reshape(*block.split(variable), *p.shape)
            grid[:, :, :, variable] = np.eye(p.shape[1], dtype=p.dtype)[own][:, None]
        return block

    @property
    def readonly_points(self) -> Array:
        """The points, guarded: they are shared with the blocks to come."""
        view = self.points.view()
        view.flags.writeable = False
        return view

    def split(self, variable: int) -> tuple[int, int, int]:
        """Give the sizes of the grid before, at and after one variable."""
        sizes = [len(own) for own in self.classes]
        return prod(sizes[:variable]), sizes[variable], prod(sizes[variable + 1 :])


def _outer(left: Array, right: Array) -> Array:
    return np.asarray(np.multiply.outer(left, right)).reshape(-1)

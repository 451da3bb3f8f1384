"""An objective at one set of logits: one pass over the corners for all estimators and temperatures."""

from dataclasses import dataclass
from functools import cached_property

from reinmax_ref.protocol import needs_of
from verify.lab.moments import Moments, moments
from verify.objectives import Objective
from verify.oracle.enumeration import Statistics, softmax, statistics
from verify.oracle.parallel import Workers
from verify.typing import Array

__all__ = ["OnePass", "why_not"]


@dataclass(frozen=True, eq=False)
class OnePass:
    """An objective and logits, with the sums over the corners.

    Attributes
    ----------
    objective : Objective
    logits : array, shape (K,) or (L, K)
    workers : int or map-like callable
        For the pass over the corners.

    Examples
    --------
    >>> from verify.objectives import linear
    >>> point = OnePass(linear([0.0, 4.0]), np.zeros(2))
    >>> [round(point.moments("straight_through", tau).relative_bias, 3) for tau in (1.0, 2.0)]
    [0.0, 0.5]
    """

    objective: Objective
    logits: Array
    workers: Workers = 1

    @cached_property
    def total(self) -> Statistics:
        """Sums over the corners, of the second degree."""
        return statistics(self.objective, softmax(self.logits), degree=2, workers=self.workers)

    def moments(self, estimator: str, tau: float) -> Moments:
        """Give the moments of one estimator at one temperature."""
        return moments(estimator, self.objective, self.logits, tau, total=self.total, workers=self.workers)


def why_not(estimator: str, classes: int) -> str | None:
    """Say why an estimator does not apply to variables of so many classes; None where it does.

    Raises
    ------
    ValueError
        Where no estimator has that name.

    Examples
    --------
    >>> why_not("reinmax", 8) is None
    True
    """
    if needs_of(estimator).binary and classes != 2:
        return f"for variables of 2 classes, not {classes}"
    return None

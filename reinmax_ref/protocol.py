"""What an estimator is: a function that returns a draw, and a statement of what it needs.

An estimator that needs ∇f at its sample returns a :class:`GradientDraw`, whose
``vjp`` pulls cotangents back. One that needs f itself returns a
:class:`ValueDraw`, whose ``gradient`` calls f at the points it needs. Both are
structural: any function of the right shape will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from reinmax_ref.estimators import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from reinmax_ref.rows import Array

    #: Values (n,) or slopes, in the shape of the points, of f at n points.
    PointFunction = Callable[[Array], ArrayLike]

__all__ = ["GradientDraw", "Needs", "ValueDraw", "find", "name_of", "needs_of"]


class GradientDraw(Protocol):
    """A sample whose gradient follows from ∇f there."""

    @property
    def hard(self) -> Array:
        """The sample, one-hot (or bits)."""

    @property
    def soft(self) -> Array:
        """The probabilities softmax(θ)."""

    @property
    def index(self) -> NDArray[Any]:
        """The sampled classes."""

    def vjp(self, grad_hard: ArrayLike, grad_soft: ArrayLike | None = None, /) -> Array:
        """Pull cotangents of the sample and of the probabilities back to the logits."""


class ValueDraw(Protocol):
    """A sample, or several, whose gradient follows from values of f."""

    @property
    def hard(self) -> Array:
        """The samples, one-hot (or bits); several along a leading axis."""

    @property
    def soft(self) -> Array:
        """The probabilities softmax(θ)."""

    @property
    def index(self) -> NDArray[Any]:
        """The sampled classes."""

    def gradient(self, value: PointFunction, slope: PointFunction | None = None, /) -> Array:
        """Call f, and ∇f where needed, and give the gradient at the logits."""


@dataclass(frozen=True)
class Needs:
    """What an estimator needs of f, and what its gradient depends on.

    Attributes
    ----------
    slope : bool
        ∇f at one or more points.
    value : bool
        f itself: the estimator returns a :class:`ValueDraw`.
    evaluations : int
        Points at which f, ∇f or both are evaluated, with default options.
    samples : int
        Joint samples in ``index``, with default options.
    distinct : bool
        The samples are drawn without replacement.
    noise : bool
        Given the sample the gradient is still random; ``noise=`` takes the
        uniform numbers it depends on.
    copies : bool
        The gradient averages ``samples=`` copies that differ in their noise
        alone and are independent given the sample.
    shared_noise : int
        How many leading arrays of the noise all copies share.
    linear : bool
        Given sample and noise, the gradient is linear in the cotangent. Where it
        is not, moments evaluate it at every corner.
    binary : bool
        One logit per variable, p = σ(θ), and no class axis.
    tempered : bool
        The gradient depends on τ.
    forward_tau : bool
        The sample is drawn at temperature ``forward_tau=``.

    Examples
    --------
    >>> needs_of("leave_one_out").evaluations
    2
    """

    slope: bool = True
    value: bool = False
    evaluations: int = 1
    samples: int = 1
    distinct: bool = False
    noise: bool = False
    copies: bool = False
    shared_noise: int = 0
    linear: bool = True
    binary: bool = False
    tempered: bool = True
    forward_tau: bool = False


def find(name: str) -> Callable[..., Any]:
    """Give the estimator in the file of that name under ``reinmax_ref/estimators``.

    Raises
    ------
    ValueError
        Where there is none.

    Examples
    --------
    >>> find("darn").__name__
    'darn'
    """
    try:
        found: Callable[..., Any] = getattr(import_module(f"reinmax_ref.estimators.{name}"), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"no estimator is named {name!r}; there are {', '.join(names())}") from error
    return found


def needs_of(estimator: str | Callable[..., Any]) -> Needs:
    """Give the needs an estimator's file states as ``NEEDS``.

    Parameters
    ----------
    estimator : str or callable
        A name, a function, or a :func:`functools.partial` of one.

    Returns
    -------
    Needs
        For a function whose file states none: ∇f at one sample.

    Examples
    --------
    >>> from functools import partial
    >>> from reinmax_ref.estimators.gumbel_rao import gumbel_rao
    >>> needs_of(partial(gumbel_rao, samples=100)).noise
    True
    """
    function = find(estimator) if isinstance(estimator, str) else estimator
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None)
    found = getattr(import_module(module), "NEEDS", None) if module else None
    return found if isinstance(found, Needs) else Needs()


def name_of(estimator: str | Callable[..., Any]) -> str:
    """Give the name of an estimator; a partial's options stand behind it.

    Examples
    --------
    >>> from functools import partial
    >>> from reinmax_ref.estimators.darn import darn
    >>> name_of(partial(darn, center=[0.5, 0.5]))
    'darn(center=[0.5, 0.5])'
    """
    if isinstance(estimator, str):
        return estimator
    if isinstance(estimator, partial):
        options = ", ".join(f"{key}={value!r}" for key, value in estimator.keywords.items())
        return f"{name_of(estimator.func)}({options})"
    return str(getattr(estimator, "__name__", repr(estimator)))

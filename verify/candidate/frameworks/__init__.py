"""What a candidate's framework must offer.

Each framework is imported in its own module only, when a candidate needs it.
"""

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from verify.candidate.frameworks.detection import FRAMEWORKS, detect
from verify.typing import Array

__all__ = [
    "FRAMEWORKS",
    "USUAL",
    "Framework",
    "Observation",
    "Query",
    "Setting",
    "detect",
    "load",
    "same_bits",
    "storage",
]

#: The cotangents (g, h) at the sample and at the soft output, given the sample; None leaves an output unused.
Cotangent = Callable[[Array], tuple[Array | None, Array | None]]


@dataclass(frozen=True, eq=False)
class Observation:
    """One call of a candidate, seen in NumPy: floats as float64.

    Attributes
    ----------
    hard, soft, gradient : array, the shape of the logits
        None where the candidate does not return it or it was not asked for.
    index : integer array, the shape of the logits without the class axis, or None
    dtype : str
        That of the sample as it came.
    changed : tuple of str
        The inputs that the candidate wrote to.
    steady : bool
        Whether a second backward pass gave the same gradient, where one was asked for.
    """

    hard: Array
    soft: Array | None
    index: Array | None
    gradient: Array | None
    dtype: str = "float64"
    changed: tuple[str, ...] = ()
    steady: bool = True


@dataclass(frozen=True)
class Setting:
    """How a call is made, besides its numbers; each framework says which of these it offers.

    Attributes
    ----------
    layout, cotangents : str
        Where the logits and the cotangents are in memory: ``contiguous``,
        ``strided``, ``expanded``, ``view`` (a slice of something wider) or
        ``not a leaf`` (the output of a layer).
    context : str
        ``plain``, ``no grad``, ``frozen logits`` (which need no gradient),
        ``autocast`` or ``jitted``.
    history : str
        ``first call``, ``another call before`` and ``another call between``
        (before the backward pass), ``second backward``, ``sample written to``
        and ``logits written to`` (both before the backward pass).
    tau : str
        ``float``, ``int`` or ``0-d array``.
    """

    layout: str = "contiguous"
    cotangents: str = "contiguous"
    context: str = "plain"
    history: str = "first call"
    tau: str = "float"


#: Nothing special.
USUAL = Setting()


@dataclass(frozen=True, eq=False)
class Query:
    """What to call, and on what.

    Attributes
    ----------
    call : callable
        From logits, in the framework's array type, to a result.
    split : callable
        Names the parts of a result.
    logits : array
        In a NumPy dtype that holds ``dtype``.
    dtype : str
        In which the candidate is to compute.
    seed : int
        Of the framework's global randomness.
    twice : bool
        Whether to pull the cotangents back again, after others. Frameworks that
        differentiate by themselves keep what was saved, and do not look at it.
    setting : Setting
    """

    call: Callable[[Any], Any]
    split: Callable[[Any], dict[str, Any]]
    logits: Array
    dtype: str
    seed: int
    twice: bool = False
    setting: Setting = USUAL


class Framework(Protocol):
    """One array framework, as the candidate's side of the observation needs it."""

    name: str
    sources: tuple[str, ...]
    offers: Mapping[str, tuple[str, ...]]

    def randomness(self, names: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Arguments that hand a callable with these parameters its random source."""

    def array(self, values: Any, dtype: str) -> Any:
        """An array of the framework."""

    def like(self, before: Any, value: float, dtype: str) -> Any:
        """An array of the kind and shape of another, with one value throughout."""

    def numpy(self, part: Any) -> Array:
        """A part of a result in NumPy, in the dtype that it came in where NumPy has that."""

    def keeping(self) -> AbstractContextManager[None]:
        """A block of calls at whose end the global random state is put back.

        Each call does so by itself; it is cheaper once for many.
        """

    def result(self, query: Query) -> Any:
        """Call once, and give the result as it is."""

    def observe(self, query: Query, cotangent: Cotangent | None) -> Observation:
        """Call once, and pull the cotangents of the parts back to the logits."""

    def open(self, query: Query) -> tuple[Observation, Callable[[tuple[Array | None, Array | None]], Array]]:
        """Call once, and give what pulls cotangents (g, h) back through that call, as often as wanted."""


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays of floats hold the same bits, so that NaN equals itself.

    Examples
    --------
    >>> same_bits(np.array([np.nan, 0.0]), np.array([np.nan, -0.0]))
    False
    """
    bits = f"i{a.dtype.itemsize}"
    return np.array_equal(a.view(bits), b.view(bits))


def storage(dtype: str) -> str:
    """The NumPy dtype in which numbers of a dtype travel; NumPy has no bfloat16.

    Examples
    --------
    >>> storage("bfloat16"), storage("float16")
    ('float32', 'float16')
    """
    return "float32" if dtype == "bfloat16" else dtype


def load(name: str, device: str | None = None) -> Framework:
    """The framework of a name, computing on a device; refuses one that is unknown, or not installed."""
    if name not in FRAMEWORKS:
        raise ValueError(f"framework is {name!r}; expected one of {', '.join(FRAMEWORKS)}")
    try:
        module = importlib.import_module(f"verify.candidate.frameworks.{name}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the framework {name} is not installed; install it with: python -m pip install {name}"
        ) from error
    return module.make(device)  # type: ignore[no-any-return]

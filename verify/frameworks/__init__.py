"""What a candidate's framework must offer, and how to find out which one it is.

Each framework is imported in its own module only, when a candidate needs it.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["FRAMEWORKS", "Framework", "Observation", "detect", "load"]

Array = np.ndarray[Any, np.dtype[Any]]

FRAMEWORKS = ("numpy", "torch", "jax")

#: The cotangents (g, h) at the sample and at the soft output, given the sample; None leaves an output unused.
Cotangent = Callable[[Array], tuple[Array | None, Array | None]]


@dataclass(frozen=True, eq=False)
class Observation:
    """One call of a candidate, seen in NumPy.

    Attributes
    ----------
    hard, soft, gradient : array, the shape of the logits
        None where the candidate does not return it or it was not asked for.
    index : integer array, the shape of the logits without the class axis, or None
    """

    hard: Array
    soft: Array | None
    index: Array | None
    gradient: Array | None


class Framework(Protocol):
    """One array framework, as the candidate's side of the observation needs it."""

    name: str

    def randomness(self, names: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Arguments that hand a callable with these parameters its random source."""

    def observe(
        self,
        call: Callable[[Any], Any],
        split: Callable[[Any], dict[str, Any]],
        logits: Array,
        cotangent: Cotangent | None,
        seed: int,
    ) -> Observation:
        """Call once, and pull the cotangents of the parts back to the logits."""


def load(name: str) -> Framework:
    """The framework of a name.

    Raises
    ------
    ValueError
        Where the name is not one of :data:`FRAMEWORKS`.
    ModuleNotFoundError
        Where the framework is not installed.
    """
    if name not in FRAMEWORKS:
        raise ValueError(f"framework is {name!r}; expected one of {', '.join(FRAMEWORKS)}")
    try:
        module = importlib.import_module(f"verify.frameworks.{name}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the framework {name} is not installed; install it with: python -m pip install {name}"
        ) from error
    return module.framework  # type: ignore[no-any-return]


def detect(fn: Any) -> str:
    """The framework that the module of a callable uses; NumPy where it uses no other.

    Raises
    ------
    ValueError
        Where the module uses more than one.
    """
    owner = fn if hasattr(fn, "__module__") else type(fn)
    home = owner.__module__ or ""
    module = sys.modules.get(home)
    values = [*vars(module).values()] if module else []
    values += [*getattr(fn, "__globals__", {}).values(), *type(fn).__mro__]
    roots = {home.partition(".")[0]}
    for value in values:
        roots.add(
            str(getattr(value, "__name__" if hasattr(value, "__path__") else "__module__", "")).partition(
                "."
            )[0]
        )
    found = [name for name in FRAMEWORKS[1:] if name in roots]
    if len(found) > 1:
        raise ValueError(
            f"the module {home} uses {' and '.join(found)}: say which with framework=... or --framework"
        )
    return found[0] if found else "numpy"

"""Objectives by name, for any number of variables and classes, and the logits they are studied at.

A name may carry its curvature, ``tanh:2``: the factor of the highest power of a
polynomial, or the weight scale of a network. The random coefficients depend on
the seed and the shape alone, so that curvature, temperature and the scale of
the logits are varied with all else held.
"""

from collections.abc import Callable

import numpy as np

from verify.candidate.load import load_target
from verify.objectives import Objective, cubic, linear, quadratic, tanh_network
from verify.typing import Array

__all__ = ["NAMES", "build", "curvature_of", "logits_for"]


def build(name: str, variables: int, classes: int, *, seed: int = 0) -> Objective:
    """Build the objective of a name.

    Parameters
    ----------
    name : str
        ``linear``, ``quadratic``, ``cubic`` or ``tanh``, with a curvature after
        a colon or without (1); or the target ``package.module:function`` or
        ``path/to/file.py:function`` of a function (variables, classes) →
        objective.
    variables, classes : int
        L and K.
    seed : int
        Of the random coefficients; a function of your own does not see it.

    Returns
    -------
    Objective

    Raises
    ------
    ValueError
        For a name that is neither, and whatever loading a target raises.

    Examples
    --------
    >>> build("tanh:0.5", 3, 2).value(np.zeros((4, 3, 2))).shape
    (4,)
    """
    family, curvature = _split(name)
    if family is None:
        own: Objective = load_target(name)(variables, classes)
        return own
    rng = np.random.default_rng([seed, variables, classes])
    return family(variables, classes, curvature, rng)


def curvature_of(name: str) -> float:
    """Give the curvature that a name carries; 1 where it carries none.

    Examples
    --------
    >>> curvature_of("tanh:0.5"), curvature_of("cubic")
    (0.5, 1.0)
    """
    return _split(name)[1]


def logits_for(variables: int, classes: int, scale: float, *, seed: int = 0) -> Array:
    """Draw logits, each variable's centred and with standard deviation ``scale`` exactly, shape (L, K).

    Examples
    --------
    >>> np.abs(logits_for(1, 2, 0.5)).round(15)
    array([[0.5, 0.5]])
    """
    drawn = np.random.default_rng([seed, variables, classes, 1]).standard_normal((variables, classes))
    drawn -= drawn.mean(axis=1, keepdims=True)
    return np.asarray(drawn * (scale / drawn.std(axis=1, keepdims=True)))


Family = Callable[[int, int, float, np.random.Generator], Objective]


def _split(name: str) -> tuple[Family | None, float]:
    family, colon, number = name.partition(":")
    if family not in _FAMILIES:
        if not colon:
            raise ValueError(
                f"no objective is named {name!r}; there are {', '.join(NAMES)}, each with a curvature "
                "after a colon if you like (tanh:2), or give path/to/file.py:function"
            )
        return None, 1.0
    try:
        curvature = float(number) if colon else 1.0
    except ValueError:
        raise ValueError(f"objective {name!r} has the curvature {number!r}; expected a number") from None
    if not (np.isfinite(curvature) and curvature >= 0):
        raise ValueError(f"objective {name!r} has the curvature {number}; expected a finite one, at least 0")
    return _FAMILIES[family], curvature


def _tensors(variables: int, classes: int, rng: np.random.Generator, degree: int) -> list[Array]:
    """Normal coefficients, the slope first; every degree varies alike over the corners."""
    sides = [(variables, classes) * d for d in range(1, degree + 1)]
    return [rng.standard_normal(side) * variables ** ((1 - d) / 2) for d, side in enumerate(sides, 1)]


def _linear(variables: int, classes: int, curvature: float, rng: np.random.Generator) -> Objective:
    del curvature  # a linear function has none
    return linear(*_tensors(variables, classes, rng, 1))


def _quadratic(variables: int, classes: int, curvature: float, rng: np.random.Generator) -> Objective:
    slope, matrix = _tensors(variables, classes, rng, 2)
    return quadratic(curvature * matrix, slope)


def _cubic(variables: int, classes: int, curvature: float, rng: np.random.Generator) -> Objective:
    slope, matrix, tensor = _tensors(variables, classes, rng, 3)
    return cubic(curvature * tensor, matrix, slope)


def _tanh(variables: int, classes: int, curvature: float, rng: np.random.Generator) -> Objective:
    return tanh_network(variables, classes, scale=curvature, rng=rng)


_FAMILIES: dict[str, Family] = {"linear": _linear, "quadratic": _quadratic, "cubic": _cubic, "tanh": _tanh}

#: The families, from the straightest to the most curved.
NAMES = tuple(_FAMILIES)

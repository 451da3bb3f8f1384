"""What one look at a candidate settles: dtype, rank, form of the temperature, parts of the result."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.convention import DEFAULT_RETURNS, name_parts

if TYPE_CHECKING:
    from verify.candidate import Candidate
    from verify.frameworks import Array

__all__ = ["settle"]

#: Tried in this order; enough rows that independent bits cannot look one-hot by chance.
SHAPES = ((32, 4), (4, 8, 4), (2, 4, 4, 4), (4,))
ONEHOT_NAMES = ("sample", "onehot", "one_hot", "one_hot_sample", "D", "hard")


def settle(candidate: Candidate) -> Candidate:
    """Fix what the signature left open, by calling.

    Parameters
    ----------
    candidate : Candidate

    Returns
    -------
    Candidate
        In float64 where it takes that, else float32.

    Raises
    ------
    ValueError
        Where no way of calling it works, or the result cannot be understood.
    """
    problem: Exception | None = None
    for shape, dtype, tau_array, onehot in product(
        SHAPES, ("float64", "float32"), _tau_forms(candidate), _sample_forms(candidate)
    ):
        convention = replace(candidate.convention, tau_array=tau_array, injected_onehot=onehot)
        trial = replace(candidate, convention=convention, dtype=dtype, rank=len(shape))
        logits = np.random.default_rng(0).uniform(-1, 1, shape)
        try:
            result = trial.framework.result(trial.query(logits, 1.0, 0, dtype, np.ascontiguousarray))
        except Exception as error:  # noqa: BLE001  (a foreign implementation may raise anything)
            problem = problem or error
            continue
        found = _understood(trial, result, logits)
        _look_in_3d(found)
        _try_vjp(found, logits)
        return found
    raise ValueError(
        f"{candidate.name} could not be called on {candidate.framework.name} logits of shape {SHAPES[0]} or "
        f"others: {type(problem).__name__}: {problem}. Say how it is called with --tau-name or --no-tau, "
        "--logits-name, --axis, --set (keywords of check: tau, logits, axis)"
    ) from problem


def _look_in_3d(candidate: Candidate) -> None:
    """A class axis of 1 is the last one in 2-D; only with more axes is it seen."""
    if candidate.rank != 2 or candidate.convention.binary:
        return
    try:
        hard = candidate.observe(np.random.default_rng(0).uniform(-1, 1, (4, 8, 4)), seed=0).hard
    except Exception:  # noqa: BLE001  (it may well take matrices only)
        return
    _require_classes(candidate, np.moveaxis(hard, -1, candidate.convention.axis))


def _try_vjp(candidate: Candidate, logits: Array) -> None:
    """Ask where the vjp of a NumPy candidate does not take its cotangents as they are given."""
    if candidate.framework.name != "numpy":
        return
    h = np.sin(logits) if candidate.has_soft else None
    try:
        gradient = candidate.observe(logits, cotangent=lambda _: (np.cos(logits), h), seed=0).gradient
        problem = "" if gradient is not None and gradient.shape == logits.shape else "its shape is another"
    except (TypeError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  (whatever else it raises, the checks report)
        return
    if problem:
        raise ValueError(
            f"the vjp of {candidate.name} did not give a gradient ({problem}); expected "
            "vjp(grad_hard, grad_soft=None) on arrays of the shape of the logits, which returns one: "
            "wrap it in that form, or leave the soft output out with --returns hard,_"
        )


def _tau_forms(candidate: Candidate) -> tuple[bool, ...]:
    return (False, True) if candidate.has_tau else (False,)


def _sample_forms(candidate: Candidate) -> tuple[bool, ...]:
    name = candidate.convention.injected
    if name is None or candidate.convention.binary:
        return (False,)
    return (True, False) if name in ONEHOT_NAMES else (False, True)


def _understood(trial: Candidate, result: Any, logits: Array) -> Candidate:
    """Name the parts of the result, and look at the sample."""
    shape = logits.shape[:-1] if trial.convention.binary else _own_shape(trial, logits)
    convention = trial.convention
    parts = convention.parts(result)
    if "hard" not in parts and convention.returns == DEFAULT_RETURNS:
        arrays = [trial.framework.numpy(p) for p in parts.values() if not callable(p) or hasattr(p, "shape")]
        returns = ("hard", "soft")[: len(arrays)]
        if not convention.binary:
            returns = name_parts(arrays, shape, convention.axis)
        convention = replace(convention, returns=returns)
    named = {name: trial.framework.numpy(part) for name, part in convention.split(result).items()}
    _require_shapes(named, shape)
    hard = named["hard"]
    if not convention.binary:
        _require_classes(trial, hard)
    dtype = hard.dtype.name if hard.dtype.name in {"float32", "float64"} else trial.dtype
    return replace(trial, convention=convention, has_soft="soft" in named, dtype=dtype)


def _own_shape(trial: Candidate, logits: Array) -> tuple[int, ...]:
    return tuple(np.moveaxis(logits, -1, trial.convention.axis).shape)


def _require_shapes(named: dict[str, Array], shape: tuple[int, ...]) -> None:
    for name in ("hard", "soft"):
        if name in named and named[name].shape != shape:
            raise ValueError(
                f"the part named {name} has shape {named[name].shape} for logits of shape {shape}; expected "
                "the same: name the parts in order with returns=(...) or --returns"
            )


def _require_classes(trial: Candidate, hard: Array) -> None:
    """Ask where the sample is one-hot along another axis, or not along any.

    Raises
    ------
    ValueError
        With the question.
    """
    rows = np.moveaxis(hard, trial.convention.axis, -1).astype(float)
    along = [a for a in range(hard.ndim) if np.allclose(hard.sum(axis=a), 1, atol=1e-3)]
    bits = np.allclose(rows, np.round(rows), atol=1e-3) and set(np.unique(np.round(rows))) <= {0.0, 1.0}
    if trial.convention.axis % hard.ndim in along or not bits or hard.ndim == 1:
        return
    if along:
        raise ValueError(
            f"for logits of shape {hard.shape} the sample is one-hot along axis {along[0]}: if that is where "
            f"the classes are, say axis={along[0]} or --axis {along[0]}"
        )
    raise ValueError(
        f"for logits of shape {hard.shape} the sample has a 0 or a 1 for each logit and is one-hot along no "
        "axis: if each logit is a variable of its own, say binary=True or --binary"
    )

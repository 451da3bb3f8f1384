"""The parts of a result: told from each other, and asked about where they are not what they are called."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from verify.candidate.convention import PARTS, Convention
from verify.candidate.frameworks import Framework
from verify.typing import Array

__all__ = ["MisshapenError", "ask_axis", "is_sample", "name_parts", "understand"]


class MisshapenError(ValueError):
    """A sample that is not of one class a row, or not of the shape of the logits."""


def understand(
    framework: Framework, convention: Convention, result: Any, shape: tuple[int, ...]
) -> tuple[Convention, dict[str, Array]]:
    """Name the parts of a result for logits of a shape, and look whether they are what their names say."""
    axis = None if convention.binary else convention.axis
    parts = convention.parts(result)
    said = convention.returns
    if "hard" not in parts and said is None:
        convention = replace(convention, returns=_told_apart(framework, parts, shape, axis))
    split = convention.split(result)
    named = {name: _array_of(framework, name, part) for name, part in split.items()}
    _ask_shapes(named, shape, axis)
    if axis is not None:
        ask_axis(named["hard"], axis)
    if said is None and convention.returns is not None:
        _ask_soft(named, convention.returns, axis)
    if said is not None:
        others = {n: framework.numpy(part) for n, part in parts.items() if hasattr(part, "shape")}
        _ask_sample(named["hard"], others, said, axis)
    return convention, named


def _told_apart(
    framework: Framework, parts: dict[str, Any], shape: tuple[int, ...], axis: int | None
) -> tuple[str, ...]:
    """Names for the parts of a result; one that is None is ignored."""
    kept = {name: part for name, part in parts.items() if part is not None} or parts
    arrays = {name: _array_of(framework, name, part) for name, part in kept.items()}
    if not arrays:
        raise ValueError("the result holds no array; expected the one-hot sample among its parts")
    full = [array for array in arrays.values() if array.shape == shape]
    if axis is not None and not any(is_sample(array, axis) for array in full):
        for array in full:
            ask_axis(array, axis)
    names = dict(zip(arrays, name_parts(list(arrays.values()), shape, axis), strict=True))
    return tuple(names.get(name, "_") for name in parts)


def name_parts(parts: list[Array], shape: tuple[int, ...], axis: int | None) -> tuple[str, ...]:
    """Tell the parts of a result from each other by shape, dtype and one-hotness; ``axis`` None: binary.

    Examples
    --------
    >>> name_parts([np.array([1, 0]), np.eye(2)[[1, 0]]], (2, 2), -1)
    ('index', 'hard')
    """
    if len(parts) == 1:
        return ("hard",)
    full = [i for i, part in enumerate(parts) if part.shape == shape]
    rows = 0 if axis is None else np.prod(shape) // shape[axis]
    index = [i for i, p in enumerate(parts) if i not in full and p.dtype.kind in "iu" and p.size == rows]
    if len(full) not in {1, 2} or len(index) > 1 or len(full) + len(index) != len(parts):
        seen = ", ".join(f"{part.dtype.name} of shape {part.shape}" for part in parts)
        raise MisshapenError(
            f"for logits of shape {shape} the result has the parts {seen}: say which is the one-hot sample, "
            f"with names in order out of {', '.join(PARTS)} in returns=(...) or --returns"
        )
    hard = next((i for i in full if is_sample(parts[i], axis)), full[0])
    names = dict.fromkeys(full, "soft") | dict.fromkeys(index, "index") | {hard: "hard"}
    return tuple(names[i] for i in range(len(parts)))


def is_sample(part: Array, axis: int | None) -> bool:
    """Whether rows hold a single 1 and zeros along an axis; without an axis, whether all are 0 or 1."""
    if axis is None:
        return bool(np.allclose(part, np.clip(part.round(), 0, 1), atol=1e-3))
    rows = np.moveaxis(part, axis, -1)
    return bool(np.allclose(rows, np.eye(rows.shape[-1])[rows.argmax(axis=-1)], atol=1e-3))


def _array_of(framework: Framework, name: str, part: Any) -> Array:
    """A part of a result in NumPy; refuses one that is no array of numbers."""
    try:
        found = framework.numpy(part)
    except Exception:  # noqa: BLE001  (each framework has its own)
        found = np.asarray(None)
    if found.dtype.kind not in "biuf":
        raise ValueError(
            f"part {name} of the result is of type {type(part).__name__}; expected an array, a tuple or a "
            "mapping of arrays, or an object with the attribute hard: name a part that is none of these _ in "
            "returns=(...) or --returns, or wrap the implementation in a function"
        )
    return found


def _ask_shapes(named: Mapping[str, Array], shape: tuple[int, ...], axis: int | None) -> None:
    """Ask where a part has not the shape that its name asks for."""
    rows = int(np.prod(shape)) // (1 if axis is None else shape[axis])
    for name, part in named.items():
        fits = part.size == rows if name == "index" else part.shape == shape
        if not fits:
            raise MisshapenError(
                f"the part named {name} has shape {part.shape} for logits of shape {shape}; expected "
                f"{'one class a row' if name == 'index' else 'the same'}: name the parts in order with "
                "returns=(...) or --returns"
            )


def _ask_soft(named: Mapping[str, Array], returns: tuple[str, ...], axis: int | None) -> None:
    """Ask where a part that nobody named cannot be probabilities."""
    soft = named.get("soft")
    if soft is None:
        return
    sums = [np.allclose(soft.sum(axis=a), 1, atol=1e-2) for a in range(soft.ndim)]
    if (soft >= 0).all() and (any(sums) or axis is None):
        return
    ignored = ",".join("_" if name == "soft" else name for name in returns)
    raise ValueError(
        f"beside the sample the result has an array of its shape that holds no probabilities: where it is "
        f"something else, say --returns {ignored} (returns={ignored!r}); where it is meant to be them, say "
        f"--returns {','.join(returns)}"
    )


def _ask_sample(hard: Array, others: Mapping[str, Array], returns: tuple[str, ...], axis: int | None) -> None:
    """Ask where the caller named another part than the one-hot one the sample."""
    if is_sample(hard, axis):
        return
    for number, other in others.items():
        if other.shape == hard.shape and is_sample(other, axis):
            raise ValueError(
                f"part {number} of the result is one-hot, and the part named hard is not: name the parts in "
                f"their order with returns=(...) or --returns, which says {','.join(returns)}"
            )


def ask_axis(hard: Array, axis: int) -> None:
    """Ask where the sample is one-hot along another axis, or not along any."""
    rows = np.moveaxis(hard, axis, -1).astype(float)
    along = [a for a in range(hard.ndim) if np.allclose(hard.sum(axis=a), 1, atol=1e-3)]
    bits = np.allclose(rows, np.round(rows), atol=1e-3) and set(np.unique(np.round(rows))) <= {0.0, 1.0}
    subset = not along and np.ptp(rows.sum(axis=-1)) < 1e-3  # of a fixed size, which the diagnosis explains
    if axis % hard.ndim in along or not bits or hard.ndim == 1 or subset:
        return
    if along:
        raise ValueError(
            f"for logits of shape {hard.shape} the sample is one-hot along axis {along[0]}: if that is where "
            f"the classes are, say axis={along[0]} or --axis {along[0]}"
        )
    raise MisshapenError(
        f"for logits of shape {hard.shape} the sample has a 0 or a 1 for each logit and is one-hot along no "
        "axis: if each logit is a variable of its own, say binary=True or --binary"
    )

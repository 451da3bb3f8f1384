"""What is asked instead of guessed: each function raises ValueError with the question, or returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from verify.candidate.convention import is_sample, owner_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verify.candidate import Candidate
    from verify.typing import Array

__all__ = [
    "array_of",
    "ask_axis",
    "ask_sample",
    "ask_shapes",
    "ask_soft",
    "ask_switches",
    "ask_vjp",
]

#: Arguments that turn sampling, or the estimator itself, on.
SWITCHES = ("hard", "training", "train", "is_training", "stochastic", "straight_through", "reinmax", "sample")


def array_of(candidate: Candidate, name: str, part: Any) -> Array:
    """A part of a result in NumPy; refuses one that is no array of numbers."""
    try:
        found = candidate.framework.numpy(part)
    except Exception:  # noqa: BLE001  (each framework has its own)
        found = np.asarray(None)
    if found.dtype.kind not in "biuf":
        raise ValueError(
            f"part {name} of the result is of type {type(part).__name__}; expected an array, a tuple or a "
            "mapping of arrays, or an object with the attribute hard: name a part that is none of these _ in "
            "returns=(...) or --returns, or wrap the implementation in a function"
        )
    return found


def ask_shapes(named: Mapping[str, Array], shape: tuple[int, ...], axis: int | None) -> None:
    """Ask where a part has not the shape that its name asks for."""
    rows = int(np.prod(shape)) // (1 if axis is None else shape[axis])
    for name, part in named.items():
        fits = part.size == rows if name == "index" else part.shape == shape
        if not fits:
            raise ValueError(
                f"the part named {name} has shape {part.shape} for logits of shape {shape}; expected "
                f"{'one class a row' if name == 'index' else 'the same'}: name the parts in order with "
                "returns=(...) or --returns"
            )


def ask_soft(named: Mapping[str, Array], returns: tuple[str, ...], axis: int | None) -> None:
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


def ask_sample(hard: Array, others: Mapping[str, Array], returns: tuple[str, ...], axis: int | None) -> None:
    """Ask where the caller named another part than the one-hot one the sample."""
    if is_sample(hard, axis):
        return
    for number, other in others.items():
        if other.shape == hard.shape and is_sample(other, axis):
            raise ValueError(
                f"part {number} of the result is one-hot, and the part named hard is not: name the parts in "
                f"their order with returns=(...) or --returns, which says {','.join(returns)}"
            )


def ask_axis(candidate: Candidate, hard: Array) -> None:
    """Ask where the sample is one-hot along another axis, or not along any."""
    axis = candidate.convention.axis
    rows = np.moveaxis(hard, axis, -1).astype(float)
    along = [a for a in range(hard.ndim) if np.allclose(hard.sum(axis=a), 1, atol=1e-3)]
    bits = np.allclose(rows, np.round(rows), atol=1e-3) and set(np.unique(np.round(rows))) <= {0.0, 1.0}
    if axis % hard.ndim in along or not bits or hard.ndim == 1:
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


def ask_vjp(candidate: Candidate, logits: Array) -> None:
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
            f"the vjp did not give a gradient ({problem}); expected "
            "vjp(grad_hard, grad_soft=None) on arrays of the shape of the logits, which returns one: "
            "wrap it in that form, or leave the soft output out with --returns hard,_"
        )


def ask_switches(candidate: Candidate) -> None:
    """Ask where nothing is sampled or differentiated while a switch is off, or a module evaluates."""
    known, constants = candidate.convention.known or {}, candidate.convention.constants
    off = [n for n in SWITCHES if n in known and known[n].default is False and n not in constants]
    evaluates = getattr(owner_of(candidate.fn), "training", None) is False
    missing = "computes no ReinMax" if "reinmax" in off else _missing(candidate) if off or evaluates else ""
    if missing and evaluates:
        raise ValueError(
            f"it is in evaluation mode, and {missing} there: call train() on it first, so that "
            "it is checked as it trains"
        )
    if missing:
        raise ValueError(
            f"it {missing} with {', '.join(f'{n}=False' for n in off)}, as by default: turn on what is a "
            f"switch with {' '.join(f'--set {n}=true' for n in off)} (keywords of check), or set it to false "
            "to have it checked as it is"
        )


def _missing(candidate: Candidate) -> str:
    """What a call lacks of a sample with a gradient; empty where nothing or where it cannot be told."""
    logits = np.random.default_rng(0).uniform(-1, 1, (64, candidate.classes))
    try:
        first, second = (
            candidate.observe(logits, cotangent=lambda _: (np.cos(logits), None), seed=s) for s in (0, 1)
        )
    except Exception:  # noqa: BLE001  (what it raises, the checks report)
        return ""
    if not np.allclose(first.hard.max(axis=-1), 1, atol=1e-3):
        return "gives no one-hot sample"
    if candidate.convention.injected is None and np.array_equal(first.hard, second.hard):
        return "gives the same sample every time"
    return "" if first.gradient is None or first.gradient.any() else "gives no gradient"

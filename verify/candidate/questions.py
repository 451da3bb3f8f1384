"""What is asked of a candidate that can be called: each function raises ValueError with the question."""

from enum import Enum
from typing import Any

import numpy as np

from verify.candidate.callables import weights_of
from verify.candidate.candidate import Candidate
from verify.candidate.convention import owner_of
from verify.candidate.parts import is_sample
from verify.candidate.signature import PLAIN
from verify.typing import Array

__all__ = ["ask_inside", "ask_switches", "ask_vjp", "inside"]

#: Arguments that turn sampling, or the estimator itself, on.
SWITCHES = ("hard", "training", "train", "is_training", "stochastic", "straight_through", "reinmax", "sample")


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


def inside(candidate: Candidate) -> str:
    """What to say of an object that may compute its logits with weights of its own; empty without any."""
    found = weights_of(owner_of(candidate.fn))
    if not found:
        return ""
    listed = ", ".join(f"{name}, of type {type(value).__name__}" for name, value in found.items())
    first = next(iter(found))
    return (
        f"It seems that the logits are computed inside ({listed}): make what comes before the sample the "
        f"identity, as model.{first} = torch.nn.Identity(), and a codebook the identity matrix, in a file of "
        "yours, and check path/to/file.py:model there"
    )


def ask_inside(candidate: Candidate) -> None:
    """Ask where the samples have nothing to do with the logits, and there are weights that could be why."""
    told = "" if candidate.convention.binary else inside(candidate)
    if not told:
        return
    logits = 30.0 * np.eye(candidate.classes)
    try:
        hard = candidate.observe(logits, seed=0).hard
    except Exception:  # noqa: BLE001  (what it raises, the checks report)
        return
    if not is_sample(hard, -1) or (hard.argmax(axis=-1) != logits.argmax(axis=-1)).mean() > 0.5:
        raise ValueError(f"a logit of 30 above all others does not decide the sample. {told}")


def ask_switches(candidate: Candidate) -> None:
    """Ask where nothing is sampled or differentiated while a switch is off, or a module evaluates."""
    known, constants = candidate.convention.known or {}, candidate.convention.constants
    off = {n: p.default for n, p in known.items() if n not in constants and _may_be_off(n, p.default)}
    evaluates = getattr(owner_of(candidate.fn), "training", None) is False
    missing = "computes no ReinMax" if "reinmax" in off else _missing(candidate) if off or evaluates else ""
    if missing and evaluates:
        raise ValueError(
            f"it is in evaluation mode, and {missing} there: call train() on it first, so that "
            "it is checked as it trains"
        )
    if missing:
        as_is = ", ".join(f"{name}={_written(value)}" for name, value in off.items())
        on = " ".join(f"--set {name}={_on(value)}" for name, value in off.items())
        raise ValueError(
            f"it {missing} with {as_is}, as by default: turn on what is a switch with {on} (keywords of "
            "check), or set it to what it is to have it checked as it is"
        )


def _may_be_off(name: str, default: Any) -> bool:
    if default is False or default is None:
        return name in SWITCHES
    return isinstance(default, str | Enum) and name not in PLAIN


def _written(value: Any) -> str:
    return value.name if isinstance(value, Enum) else repr(value)


def _on(value: Any) -> str:
    """What a switch is to be set to: another member of an enumeration, another text, or true."""
    if isinstance(value, Enum):
        return "|".join(member.name for member in type(value) if member is not value)
    return "TEXT" if isinstance(value, str) else "true"


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

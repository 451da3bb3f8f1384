"""The functions of the logits that come in place of softmax(θ), as a distribution or as an output."""

from collections.abc import Callable

import numpy as np
from scipy import optimize, special

from verify.oracle.definitions import softmax
from verify.oracle.tolerances import probability_tolerance
from verify.typing import Array

__all__ = ["describe_probabilities", "distributions"]


def _likeliest(logits: Array) -> Array:
    """One-hot rows; there may be too many classes for a matrix of all of them."""
    return np.asarray(np.arange(logits.shape[-1]) == logits.argmax(axis=-1)[..., None], float)


def distributions(logits: Array, tau: float) -> dict[str, tuple[Array, tuple[str, ...]]]:
    """The probabilities and the codes of the mistakes by formula, the right one first.

    At τ = 1, those that are then the same as others are left out.
    """
    p, doubled = softmax(logits), "probabilities-as-logits"
    found: dict[str, tuple[Array, tuple[str, ...]]] = {
        "softmax(θ)": (p, ()),
        "argmax θ": (_likeliest(logits), ("argmax-sampler",)),
        "softmax(softmax(θ))": (softmax(p), (doubled,)),
    }
    if tau != 1:
        found |= {
            "softmax(θ/τ)": (softmax(logits, tau), ("tempered-sampler",)),
            "softmax(θ·τ)": (softmax(logits * tau), ("tempered-sampler", "inverted-tau")),
            "softmax(softmax(θ/τ))": (softmax(softmax(logits, tau)), ("tempered-sampler", doubled)),
            "softmax(softmax(θ)/τ)": (softmax(p, tau), ("tempered-sampler", doubled)),
        }
    return found


def describe_probabilities(logits: Array, seen: Array) -> str | None:
    """A formula for these probabilities in terms of the logits; None where none that is known fits.

    Examples
    --------
    >>> theta = np.array([[0.3, -1.0, 0.5], [1.0, 2.0, -0.5]])
    >>> describe_probabilities(theta, softmax(1.5 * theta).astype(float))
    'softmax(1.5·θ)'
    """
    K = logits.shape[-1]
    theta, rows = logits.reshape(-1, K), np.asarray(seen, float).reshape(-1, K)
    close = probability_tolerance("float32", theta)
    return next(filter(None, (look(theta, rows, close) for look in LOOKS)), None)


def _logarithm(theta: Array, seen: Array, close: float) -> str | None:
    """Numbers that are no probabilities at all."""
    if np.abs(seen - theta).max() <= close:
        return "θ itself, not probabilities"
    if np.abs(np.exp(np.minimum(seen, 0)) - softmax(theta)).max() <= close:
        return "ln softmax(θ), the logarithms of the probabilities"
    if np.abs(seen - special.expit(theta)).max() <= close:
        return "sigmoid(θ), class by class"
    return None


def _mixed(theta: Array, seen: Array, close: float) -> str | None:
    """A mixture with the uniform distribution."""
    off, uniform = softmax(theta).astype(float) - 1 / theta.shape[-1], seen - 1 / theta.shape[-1]
    weight = float((off * uniform).sum() / (off * off).sum())
    if np.abs(uniform - weight * off).max() > close:
        return None
    return f"{weight:.4g}·softmax(θ) + {1 - weight:.4g}/K"


def _scaled(theta: Array, seen: Array, close: float) -> str | None:
    """Every row scaled, by one number or by a norm of its own."""
    if seen.min() <= 0:
        return None
    wide, centred = (x - x.mean(axis=-1, keepdims=True) for x in (theta, np.log(seen)))
    scale = (wide * centred).sum(axis=-1) / (wide * wide).sum(axis=-1)
    if np.abs(softmax(scale[:, None] * theta) - seen).max() > close:
        return None
    if np.ptp(scale) < 1e-3 * abs(scale).max():
        return f"softmax({scale.mean():.4g}·θ)"
    for text, size in (
        ("θ/‖θ‖", np.linalg.norm(theta, axis=-1)),
        ("(θ − mean)/(standard deviation)", theta.std(axis=-1)),
        ("θ/max|θ|", np.abs(theta).max(axis=-1)),
    ):
        times = scale * size
        if np.ptp(times) < 1e-3 * abs(times).max():
            return f"softmax({'' if abs(times.mean() - 1) < 1e-3 else f'{times.mean():.4g}·'}{text})"
    return "softmax(s·θ) with another s in every row"


def _squashed(theta: Array, seen: Array, close: float) -> str | None:
    """Logits clamped, or bent by tanh, at some size."""
    squashes: dict[str, Callable[[float], Array]] = {
        "softmax of θ clamped to ±{:.4g}": lambda c: theta.clip(-c, c),
        "softmax({0:.4g}·tanh(θ/{0:.4g}))": lambda c: c * np.tanh(theta / c),
    }
    for text, squash in squashes.items():

        def off(c: float, squash: Callable[[float], Array] = squash) -> float:
            return float(np.abs(softmax(squash(c)) - seen).max())

        places = np.geomspace(0.05, 50, 60)
        start = int(np.argmin([off(c) for c in places]))
        around = places[max(start - 1, 0)], places[min(start + 1, 59)]
        c = float(optimize.minimize_scalar(off, bounds=around, method="bounded", options={"xatol": 1e-9}).x)
        if off(c) <= close:
            return text.format(c)
    return None


def _cut(theta: Array, seen: Array, close: float) -> str | None:
    """Some classes left out."""
    kept = seen > close
    p = softmax(theta) * kept
    if (
        kept.all()
        or not kept.any(axis=-1).all()
        or np.abs(p / p.sum(axis=-1, keepdims=True) - seen).max() > close
    ):
        return None
    return f"softmax(θ) of {kept.sum(axis=-1).min()} of {theta.shape[-1]} classes, without the rest"


LOOKS = (_logarithm, _mixed, _scaled, _squashed, _cut)

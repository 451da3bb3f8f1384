"""The distributions that mistakes lead to in place of softmax(θ)."""

import numpy as np

from verify.oracle.definitions import softmax
from verify.typing import Array

__all__ = ["distributions"]


def distributions(logits: Array, tau: float) -> dict[str, tuple[Array, tuple[str, ...]]]:
    """The distributions that a sampler may have instead, with the codes of the mistakes.

    Parameters
    ----------
    logits : array, shape (..., K)
    tau : float

    Returns
    -------
    dict from formula to (probabilities, codes)
        The right one first; those that are the same at τ = 1 are left out there.
    """
    p, doubled = softmax(logits), "probabilities-as-logits"
    found: dict[str, tuple[Array, tuple[str, ...]]] = {
        "softmax(θ)": (p, ()),
        "argmax θ": (np.eye(logits.shape[-1])[logits.argmax(axis=-1)], ("argmax-sampler",)),
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

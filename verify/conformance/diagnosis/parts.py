"""The gradient by the single products that the terms of the paper are made of."""

import numpy as np

from verify.conformance.diagnosis.evidence import Columns, bound
from verify.oracle.definitions import softmax
from verify.typing import Array

__all__ = ["describe_parts"]

#: What the paper comes to, term by term; without a temperature those of p_τ count for p.
RIGHT = {
    "p∘g": -0.5,
    "p⟨p, g⟩": 0.5,
    "D⟨D, g⟩": 0.5,
    "D⟨p_τ, g⟩": -0.5,
    "p_τ⟨D, g⟩": -0.5,
    "p_τ∘g": 1.0,
    "p_τ⟨p_τ, g⟩": -0.5,
    "D⟨p, g⟩": 0.0,
    "p⟨D, g⟩": 0.0,
    "p_τ⟨p, g⟩": 0.0,
    "p⟨p_τ, g⟩": 0.0,
    "g": 0.0,
}
ALONE = {"p∘g": 0.5, "p⟨p, g⟩": 0.0, "D⟨D, g⟩": 0.5, "D⟨p, g⟩": -0.5, "p⟨D, g⟩": -0.5, "g": 0.0}


def describe_parts(columns: Columns) -> str | None:
    """The products with a wrong coefficient, where the gradient is a sum of such products.

    Parameters
    ----------
    columns : Columns

    Returns
    -------
    str or None
        A sentence; None where something else is in the gradient, or with two classes.
    """
    if columns.logits.shape[-1] == 2:
        return None  # two classes have but one direction, which cannot tell the products apart
    right = ALONE if columns.tau == 1 else RIGHT
    parts = _parts(columns)
    design = np.stack([parts[name].ravel() for name in right]).T.astype(float)
    target = columns.gradient.ravel()
    solution = np.linalg.lstsq(design, target)[0]
    if np.abs(design @ solution - target).max() > bound(columns):
        return None
    wrong = [
        f"{name} comes {x:.3g} times and should come {due:.3g} times"
        for (name, due), x in zip(right.items(), solution.round(6) + 0.0, strict=True)
        if abs(x - due) > 1e-3
    ]
    return (
        f"The gradient is a sum of the paper's products with other coefficients: at τ = {columns.tau:g}, "
        f"{', '.join(wrong)}. Each term of 2·J(q)g − ½·J(p)g is J(v)g = v∘g − v⟨v, g⟩ with the same v "
        "throughout."
    )


def _parts(columns: Columns) -> dict[str, Array]:
    p, p_tau = softmax(columns.logits), softmax(columns.logits, columns.tau)
    D, g = columns.onehot, columns.basis

    def inner(v: Array) -> Array:
        return np.asarray((v * g).sum(axis=-1, keepdims=True))

    named = {"p": p, "p_τ": p_tau, "D": D}
    products = {f"{a}⟨{b}, g⟩": named[a] * inner(named[b]) for a in named for b in named}
    return products | {f"{a}∘g": named[a] * g for a in named} | {"g": g}

"""What a gradient is that no hypothesis fits: the right one and a linear map, other products, few digits."""

from collections.abc import Iterator

import numpy as np

from verify.conformance.diagnosis.describe import law, listed, told_order
from verify.conformance.diagnosis.observations import Columns, bound
from verify.conformance.inputs import representable
from verify.oracle.definitions import reinmax_gradient, softmax
from verify.oracle.tolerances import probability_tolerance
from verify.typing import Array

__all__ = ["describe_copy", "describe_linear_map", "describe_products", "describe_rounding"]

#: So many different numbers show that a dtype is short.
DIFFERENT = 24

#: A map of K² numbers is believed from so many samples of a row, and from so many rows.
LEAST = 3

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


def describe_rounding(all_columns: list[Columns]) -> str | None:
    """Say which short dtype holds every number of the gradient, where one does.

    Few different numbers, as in a copy of the cotangent, are no sign of that.
    """
    found = np.concatenate([columns.gradient.ravel() for columns in all_columns])
    if len(np.unique(np.abs(found))) < DIFFERENT:
        return None
    for dtype in ("bfloat16", "float16"):
        if found.any() and np.array_equal(representable(found, dtype), found):
            return (
                f"Every number of the gradient is one of {dtype}: it is computed in that dtype inside, "
                "whatever the dtype of the logits. Compute in that of the logits, or in float32 at least."
            )
    return None


def describe_copy(all_columns: list[Columns], *, binary: bool) -> str | None:
    """Say that the gradient is the cotangent itself, with its mean or without, where it is."""
    for text, remove in (("the cotangent itself", 0), ("the cotangent without its mean", 1)):
        factors = [_factor(columns, columns.basis, remove) for columns in all_columns]
        if all(factors):
            times = {
                columns.tau: (factor or 0.0) / (1 + binary)
                for columns, factor in zip(all_columns, factors, strict=True)
            }
            return _copied("the cotangent itself" if binary else text, times, binary=binary)
    return None


def _factor(columns: Columns, g: Array, remove: int) -> float | None:
    """The number that takes a copy of the cotangent to the gradient, where one does."""
    due = g - remove * g.mean(axis=-1, keepdims=True)
    factor = float((columns.gradient * due).sum() / (due * due).sum())
    return None if np.abs(columns.gradient - factor * due).max() > bound(columns) else factor


def _copied(text: str, factors: dict[float, float], *, binary: bool) -> str:
    times = "" if law(factors) == "1" else f" times {listed(factors)}"
    missing = " The factor p(1 − p) of the sigmoid is missing." if binary else ""
    return (
        f"The gradient is {text}{times}, whatever the logits are. This is identity Straight-Through, "
        f"hard + θ − sg(θ).{missing} Line 6 returns π₂ − sg(π₂) + D, where θ enters through softmaxes only."
    )


def describe_linear_map(all_columns: list[Columns]) -> str | None:
    """Say what linear map the right gradient goes through, where it does.

    For each row of logits a matrix A is sought that turns the paper's K×K
    matrix M of every sample into the observed one: A·M where something is done
    to the gradient, M·A where it is done to the cotangent. M is taken at the
    logits, or else at those of which the soft output is the softmax.
    """
    own = [columns.logits for columns in all_columns]
    for side, what in (
        (0, "The right gradient comes back"),
        (1, "The right gradient is taken of a cotangent"),
    ):
        maps = _maps(all_columns, own, side)
        if maps is not None:
            return _tell(maps, what, side)
    if (
        _has_other_logits(all_columns)
        and _maps(all_columns, [_implied(c) for c in all_columns], 0) is not None
    ):
        return (
            "In terms of the soft output, the gradient is ReinMax's, carried on to θ: nothing is wrong but "
            "what the logits go through before line 1. Take them as they come."
        )
    return None


def _has_other_logits(all_columns: list[Columns]) -> bool:
    return any(
        c.soft is not None
        and np.abs(c.soft - softmax(c.logits)).max() > probability_tolerance("float32", c.logits)
        for c in all_columns
    )


def _implied(columns: Columns) -> Array:
    """Logits of which the soft output is the softmax."""
    assert columns.soft is not None  # noqa: S101  (asked for where there is one)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(columns.soft)


def _maps(all_columns: list[Columns], logits: list[Array], side: int) -> Array | None:
    """The matrix of each row, shape (rows, K, K); None where one does not fit, or too few show."""
    found = []
    for columns, theta in zip(all_columns, logits, strict=True):
        right = reinmax_gradient(theta, columns.tau, columns.onehot, columns.basis, 0 * columns.basis)
        if not np.isfinite(right).all():
            return None
        for M, seen in _matrices(columns, right.astype(float)):
            first, second = (M, seen) if side else (M.swapaxes(1, 2), seen.swapaxes(1, 2))
            K = first.shape[-1]
            A = np.linalg.lstsq(first.reshape(-1, K), second.reshape(-1, K))[0]
            if np.abs(first @ A - second).max() > bound(columns):
                return None
            found.append(A.T)
    return np.stack(found) if len(found) >= LEAST else None


def _matrices(columns: Columns, right: Array) -> Iterator[tuple[Array, Array]]:
    """The right and the observed matrices of the samples of each row, shape (samples, K, K)."""
    K, sample = columns.logits.shape[-1], columns.onehot.argmax(axis=-1)
    for row in np.unique(columns.row):
        places = [np.flatnonzero((columns.row == row) & (sample == d)) for d in range(K)]
        whole = [at[columns.basis[at].argmax(axis=-1).argsort()] for at in places if len(at) == K]
        if len(whole) >= LEAST:
            at = np.stack(whole)
            yield right[at].swapaxes(1, 2), columns.gradient[at].swapaxes(1, 2)


def _tell(maps: Array, what: str, side: int) -> str:
    """A row of a map is known but for a constant, since gradients have the sum zero, and M·1 = 0."""
    K = maps.shape[-1]
    order = maps.mean(axis=0).argmax(axis=-1)
    if np.abs(maps + 1 / K - np.eye(K)[order]).max() < 1e-3:
        return (
            f"{what} with its classes {told_order(order)}. Look for a flip, a sort or a permutation that is "
            "not undone, or undone in one direction only."
        )
    where = "the cotangent on its way in" if side else "it, or to the logits, on its way back"
    return (
        "For each row of logits, the gradient is the right one times a matrix that is the same for every "
        f"sample: something besides is done to {where}."
    )


def describe_products(columns: Columns) -> str | None:
    """The products with a wrong coefficient, where the gradient is a sum of such products."""
    if columns.logits.shape[-1] == 2:
        return None  # two classes have but one direction, which cannot tell the products apart
    right = ALONE if columns.tau == 1 else RIGHT
    parts = _products(columns)
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
    if not wrong:
        return None
    return (
        f"The gradient is a sum of the paper's products with other coefficients: at τ = {columns.tau:g}, "
        f"{', '.join(wrong)}. Each term of 2·J(q)g − ½·J(p)g is J(v)g = v∘g − v⟨v, g⟩ with the same v "
        "throughout."
    )


def _products(columns: Columns) -> dict[str, Array]:
    p, p_tau = softmax(columns.logits), softmax(columns.logits, columns.tau)
    D, g = columns.onehot, columns.basis

    def inner(v: Array) -> Array:
        return np.asarray((v * g).sum(axis=-1, keepdims=True))

    named = {"p": p, "p_τ": p_tau, "D": D}
    products = {f"{a}⟨{b}, g⟩": named[a] * inner(named[b]) for a in named for b in named}
    return products | {f"{a}∘g": named[a] * g for a in named} | {"g": g}

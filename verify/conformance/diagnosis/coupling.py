"""What else enters the gradient of a row: other rows, or the size of the cotangent."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.catalogue import name
from verify.conformance.diagnosis.observations import (
    Columns,
    bound,
    hard_columns,
    soft_columns,
    wrong_columns,
)
from verify.conformance.diagnosis.structure import describe_rounding
from verify.conformance.inputs import cotangent, new_seed
from verify.conformance.report import Diagnosis
from verify.oracle.tolerances import gradient_tolerance
from verify.typing import Array

__all__ = ["SMALL", "describe_leftover", "describe_nonlinear", "diagnose_coupling", "is_linear"]

SHAPES = ((3, 4), (4,))

#: Equal rows of a batch, and how often a single one is drawn till it shows a class of theirs.
ROWS, TRIES = 7, 16

#: Sizes of cotangents.
LARGE, SMALL = 1e3, 1e-3


@dataclass(frozen=True)
class _Coupling:
    """How rows of logits of one shape depend on each other.

    Attributes
    ----------
    shape : tuple of int
        Of the logits.
    axis : int or None
        The axis along which single entries mix, where they do along one only.
    by : str
        ``cotangent`` or ``logits``.
    """

    shape: tuple[int, ...]
    axis: int | None
    by: str


def _find_coupling(
    candidate: Candidate, batch: tuple[int, ...], rng: np.random.Generator, *, steady: bool = True
) -> _Coupling | None:
    """Perturb one row, or one entry of it, and look at the others.

    An operation over a wrong axis mixes entries of one class, so that an entry
    of a cotangent reaches the same class of other rows only; a mean over the
    batch hands on the row's whole gradient.
    """
    logits = rng.standard_normal((*batch, candidate.classes))
    g, h = np.zeros_like(logits), np.zeros_like(logits)
    entry = (*[n // 2 for n in batch], 1)
    g[entry] = h[entry] = 3.0
    pair = (g, h if candidate.has_soft else None)
    seed = new_seed(rng)
    seen = candidate.observe(logits, cotangent=lambda _: pair, seed=seed)
    assert seen.gradient is not None  # noqa: S101  (a cotangent was given)
    touched = np.abs(seen.gradient) > gradient_tolerance("float32", logits, 1.0, g)
    touched[entry[:-1]] = False
    if touched.any() and (steady or _is_still(candidate, logits, seed)):
        return _Coupling(logits.shape, _single_axis(touched, entry), "cotangent")
    return _by_logits(candidate, logits, entry[:-1], rng) if steady else None


def _is_still(candidate: Candidate, logits: Array, seed: int) -> bool:
    """Whether there is no gradient without a cotangent; noise that is added to it would be one."""
    zero = np.zeros_like(logits)
    seen = candidate.observe(
        logits, cotangent=lambda _: (zero, zero if candidate.has_soft else None), seed=seed
    )
    return seen.gradient is not None and not seen.gradient.any()


def _single_axis(touched: Array, entry: tuple[int, ...]) -> int | None:
    places = np.argwhere(touched) - np.array(entry)
    axes = np.flatnonzero(places.any(axis=0))
    return int(axes[0]) if len(axes) == 1 and axes[0] < touched.ndim - 1 else None


def _by_logits(
    candidate: Candidate, logits: Array, row: tuple[int, ...], rng: np.random.Generator
) -> _Coupling | None:
    """Change the other rows' logits, and keep the seed: where the sample stays, the gradient must."""
    g, others = cotangent(rng, logits.shape), logits + rng.standard_normal(logits.shape)
    others[row] = logits[row]
    for _ in range(8):
        seed = new_seed(rng)
        one, two = (candidate.observe(x, cotangent=lambda _: (g, None), seed=seed) for x in (logits, others))
        if np.array_equal(one.hard[row].round(), two.hard[row].round()):
            assert one.gradient is not None  # noqa: S101  (a cotangent was given)
            assert two.gradient is not None  # noqa: S101
            change = float(np.abs(one.gradient[row] - two.gradient[row]).max())
            bound = gradient_tolerance("float32", logits, 1.0, g)
            return None if change <= bound else _Coupling(logits.shape, None, "logits")
    return None


def diagnose_coupling(candidate: Candidate, rng: np.random.Generator, *, steady: bool) -> Iterator[Diagnosis]:
    """Name a wrong axis or a coupling of rows.

    Where equal samples have unequal gradients (not ``steady``), a change of
    the gradient with other rows' logits shows nothing.
    """
    if candidate.rank == 1:
        return
    found: dict[int, _Coupling | None] = {}
    for batch in SHAPES:
        try:
            found[len(batch)] = _find_coupling(candidate, batch, rng, steady=steady)
        except Exception:  # noqa: BLE001, S112  (a shape that is refused shows nothing)
            continue
    known = [c for c in found.values() if c is not None]
    if known:
        yield _name(known[0], only_3d=found.get(2) is not None and found.get(1, known[0]) is None)
    elif steady:
        yield from _by_size(candidate, rng)


def _name(coupling: _Coupling, *, only_3d: bool) -> Diagnosis:
    where = f"in logits of shape {coupling.shape}"
    if coupling.axis is not None:
        return name("wrong-axis", f"{where}, entries of one class mix along axis {coupling.axis}.")
    if only_3d:
        return name("wrong-axis", f"{where}, rows depend on each other's {coupling.by}; 2-D is free of it.")
    return name("row-coupling", f"{where}, a row's gradient changes with the {coupling.by} of another.")


def _by_size(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name a gradient that is another one alone than among equal rows with equal cotangents."""
    row, g = rng.standard_normal(candidate.classes), cotangent(rng, (candidate.classes,))

    def gradients(rows: int) -> tuple[Array, Array]:
        logits, cotangents = (np.tile(x, (rows, 1)) for x in (row, g))
        seen = candidate.observe(logits, cotangent=lambda _: (cotangents, None), seed=new_seed(rng))
        assert seen.gradient is not None  # noqa: S101  (a cotangent was given)
        return seen.hard.argmax(axis=-1), seen.gradient

    drawn, among = gradients(ROWS)
    for _ in range(TRIES):
        (one,), (alone,) = gradients(1)
        for other in among[drawn == one]:
            if np.abs(other - alone).max() > gradient_tolerance("float32", row, 1.0, g):
                times = np.linalg.norm(other) / (np.linalg.norm(alone) or np.nan)
                yield name(
                    "row-coupling",
                    f"among {ROWS} equal rows, a row's gradient is {times:.3g} times as long as alone.",
                )
            return


def describe_leftover(all_columns: list[Columns]) -> str | None:
    """Say that the last rows of a call are wrong and those before are right, where it is so."""
    count, n = 0, 0
    for columns in all_columns:
        wrong = wrong_columns(columns)
        count, n = int(wrong.sum()), len(wrong)
        if not 0 < count < n / 2 or not wrong[-count:].all():
            return None
    last = "zero" if not all_columns[-1].gradient[-count:].any() else "another one"
    return (
        f"The gradient of the last rows of a batch, here {count} of {n}, is {last}, and that of the rows "
        "before is right: they are left over from chunks of rows. Take the rest of the rows as well."
    )


def describe_nonlinear(candidate: Candidate, rng: np.random.Generator) -> str | None:
    """Say what is done to gradients of large cotangents, where anything is."""
    seed = new_seed(rng)
    one, large = (
        hard_columns(candidate, 1.0, np.random.default_rng(seed), size=size) for size in (1.0, LARGE)
    )
    if _agree(one, large) or describe_rounding([one]) is not None:
        return None
    return (
        f"The gradient is not linear in its cotangent: where that is {LARGE:g} times as large, "
        f"{_limit(large)}. It is clipped or normalised inside. Leave that to the training loop, which sees "
        "the whole gradient."
    )


def is_linear(candidate: Candidate, rng: np.random.Generator) -> bool:
    """Whether the gradient through the soft output is linear."""
    seed = new_seed(rng)
    return _agree(
        *(soft_columns(candidate, 1.0, np.random.default_rng(seed), size=size) for size in (1.0, SMALL))
    )


def _agree(one: Columns, other: Columns) -> bool:
    """Whether the same combinations have the same gradient for their size."""
    places = np.intersect1d(one.group(), other.group(), return_indices=True)[1:]
    first, second = (columns.gradient[at] for columns, at in zip((one, other), places, strict=True))
    return float(np.abs(first - second).max(initial=0.0)) <= bound(one)


def _limit(large: Columns) -> str:
    found = LARGE * large.gradient
    entries, norms = np.abs(found).max(axis=-1), np.linalg.norm(found, axis=-1)
    if _common(entries):
        return f"no entry exceeds {entries.max():.3g}"
    if _common(norms):
        return f"no row has a norm above {norms.max():.3g}"
    return "it does not grow in proportion"


def _common(sizes: Array) -> bool:
    """Whether many of the sizes are the largest one."""
    return bool((sizes > sizes.max() * (1 - 1e-4)).mean() > 0.25)

"""One case of the space: its numbers, the call, and the comparison with the definition row by row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import log_softmax

from verify.candidate import Candidate
from verify.candidate.frameworks import Observation
from verify.conformance.inputs import brief, representable
from verify.conformance.space import Case, setting, shape_of
from verify.oracle.definitions import reinmax_gradient, softmax
from verify.oracle.tolerances import EPS, probability_tolerance
from verify.typing import Array

__all__ = ["SHORT", "Numbers", "Result", "numbers", "observe", "try_case", "try_numbers"]

#: |θ|/τ of a row up to which every error counts, and up to which gross ones
#: count: beyond the second, exp overflows in float32.
MODERATE, LARGE = 20.0, 80.0

#: An error that no rounding explains, as a part of the largest cotangent or of a probability.
GROSS = 0.02

#: No sampler draws a class of so small a probability.
IMPOSSIBLE = 1e-20

#: Of the logits: what a sampler draws from that is greedy, or not enough so. 1/τ comes besides.
TILTS = (0.0, 0.5, 2.0, 8.0)

#: Rows of a case whose sample is weighed, at most.
DRAWN = 1024

SHORT = ("float16", "bfloat16")

#: Row logits far above others: exp of the difference underflows in every dtype.
FAR = {"float64": 1000.0, "float32": 1000.0, "bfloat16": 1000.0, "float16": 200.0}


@dataclass(frozen=True, eq=False)
class Numbers:
    """What goes in: the logits, and the cotangents at the sample and at the soft output."""

    logits: Array
    g: Array | None
    h: Array | None


@dataclass(frozen=True, eq=False)
class Result:
    """What became of a case.

    Attributes
    ----------
    case : mapping
    seed : int
        Of its numbers and of its draw.
    status : str
        ``right``; ``wrong``; ``fragile``, where it is wrong in rows that are
        masked, saturated or of a short dtype only; ``raised``.
    part : str
        ``hard``, ``soft`` or ``gradient``: the first that is wrong.
    error, tolerance : float
        In the row that is worst.
    row : tuple of int
        Its place in the batch.
    raised : str
        What the candidate raised.
    evidence : tuple of float
        Log-likelihood ratios of the sample, of softmax(aθ) for each a of
        :data:`TILTS` against softmax(θ); empty where it is not looked at.
    """

    case: Case
    seed: int
    status: Literal["right", "wrong", "fragile", "raised"]
    part: str = ""
    error: float = 0.0
    tolerance: float = 0.0
    row: tuple[int, ...] = ()
    raised: str = ""
    evidence: tuple[float, ...] = ()


def numbers(case: Case, seed: int) -> Numbers:
    """The numbers of a case, as its dtype holds them."""
    rng, shape, dtype = np.random.default_rng(seed), shape_of(case), case["dtype"]
    logits = _logits(rng, case["logits"], shape, dtype)
    if case["layout"] == "expanded":
        logits = _alike(logits)
    pair = [_cotangent(rng, case[f"{part} cotangent"], shape) for part in ("hard", "soft")]
    if case["cotangent layout"] == "expanded":
        pair = [None if c is None else _alike(c) for c in pair]
    g, h = (None if c is None else representable(c, dtype) for c in pair)
    return Numbers(representable(logits, dtype), g, h)


def _alike(rows: Array) -> Array:
    """The first row everywhere."""
    return np.tile(rows.reshape(-1, rows.shape[-1])[:1], (int(np.prod(rows.shape[:-1])), 1)).reshape(
        rows.shape
    )


def _logits(rng: np.random.Generator, kind: str, shape: tuple[int, ...], dtype: str) -> Array:
    x = rng.standard_normal(shape)
    if not x.size:
        return x
    if kind == "a row far above":
        x.reshape(-1, shape[-1])[rng.integers(x.size // shape[-1])] += FAR[dtype]
    makers: dict[str, Callable[[], Array]] = {
        "all equal": lambda: np.zeros(shape),
        "two tied at the top": lambda: np.where(_some(rng, shape, 2), x.max(axis=-1, keepdims=True), x),
        "all positive": lambda: np.abs(x) + 0.1,
        "all negative": lambda: -np.abs(x) - 0.1,
        "within [0, 1]": lambda: rng.random(shape),
        "probabilities": lambda: softmax(x),
        "log-probabilities": lambda: np.log(softmax(x)),
        "tiny": lambda: 1e-4 * x,
        "a class of 1e-6": lambda: np.where(_some(rng, shape, 1), -14.0, x / 4),
        "masked": lambda: np.where(_some(rng, shape, max(1, shape[-1] // 3)), -np.inf, x),
    }
    if kind.startswith("spread"):
        return np.asarray(rng.uniform(-1, 1, shape) * float(kind.split()[1]))
    return np.asarray(makers[kind](), float) if kind in makers else x


def _some(rng: np.random.Generator, shape: tuple[int, ...], number: int) -> Array:
    """So many classes of each row, as a mask."""
    return rng.permuted(np.broadcast_to(np.arange(shape[-1]) < number, shape), axis=-1)


def _one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])])


def _cotangent(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> Array | None:
    """Dense ones have a large mean in every row; J(·)1 = 0 makes the mean a no-op."""
    if kind == "missing":
        return None
    if kind == "zero":
        return np.zeros(shape)
    if kind == "one-hot":
        return _one_hot(rng, shape)
    dense = rng.standard_normal(shape) + rng.uniform(-3, 3, (*shape[:-1], 1))
    if kind == "in one row" and dense.size:
        rows = dense.reshape(-1, shape[-1])
        rows[np.arange(len(rows)) != rng.integers(len(rows))] = 0
    return dense * float(kind) if kind[0] == "1" else dense


def try_case(candidate: Candidate, case: Case, seed: int) -> Result:
    """Call the candidate on a case, and compare what comes with the definition."""
    return try_numbers(candidate, case, numbers(case, seed), seed)


def try_numbers(candidate: Candidate, case: Case, given: Numbers, seed: int) -> Result:
    """The same on numbers that are given."""
    try:
        seen = observe(candidate, case, given, seed)
    except Exception as raised:  # noqa: BLE001  (a foreign implementation may raise anything)
        return Result(case, seed, "raised", raised=brief(raised))
    if not case["batch"] and seen.hard.shape != given.logits.shape:
        return Result(case, seed, "raised", raised="it takes no single row")
    found = [*_faults(case, given, seen, seed)]
    worst = [f for f in found if f.status == "wrong"] or found
    if worst:
        return worst[0]
    drawn = not candidate.convention.injected and case["context"] != "autocast"
    return Result(case, seed, "right", evidence=_evidence(case, given, seen) if drawn else ())


def observe(candidate: Candidate, case: Case, given: Numbers, seed: int) -> Observation:
    """One call of the candidate as a case has it."""
    return _moved(candidate, case).observe(
        given.logits,
        case["tau"],
        (lambda _: (given.g, given.h)) if _graded(case) else None,
        seed=seed,
        dtype=case["dtype"],
        setting=setting(case),
    )


def _graded(case: Case) -> bool:
    """Whether there is a gradient to look at."""
    return case["context"] not in {"no grad", "frozen logits"}


def _moved(candidate: Candidate, case: Case) -> Candidate:
    """The candidate with its class axis where the case has it, and with one axis where that is the case."""
    if not case["batch"] and candidate.rank == 2 and not candidate.convention.binary:
        candidate = replace(candidate, rank=1)  # as they are, not as a batch of one row
    if case["axis"] == candidate.convention.axis:
        return candidate
    return replace(candidate, convention=replace(candidate.convention, axis=case["axis"]))


def _faults(case: Case, given: Numbers, seen: Observation, seed: int) -> Iterator[Result]:
    """What is wrong, part by part, at the worst row of each."""
    x, tau, graded = given.logits, case["tau"], _graded(case)
    for part in ("hard", "soft", "gradient"):
        array = getattr(seen, part)
        missing = array is None and (part == "hard" or (part == "gradient" and graded))
        if missing or (array is not None and array.shape != x.shape):
            yield Result(case, seed, "wrong", part, np.inf, 0.0)
            return
    if not x.size:
        return
    size = np.abs(np.where(np.isfinite(x), x, 0.0)).max(axis=-1) / min(tau, 1.0)
    dtype = "bfloat16" if case["context"] == "autocast" else case["dtype"]
    unit = max(probability_tolerance(d, np.zeros(1)) for d in (dtype, "float32")) * (1 + size)
    one, p = np.ones(size.shape), softmax(x, 1.0, np.float64)
    onehot = np.zeros(x.shape)
    np.put_along_axis(onehot, seen.hard.argmax(axis=-1)[..., None], 1.0, -1)
    off = np.where((p * onehot).sum(axis=-1) < IMPOSSIBLE, 1.0, _largest(seen.hard - onehot))
    rows = {"hard": _Rows(off, 4 * EPS[dtype] * one, one)}
    if seen.soft is not None:
        rows["soft"] = _Rows(_largest(seen.soft - p), unit, one)
    if seen.gradient is not None:
        g, h = (np.zeros(x.shape) if c is None else c for c in (given.g, given.h))
        exact, scale = reinmax_gradient(x, tau, onehot, g, h, np.float64), _largest(np.stack([g, h], -2), 2)
        bound = unit * np.maximum(scale, EPS[dtype] * scale.max(initial=0.0))
        rows["gradient"] = _Rows(_largest(seen.gradient - exact), bound, scale)
    usual = case["dtype"] not in SHORT and np.isfinite(tau)  # at τ = inf many samplers divide by it
    reliable = np.isfinite(x).all(axis=-1) & usual
    for part, errors in rows.items():
        wrong, must = errors.wrong, errors.wrong & errors.owed(size) & reliable
        if wrong.any():
            row = errors.worst(must if must.any() else wrong)
            status: Literal["wrong", "fragile"] = "wrong" if must.any() else "fragile"
            yield Result(
                case, seed, status, part, float(errors.error[row]), float(errors.tolerance[row]), row
            )


def _evidence(case: Case, given: Numbers, seen: Observation) -> tuple[float, ...]:
    """How much more likely the sample is under other distributions, from some of the rows."""
    x = given.logits.reshape(-1, given.logits.shape[-1])
    step = 1 + len(x) // DRAWN
    x, drawn = x[::step], seen.hard.reshape(x.shape).argmax(axis=-1)[::step]
    sure = np.isfinite(x).all(axis=-1) & (np.abs(x).max(axis=-1, initial=0.0) <= LARGE)
    if case["dtype"] in SHORT or not np.isfinite(case["tau"]) or not sure.any():
        return ()
    x, drawn = x[sure], drawn[sure, None]
    own = np.take_along_axis(log_softmax(x, -1), drawn, -1)
    return tuple(
        float((np.take_along_axis(log_softmax(a * x, -1), drawn, -1) - own).sum())
        for a in (*TILTS, 1 / case["tau"])
    )


def _largest(values: Array, axes: int = 1) -> Array:
    """The largest absolute value over the last axes, infinite where something is no number."""
    found = np.abs(values).max(axis=tuple(range(-axes, 0)))
    return np.where(np.isfinite(found), found, np.inf)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The error of each row, what rounding may cost there, and the size of what is compared."""

    error: Array
    tolerance: Array
    scale: Array

    @property
    def wrong(self) -> Array:
        return ~(self.error <= self.tolerance)

    def owed(self, size: Array) -> Array:
        """Whether such an error is no matter of saturation, at these |θ|/min(τ, 1)."""
        return (size <= MODERATE) | ((size <= LARGE) & (self.error > GROSS * self.scale))

    def worst(self, among: Array) -> tuple[int, ...]:
        """The place of the row that is worst."""
        ratio = np.where(among, self.error / np.maximum(self.tolerance, 1e-300), -1.0)
        return tuple(map(int, np.unravel_index(int(ratio.argmax()), ratio.shape)))

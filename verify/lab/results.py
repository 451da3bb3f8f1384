"""What is known of an estimator at one objective and logits, and the files that records are kept in."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from verify.typing import Array

__all__ = ["Key", "Moments", "Record", "read_csv", "to_csv", "to_plain", "write_csv"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of a gradient estimator over the sample D.

    Attributes
    ----------
    estimator : str
    tau : float
    exact_gradient : array, the shape of the logits
        ∇_θ E[f(D)].
    mean : array, the shape of the logits
        E[ĝ].
    variance : array, the shape of the logits
        Of each coordinate of ĝ.
    covariance : array, shape (K, K) or (L, K, K)
        Of ĝ within each variable.
    corners : int
        How many corners the sums ran over.
    standard_error : float
        Of the mean as a vector; 0 where nothing was sampled. Rounding leaves a
        few eps times E‖ĝ‖².
    mean_error, variance_error : array, the shape of the logits, or 0
        Standard errors of ``mean`` and ``variance``.
    total_variance_error, mse_error : float
        Standard errors of ``total_variance`` and ``mse``.
    """

    estimator: str
    tau: float
    exact_gradient: Array
    mean: Array
    variance: Array
    covariance: Array
    corners: int
    standard_error: float = 0.0
    mean_error: Array | float = 0.0
    variance_error: Array | float = 0.0
    total_variance_error: float = 0.0
    mse_error: float = 0.0

    @property
    def bias_error(self) -> Array | float:
        """Standard error of each coordinate of the bias; the true gradient has none."""
        return self.mean_error

    @property
    def relative_bias_error(self) -> float:
        """The standard error of the mean as a fraction of ‖∇‖; 0 where nothing was sampled."""
        return _ratio(self.standard_error, self.exact_gradient)

    @property
    def bias(self) -> Array:
        """E[ĝ] − ∇, in the shape of the logits."""
        return np.asarray(self.mean - self.exact_gradient)

    @property
    def total_variance(self) -> float:
        """E‖ĝ − E[ĝ]‖², the trace of the covariance over all variables."""
        return float(self.variance.sum())

    @property
    def mse(self) -> float:
        """E‖ĝ − ∇‖² = total variance + ‖bias‖²."""
        return self.total_variance + float((self.bias**2).sum())

    @property
    def cosine(self) -> float:
        """Cosine of the angle between E[ĝ] and ∇; NaN where either is zero."""
        norms = np.linalg.norm(self.mean) * np.linalg.norm(self.exact_gradient)
        return float((self.mean * self.exact_gradient).sum() / norms) if norms > 0 else float("nan")

    @property
    def relative_bias(self) -> float:
        """‖bias‖ / ‖∇‖; infinite or NaN where ∇ is zero."""
        bias, exact = float(np.linalg.norm(self.bias)), float(np.linalg.norm(self.exact_gradient))
        return bias / exact if exact > 0 else float("inf") if bias > 0 else float("nan")


def _ratio(error: float, gradient: Array) -> float:
    exact = float(np.linalg.norm(gradient))
    return error / exact if exact > 0 else math.inf if error else 0.0


class Key(NamedTuple):
    """What a record stands for: what was asked, without what came out."""

    estimator: str
    objective: str
    categories: int
    variables: int
    tau: float
    scale: float
    seed: int


@dataclass(frozen=True)
class Record:
    """The moments of one estimator at one point of a sweep; ``pandas.DataFrame(records)`` makes a table.

    Attributes
    ----------
    estimator, objective : str
    curvature : float
        That of the objective, in its name; see :mod:`verify.lab.families`.
    categories, variables : int
        K and L.
    tau : float
        Temperature; an estimator that has none has the same moments at each.
    scale : float
        Standard deviation of the logits.
    seed : int
        Of the objective and the logits.
    relative_bias : float
        ‖E[ĝ] − ∇‖ / ‖∇‖.
    bias_norm : float
        ‖E[ĝ] − ∇‖.
    variance : float
        E‖ĝ − E[ĝ]‖², the trace of the covariance.
    mse : float
        E‖ĝ − ∇‖².
    cosine : float
        Of the angle between E[ĝ] and ∇.
    standard_error : float
        Of E[ĝ], as the norm of a vector; 0 where nothing was sampled.
    evaluations : int
        Points at which f or ∇f is evaluated for one ĝ.
    relative_bias_error, variance_error, mse_error : float
        Standard errors of those three; 0 where nothing was sampled.
    """

    estimator: str
    objective: str
    curvature: float
    categories: int
    variables: int
    tau: float
    scale: float
    seed: int
    relative_bias: float
    bias_norm: float
    variance: float
    mse: float
    cosine: float
    standard_error: float
    evaluations: int
    relative_bias_error: float = 0.0
    variance_error: float = 0.0
    mse_error: float = 0.0

    @property
    def key(self) -> Key:
        """What was asked, without what came out."""
        return Key(*(getattr(self, name) for name in Key._fields))


COLUMNS = tuple(field.name for field in fields(Record))


def to_csv(records: Iterable[Record], *, header: bool = True) -> str:
    """Write records as CSV; every float is written so that it reads back to the same bits.

    Examples
    --------
    >>> to_csv([]).startswith("estimator,objective,curvature,categories")
    True
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    writer.writerows(astuple(record) for record in records)
    return text.getvalue()


def write_csv(path: Path, records: Iterable[Record]) -> None:
    """Replace a file by the CSV of records, in one step: an interruption leaves the old file."""
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(to_csv(records).encode())
    draft.replace(path)


def read_csv(path: Path) -> list[Record]:
    """Read the records of a file that :func:`write_csv` wrote, or that an interrupted sweep left.

    Parameters
    ----------
    path : Path
        A last line without its end was cut off in the middle, and is left out.

    Returns
    -------
    list of Record

    Raises
    ------
    ValueError
        For another header, and for a line that is not a record, holds an error
        that does not add up, or repeats another.
    """
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    rows = list(csv.reader(whole.decode().splitlines()))
    if not rows:
        return []
    if tuple(rows[0]) != COLUMNS:
        raise ValueError(
            f"{path} does not begin with the columns of a sweep ({', '.join(COLUMNS)}); give another file"
        )
    records = [_record(path, number, row) for number, row in enumerate(rows[1:], start=2)]
    seen: set[Key] = set()
    for number, record in enumerate(records, start=2):
        if record.key in seen:
            raise ValueError(f"{path}, line {number} repeats {_told(record.key)}; remove one of the two")
        seen.add(record.key)
    return records


def _record(path: Path, number: int, row: list[str]) -> Record:
    try:
        values = [field.type(text) for field, text in zip(fields(Record), row, strict=True)]  # type: ignore[operator]
    except ValueError as error:
        raise ValueError(
            f"{path}, line {number} is not a record ({error}); remove the line, and it is computed again"
        ) from None
    found = Record(*values)
    parts = found.variance + found.bias_norm**2
    if not math.isclose(found.mse, parts, rel_tol=1e-9):
        raise ValueError(
            f"{path}, line {number}: mse is {found.mse!r}, but variance + bias_norm² is {parts!r}; the line "
            "is damaged: remove it, and it is computed again"
        )
    return found


def require_asked(path: Path, records: Sequence[Record], asked: set[Key]) -> None:
    """Refuse a file that holds records of another sweep."""
    foreign = [record.key for record in records if record.key not in asked]
    if foreign:
        raise ValueError(
            f"{path} holds {len(foreign)} of {len(records)} records that this sweep does not ask for, the "
            f"first for {_told(foreign[0])}; give another file, or ask for them too"
        )


def _told(key: Key) -> str:
    return ", ".join(f"{name} {value}" for name, value in key._asdict().items())


def to_plain(record: Record) -> dict[str, Any]:
    """Give a record as plain data for JSON, which has no infinity and no NaN: those become None."""
    pairs = zip(COLUMNS, astuple(record), strict=True)
    return {n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in pairs}

"""Sweeps over a grid, in one go or from a file, by one worker or several.

A grid is cut into pieces that one or several workers take; within a piece, one
pass over the corners serves all estimators. The cut does not depend on the
workers, and the records are the same to the last bit for any number of them.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from reinmax_ref.protocol import needs_of
from verify.lab.families import build, curvature_of, logits_for
from verify.lab.grid import Grid, Point
from verify.lab.moments import Moments, OnePass
from verify.lab.results import Key, Record, read_csv, require_asked, to_csv, write_csv
from verify.oracle.parallel import Progress, Workers, one_blas_thread, run_tasks

__all__ = ["resume", "run", "solve", "sweep"]


def sweep(grid: Grid, *, workers: Workers = 1, progress: Progress | None = None) -> list[Record]:
    """Compute the records of a grid.

    Parameters
    ----------
    grid : Grid
    workers : int or map-like callable
        Processes, or the ``map`` of a pool or of a Dask client; see
        :func:`verify.oracle.parallel.run_tasks`.
    progress : callable, optional
        Called with (pieces done, pieces in all). Absent means a line on a
        terminal's standard error once two seconds have gone by.

    Returns
    -------
    list of Record
        In the order of ``grid.keys``. What does not apply, such as a binary
        estimator at 8 classes, is not among them; ``grid.skipped`` says why.

    Raises
    ------
    ValueError
        What :func:`verify.oracle.enumeration.statistics` refuses.

    Examples
    --------
    >>> grid = Grid(["reinmax"], objectives=["quadratic"], categories=[4], taus=[1.0, 2.0])
    >>> [record.relative_bias < 1e-14 for record in sweep(grid)]
    [True, False]
    """
    found = {record.key: record for record in run(grid, workers=workers, progress=progress)}
    return [found[key] for key in grid.keys]


def resume(path: Path, grid: Grid, *, workers: Workers = 1, progress: Progress | None = None) -> list[Record]:
    """Compute what a file lacks of a grid, adding to the file as pieces are done.

    Parameters
    ----------
    path : Path
        CSV; need not exist. A last line cut off in the middle is computed again.
    grid : Grid
    workers, progress
        As in :func:`sweep`.

    Returns
    -------
    list of Record
        All of the grid, in its order, as they also stand in the file at the end.

    Raises
    ------
    ValueError
        Where the file is damaged, or holds records that the grid does not ask
        for; the file is then left as it is.
    """
    known = read_csv(path) if path.exists() else []
    keys = grid.keys
    require_asked(path, known, set(keys))
    write_csv(path, known)
    found = {record.key: record for record in known}
    with path.open("a", encoding="utf-8", newline="") as file:
        for record in run(grid, known=frozenset(found), workers=workers, progress=progress):
            found[record.key] = record
            file.write(to_csv([record], header=False))
            file.flush()
    records = [found[key] for key in keys]
    write_csv(path, records)
    return records


def run(
    grid: Grid,
    *,
    known: Collection[Key] = frozenset(),
    workers: Workers = 1,
    progress: Progress | None = None,
) -> Iterator[Record]:
    """Yield the records of a grid, but for those known, as pieces are done and in their order.

    Examples
    --------
    >>> grid = Grid(["reinmax"], ["linear"], [2], taus=[1.0, 2.0])
    >>> [record.tau for record in run(grid, known=grid.keys[:1])]
    [2.0]
    """
    points = [point for point in (p.without(known) for p in grid.points) if point.wanted]
    if not points:
        return
    for records in run_tasks(solve, points, workers, progress):
        yield from records


def solve(point: Point) -> list[Record]:
    """Compute the records of one piece of a grid."""
    objective = build(point.objective, point.variables, point.categories, seed=point.seed)
    logits = logits_for(point.variables, point.categories, point.scale, seed=point.seed)
    found: dict[tuple[str, float], Moments] = {}
    records = []
    # A piece alone must give the bits it gives beside others.
    with one_blas_thread():
        shared = OnePass(objective, logits)
        for key in point.wanted:
            case = (key.estimator, key.tau if needs_of(key.estimator).tempered else 1.0)
            if case not in found:
                found[case] = shared.moments(*case)
            records.append(_record(key, found[case]))
    return records


def _record(key: Key, moments: Moments) -> Record:
    return Record(
        key.estimator,
        key.objective,
        curvature_of(key.objective),
        key.categories,
        key.variables,
        key.tau,
        key.scale,
        key.seed,
        moments.relative_bias,
        float(np.linalg.norm(moments.bias)),
        moments.total_variance,
        moments.mse,
        moments.cosine,
        moments.standard_error,
        needs_of(key.estimator).evaluations,
        moments.relative_bias_error,
        moments.total_variance_error,
        moments.mse_error,
    )

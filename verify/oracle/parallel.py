"""Run a fixed list of tasks here, in worker processes, or through any map-like callable.

The list does not depend on who runs it and the results come back in its order,
so a sum over them is the same to the last bit for every number of workers.
"""

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import active_children, get_context
from typing import Any, TypeVar

__all__ = ["MapLike", "Progress", "Workers", "count_workers", "one_blas_thread", "run_tasks"]

Task = TypeVar("Task")
Result = TypeVar("Result")

MapLike = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
Workers = int | MapLike
Progress = Callable[[int, int], None]

RESTARTS = 3
"""How often a pool that lost a worker is rebuilt before giving up."""


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: Workers = 1,
    progress: Progress | None = None,
) -> Iterator[Result]:
    """Yield ``function(task)`` for every task, in the order of the tasks.

    Parameters
    ----------
    function : callable
        With worker processes it must be picklable.
    tasks : sequence
    workers : int or map-like callable
        A number of processes (−1: one for each processor), or a callable with
        the signature of :func:`map`, as in SciPy; futures in what it returns
        are waited for, so that ``dask.distributed.Client.map`` will do. A
        single task always runs here.
    progress : callable, optional
        Called with (tasks done, tasks in all). Absent means a line on a
        terminal's standard error once two seconds have gone by.

    Raises
    ------
    TypeError
        When ``workers`` is neither, or the function cannot be pickled.
    ValueError
        When ``workers`` is 0 or below −1.
    RuntimeError
        When workers keep dying.

    Examples
    --------
    >>> list(run_tasks(abs, [-1, 2], workers=map))
    [1, 2]
    """
    count = count_workers(workers)
    report = progress or _terminal_line()
    results: Iterable[Result]
    if len(tasks) == 1:
        results = map(function, tasks)
    elif count is None:
        results = (_resolve(r) for r in workers(_InBand(function), tasks))  # type: ignore[operator]
    elif count == 1:
        results = (_alone(function, task) for task in tasks)
    else:
        yield from _run_pool(function, tasks, min(count, len(tasks)), report)
        return
    for done, result in enumerate(results, start=1):
        report(done, len(tasks))
        yield result


def count_workers(workers: Workers) -> int | None:
    """How many processes are asked for; None for a map-like callable.

    Examples
    --------
    >>> count_workers(2)
    2
    """
    if callable(workers):
        return None
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise TypeError(f"workers is {workers!r}; expected a number of processes or a map-like callable")
    if workers == 0 or workers < -1:
        raise ValueError(f"workers is {workers}; expected at least 1, or −1 for one on each processor")
    if workers > 0:
        return workers
    available = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return available or 1


@dataclass(frozen=True)
class _InBand:
    """A task's function that travels as one string of bytes.

    A cluster may send arrays apart and give back unaligned views, which NumPy
    multiplies by another routine, with other last bits.
    """

    function: Callable[[Any], Any]

    def __call__(self, task: Any) -> Any:
        return _alone(self.function, task)

    def __reduce__(self) -> tuple[Callable[[bytes], "_InBand"], tuple[bytes]]:
        return _open, (pickle.dumps(self.function),)


def _open(carried: bytes) -> _InBand:
    return _InBand(pickle.loads(carried))  # noqa: S301  our own bytes, from the line above


def _alone(function: Callable[[Task], Result], task: Task) -> Result:
    with one_blas_thread():
        return function(task)


def one_blas_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread: its split of a product over threads changes the last bits."""
    try:
        threadpoolctl = import_module("threadpoolctl")
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[Any] = threadpoolctl.threadpool_limits(limits=1)
    return limits


def _resolve(result: Any) -> Any:
    return result.result() if hasattr(result, "result") else result


def _run_pool(
    function: Callable[[Task], Result], tasks: Sequence[Task], count: int, report: Progress
) -> Iterator[Result]:
    """Yield each result when its turn comes; tasks of a pool that lost a worker are done again."""
    carried = _InBand(function)
    _require_picklable(carried)
    results: dict[int, Result] = {}
    given = 0
    for _ in range(RESTARTS + 1):
        missing = [i for i in range(given, len(tasks)) if i not in results]
        try:
            with _pool(count) as pool:
                futures = {pool.submit(carried, tasks[i]): i for i in missing}
                for future in as_completed(futures):
                    results[futures.pop(future)] = future.result()
                    report(given + len(results), len(tasks))
                    while given in results:
                        yield results.pop(given)
                        given += 1
        except BrokenProcessPool:
            continue
        return
    raise RuntimeError(
        f"worker processes died {RESTARTS + 1} times, {given + len(results)} of {len(tasks)} tasks done; "
        "they may be out of memory (use fewer), or a script started them outside `if __name__ == '__main__':`"
    )


@contextmanager
def _pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool whose processes are ended, not waited for, when the block is left by an exception."""
    others = set(active_children())
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_ignore_interrupt)
    try:
        yield pool
    except BaseException:
        for child in set(active_children()) - others:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupt() -> None:
    """Leave Ctrl-C, which a terminal sends to every process, to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _require_picklable(function: Callable[..., Any]) -> None:
    try:
        pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            f"the objective cannot be sent to worker processes ({error}); define its functions at the top "
            "level of a module, use workers=1, or pass workers=ThreadPoolExecutor().map"
        ) from error


def _terminal_line() -> Progress:
    start, stream = time.monotonic(), sys.stderr

    def report(done: int, total: int) -> None:
        spent = time.monotonic() - start
        if stream.isatty() and spent > 2:
            left = spent / done * (total - done)
            stream.write(f"\r{done}/{total} tasks, {left:.0f} s left " + ("\n" if done == total else ""))
            stream.flush()

    return report

"""What exact moments cost: time beside f and ∇f alone, memory, growth and workers.

The objective is a two-layer tanh decoder. Times that are compared are taken in
turn, in one process; the large run has a process of its own, so that its peak
memory is its own.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from verify.bench import in_turn
from verify.objectives import TanhNetwork, tanh_network
from verify.oracle.corners import Corners
from verify.oracle.enumeration import softmax, statistics
from verify.typing import Array

__all__ = ["Measurement", "measure"]

LARGE_RUN = """
import json, resource, sys
from pathlib import Path
from time import perf_counter
import numpy as np
from verify.lab.moments import moments
from verify.objectives import tanh_network

if __name__ == "__main__":
    f, logits = tanh_network(8, 8, rng=0), np.random.default_rng(1).standard_normal((8, 8))
    start = perf_counter()
    moments("reinmax", f, logits, workers=int(sys.argv[1]))
    seconds = perf_counter() - start
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells begins with the peak of the process that started this one
        peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1e3
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    json.dump([seconds, peak], sys.stdout)
"""


@dataclass(frozen=True)
class Measurement:
    """One figure beside its goal, which may be ``"none"``.

    Attributes
    ----------
    name : str
    value : float
    goal : str
    """

    name: str
    value: float
    goal: str


def measure(*, large: bool = True, repeats: int = 20) -> list[Measurement]:
    """Measure the cost of exact moments.

    Parameters
    ----------
    large : bool
        Whether to make the runs over 8 variables × 8 classes, a minute or so.
    repeats : int
        Of each comparison, whose median counts.

    Returns
    -------
    list of Measurement

    Examples
    --------
    >>> [m.goal for m in measure(large=False, repeats=1)]
    ['≤ 2', '≤ 2', '1']
    """
    found = [
        Measurement("means: time ÷ time of f and ∇f", _overhead(1, repeats), "≤ 2"),
        Measurement("all moments: time ÷ time of f and ∇f", _overhead(2, repeats), "≤ 2"),
        Measurement("time per corner: 8^5 corners ÷ 8^4", _growth(repeats), "1"),
    ]
    if large:
        (one, memory), (two, _) = _large_run(1), _large_run(2)
        found += [
            Measurement("8 × 8, 16.7 million corners: seconds", one, "none"),
            Measurement("8 × 8, 16.7 million corners: peak MB", memory, "≤ 600"),
            Measurement("8 × 8: speed of two workers ÷ one", one / two, "≥ 1.7"),
        ]
    return found


def _overhead(degree: int, repeats: int) -> float:
    f, p = _problem(5)
    corners = Corners(p)

    def alone() -> None:
        block = corners.block(0)
        for _ in range(corners.blocks):
            f.value_and_gradient(block.points)

    whole, part = in_turn([lambda: statistics(f, p, degree=degree), alone], repeats)
    return whole / part


def _growth(repeats: int) -> float:
    """Compare a problem with itself, one variable masked down to a class: an eighth of the corners."""
    f, p = _problem(5)
    fewer = p.copy()
    fewer[0] = np.eye(8)[0]
    less, more = in_turn([lambda: statistics(f, fewer), lambda: statistics(f, p)], repeats)
    return more / (8 * less)


def _problem(variables: int) -> tuple[TanhNetwork, Array]:
    logits = np.random.default_rng(1).standard_normal((variables, 8))
    return tanh_network(variables, 8, rng=0), softmax(logits)


def _large_run(workers: int) -> tuple[float, float]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", LARGE_RUN, str(workers)], env=environment, check=True, capture_output=True
    )
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes

"""Worker processes: the same bits, through a death and through Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import distributed
import numpy as np
import pytest

from verify import objectives
from verify.oracle import parallel
from verify.oracle.enumeration import softmax, statistics
from verify.oracle.parallel import run_tasks

ROOT = Path(__file__).parents[2]

SLEEPERS = f"""
import sys, threading, time
sys.path.insert(0, {str(ROOT)!r})
from multiprocessing import active_children
from verify.oracle.parallel import run_tasks

def tell():
    while len(active_children()) < 2:
        time.sleep(0.05)
    print(*[child.pid for child in active_children()], flush=True)

if __name__ == "__main__":
    threading.Thread(target=tell, daemon=True).start()
    list(run_tasks(time.sleep, [60.0] * 4, workers=2))
"""


@pytest.fixture(scope="module")
def problem():
    """Give 262,144 corners of 48 coordinates, two tasks and more."""
    f = objectives.tanh_network(6, 8, hidden=4, rng=0)
    return f, softmax(np.random.default_rng(1).normal(size=(6, 8)))


def parts(found):
    return [found.value.tobytes(), found.gradient.tobytes(), found.second.tobytes()]


@pytest.mark.slow
def test_processes_give_the_same_bits(problem):
    alone = parts(statistics(*problem))
    assert parts(statistics(*problem, workers=2)) == alone


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bits(problem):
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=False
    )
    with cluster, distributed.Client(cluster) as client:
        assert parts(statistics(*problem, workers=client.map)) == parts(statistics(*problem))


def die_once(path):
    """Kill the process that runs this, the first time."""
    marker = Path(path)
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return marker.name


def die(_):
    """Kill the process that runs this, every time."""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_worker_is_replaced(tmp_path):
    paths = [str(tmp_path / name) for name in "abcd"]
    for path in paths[1:]:
        Path(path).touch()
    assert list(run_tasks(die_once, paths, workers=2)) == list("abcd")


@pytest.mark.slow
def test_workers_that_keep_dying_are_an_error(monkeypatch):
    monkeypatch.setattr(parallel, "RESTARTS", 1)
    with pytest.raises(RuntimeError, match="died 2 times, 0 of 2"):
        list(run_tasks(die, [1, 2], workers=2))


def alive(pid):
    """Whether a process runs; one that ended and was not collected does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for orphans in /proc")
def test_interrupt_leaves_no_orphans(tmp_path):
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS)
    with subprocess.Popen(  # noqa: S603
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(map(alive, children))
        time.sleep(1)
        parent.send_signal(signal.SIGINT)
        _, errors = parent.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert not any(map(alive, children))

"""What importing costs, and what it must not load."""

import subprocess
import sys

import pytest

FORBIDDEN = ("torch", "jax", "scipy", "sympy")


def loaded(statement):
    code = f"import sys\n{statement}\nprint(*(m for m in {FORBIDDEN} if m in sys.modules))"
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


def test_the_reference_loads_no_framework():
    assert loaded("import reinmax_ref; reinmax_ref.reinmax([0.0, 1.0]).vjp([1.0, 2.0])") == []


def test_a_framework_would_be_seen():
    assert loaded("import reinmax_ref, scipy") == ["scipy"]


def import_seconds(statement):
    """Time one import in a fresh interpreter that has NumPy already."""
    code = f"import time, numpy\nt = time.perf_counter()\n{statement}\nprint(time.perf_counter() - t)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    return float(run.stdout)


@pytest.mark.parametrize(("statement", "quick"), [("import reinmax_ref", True), ("import sympy", False)])
def test_the_import_takes_at_most_20_ms_beyond_numpy(statement, quick):
    # the least of several runs: noise on a busy machine only adds
    assert (min(import_seconds(statement) for _ in range(7)) <= 0.020) == quick

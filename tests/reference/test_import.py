"""What importing the reference must not load."""

import subprocess
import sys

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

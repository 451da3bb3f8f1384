"""What an import must not load."""

import importlib.util
import subprocess
import sys

import verify

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


def test_what_judges_loads_no_module_of_the_reference():
    code = "import sys, verify.conformance\nprint(*(m for m in sys.modules if m.startswith('reinmax_ref')))"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    assert ran.stdout.split() == []


def test_verify_shows_what_it_promises_and_hides_no_module():
    assert set(verify.__all__) <= set(dir(verify))
    for name in verify.__all__:
        assert getattr(verify, name) is not None
        assert (importlib.util.find_spec(f"verify.{name}") is not None) == (name == "objectives")

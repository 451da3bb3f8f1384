"""The checks as test items."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import torch  # noqa: F401  (pytester forgets what it imports first, and torch cannot come twice)

import verify
from reinmax_ref import reinmax
from verify.pytest_plugin import CheckFailedError, parametrize

pytest_plugins = "pytester"

OPTIONS = ("-p", "no:cacheprovider", "-W", "ignore")


@parametrize(reinmax)
def test_reference(check):
    check()


def test_expected_failures_are_strict(pytester):
    pytester.makepyfile(
        """
        from reinmax_ref import reinmax, straight_through
        from verify.pytest_plugin import parametrize

        gradient = ["backward-tau-0.5", "backward-tau-1", "backward-tau-1.5", "backward-tau-2", "expectation",
                    "order", "soft-cotangent", "class-axis"]

        @parametrize(straight_through, expected_failures=dict.fromkeys(gradient, "another estimator"))
        def test_expected(check):
            check()

        @parametrize(reinmax, expected_failures={"one-hot": "an error"})
        def test_unexpected(check):
            check()
        """
    )
    result = pytester.runpytest_inprocess(*OPTIONS, "-rfx")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 1
    assert outcomes["xfailed"] == 8
    result.stdout.fnmatch_lines(["*one-hot passes, but was expected to fail (an error)*"])


def test_option_makes_items_and_junit_reports_them(pytester):
    xml = pytester.path / "junit.xml"
    pytester.makeini("[pytest]\nreinmax_expected_failures =\n    order: another order\n")
    result = pytester.runpytest_inprocess(
        *OPTIONS, "--reinmax-check", "reinmax_ref:straight_through", f"--junitxml={xml}"
    )
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 7
    assert outcomes["xfailed"] == 1
    assert "straight_through[order]" in xml.read_text("utf-8")


def test_a_failure_names_the_mistake_of_the_implementation_found_once(pytester):
    pytester.makepyfile(
        """
        import pytest

        import verify.conformance
        import verify.pytest_plugin
        from reinmax_ref import straight_through

        runs = []
        whole = verify.conformance.check_candidate

        @pytest.fixture(autouse=True)
        def counted(monkeypatch):
            def count(candidate):
                runs.append(candidate)
                return whole(candidate)

            monkeypatch.setattr(verify.conformance, "check_candidate", count)

        @verify.pytest_plugin.parametrize(straight_through)
        def test_wrong(check):
            assert not runs
            check()

        def test_once():
            assert len(runs) == 1
        """
    )
    result = pytester.runpytest_inprocess(*OPTIONS, "-k", "backward or once")
    result.stdout.fnmatch_lines(["*backward-tau-0.5: the gradient*", "*straight-through: The gradient is*"])
    text = result.stdout.str()
    assert "pytest_plugin.py:" not in text


def test_warnings_fail_under_strict_only(pytester):
    pytester.makepyfile(
        """
        import reinmax as official
        from verify.pytest_plugin import parametrize

        @parametrize(official.reinmax)
        def test_lenient(check):
            check()

        @parametrize(official.reinmax, strict=True)
        def test_strict(check):
            check()
        """
    )
    assert pytester.runpytest_inprocess(*OPTIONS).parseoutcomes()["failed"] == 2


def test_it_costs_a_foreign_suite_no_numpy_and_two_modules_at_most(tmp_path):
    installed = [e.name for e in entry_points(group="pytest11") if e.value == "verify.pytest_plugin"]
    options = ["-q", "-p", "no:cacheprovider", *([] if installed else ["-p", "verify.pytest_plugin"])]
    code = (
        f"import sys, pytest\nstatus = pytest.main({options})\n"
        "print(int(status), 'numpy' in sys.modules, *(m for m in sys.modules if m.split('.')[0] == 'verify'))"
    )
    (tmp_path / "test_foreign.py").write_text("def test_nothing():\n    pass\n", "utf-8")
    path = os.environ | {"PYTHONPATH": str(Path(verify.__file__).parents[1])}
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=path,
        check=False,
    )
    status, numpy, *modules = ran.stdout.splitlines()[-1].split()
    assert (status, numpy) == ("0", "False"), ran.stdout + ran.stderr
    assert sorted(modules) == ["verify", "verify.pytest_plugin"]


def test_names_of_expected_failures_are_checked():
    with pytest.raises(ValueError, match="there is no check"):
        parametrize(reinmax, expected_failures={"nonsense": ""})
    assert issubclass(CheckFailedError, AssertionError)

"""The checks as test items: a decorator, and the items of the option ``--reinmax-check``.

pytest loads this file in every test suite where the package is installed, so
NumPy and the rest of ``verify`` are imported where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from verify.candidate import Candidate
    from verify.conformance.checks import Check

__all__ = ["CheckFailedError", "CheckItem", "parametrize"]

BAD = {"fail", "error", "inconclusive"}


class CheckFailedError(AssertionError):
    """A check of an implementation failed, or was to fail and did not."""


@dataclass(frozen=True, eq=False)
class Examined:
    """An implementation whose checks are items of their own.

    Attributes
    ----------
    candidate : Candidate
    """

    candidate: Candidate

    @cached_property
    def diagnosis(self) -> str:
        """Its mistakes by name, found out when the first item fails: that takes all of its checks."""
        from verify.conformance import check_candidate  # noqa: PLC0415

        found = check_candidate(self.candidate).diagnosis
        return "".join(f"\n\n{d.code}: {d.explanation}" for d in found)


@dataclass(frozen=True, eq=False)
class CheckItem:
    """One check of one implementation, to be called in a test.

    Attributes
    ----------
    check : Check
    examined : Examined
        The implementation.
    expected : str or None
        Why it is expected to fail.
    strict : bool
        Whether a warning is a failure.
    """

    check: Check
    examined: Examined = field(repr=False)
    expected: str | None = None
    strict: bool = False

    def __call__(self) -> None:
        """Run the check.

        Raises
        ------
        CheckFailedError
            Where it fails, with the mistakes of the implementation by name; or
            where it is expected to and passes.
        pytest.skip.Exception
            Where it does not apply, or fails as expected.
        """
        import numpy as np  # noqa: PLC0415

        from verify.conformance.checks import run  # noqa: PLC0415

        __tracebackhide__ = True
        result = run(self.check, self.examined.candidate, np.random.default_rng(0))
        bad = result.status in BAD | ({"warn"} if self.strict or self.expected else set())
        if result.status == "skip":
            pytest.skip(result.detail)
        if self.expected is not None and not bad:
            raise CheckFailedError(
                f"{self.check.name} passes, but was expected to fail ({self.expected}): take it out of the "
                "expected failures"
            )
        if bad and self.expected is not None:
            pytest.xfail(f"{self.expected}: {result.detail}")
        if bad:
            raise CheckFailedError(
                f"{self.check.name}: {result.detail} (it is to show that {self.check.claim})"
                f"{self.examined.diagnosis}"
            )


def _items(candidate: Candidate, expected: Mapping[str, str], *, strict: bool) -> list[CheckItem]:
    from verify.conformance.checks import CHECKS, find  # noqa: PLC0415

    for name in expected:
        find(name)
    examined = Examined(candidate)
    return [CheckItem(check, examined, expected.get(check.name), strict) for check in CHECKS]


def parametrize(
    fn: Any, *, expected_failures: Mapping[str, str] | None = None, strict: bool = False, **options: Any
) -> Callable[[Any], Any]:
    """Make a test of each check of an implementation.

    Parameters
    ----------
    fn : callable
        The implementation.
    expected_failures : mapping from name of a check to a reason, optional
        These must fail, or warn; one that passes fails its test.
    strict : bool
        Whether a warning is a failure.
    **options
        As for :func:`verify.check`.

    Returns
    -------
    decorator
        Of a test function with an argument ``check``, which it is to call.

    Raises
    ------
    ValueError
        Where an expected failure is not the name of a check.

    Examples
    --------
    >>> from reinmax_ref import reinmax
    >>> @parametrize(reinmax)
    ... def test_reinmax(check):
    ...     check()
    """
    from verify.candidate import wrap  # noqa: PLC0415

    candidate = wrap(fn, **options)
    items = _items(candidate, expected_failures or {}, strict=strict)
    return pytest.mark.parametrize("check", items, ids=[item.check.name for item in items])


class ReinMaxItem(pytest.Item):
    """A test item that no test file holds."""

    check: CheckItem

    def runtest(self) -> None:
        """Run the check."""
        self.check()

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The sentence of the check, without a traceback."""
        if isinstance(excinfo.value, CheckFailedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where it comes from."""
        return self.config.rootpath, None, self.name


def _collect(session: pytest.Session, targets: list[str], lines: list[str]) -> list[pytest.Item]:
    """Make the items of each target; ``lines`` are expected failures, ``NAME: reason``."""
    from verify.candidate import examine  # noqa: PLC0415
    from verify.candidate.load import load_target  # noqa: PLC0415
    from verify.candidate.options import Options  # noqa: PLC0415

    parts = [line.partition(":") for line in lines]
    expected = {name.strip(): reason.strip() or "expected" for name, _, reason in parts}
    items: list[pytest.Item] = []
    for target in targets:
        try:
            candidate = examine(load_target(target), Options(), target)
        except Exception as error:
            raise pytest.UsageError(
                f"--reinmax-check {target}: {error} (what an option of reinmax-verify check would say, say "
                "with verify.parametrize in a test file)"
            ) from error
        for check in _items(candidate, expected, strict=False):
            item = ReinMaxItem.from_parent(session, name=f"{target}[{check.check.name}]")
            item.check = check
            items.append(item)
    return items


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--reinmax-check`` and the expected failures."""
    parser.getgroup("reinmax").addoption(
        "--reinmax-check",
        action="append",
        default=[],
        metavar="TARGET",
        help="check an implementation, package.module:attribute or path/to/file.py:attribute",
    )
    parser.addini("reinmax_expected_failures", "lines of NAME: reason", type="linelist", default=[])


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add an item for each check of each target."""
    targets = config.getoption("--reinmax-check")
    if targets:
        items += _collect(session, targets, config.getini("reinmax_expected_failures"))

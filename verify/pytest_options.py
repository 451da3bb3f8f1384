"""The pytest plugin: an option that checks an implementation; it loads nothing until the option is given."""

import pytest

__all__ = ["pytest_addoption", "pytest_collection_modifyitems"]


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
        from verify.pytest_plugin import collect  # noqa: PLC0415  (most sessions check nothing)

        items += collect(session, targets, config.getini("reinmax_expected_failures"))

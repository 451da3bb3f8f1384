"""README and docs: every example is run, and prints what is written there."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

#: Errors of the size of rounding, in whatever dtype, differ between processors.
ROUNDING = re.compile(r"\b\d(?:\.\d+)?e-1[2-9]\b|(?<=within )\d(?:\.\d+)?e-\d+(?= of the definition)")

#: Versions are those of the machine.
VERSION = re.compile(r"\b(numpy|torch|jax) \d+\.\d+\.\d+(?:\+\w+)?")


def examples(page):
    """The commands of a page's console blocks, each with the output written below it."""
    for block in re.findall(
        r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = example.partition("\n")
            yield pytest.param(command, output, id=f"{page.stem}: {command}")


def run(command):
    """Run a command as a user would, with this interpreter's scripts first on the path."""
    result = subprocess.run(  # noqa: S602  (the commands are the project's own)
        command,
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(Path.home()),
            "COLUMNS": "110",
        },
    )
    return result.stdout + result.stderr


def same(expected, printed):
    plain = [VERSION.sub(r"\1 version", ROUNDING.sub("tiny", text)) for text in (expected, printed)]
    return doctest.OutputChecker().check_output(*plain, OPTIONS)


@pytest.mark.parametrize(("command", "expected"), [e for page in PAGES for e in examples(page)])
def test_a_command_prints_what_is_written(command, expected):
    printed = run(command)
    assert same(expected, printed), f"{command} printed\n{printed}"


def test_another_output_would_be_seen():
    assert same("within 1.3e-15 of it\n", "within 2.2e-16 of it\n")
    assert not same("verdict: conforms\n", "verdict: deviates\n")
    assert not same("off by 0.12\n", "off by 0.13\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_examples_of_a_page_run(page):
    result = doctest.testfile(str(page), module_relative=False, optionflags=OPTIONS, encoding="utf-8")
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_blocks_of_a_page_run(page):
    """Blocks without a prompt, in order, in one namespace; their assertions are theirs."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    namespace = {"__name__": page.stem}
    for block in blocks:
        if ">>>" not in block:
            exec(compile(block, str(page), "exec"), namespace)  # noqa: S102  (the project's own pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"

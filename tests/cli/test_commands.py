"""The command line on what cannot be used: exit status 2 and a sentence that helps, before any work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import verify
from verify.candidate.load import load_target
from verify.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    return tmp_path


def said(arguments, capsys):
    """The status and the last line on standard error."""
    try:
        status = main(arguments)
    except SystemExit as refused:
        status = refused.code
    return status, capsys.readouterr().err.strip().splitlines()[-1]


BROKEN = {
    "1 / 0": "line 2: ZeroDivisionError: division by zero",
    "import nowhere_at_all": "line 2: ModuleNotFoundError: No module named 'nowhere_at_all'",
    "def f(:": "line 2: SyntaxError",
    "raise SystemExit(3)": "line 2: SystemExit: 3",
}


@pytest.mark.parametrize("line", BROKEN)
@pytest.mark.parametrize("target", ["broken_file.py:f", "broken_file:f"])
def test_a_target_that_cannot_be_imported_says_where(line, target, folder, capsys):
    (folder / "broken_file.py").write_text(f"import math\n{line}\n")
    status, text = said(["check", target], capsys)
    assert status == 2
    assert f"cannot be imported: {folder / 'broken_file.py'}, {BROKEN[line]}" in text


def test_a_misspelt_attribute_is_guessed(capsys):
    status, text = said(["check", "reinmax_ref:reinmaxx"], capsys)
    assert status == 2
    assert text.endswith("reinmax_ref has no 'reinmaxx'; it has reinmax")


def test_a_file_named_like_a_module_leaves_that_alone(folder):
    (folder / "json.py").write_text("def op():\n    return 7\n")
    import json  # noqa: PLC0415

    assert load_target("json.py:op")() == 7
    assert json.dumps(7) == "7"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["check", "reinmax_ref:reinmax", "--axis", "7"], "axis is 7; expected -4 to 3"),
        (["check", "reinmax_ref:reinmax", "--returns", "soft,index"], "with hard once"),
        (["check", "reinmax_ref:reinmax", "--set", "tau=2"], "which the checks choose"),
        (["check", "reinmax_ref:reinmax", "--set", "tau"], "not of the form NAME=VALUE"),
        (["check", "reinmax_ref:reinmax", "--tau-name", "temperature"], "no temperature 'temperature'"),
        (["check", "reinmax_ref:reinmax", "--classes", "1"], "expected a number from 2 to 64"),
        (["check", "--json", "nowhere/report.json"], "there is no folder 'nowhere'"),
        (["check", "--html", "."], "is a folder"),
        (["order", "reinmaxx"], "there are arm, bernoulli"),
        (["order", "mine.py"], "expected package.module:attribute or path/to/file.py:attribute"),
        (["prove", "nonsense"], "there are algorithm-2"),
        (["bias", "--plot", "nowhere/bias.png"], "there is no folder 'nowhere'"),
        (["bias", "--plot", "bias.gif"], "expected a name in .png, .svg, .pdf"),
        (["bias", "--picture", "plane"], "say where with --plot"),
        (["bias", "--seed", "-1"], "seed is -1"),
        (["bias", "--csv", "nowhere/bias.csv"], "there is no folder 'nowhere'"),
        (["bench", "--repeats", "none"], "is not a positive number"),
        (["bench", "--device", "nope"], "device 'nope' cannot be used"),
        (["bench", "--only", "moments", "--plot", "speed.png"], "are for the op"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(arguments, expected, folder, capsys):
    status, text = said(arguments, capsys)
    assert status == 2
    assert expected in text
    assert list(folder.iterdir()) == []


def test_a_question_names_the_target_once(capsys):
    target = "tests.mutants.torch_styles:channels_first"
    status, text = said(["check", target], capsys)
    assert status == 2
    assert text.count(target) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["reinmax_ref.torch:reinmax_bernoulli", "--binary"],
        ["tests.mutants.torch_styles:channels_first", "--axis", "1", "--classes", "6"],
    ],
)
def test_order_of_binary_ones_and_of_a_fixed_number_of_classes(arguments, capsys):
    assert main(["order", *arguments]) == 0
    assert "order of accuracy 2.000" in capsys.readouterr().out


CALLED = """
import enum

import numpy as np

from reinmax_ref import reinmax


class Mode(enum.Enum):
    OFF = 0
    ON = 1


shift = np.arange(5.0)


def op(logits, tau=1.0, *, mode, shift, rng=None):
    assert mode is Mode.ON
    print("drawing")
    return reinmax(logits + shift - shift, tau, rng=rng)


def broken(logits, tau=1.0):
    return logits["nothing"]


def waiting(logits, tau=1.0):
    raise KeyboardInterrupt
"""


@pytest.fixture
def called(folder):
    (folder / "called.py").write_text(CALLED, "utf-8")
    return folder


def test_objects_are_passed_and_prints_left_out(called, capsys):  # noqa: ARG001
    given = ["--set", "mode=@called.py:Mode.ON", "--set", "shift=@called:shift"]
    assert main(["check", "called.py:op", *given]) == 0
    shown = capsys.readouterr()
    assert "conforms" in shown.out
    assert "drawing" not in shown.out + shown.err


def test_an_object_that_is_not_there_is_refused(called, capsys):  # noqa: ARG001
    status, text = said(["check", "called.py:op", "--set", "mode=@called.py:Mod.ON"], capsys)
    assert status == 2
    assert "called.py has no 'Mod.ON'" in text


def test_traceback_shows_all_of_an_exception(called, capsys):  # noqa: ARG001
    assert main(["check", "called.py:broken"]) == 2
    short = capsys.readouterr().err
    assert "called.py, line 24" in short
    assert "Traceback" not in short
    assert main(["check", "called.py:broken", "--traceback"]) == 2
    assert 'return logits["nothing"]' in capsys.readouterr().err


def test_the_keyboard_ends_a_command_without_a_traceback(called, capsys):  # noqa: ARG001
    assert main(["check", "called.py:waiting"]) == 130
    assert capsys.readouterr().err == "reinmax-verify: interrupted\n"


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("--tau_name", "--tau-name"),
        ("--retruns", "--returns"),
        ("--clases", "--classes"),
        ("--jason", "--json"),
    ],
)
def test_a_mistyped_option_is_guessed(mistyped, meant, capsys):
    status, text = said(["check", "reinmax_ref:reinmax", mistyped, "x"], capsys)
    assert status == 2
    assert text.endswith(f"there is no option {mistyped}; did you mean {meant}?")


def test_version(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("reinmax-ref ")


def test_a_wrong_target_is_refused_without_loading_what_checks_need(folder):
    (folder / "mine.py").write_text("def op(logits, tau=1.0):\n    return logits.nothing\n", "utf-8")
    code = (
        "import sys\nfrom verify.cli import main\nstatus = main(['check', 'mine.py:op'])\n"
        "print(status, *(m for m in ('scipy', 'sympy', 'torch', 'jax', 'matplotlib') if m in sys.modules))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(verify.__file__).parents[1])}
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment, cwd=folder
    )
    assert ran.stdout.split() == ["2"]

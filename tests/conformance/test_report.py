"""The report as text, JSON and HTML."""

import json
from importlib import resources

import jsonschema
import pytest

import verify
from reinmax_ref import reinmax, straight_through
from verify.cli import main
from verify.conformance.html import to_html
from verify.conformance.report import CheckResult, Diagnosis, Report


@pytest.fixture(scope="module")
def schema():
    return json.loads(resources.files("verify.conformance").joinpath("report.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("fn", [reinmax, straight_through])
def test_json_follows_the_published_schema(fn, schema):
    jsonschema.validate(json.loads(verify.check(fn).to_json()), schema)


def test_schema_refuses_another_verdict(schema):
    report = verify.check(reinmax).to_dict() | {"verdict": "fine"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report, schema)


FAILED, ORDER = CheckResult("sampler", "fail", ""), CheckResult("order", "pass", "", order=1.999)


@pytest.mark.parametrize(
    ("verdict", "checks", "said"),
    [
        ("conforms", (ORDER,), "conforms, order of accuracy 2.00"),
        ("deviates", (FAILED, ORDER), "deviates in 1 check, though its order of accuracy is 2.00"),
        (
            "deviates",
            (FAILED, CheckResult("order", "fail", "", order=1.0)),
            "deviates in 2 checks; its order of accuracy is 1.00, not 2",
        ),
        ("deviates", (FAILED,), "deviates in 1 check"),
        ("deviates", (CheckResult("x", "warn", ""), ORDER), "deviates, though its order of accuracy is 2.00"),
        ("inconclusive", (CheckResult("x", "error", ""),), "inconclusive in 1 check"),
    ],
)
def test_a_right_order_excuses_nothing(verdict, checks, said):
    order = next((c.order for c in checks if c.order is not None), None)
    report = Report("mine", "numpy", verdict, checks, order=order)
    assert report.conclusion == said
    assert f"<h1>mine (numpy): {said}</h1>" in to_html([report])


def test_text_is_short_for_a_right_one_and_names_the_mistake_of_a_wrong_one():
    right, wrong = (verify.check(fn) for fn in (reinmax, straight_through))
    for width in (80, 120):
        assert len(right.to_text(width=width).splitlines()) <= 10
        lines = wrong.to_text(width=width).splitlines()
        assert len(lines) <= 25
        assert lines[0] == "✗ straight_through (numpy) deviates from ReinMax"
        assert lines[1].strip() == "straight-through"
        assert max(map(len, lines)) <= max(width, len(lines[0]))
    assert all(c.detail.split()[0] in wrong.to_text(verbose=True) for c in wrong.checks)
    assert repr(right).count("conforms") == 1


def test_text_says_why_a_check_could_not_run():
    text = Report("mine", "numpy", "inconclusive", (CheckResult("order", "error", "it raised"),)).to_text()
    assert "1 could not run" in text
    assert "it raised" in text


def test_html_escapes_what_comes_from_outside():
    bad = "<script>&"
    page = to_html([Report(bad, bad, "deviates", (CheckResult("x", "fail", bad),), (Diagnosis("y", bad),))])
    assert bad not in page
    assert page.count("&lt;script&gt;&amp;") == 4


def test_command_writes_json_and_html(tmp_path, schema):
    paths = tmp_path / "r.json", tmp_path / "r.html"
    status = main(["check", "reinmax_ref:straight_through", "--json", str(paths[0]), "--html", str(paths[1])])
    assert status == 1
    jsonschema.validate(json.loads(paths[0].read_text("utf-8")), schema)
    assert "straight-through" in paths[1].read_text("utf-8")


def test_command_asks_with_exit_status_2(capsys):
    assert main(["check", "tests.mutants.torch_styles:channels_first"]) == 2
    assert "--axis 1" in capsys.readouterr().err


def test_command_lists_the_checks(capsys):
    assert main(["check", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("backward-tau-1.5", "mask-1e12", "row-correlation"))


def test_command_takes_a_binary_implementation_and_a_sample():
    assert main(["check", "reinmax_ref.torch:reinmax_bernoulli", "--binary"]) == 0
    assert main(["check", "tests.mutants.torch_styles:with_sample", "--sample-name", "one_hot"]) == 0

"""Sweeps: the moments themselves, bit for bit whoever computes them, resumed where they were cut off."""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reinmax_ref.estimators import names
from reinmax_ref.protocol import needs_of
from verify.cli import bias as command
from verify.lab import Grid, resume, run, sweep, sweeps
from verify.lab.families import NAMES, build, logits_for
from verify.lab.moments import moments
from verify.lab.results import Record, read_csv, to_csv, write_csv
from verify.lab.tables import CRITERIA, winner

SMALL = Grid(["reinmax", "arm", "gumbel_softmax"], ["quadratic", "tanh:2"], [2, 3], taus=[0.5, 1.0])


@pytest.fixture(scope="module")
def records():
    return sweep(SMALL)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("variables", [1, 2])
def test_a_record_holds_the_moments(name, variables):
    grid = Grid([name], ["cubic:0.5"], [2], [variables], taus=[0.7], scales=[1.5], seed=3)
    (record,) = sweep(grid)
    f, logits = build("cubic:0.5", variables, 2, seed=3), logits_for(variables, 2, 1.5, seed=3)
    found = moments(name, f, logits, 0.7)
    assert record.relative_bias == found.relative_bias
    assert record.bias_norm == np.linalg.norm(found.bias)
    assert record.variance == found.total_variance
    assert record.mse == found.mse
    assert record.cosine == found.cosine
    assert record.standard_error == found.standard_error
    assert record.evaluations == needs_of(name).evaluations
    assert record.curvature == 0.5


def test_every_combination_has_one_record_in_order(records):
    assert [record.key for record in records] == SMALL.keys
    assert len(set(SMALL.keys)) == len(SMALL.keys) == 2 * 2 * (3 + 2)
    assert sorted(key for point in SMALL.points for key in point.wanted) == sorted(SMALL.keys)


def test_what_is_left_out_has_a_reason(records):
    assert SMALL.skipped == {("arm", 3): "for variables of 2 classes, not 3"}
    assert {r.categories for r in records if r.estimator == "arm"} == {2}


def test_a_temperature_does_not_move_an_estimator_without_one(records):
    half, one = (r for r in records if r.estimator == "arm" and r.objective == "tanh:2")
    assert (half.tau, one.tau) == (0.5, 1.0)
    assert replace(half, tau=1.0) == one


@pytest.mark.parametrize("workers", [1, 2, map], ids=["one", "two", "map"])
def test_the_bits_do_not_depend_on_the_workers(records, workers):
    assert to_csv(sweep(SMALL, workers=workers)) == to_csv(records)


def test_a_pool_of_threads_gives_the_same_bits(records):
    with ThreadPoolExecutor(2) as pool:
        assert to_csv(sweep(SMALL, workers=pool.map)) == to_csv(records)


def test_another_temperature_is_seen(records):
    other = sweep(replace(SMALL, taus=[0.5, 1.001]))
    assert to_csv(other) != to_csv(records)
    assert [r.mse for r in other][1] != [r.mse for r in records][1]


def test_progress_counts_the_pieces():
    seen = []
    sweep(SMALL, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, len(SMALL.points)) for n in range(1, len(SMALL.points) + 1)]


def test_a_table_and_back_to_the_same_bits(records, tmp_path):
    path = tmp_path / "records.csv"
    write_csv(path, records)
    assert read_csv(path) == records


def test_infinite_and_missing_numbers_are_kept(records, tmp_path):
    odd = replace(records[0], relative_bias=float("inf"), cosine=float("nan"))
    write_csv(tmp_path / "odd.csv", [odd])
    (found,) = read_csv(tmp_path / "odd.csv")
    assert found.relative_bias == np.inf
    assert np.isnan(found.cosine)


def test_pandas_makes_a_table_of_records(records):
    frame = pd.DataFrame(records)
    assert list(frame.columns)[:3] == ["estimator", "objective", "curvature"]
    assert len(frame) == len(records)


def forbid(monkeypatch):
    """Let no piece be computed any more; give the list of those asked for."""
    asked = []

    def note(point):
        asked.append(point)
        return []

    monkeypatch.setattr("verify.lab.sweeps.solve", note)
    return asked


def test_a_finished_file_is_not_computed_again(records, tmp_path, monkeypatch):
    path = tmp_path / "done.csv"
    assert resume(path, SMALL) == records
    whole = path.read_bytes()
    asked = forbid(monkeypatch)
    assert resume(path, SMALL) == records
    assert asked == []
    assert path.read_bytes() == whole


@pytest.mark.parametrize("end", ["line", "middle", "header", "empty"])
def test_a_cut_off_file_is_finished(records, tmp_path, end):
    path, whole = tmp_path / "cut.csv", to_csv(records).encode()
    lines = whole.splitlines(keepends=True)
    cut = {
        "line": b"".join(lines[:8]),
        "middle": b"".join(lines[:8])[:-1],
        "header": whole[:20],
        "empty": b"",
    }
    path.write_bytes(cut[end])
    assert resume(path, SMALL) == records
    assert path.read_bytes() == whole


def test_only_what_is_missing_is_computed(records):
    known = [record.key for record in records if record.tau == 1.0]
    found = list(run(SMALL, known=known))
    assert {record.tau for record in found} == {0.5}
    assert sorted(r.key for r in found) == sorted(r.key for r in records if r.tau == 0.5)
    assert all(record in records for record in found)


def test_records_of_an_interrupted_sweep_stay_in_the_file(records, tmp_path, monkeypatch):
    path, solve = tmp_path / "cut.csv", sweeps.solve
    count = iter(range(10**6))

    def interrupted(point):
        if next(count) == 3:
            raise KeyboardInterrupt
        return solve(point)

    monkeypatch.setattr("verify.lab.sweeps.solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        resume(path, SMALL)
    kept = read_csv(path)
    assert 0 < len(kept) < len(records)
    assert all(record in records for record in kept)
    monkeypatch.undo()
    assert resume(path, SMALL) == records


def damaged(whole, fault):
    lines = whole.splitlines(keepends=True)
    if fault == "header":
        return whole.replace("estimator", "method", 1)
    if fault == "number":
        return "".join([*lines[:3], lines[3].replace("0.5", "half", 1), *lines[4:]])
    if fault == "short":
        return "".join([*lines[:3], "reinmax,quadratic\n", *lines[4:]])
    if fault == "twice":
        return whole + lines[1]
    fields = lines[3].split(",")
    fields[10] = str(2 * float(fields[10]) + 1)
    return "".join([*lines[:3], ",".join(fields), *lines[4:]])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("header", "does not begin with the columns"),
        ("number", r"line 4 is not a record \(could not convert"),
        ("short", "line 4 is not a record"),
        ("twice", "repeats estimator reinmax"),
        ("variance", r"line 4: mse is .*, but variance \+ bias_norm² is"),
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(records, tmp_path, fault, said):
    path = tmp_path / "damaged.csv"
    path.write_text(damaged(to_csv(records), fault), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=said):
        resume(path, SMALL)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"scales": [2.0]}, {"taus": [0.5, 2.0]}, {"estimators": ["arm"]}]
)
def test_records_of_another_sweep_are_refused(records, tmp_path, other):
    path = tmp_path / "other.csv"
    write_csv(path, records)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="that this sweep does not ask for, the first for estimator"):
        resume(path, replace(SMALL, **other))
    assert path.read_bytes() == before


def test_a_wider_sweep_goes_on_from_a_narrower(records, tmp_path):
    path, wider = tmp_path / "wider.csv", replace(SMALL, taus=[0.2, 0.5, 1.0])
    write_csv(path, records)
    assert to_csv(resume(path, wider)) == to_csv(sweep(wider)) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"estimators": ["reinmaxx"]}, "no estimator is named 'reinmaxx'"),
        ({"objectives": ["quartic"]}, "no objective is named 'quartic'; there are linear, quadratic"),
        ({"objectives": ["tanh:big"]}, "has the curvature 'big'; expected a number"),
        ({"objectives": ["tanh:-1"]}, "expected a finite one, at least 0"),
        ({"categories": [1]}, "a variable of one class has no gradient"),
        ({"taus": [0.0]}, "taus holds 0.0; expected finite numbers above 0"),
        ({"scales": [float("nan")]}, "scales holds nan"),
        ({"taus": []}, r"taus is \[\]; expected a sequence of at least one"),
        ({"estimators": "reinmax"}, "estimators is 'reinmax'; expected a sequence"),
        ({"taus": [1.0, 1]}, "taus holds a value twice"),
    ],
)
def test_an_unusable_grid_is_refused(axes, said):
    with pytest.raises(ValueError, match=said):
        Grid(**axes)


@pytest.mark.parametrize("name", NAMES)
def test_curvature_is_varied_with_all_else_held(name):
    x = np.random.default_rng(0).standard_normal((5, 2, 3))
    f, flat, curved = (build(f"{name}{c}", 2, 3, seed=1).value(x) for c in ("", ":0", ":2"))
    assert (f == build(f"{name}:1", 2, 3, seed=1).value(x)).all()
    if name in {"quadratic", "cubic"}:
        assert np.allclose(curved - flat, 2 * (f - flat), rtol=1e-10, atol=1e-10)
    assert (f != build(name, 2, 3, seed=2).value(x)).any()


def test_logits_have_the_scale_asked_for():
    theta = logits_for(3, 5, 2.0, seed=4)
    assert np.allclose(theta.std(axis=1), 2.0)
    assert np.allclose(theta.mean(axis=1), 0.0, atol=1e-14)


@pytest.mark.parametrize("scale", [1.2, 1.4, 1.6, 2.0, 3.0, 10.0])
def test_saturated_probabilities_do_not_stop_a_sweep(scale):
    grid = Grid([n for n in names() if not needs_of(n).noise], ["tanh"], [2, 8], taus=[0.1], scales=[scale])
    assert len(sweep(grid)) == len(grid.keys)


def test_an_objective_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from verify.objectives import linear\nimport numpy as np\n"
        "def slope(variables, classes):\n"
        "    return linear(np.arange(variables * classes).reshape(variables, classes))\n"
    )
    monkeypatch.setattr("sys.path", [str(tmp_path), *__import__("sys").path])
    (record,) = sweep(Grid(["straight_through"], [f"{tmp_path}/mine.py:slope"], [3], taus=[1.0]))
    assert record.relative_bias <= 1e-15


def record(**changes):
    fields = {"relative_bias": 0.1, "bias_norm": 1.0, "variance": 1.0, "mse": 2.0, "cosine": 1.0}
    where = ("tanh", 1.0, 4, 1, 1.0, 1.0, 0)
    return Record("reinmax", *where, **({"standard_error": 0.0, "evaluations": 1} | fields | changes))


def test_the_winner_by_each_criterion():
    free = record(relative_bias=1e-16, bias_norm=1e-16, variance=5.0, mse=5.0)
    freer = record(relative_bias=1e-17, bias_norm=1e-17, variance=9.0, mse=9.0)
    calm = record(relative_bias=0.9, bias_norm=9.0, variance=0.1, mse=81.1)
    close = record()
    assert [winner([freer, free, calm, close], by) for by in CRITERIA] == [free, calm, close]
    with pytest.raises(ValueError, match="criterion is 'error'; expected one of bias, variance, mse"):
        winner([free], "error")


def call(*arguments):
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    asked = parser.parse_args(["bias", *map(str, arguments)])
    return asked.run(asked)


ASKED = [
    "--estimators",
    "reinmax",
    "arm",
    "--objective",
    "quadratic",
    "--categories",
    "2",
    "3",
    "--tau",
    "1",
    "2",
]


def test_the_command_prints_and_writes(tmp_path, capsys):
    kept, told = tmp_path / "r.csv", tmp_path / "r.json"
    assert call(*ASKED, "--csv", kept, "--json", told) == 0
    printed = capsys.readouterr().out
    assert "reinmax                    quadratic       3  1     1     1          0" in printed
    assert "left out: arm: for variables of 2 classes, not 3" in printed
    document = json.loads(told.read_text(encoding="utf-8"))
    assert document["schema"] == "reinmax-verify/bias/1"
    assert len(document["records"]) == len(read_csv(kept)) == 6
    assert document["left_out"][0]["reason"] == "for variables of 2 classes, not 3"


def test_the_command_shows_the_best_of_a_long_sweep(capsys):
    assert call("--estimators", "reinmax", "mve", "straight_through", "reinforce", "--categories", 2, 3) == 0
    printed = capsys.readouterr().out
    assert "320 records; the best of each place" in printed
    assert "least bias" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--estimators", "nobody"], "no estimator is named 'nobody'"),
        (["--tau", "-1"], "taus holds -1.0"),
        ([*ASKED, "--workers", "0"], "workers is 0"),
        ([*ASKED, "--picture", "winners"], "say where with --plot"),
    ],
)
def test_the_command_refuses_with_a_reason(arguments, said, capsys):
    assert call(*arguments) == 2
    assert said in capsys.readouterr().err

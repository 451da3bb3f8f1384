"""The examples of docs/examples run, their findings hold, and their pages show what they print."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from verify.lab.moments import moments
from verify.objectives import from_torch, polynomial_programming
from verify.oracle.enumeration import softmax, statistics

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NAMES = ("digits_vae", "polynomial_programming", "second_order", "temperature", "vae_gradient")

#: A number as the tables print it, "12.3%" and "1.0e-05" included.
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?%?")


@pytest.fixture
def load(monkeypatch):
    """Import an example as it sees itself when run: with its own folder first on the path."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick(load, tmp_path, capsys):
    """Run an example with ``--quick`` and a picture: what it returns and what it prints."""

    def run(name):
        file = tmp_path / f"{name}.png"
        result = load(name).main(["--quick", "--plot", str(file)])
        assert file.read_bytes().startswith(b"\x89PNG")
        return result, capsys.readouterr().out

    return run


def skeleton(line):
    """The words of a line, without its numbers and its spacing."""
    return " ".join(NUMBER.sub("", line).split())


def page(name):
    """The output a page shows, below the command that printed it."""
    text = (EXAMPLES / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```\n+```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"{name}.md shows {len(blocks)} runs; expected one"
    command, output = blocks[0]
    assert command == f"python docs/examples/{name}.py --plot docs/examples/{name}.png\n"
    return output


def assert_same_table(name, printed):
    """Every line of the quick run stands on the page, but for its numbers, and the reverse."""
    shown = {skeleton(line) for line in page(name).splitlines()}
    assert {skeleton(line) for line in printed.splitlines()} == shown


def test_polynomial_programming(load, quick):
    losses, printed = quick("polynomial_programming")
    assert_same_table("polynomial_programming", printed)
    example = load("polynomial_programming")
    for runs in losses.values():
        assert (runs[-1] < runs[0]).all()
    assert (losses["exact"][-1] < losses["reinmax"][-1]).all()
    assert (losses["reinmax"][-1] < losses["straight_through"][-1]).all()
    start = example.start()
    bias = {name: example.relative_bias(name, start) for name in example.ESTIMATORS}
    assert bias["reinmax"][1] < 1e-14
    assert bias["straight_through"][1] > 0.01


def test_polynomial_programming_agrees_with_the_oracle(load):
    """Its closed form and its forced outcomes, against enumeration of three bits."""

    example = load("polynomial_programming")
    logits = np.random.default_rng(0).normal(size=(3, 1, example.LATENTS, 2))
    for i, p in enumerate(example.POWERS.ravel()):
        few = logits[i, 0, :3]
        for name in example.ESTIMATORS:
            oracle = moments(name, polynomial_programming(example.C, p), few)
            share = 3 / example.LATENTS  # the mean is over 3 bits there, over 128 here
            mean = example.mean(example.ESTIMATORS[name], logits)[i, 0, :3]
            np.testing.assert_allclose(mean, share * oracle.mean, atol=1e-15)
            np.testing.assert_allclose(
                example.exact(logits)[i, 0, :3], share * oracle.exact_gradient, atol=1e-15
            )


def test_the_mean_of_many_samples_is_the_mean(load):
    """Six standard errors: a false alarm once in 60,000 runs over the 15,360 numbers."""
    example, rng = load("polynomial_programming"), np.random.default_rng(1)
    logits, draws = example.start() + np.array([1.0, 0.0]), 200
    for estimator in example.ESTIMATORS.values():
        samples = np.array([example.sampled(estimator, logits, rng) for _ in range(draws)])
        error = samples.std(axis=0, ddof=1) / np.sqrt(draws)
        assert (error > 0).all()
        assert (abs(samples.mean(axis=0) - example.mean(estimator, logits)) <= 6 * error).all()


def test_digits_vae(load, quick):
    history, printed = quick("digits_vae")
    assert_same_table("digits_vae", printed)
    assert list(history) == list(load("digits_vae").CONTESTANTS)
    for losses in history.values():
        assert (np.diff(losses, axis=0) < 0).all()
    first, second, third = history.values()
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_contestants_of_digits_vae_meet_the_same_numbers(load):
    """Same weights and same first batch: the loss of the first step is the same."""
    example = load("digits_vae")
    images = example.digits()[0][: example.BATCH]
    losses = [next(example.train(c, images, 2, 1))[1] for c in example.CONTESTANTS.values()]
    for other in losses[1:]:
        assert torch.equal(other, losses[0])


def test_vae_gradient(quick):
    rows, printed = quick("vae_gradient")
    assert_same_table("vae_gradient", printed)
    for row in rows:
        assert 0 < row.bias < 1
        assert 0.9 < row.cosine <= 1
    names = (("straight_through", 1.0), ("reinmax", 1.0))
    first_order, second_order = ([row for row in rows if row.estimator == name] for name in names)
    assert len(first_order) == 4  # two trainers, two checkpoints
    for first, second in zip(first_order, second_order, strict=True):
        assert second.bias < first.bias
        assert second.deviation > first.deviation


def test_vae_gradient_is_that_of_its_model(load):
    """The exact gradient of one image, against finite differences of the enumerated loss."""

    example = load("vae_gradient")
    model, image = example.Autoencoder(1).double(), example.digits()[1][0].double()
    exact = example.at_image(model, image)[0][0]
    logits = model.logits(image[None, None])[0, 0].detach().numpy()
    objective = from_torch(lambda x: model.reconstruction(x[None], image)[0])
    step = np.zeros_like(logits)
    step[2, 3] = 1e-4
    above, below = (
        statistics(objective, softmax(logits + sign * step), degree=0).value[0].sum() for sign in (1, -1)
    )
    assert abs((above - below) / 2e-4 - exact[2, 3]) < 1e-6 * np.linalg.norm(exact)
    assert torch.get_num_threads() == 1


def test_second_order(quick):
    rows, printed = quick("second_order")
    assert_same_table("second_order", printed)
    flat, bent = rows[0], rows[-5]
    assert (flat.reinmax < flat.straight_through).mean() > 0.9
    assert 0.2 < (bent.reinmax < bent.straight_through).mean() < 0.8
    halved = np.median(rows[2].reinmax) / np.median(rows[0].reinmax)
    assert 3.5 < halved < 4.5  # scale 1/16 against 1/32: second order
    assert 1.8 < np.median(rows[2].straight_through) / np.median(rows[0].straight_through) < 2.2


def test_temperature(load, quick):
    errors, printed = quick("temperature")
    assert_same_table("temperature", printed)
    example = load("temperature")
    one = list(example.TEMPERATURES).index(1)
    linear = errors[0]
    assert (linear[:, 0, :, one] < 1e-7).all()  # the root of rounding: straight-through is exact here
    large_batch = example.best(errors[list(example.CURVATURES).index(1)])[1, 1, 2]
    assert large_batch == 1
    gentle, strong = (example.best(found)[1, 0, 0] for found in (errors[0], errors[-1]))
    assert strong > gentle


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_its_picture(name):
    text = (EXAMPLES / f"{name}.md").read_text(encoding="utf-8")
    assert f"]({name}.png)" in text
    assert (EXAMPLES / f"{name}.png").stat().st_size < 100_000


def test_the_index_lists_every_page():
    text = (EXAMPLES / "index.md").read_text(encoding="utf-8")
    toctree = re.search(r"```\{toctree\}\n(.*?)```", text, re.DOTALL)[1].split()
    assert sorted(word for word in toctree if not word.startswith(":")) == sorted(NAMES)
    assert sorted(file.stem for file in EXAMPLES.glob("*.md")) == sorted([*NAMES, "index"])


@pytest.mark.parametrize(("module", "words"), [("sklearn", "install scikit-learn"), ("matplotlib", "[plot]")])
def test_a_missing_library_is_named(load, monkeypatch, tmp_path, module, words):
    example = load("digits_vae")
    for loaded in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=re.escape(words)):
        example.digits() if module == "sklearn" else example.plot(str(tmp_path / "a.png"), {})


def test_another_table_would_be_seen(monkeypatch):
    monkeypatch.setitem(globals(), "page", lambda _: "a 1.5 b\n")
    assert_same_table("any", "a   2.5e-03 b\n")
    with pytest.raises(AssertionError):
        assert_same_table("any", "a 2.5 c\n")

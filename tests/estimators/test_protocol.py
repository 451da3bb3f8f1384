"""What every estimator of ``reinmax_ref.estimators`` gets tested for, by its name alone."""

import inspect
import re
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import reinmax_ref.estimators
from reinmax_ref import algebra, reinmax, straight_through
from reinmax_ref.estimators import names
from reinmax_ref.estimators.darn import darn
from reinmax_ref.estimators.decoupled_straight_through import decoupled_straight_through
from reinmax_ref.estimators.gapped_straight_through import gapped_straight_through
from reinmax_ref.estimators.gumbel_rao import gumbel_rao
from reinmax_ref.estimators.mve import mve
from reinmax_ref.protocol import Needs, find, needs_of
from verify import objectives
from verify.lab.moments import Moments, moments
from verify.oracle.enumeration import exact_gradient, softmax, statistics

EPS = np.finfo(float).eps
NAMES = names()
PULLING = [name for name in NAMES if not needs_of(name).value]
CALLING = [name for name in NAMES if needs_of(name).value]
QUIET = [name for name in PULLING if not needs_of(name).noise]
CATEGORICAL = [name for name in NAMES if not needs_of(name).binary]


def of(*given):
    return pytest.mark.parametrize("name", given[0])


def shape_of(name, *batch):
    return batch if needs_of(name).binary else (*batch, 4)


def problem(name, *batch, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape_of(name, *batch)).astype(dtype) + i for i in range(3))


def value(x):
    """A smooth function of points (n, …), different at every corner."""
    weights = np.cos(np.arange(1.0, 1.0 + x[0].size))
    return np.exp(x.reshape(len(x), -1) @ weights)


def slope(x):
    weights = np.cos(np.arange(1.0, 1.0 + x[0].size))
    return (value(x)[:, None] * weights).reshape(x.shape)


def gradient(draw, g):
    return draw.vjp(g) if hasattr(draw, "vjp") else draw.gradient(value, slope)


def test_the_list_is_that_of_the_files():
    folder = Path(inspect.getfile(reinmax_ref.estimators)).parent
    assert sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__") == NAMES
    assert len(NAMES) == 18


@of(NAMES)
def test_a_file_holds_the_estimator_of_its_name_and_states_its_needs(name):
    function = find(name)
    module = inspect.getmodule(function)
    assert module.__all__ == ["NEEDS", name]
    assert module.NEEDS == needs_of(function) == needs_of(partial(function, rng=0))
    parameters = list(inspect.signature(function).parameters.values())
    assert [p.name for p in parameters[:2]] == ["logits", "tau"]
    assert parameters[1].default == 1.0
    assert all(p.kind == p.KEYWORD_ONLY for p in parameters[2:])
    assert {"rng", "index"} <= {p.name for p in parameters}
    assert ("axis" in inspect.signature(function).parameters) != needs_of(name).binary
    assert ("noise" in inspect.signature(function).parameters) == needs_of(name).noise


@of(NAMES)
def test_a_docstring_gives_equation_needs_bias_and_source(name):
    text = inspect.getdoc(find(name))
    for part in ("References\n---", "Examples\n---", "Returns\n---", "Raises\n---", "Parameters\n---"):
        assert part in text
    if name not in {"reinmax", "straight_through"}:
        assert "Bias:" in text
        assert re.search(r"Needs (∇f|f)", text)


def test_the_table_in_the_docs_has_a_row_for_each():
    table = (Path(__file__).parents[2] / "docs" / "estimators.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(rows) == NAMES


def test_needs_of_a_foreign_function_are_the_plainest():
    assert needs_of(lambda logits: logits) == Needs()
    assert needs_of(np.add) == Needs()
    assert {field.name for field in fields(Needs)} >= {"slope", "value", "evaluations", "noise"}


@of(NAMES)
def test_shapes_dtypes_and_read_only_inputs(name):
    for batch in ((3,), (5, 3)):
        for dtype in (np.float32, np.float64):
            logits, g, _ = problem(name, *batch, dtype=dtype)
            logits.flags.writeable = False
            draw = find(name)(logits, 0.7, rng=0)
            leading = (needs_of(name).samples,) if needs_of(name).samples > 1 else ()
            assert draw.hard.shape == (*leading, *logits.shape)
            assert draw.soft.shape == logits.shape
            assert draw.index.shape == (*leading, *batch)
            found = gradient(draw, g)
            assert found.shape == logits.shape
            assert found.dtype == draw.hard.dtype == draw.soft.dtype == dtype


@of(NAMES)
def test_the_same_generator_gives_the_same_gradient(name):
    logits, g, _ = problem(name, 3)
    first, second, third = (gradient(find(name)(logits, 0.7, rng=seed), g) for seed in (3, 3, 4))
    assert (first == second).all()
    assert (first != third).any() == (name not in {"straight_through", "decoupled_straight_through"})


@of(NAMES)
def test_needs_say_whether_the_sample_settles_the_gradient(name):
    logits, g, _ = problem(name, 3)
    index = find(name)(logits, 0.7, rng=0).index
    draws = [find(name)(logits, 0.7, index=index, rng=seed) for seed in range(8)]
    assert all((draw.index == index).all() for draw in draws)
    settled = all((gradient(draw, g) == gradient(draws[0], g)).all() for draw in draws[1:])
    assert settled != needs_of(name).noise


@of(NAMES)
def test_needs_say_whether_the_temperature_matters(name):
    logits, g, _ = problem(name, 3)
    first, second = (gradient(find(name)(logits, tau, rng=0), g) for tau in (0.7, 1.9))
    assert (first != second).any() == needs_of(name).tempered


@of(CALLING)
def test_needs_count_the_evaluations(name):
    logits, _, _ = problem(name, 3)
    calls = []

    def counted(x):
        calls.append(len(x))
        return value(x)

    find(name)(logits, rng=0).gradient(counted, slope)
    assert sum(calls) == needs_of(name).evaluations
    if needs_of(name).slope:
        with pytest.raises(TypeError, match="slope"):
            find(name)(logits, rng=0).gradient(value)
    else:
        find(name)(logits, rng=0).gradient(value)


@of(PULLING)
def test_the_gradient_is_linear_in_both_cotangents(name):
    logits, g, h = problem(name, 6)
    draw = find(name)(logits, 0.7, rng=0)
    both = draw.vjp(2 * g - 3 * h, 5 * h)
    apart = 2 * draw.vjp(g) - 3 * draw.vjp(h) + 5 * (draw.vjp(0 * h, h))
    assert np.abs(both - apart).max() <= 256 * EPS * np.abs(both).max()
    p = draw.soft
    expected = p * (1 - p) * h if needs_of(name).binary else algebra.softmax_vjp(p, h)
    assert np.abs(draw.vjp(0 * g, h) - expected).max() <= 64 * EPS * np.abs(h).max()


@of(CATEGORICAL)
@pytest.mark.parametrize("axis", [0, 1])
def test_any_axis_is_the_last_axis_moved(name, axis):
    logits, g, _ = problem(name, 2, 3)
    moved = np.moveaxis(logits, -1, axis)
    last, draw = find(name)(logits, 0.7, rng=5), find(name)(moved, 0.7, rng=5, axis=axis)
    assert (draw.index == last.index).all()
    if hasattr(draw, "vjp"):
        found, expected = draw.vjp(np.moveaxis(g, -1, axis)), last.vjp(g)
    else:
        found, expected = draw.gradient(value, slope), last.gradient(value, slope)
    assert np.abs(np.moveaxis(found, axis, -1) - expected).max() <= 8 * EPS * np.abs(expected).max()


@of(CATEGORICAL)
def test_masked_classes_are_never_sampled_and_get_no_gradient(name):
    logits = np.array([[0.0, -np.inf, 1.0], [2.0, 0.5, -np.inf]])
    g = np.array([[1.0, 5.0, -2.0], [0.3, 0.1, 7.0]])
    for tau in (0.3, 1.0, 4.0):
        for seed in range(5):
            draw = find(name)(logits, tau, rng=seed)
            found = gradient(draw, g)
            assert np.isfinite(found).all()
            assert (found[np.isneginf(logits)] == 0).all()
            assert not np.isneginf(np.broadcast_to(logits, draw.hard.shape)[draw.hard == 1]).any()


@of(PULLING)
@pytest.mark.parametrize("tau", [1e-6, 1e6])
def test_extreme_logits_and_temperatures_stay_finite(name, tau):
    logits, g, _ = problem(name, 3)
    for scale in (1.0, 80.0):
        assert np.isfinite(find(name)(scale * logits, tau, rng=0).vjp(g)).all()


@of(NAMES)
def test_samples_come_from_the_probabilities(name):
    """Frequencies of 40,000 draws within 5 standard deviations; false alarm 6e-7 a class."""
    logits = problem(name, 1)[0][0]
    many = np.broadcast_to(logits, (40_000, 1, *logits.shape))
    index = find(name)(many, rng=0).index
    first = index[0] if needs_of(name).samples > 1 else index
    pair = np.array([0.0, logits]) if needs_of(name).binary else logits
    p = softmax(pair / (0.5 if needs_of(name).forward_tau else 1.0))
    counts = np.bincount(first.ravel(), minlength=len(p)) / 40_000
    assert (np.abs(counts - p) <= 5 * np.sqrt(p * (1 - p) / 40_000)).all()


@of(NAMES)
def test_unusable_arguments_are_refused(name):
    logits = problem(name, 3)[0]
    for tau in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="tau"):
            find(name)(logits, tau)
    with pytest.raises(TypeError, match="tau"):
        find(name)(logits, "1")
    with pytest.raises(TypeError, match="dtype"):
        find(name)(logits.astype(str))
    with pytest.raises(ValueError, match="logits"):
        find(name)(np.full_like(logits, np.nan))
    if needs_of(name).noise:
        with pytest.raises(ValueError, match="noise"):
            find(name)(logits, noise=np.zeros(logits.shape))
        arrays = needs_of(name).shared_noise + 10 * needs_of(name).copies or 1
        with pytest.raises(ValueError, match="noise"):
            find(name)(logits, noise=np.full((arrays, *logits.shape), 2.0))


@of(NAMES)
@pytest.mark.parametrize("shape", [(2,), (1, 2), (2, 2)])
def test_every_name_has_moments(name, shape):
    f, theta = objectives.tanh_network(shape[0] if len(shape) == 2 else 1, 2, rng=0), np.ones(shape)
    theta[..., 0] = 0.25
    found = moments(name, f, theta, 0.8)
    assert isinstance(found, Moments)
    assert found.estimator == name
    assert found.mean.shape == found.variance.shape == shape
    assert found.covariance.shape == (*shape, 2)
    assert np.abs(found.mean.sum(axis=-1)).max() <= 64 * EPS * max(1, np.abs(found.mean).max())
    truth = exact_gradient(f, theta)
    assert np.abs(found.exact_gradient - truth).max() <= 64 * EPS * max(1, np.abs(truth).max())
    exact = not (needs_of(name).noise and not needs_of(name).value)
    assert (found.standard_error == 0) == exact


@of([name for name in QUIET if name not in {"decoupled_straight_through", "bernoulli"}])
def test_the_one_pass_moments_are_those_of_the_oracle(name):
    f, theta = objectives.tanh_network(2, 3, rng=0), np.random.default_rng(0).standard_normal((2, 3))
    shared = statistics(f, softmax(theta))
    here, there = moments(name, f, theta, 0.8, total=shared), moments(name, f, theta, 0.8)
    assert (here.mean == there.mean).all()
    assert (here.variance == there.variance).all()


def test_the_bernoulli_form_is_that_of_its_formula():
    """[2q(1 − q) − ½p(1 − p)]g + p(1 − p)h with q = (σ(l/τ) + z)/2."""
    rng = np.random.default_rng(0)
    logits, g, h = rng.standard_normal((3, 6))
    for tau in (0.4, 1.0, 3.0):
        draw = find("bernoulli")(logits, tau, rng=0)
        p, p_tau = 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(-logits / tau))
        q = (p_tau + draw.hard) / 2
        expected = (2 * q * (1 - q) - p * (1 - p) / 2) * g + p * (1 - p) * h
        assert np.abs(draw.vjp(g, h) - expected).max() <= 16 * EPS * np.abs([g, h]).max()
        doubled = reinmax(np.stack([logits, -logits], axis=-1), tau, index=1 - draw.index)
        wrong = doubled.vjp(np.stack([g, 0 * g], axis=-1), np.stack([h, 0 * h], axis=-1))[..., 0]
        assert np.abs(wrong - expected).max() > 1e-3
    assert (find("bernoulli")([np.inf, -np.inf], rng=0).index == [1, 0]).all()


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_moments_of_bits_are_those_of_pairs_of_classes(tau):
    f, theta = objectives.tanh_network(2, 2, rng=0), np.random.default_rng(0).standard_normal((2, 2))
    bits, pairs = moments("bernoulli", f, theta, tau), moments("reinmax", f, theta, tau)
    assert np.abs(bits.mean - pairs.mean).max() <= 16 * EPS * np.abs(pairs.mean).max()
    assert (
        np.abs(bits.covariance - pairs.covariance).max()
        <= 64 * EPS * np.abs(pairs.mean).max() ** 2 + 64 * EPS
    )
    assert np.abs(bits.mean + pairs.mean).max() > 1e-3  # the planted fault: the classes swapped


def test_the_decoupled_sample_weighs_the_moments():
    """Σ_k softmax(θ/τ_f)_k (1/τ_b) J g_k, written out; the planted fault weighs by p."""
    rng = np.random.default_rng(0)
    f, theta = objectives.tanh_network(1, 4, rng=rng), rng.standard_normal(4)
    g = f.gradient(np.eye(4)[:, None, :])[:, 0]
    back = softmax(theta / 0.7)
    pulled = back * (g - g @ back[:, None]) / 0.7
    found = moments(partial(decoupled_straight_through, forward_tau=0.3), f, theta, 0.7)
    assert np.abs(found.mean - softmax(theta / 0.3) @ pulled).max() <= 64 * EPS * np.abs(g).max()
    assert np.abs(found.mean - softmax(theta) @ pulled).max() > 1e-3


def test_darn_of_two_classes_is_exact_on_quadratics_by_default():
    rng = np.random.default_rng(0)
    f = objectives.quadratic(rng.standard_normal((2, 2)), rng.standard_normal(2))
    assert moments("darn", f, [0.3, -0.4]).relative_bias < 1e-13
    assert moments(partial(darn, center=[0.0, 1.0]), f, [0.3, -0.4]).relative_bias > 1e-3


@pytest.mark.parametrize("tau", [0.3, 2.0, np.inf])
def test_masked_classes_of_mve_are_as_if_absent(tau):
    g = np.array([1.0, 5.0, -2.0, 0.5, 3.0])
    few, many = np.array([0.2, 1.0, -0.7]), np.array([0.2, -np.inf, 1.0, -np.inf, -0.7])
    kept = [0, 2, 4]
    for d, k in enumerate(kept):
        found = mve(many, tau, index=k).vjp(g)
        assert np.abs(found[kept] - mve(few, tau, index=d).vjp(g[kept])).max() <= 64 * EPS * 5
        assert (found[[1, 3]] == 0).all()


def test_the_gapped_form_is_that_of_its_formula():
    theta, g, tau = np.array([0.3, -1.0, 0.9]), np.array([1.0, 2.0, -3.0]), 0.6
    p = softmax(theta)
    for d in range(3):
        for gap, given in ((1.0, 1.0), (-np.log1p(-p[d]) / p[d], None)):
            shifted = theta - np.maximum(theta - 0.9 + gap, 0)
            shifted[d] = 0.9
            y = softmax(shifted / tau)
            found = gapped_straight_through(theta, tau, index=d, gap=given).vjp(g)
            assert np.abs(found - y * (g - y @ g) / tau).max() <= 64 * EPS * 3 / tau
    with pytest.raises(ValueError, match="gap"):
        gapped_straight_through(theta, gap=-1.0)


def test_the_natural_gap_is_the_mean_lead_of_the_sample():
    """E[x_d − max of the others | d] by Gumbel noise, 200,000 draws, within 5 standard errors."""
    theta = np.array([0.3, -1.0, 0.9])
    x = theta + np.random.default_rng(0).gumbel(size=(200_000, 3))
    x = x[x.argmax(axis=1) == 0]
    lead = x[:, 0] - x[:, 1:].max(axis=1)
    p_d = softmax(theta)[0]
    assert abs(lead.mean() + np.log1p(-p_d) / p_d) <= 5 * lead.std() / np.sqrt(len(lead))


def test_limits_of_parameters_are_other_estimators():
    logits, g, h = problem("darn", 5)
    for d in range(4):
        index = np.full(5, d)
        plain = straight_through(logits, index=index).vjp(g, h)
        near = mve(logits, 1e-13, index=index).vjp(g, h)
        assert np.abs(near - plain).max() <= 1e-12 * np.abs(g).max()
        first, second = (mve(logits, tau, index=index).vjp(g, h) for tau in (1e14, np.inf))
        assert np.abs(first - second).max() <= 1e-9 * np.abs(g).max()
        same = decoupled_straight_through(logits, 0.7, index=index, forward_tau=1).vjp(g, h)
        assert (same == straight_through(logits, 0.7, index=index).vjp(g, h)).all()
        assert (gumbel_rao(logits, 1e9, index=index, rng=0).vjp(g) ** 2 < 1e-12).all()
    f = objectives.quadratic(np.random.default_rng(0).standard_normal((4, 4)), np.zeros(4))
    assert moments("mve", f, logits[0], np.inf).relative_bias < 1e-13
    assert moments("mve", f, logits[0], 1.0).relative_bias > 1e-3


def test_a_centre_of_darn_must_fit():
    with pytest.raises(ValueError, match="shape"):
        darn([0.0, 0.0], center=[1.0])
    with pytest.raises(ValueError, match="sums to"):
        darn([0.0, 0.0], center=[1.0, 1.0])
    assert (darn([0.0, 0.0], index=0, center=[1.0, 0.0]).vjp([3.0, 1.0]) == 0).all()


def test_samples_of_gumbel_rao_must_be_a_number():
    with pytest.raises(ValueError, match="at least 1"):
        gumbel_rao([0.0, 0.0], samples=0)
    with pytest.raises(TypeError, match="integer"):
        gumbel_rao([0.0, 0.0], samples=True)

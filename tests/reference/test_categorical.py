"""Sampling and softmax: exact, one uniform a row, never a class of probability 0."""

import numpy as np
import pytest
from scipy import stats

from reinmax_ref import reinmax
from reinmax_ref.categorical import choose, softmax

#: A correct sampler fails one of these tests once in 1e8 runs.
FALSE_ALARM = 1e-8


def p_value(counts, p):
    """Chi-square over cells of classes that together expect 20 draws or more, in two orders of classes."""
    return min(
        pooled_p_value(counts[order], p[order])
        for order in (np.arange(len(p)), np.random.default_rng(0).permutation(len(p)))
    )


def pooled_p_value(counts, p):
    expected = counts.sum() * p
    cell = np.minimum(np.floor(np.cumsum(expected) / 20), np.floor(expected.sum() / 20) - 1)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    pooled, wanted = np.add.reduceat(counts, starts), np.add.reduceat(expected, starts)
    return stats.chisquare(pooled, wanted * pooled.sum() / wanted.sum()).pvalue


def masses(classes, skew):
    rng = np.random.default_rng(classes)
    return softmax(skew * rng.standard_normal((1, classes)))[0]


@pytest.mark.parametrize("classes", [2, 3, 8, 16, 17, 64, 1000, 2**14])
@pytest.mark.parametrize("skew", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_choices_fit_the_masses(classes, skew, dtype):
    p = masses(classes, skew)
    rows = 500 if classes > 1000 else 20_000
    uniforms = np.random.default_rng(5).random(rows * 20)
    counts = np.zeros(classes)
    for chunk in uniforms.reshape(20, rows):
        index = choose(np.broadcast_to(p.astype(dtype), (rows, classes)), chunk)
        counts += np.bincount(index, minlength=classes)
    assert p_value(counts, p) > FALSE_ALARM


def test_a_tempered_sampler_would_be_seen():
    p = masses(8, 1.0)
    wrong = p**0.9 / (p**0.9).sum()
    index = choose(np.broadcast_to(wrong, (400_000, 8)), np.random.default_rng(5).random(400_000))
    assert p_value(np.bincount(index, minlength=8), p) < FALSE_ALARM


@pytest.mark.parametrize("classes", [5, 16, 17, 40, 1000])
def test_choice_is_the_inverse_of_the_cumulative_distribution(classes):
    """On a grid of masses n/4096, where sums are exact, every uniform number has one right answer."""
    rng = np.random.default_rng(classes)
    p = rng.multinomial(4096, np.full(classes, 1 / classes)) / 4096
    uniforms = (np.arange(4096) + rng.random()) / 4096
    expected = np.repeat(np.arange(classes), np.rint(p * 4096).astype(int))
    assert np.array_equal(choose(np.broadcast_to(p, (4096, classes)), uniforms), expected)


@pytest.mark.parametrize("classes", [3, 16, 17, 100, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_class_of_mass_zero_is_never_chosen(classes, dtype):
    """Also at both ends of the uniform numbers, and where the masses are at the edge of the dtype."""
    rng = np.random.default_rng(classes)
    ends = np.array([0.0, 5e-324, 2.0**-53, 0.5, 1 - 2.0**-52, 1 - 2.0**-53])
    for scale in (1.0, 1e-30, float(np.finfo(dtype).tiny)):
        p = (rng.random((200, classes)) * scale).astype(dtype)
        p[rng.random(p.shape) < 0.7] = 0
        p[np.arange(200), rng.integers(classes, size=200)] = dtype(scale)
        for u in ends:
            index = choose(p, np.full(200, u))
            assert (p[np.arange(200), index] > 0).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_is_sampled_has_a_positive_soft_output(dtype):
    """In float16 a probability may round to 0 on output; such a class is not sampled either."""
    logits = np.tile(np.array([0.0, *np.linspace(-10, -20, 30)], dtype), (20_000, 1))
    draw = reinmax(logits, rng=0)
    assert (draw.soft[np.arange(len(logits)), draw.index] > 0).all()


def test_rows_are_sampled_independently():
    index = reinmax(np.zeros((100_000, 2)), rng=0).index
    agree = (index[1:] == index[:-1]).sum()
    assert stats.binomtest(int(agree), len(index) - 1).pvalue > FALSE_ALARM


def test_the_sample_does_not_depend_on_the_temperature():
    logits = np.random.default_rng(0).standard_normal((1000, 5))
    assert np.array_equal(reinmax(logits, 0.1, rng=1).index, reinmax(logits, 10.0, rng=1).index)


@pytest.mark.parametrize("tau", [0.5, 1.0, 3.0])
def test_softmax_matches_extended_precision(tau):
    logits = np.random.default_rng(0).standard_normal((50, 40)) * 30 + 1000
    wide = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.longdouble) / tau)
    exact = wide / wide.sum(axis=1, keepdims=True)
    # division, exponential (one ulp, on a rounded argument), sum and quotient: 4 roundings at p <= 1
    assert np.abs(softmax(logits, tau) - exact).max() <= 2 * np.finfo(float).eps

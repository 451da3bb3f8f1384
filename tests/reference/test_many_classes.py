"""The torch sampler over 2¹⁷ classes: chi-square at 10⁷ draws. Minutes for each test.

A right sampler fails a test with probability below 10⁻⁷. Probabilities that are
wrong by 2.5 % of their size, in the mean square, are missed with probability
below 10⁻⁹, and those of blocks of 128 classes when wrong by 1 %.
"""

import numpy as np
import pytest
import scipy.stats
import torch

from reinmax_ref.torch import reinmax

CLASSES, DRAWS, BATCH = 2**17, 10**7, 16  # a batch that stays in the cache
BLOCK = 128
pytestmark = pytest.mark.usefixtures("one_thread")


def flat():
    """Every class is expected more than 20 times, 76 in the mean."""
    return torch.randn(CLASSES, generator=torch.Generator().manual_seed(2)) / 4


def skewed():
    """Logits over 40 units in bfloat16, a third of the classes masked or underflowing."""
    logits = torch.linspace(0, -40, CLASSES)
    logits[1::6], logits[2::6] = -torch.inf, -300.0
    shuffled = torch.randperm(CLASSES, generator=torch.Generator().manual_seed(1))
    return logits[shuffled].bfloat16()


def count_op(logits, draws):
    rows = logits.expand(BATCH, -1).contiguous()
    counts = torch.zeros(CLASSES, dtype=torch.int64)
    for _ in range(draws // BATCH):
        hard, _ = reinmax(rows)
        counts += hard.sum(0, dtype=torch.float32).long()
    return counts.numpy()


def worst(surprise, counts, p):
    """The greater surprise of the classes and of blocks of neighbours, which are drawn first."""
    return max(surprise(*(a.reshape(-1, size).sum(1) for a in (counts, p))) for size in (1, BLOCK))


def exact(logits):
    return logits.double().softmax(-1).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("shape", [flat, skewed])
def test_sampler_at_ten_million_draws(shape, count_rows, surprise):
    torch.manual_seed(0)
    logits = shape()
    counts = count_rows(logits, DRAWS, BATCH)
    assert counts.sum() == DRAWS
    assert (counts[logits.float().softmax(-1) == 0] == 0).all()
    assert worst(surprise, counts, exact(logits)) < 1


@pytest.mark.slow
@pytest.mark.parametrize("shape", [flat, skewed])
def test_op(shape, surprise):
    """Softmax and one-hot rows cost more than the sampler, hence fewer draws."""
    torch.manual_seed(0)
    logits = shape()
    assert worst(surprise, count_op(logits, 300_000), exact(logits)) < 1


def alternating(p, size, error):
    """Multiply the probabilities of blocks of this size by 1 + error and 1 - error in turn."""
    return p * (1 + error * np.repeat(np.resize([1, -1], CLASSES // size), size))


FAULTS = {
    "classes wrong by 2.5 %": lambda p: alternating(p, 1, 0.025),
    "blocks wrong by 1 %": lambda p: alternating(p, BLOCK, 0.01),
    "even within a block": lambda p: np.repeat(p.reshape(-1, BLOCK).mean(1), BLOCK),
    "the neighbour of the class": lambda p: np.roll(p, 1),
    "tempered-sampler": lambda p: p ** (1 / 1.2),
}


def law(p):
    """Counts of a sampler with these probabilities, by the multinomial law itself."""
    return np.random.default_rng(0).multinomial(DRAWS, p / p.sum())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("shape", [flat, skewed])
def test_planted_faults_are_caught(shape, fault, surprise):
    p = exact(shape())
    assert worst(surprise, law(FAULTS[fault](p)), p) > 1


@pytest.mark.parametrize("shape", [flat, skewed])
def test_a_right_sampler_is_left_alone(shape, surprise):
    p = exact(shape())
    assert worst(surprise, law(p), p) < 1


def test_one_impossible_draw_is_caught(surprise):
    p = exact(skewed())
    counts = law(p)
    counts[p.argmin()] += 1
    assert surprise(counts, p) == np.inf


@pytest.mark.parametrize(("groups", "error"), [(CLASSES, 0.025), (CLASSES // BLOCK, 0.01)])
def test_power(groups, error):
    """A mean square error e adds n e² to chi-square in the mean."""
    threshold = scipy.stats.chi2.isf(1e-8, groups - 1)
    assert scipy.stats.ncx2.cdf(threshold, groups - 1, DRAWS * error**2) < 1e-9

"""The sampler is exact: chi-square at 10⁷ draws, and an audit of 2¹⁷ classes.

Each chi-square test raises a false alarm with probability 10⁻⁸. Rare classes are
merged, and classes of probability 0 must not occur at all. A sampler that gives
0.2 % of its draws uniformly to eight classes is missed with probability below
10⁻⁹ (it is one of the planted faults). ``test_many_classes.py`` counts 10⁷ draws
of 2¹⁷ classes too, which takes minutes.
"""

import numpy as np
import pytest
import torch

from reinmax_ref.torch import reinmax, reinmax_bernoulli
from reinmax_ref.torch.sampling import sample_rows

DRAWS = 10**7
BELOW_ONE = 1 - 2**-53
pytestmark = pytest.mark.usefixtures("one_thread")


def exact(logits):
    x = logits.double()
    return x.softmax(-1).numpy()


def skewed(classes, dtype):
    """Logits over 40 units, a third of the classes masked or with probabilities that underflow."""
    x = torch.linspace(0, -40, classes)[torch.randperm(classes, generator=torch.Generator().manual_seed(1))]
    if classes > 2:
        x[1::6] = -torch.inf
        x[2::6] = -300.0
    return x.to(dtype)


def flat(classes, dtype):
    return torch.randn(classes, generator=torch.Generator().manual_seed(2)).to(dtype)


def count_op(logits, draws, batch):
    rows = logits.expand(batch, -1).contiguous()
    counts = torch.zeros(logits.shape[-1], dtype=torch.float64)
    for _ in range(draws // batch):
        counts += reinmax(rows).hard.sum(0, dtype=torch.float32)
    return counts.numpy()


BOTH = pytest.mark.parametrize(("shape", "dtype"), [(flat, torch.float32), (skewed, torch.bfloat16)])


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("classes", [2, 8])
def test_few_classes_at_ten_million_draws(classes, shape, dtype, surprise):
    torch.manual_seed(0)
    logits = shape(classes, dtype)
    assert surprise(count_op(logits, DRAWS, 100_000), exact(logits)) < 1


@pytest.mark.slow
@BOTH
def test_thousand_classes_at_ten_million_draws(shape, dtype, count_rows, surprise):
    torch.manual_seed(0)
    logits = shape(1000, dtype)
    assert surprise(count_rows(logits, DRAWS, 5_000), exact(logits)) < 1


@pytest.mark.parametrize("classes", [3, 17, 64, 1000, 5000])
@pytest.mark.parametrize("rows", [1, 700])
def test_every_layout(classes, rows, count_rows, surprise):
    """Few and many rows, one step and two, a last block that is short."""
    torch.manual_seed(0)
    logits = skewed(classes, torch.float32)
    assert surprise(count_rows(logits, 5_000 if rows == 1 else 100_100, rows), exact(logits)) < 1


@pytest.mark.slow
@pytest.mark.parametrize("shape", [flat, skewed])
def test_audit_of_the_intervals_of_2_to_17_classes(shape):
    """Each class owns its exact interval of u, up to 1e-6 of the whole line's rounding.

    Each interval by itself, where counting sees a few per cent of its width: the map from
    u to the class is checked just inside both ends of the intervals of 20,000 classes.
    """
    classes, margin = 2**17, 1e-6
    p = shape(classes, torch.float32).softmax(-1)
    cdf = p.double().cumsum(0)
    cdf /= cdf[-1].clone()
    low, high = torch.cat([torch.zeros(1), cdf[:-1]]), cdf
    wide = torch.nonzero(high - low > 4 * margin)[:, 0]
    wide = wide[:: 1 + len(wide) // 20_000]
    assert len(wide) > 1000
    rows = p.expand(64, -1).contiguous()
    for chunk in wide.split(64):
        for u in (low[chunk] + margin, high[chunk] - margin):
            index, _ = sample_rows(rows[: len(chunk)], u)
            assert index.tolist() == chunk.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_2_to_17_classes_at_random(dtype, count_rows, surprise):
    torch.manual_seed(0)
    logits = (2 * flat(2**17, torch.float32)).to(dtype)
    logits[::2] = -torch.inf
    assert surprise(count_rows(logits, 64 * 300, 64), exact(logits)) < 1


@pytest.mark.parametrize("classes", [1, 2, 8, 9, 16, 17, 100, 129, 5000])
@pytest.mark.parametrize("rows", [1, 600])
@pytest.mark.parametrize("u", [0.0, 5e-324, 0.5, BELOW_ONE])
def test_zero_weight_is_never_drawn_at_the_ends(classes, rows, u):
    generator = torch.Generator().manual_seed(classes)
    p = torch.rand(rows, classes, generator=generator)
    p = (p * (p > 0.7)).index_fill_(1, torch.tensor([classes // 2]), 1e-30)
    index, total = sample_rows(p, torch.full((rows,), u, dtype=torch.float64))
    assert (p.gather(1, index[:, None]) > 0).all()
    error = (total - p.double().sum(1)).abs()
    assert (error <= 128 * torch.finfo(p.dtype).eps * total).all()  # 128 numbers are added in float32


@pytest.mark.parametrize("classes", [5, 200, 3000])
def test_probabilities_far_below_float32_resolution(classes):
    """A weight of 2⁻⁴⁰ beside 1 owns its interval of the float64 line exactly."""
    p = torch.zeros(600, classes)
    p[:, 0], p[:, -1] = 1, 2**-40
    edge = 1 / (1 + 2**-40)
    for u, expected in ((edge - 2**-52, 0), (edge + 2**-52, classes - 1)):
        index, _ = sample_rows(p, torch.full((600,), u, dtype=torch.float64))
        assert (index == expected).all()


@pytest.mark.slow
def test_bernoulli_at_ten_million_draws(surprise):
    torch.manual_seed(0)
    logits = torch.tensor([-16.0, -3.0, 0.0, 0.3, 17.0, -torch.inf, torch.inf])
    rows = logits.expand(20_000, -1)
    ones = sum(reinmax_bernoulli(rows).hard.sum(0, dtype=torch.float64) for _ in range(500)).numpy()
    for k, p in zip(ones, logits.double().sigmoid().numpy(), strict=True):
        assert min(surprise(np.array([k, DRAWS - k]), [p, 1 - p]), 2) < 1


def test_generator_and_seed_decide():
    logits = torch.randn(50, 9)
    first = reinmax(logits, generator=torch.Generator().manual_seed(5)).hard
    assert first.equal(reinmax(logits, generator=torch.Generator().manual_seed(5)).hard)
    torch.manual_seed(6)
    second = reinmax(logits).hard
    torch.manual_seed(6)
    assert second.equal(reinmax(logits).hard)
    assert (first != second).any()


FAULTS = {
    "tempered-sampler": lambda x: (x / 1.1).softmax(-1),
    "one part in five hundred uniform": lambda x: 0.998 * x.softmax(-1) + 0.002 / x.shape[-1],
    "a masked class once in a million": lambda x: x.softmax(-1).clamp(min=1e-6),
    "probabilities-as-logits": lambda x: x.softmax(-1).softmax(-1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_caught(fault, surprise):
    """The counts of a wrong sampler with these probabilities, by the multinomial law itself."""
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0, -0.5, 0.3, -torch.inf, -4.0])
    wrong = FAULTS[fault](logits).double().numpy()
    counts = np.random.default_rng(0).multinomial(DRAWS, wrong / wrong.sum())
    assert surprise(counts, exact(logits)) > 1


def test_argmax_is_caught(surprise):
    counts = np.array([0, DRAWS])
    assert surprise(counts, [0.4, 0.6]) > 1

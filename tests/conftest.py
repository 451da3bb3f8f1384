"""What several test files judge by: the rounding of gradients, and the chi-square of counts."""

import numpy as np
import pytest
import scipy.stats

EPS = 16
FALSE_ALARM = 1e-8
LEAST = 50  # draws expected of a group: the law of chi-square is far from exact below


def _deviation(actual, expected):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    bound = EPS * np.finfo(actual.dtype).eps * np.abs(expected).max(initial=0)
    error = np.abs(actual.astype(float) - expected).max(initial=0)
    return 0.0 if error == 0 else float(error / bound)


@pytest.fixture(scope="session")
def deviation():
    """Give a function (actual, expected) → largest error of a gradient in units of its bound.

    The bound is 16 eps of the actual gradient's dtype times its largest entry:
    some eight roundings on each side, of exponents, sums and products. It is for
    cotangents of mean zero, which cancel no more than a digit of the largest entry.
    """
    return _deviation


def _grouped(counts, expected):
    """Merge classes of like expectation, the rarest first, until they are expected LEAST times together.

    A class expected so often stays alone; what the rarest sum to may be less.
    """
    order = np.argsort(expected)
    group = (np.cumsum(expected[order]) / LEAST).astype(int)
    counts, expected = (np.bincount(group, a[order]) for a in (counts, expected))
    return counts[expected > 0], expected[expected > 0]


def _surprise(counts, p):
    counts = np.asarray(counts, float)
    expected = counts.sum() * np.asarray(p, float)
    if counts[expected == 0].any():
        return np.inf
    counts, expected = _grouped(counts, expected)
    if expected[0] < LEAST:  # a Poisson count of its own
        if scipy.stats.poisson.sf(counts[0] - 1, expected[0]) < FALSE_ALARM:
            return np.inf
        counts, expected = counts[1:], expected[1:]
    statistic = ((counts - expected) ** 2 / expected).sum()
    return statistic / scipy.stats.chi2.isf(FALSE_ALARM, max(1, len(counts) - 1))


@pytest.fixture(scope="session")
def surprise():
    """Give a function (counts, p) → chi-square of the counts over its threshold, inf for an impossible draw.

    A right sampler comes above 1 with probability 10⁻⁸.
    """
    return _surprise


@pytest.fixture
def one_thread():
    """Let torch use one thread: two on small tensors wait for each other more than they work."""
    import torch  # noqa: PLC0415  most tests need no torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def count_rows():
    """Give a function (logits, draws, batch) → counts of what the torch op's sampler draws.

    It goes without the cost of softmax and one-hot rows: given the op's
    probabilities, it calls what the op calls.
    """
    import torch  # noqa: PLC0415  most tests need no torch

    from reinmax_ref.torch.sampling import sample_rows, uniforms  # noqa: PLC0415

    def count(logits, draws, batch):
        p = logits.float().softmax(-1).expand(batch, -1).contiguous()
        drawn = torch.empty(draws // batch, batch, dtype=torch.int64)
        for row in drawn:
            row.copy_(sample_rows(p, uniforms(row.shape, p.device, None))[0])
        return drawn.view(-1).bincount(minlength=p.shape[1]).numpy()

    return count

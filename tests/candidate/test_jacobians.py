"""The matrix of a gradient from one call: right in every framework and form, and its checks can fail."""

import numpy as np
import pytest
import torch

import reinmax_ref.jax
import reinmax_ref.torch
from reinmax_ref import reinmax
from reinmax_ref.estimators.bernoulli import bernoulli
from verify.candidate import wrap
from verify.candidate.jacobians import find_excess, find_spread, jacobian
from verify.oracle.definitions import reinmax_gradient


def _exact(logits, tau, found):
    every = [np.broadcast_to(e, logits.shape) for e in np.eye(logits.shape[-1])]
    onehot = np.eye(logits.shape[-1])[found.index]
    zero = np.zeros_like(logits)
    return np.stack([reinmax_gradient(logits, tau, onehot, e, zero) for e in every], axis=-2)


@pytest.mark.parametrize("shape", [(4,), (6, 3), (2, 3, 5)])
@pytest.mark.parametrize("op", [reinmax, reinmax_ref.torch.reinmax, reinmax_ref.jax.reinmax])
def test_the_matrix_holds_the_gradient_of_every_basis_cotangent(op, shape):
    logits = np.random.default_rng(0).standard_normal(shape)
    found = jacobian(wrap(op), logits, 1.5, seed=3, soft=True)
    np.testing.assert_allclose(found.matrix, _exact(logits, 1.5, found).astype(float), atol=1e-14)
    p = np.asarray(found.soft)
    np.testing.assert_allclose(
        found.soft_matrix, p[..., None] * (np.eye(shape[-1]) - p[..., None, :]), atol=1e-14
    )


def test_bits_are_seen_as_pairs():
    logits = np.random.default_rng(1).standard_normal((8, 2))
    found = jacobian(wrap(bernoulli, binary=True), logits, seed=0)
    assert found.matrix.shape == (8, 2, 2)
    np.testing.assert_allclose(found.matrix, _exact(logits, 1.0, found).astype(float), atol=1e-14)


def test_it_is_one_call():
    calls = []

    def op(logits, tau=1.0):
        calls.append(1)
        return reinmax_ref.torch.reinmax(logits, tau)

    candidate = wrap(op, "torch")
    calls.clear()
    jacobian(candidate, np.zeros((2, 4)), seed=0)
    assert len(calls) == 1


def test_one_row_at_a_time_and_classes_first():
    def vector(logits, tau=1.0):
        if logits.ndim != 1:
            raise ValueError("expected a vector")
        return reinmax_ref.torch.reinmax(logits, tau)

    def first(logits, tau=1.0):
        return reinmax_ref.torch.reinmax(logits, tau, dim=1)

    for candidate in (wrap(vector, "torch"), wrap(first, "torch", axis=1)):
        logits = np.random.default_rng(2).standard_normal((3, 5))
        found = jacobian(candidate, logits, 2.0, seed=1)
        np.testing.assert_allclose(found.matrix, _exact(logits, 2.0, found).astype(float), atol=1e-14)


def _coupled(logits, tau=1.0):
    hard, soft = reinmax_ref.torch.reinmax(logits, tau)
    return hard + (soft.mean(0, keepdim=True) - soft.mean(0, keepdim=True).detach()), soft


class _Clipped(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return x.clone()

    @staticmethod
    def backward(_, g):
        return g.clamp(-1, 1)


def _clipped(logits, tau=1.0):
    hard, soft = reinmax_ref.torch.reinmax(logits, tau)
    return _Clipped.apply(hard), soft


@pytest.mark.parametrize(
    ("op", "table"), [(reinmax_ref.torch.reinmax, True), (_coupled, False), (_clipped, False)]
)
def test_excess_shows_rows_that_mix_and_what_is_not_linear(op, table):
    rng = np.random.default_rng(0)
    logits, g = rng.standard_normal((2, 9, 4))
    found = jacobian(wrap(op, "torch"), logits, seed=0, besides=3 * g)
    assert (find_excess(found, 3 * g) < 1e-13) == table


def test_excess_needs_the_gradient():
    with pytest.raises(ValueError, match="besides"):
        find_excess(jacobian(wrap(reinmax), np.zeros((1, 3)), seed=0), np.zeros((1, 3)))


def test_spread_shows_noise_besides_the_sample():
    def noisy(logits, tau=1.0):
        return torch.nn.functional.gumbel_softmax(logits, tau, hard=True)

    rows = np.zeros((64, 4))
    steady, found = (jacobian(wrap(op, "torch"), rows, seed=0) for op in (reinmax_ref.torch.reinmax, noisy))
    assert find_spread(steady.index, steady.matrix) < 1e-15
    assert find_spread(found.index, found.matrix) > 0.01

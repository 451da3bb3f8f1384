"""NumPy estimators through torch: the same numbers as NumPy gives."""

import numpy as np
import pytest
import torch

import reinmax_ref
from reinmax_ref.protocol import find
from reinmax_ref.torch import from_reference, reinmax

ESTIMATORS = [reinmax_ref.reinmax, reinmax_ref.straight_through]
X = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
G = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
H = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
@pytest.mark.parametrize("dim", [-1, 0, 1])
@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_is_the_numpy_estimator(estimator, dim, tau):
    index = X.argmin(dim)
    draw = estimator(X.numpy(), tau, axis=dim, index=index.numpy())
    x = X.clone().requires_grad_()
    hard, soft = from_reference(estimator)(x, tau, dim=dim, index=index)
    np.testing.assert_array_equal(hard.detach(), draw.hard)
    np.testing.assert_array_equal(soft.detach(), draw.soft)
    for outputs, cotangents, expected in (
        ((hard, soft), (G, H), draw.vjp(G.numpy(), H.numpy())),
        ((hard,), (G,), draw.vjp(G.numpy())),
        ((soft,), (H,), draw.vjp(np.zeros_like(G), H.numpy())),
    ):
        actual = torch.autograd.grad(outputs, x, cotangents, retain_graph=True)[0]
        np.testing.assert_array_equal(actual, expected)


def test_agrees_with_the_native_op_and_a_wrong_one_would_not():
    index = X.argmax(-1)
    x = X.clone().requires_grad_()
    native = torch.autograd.grad(reinmax(x, 1.5, index=index).hard, x, G)[0]
    for estimator, agrees in zip(ESTIMATORS, (True, False), strict=True):
        hard, _ = from_reference(estimator)(x, 1.5, index=index)
        gradient = torch.autograd.grad(hard, x, G)[0]
        assert torch.allclose(gradient, native, rtol=1e-12, atol=1e-14) is agrees


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_dtype_is_kept(dtype):
    x = X.to(dtype).requires_grad_()
    hard, soft = from_reference(reinmax_ref.reinmax)(x)
    (hard * G.to(dtype)).sum().backward()
    assert hard.dtype == soft.dtype == x.grad.dtype == dtype


def test_randomness_comes_from_torch():
    fn = from_reference(reinmax_ref.reinmax)
    rows = torch.zeros(200, 4)
    torch.manual_seed(3)
    first = fn(rows).hard
    second = fn(rows).hard
    torch.manual_seed(3)
    assert (fn(rows).hard == first).all()
    assert (first != second).any()
    with_generator = [fn(rows, generator=torch.Generator().manual_seed(9)).hard for _ in range(2)]
    assert (with_generator[0] == with_generator[1]).all()


@pytest.mark.parametrize("name", ["reinforce", "muprop", "arm", "bernoulli"])
def test_an_estimator_that_is_no_pullback_of_a_category_is_refused(name):
    with pytest.raises(TypeError, match="expected one that pulls"):
        from_reference(find(name))

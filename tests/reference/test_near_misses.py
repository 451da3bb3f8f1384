"""Faults so small or so rare that only a test made for them sees them."""

from fractions import Fraction

import numpy as np
import pytest

import reinmax_ref.torch as ours
from reinmax_ref import algebra, reinmax, straight_through
from reinmax_ref.categorical import choose
from verify.oracle.definitions import reinmax_gradient

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("tau", [1 + 1e-3, 1 - 1e-3, 1 + 1e-4, 1 - 1e-6])
def test_a_temperature_near_one_is_not_one(tau):
    theta, g, onehot = np.array([0.5, -1.0, 2.0, 0.0]), np.array([1.0, -3.0, 2.0, 5.0]), np.eye(4)[1]
    exact = reinmax_gradient(theta, tau, onehot, g, 0 * g)
    found = [reinmax(theta, tau, index=1).vjp(g)]
    x = torch.tensor(theta, requires_grad=True)
    ours.reinmax(x, tau, index=torch.tensor(1))[0].backward(torch.tensor(g))
    at_one = reinmax(theta, index=1).vjp(g)
    for gradient in (*found, x.grad.numpy()):
        # Rounding costs 32 eps times the conditioning 3 and the largest cotangent 5, far less than τ does.
        assert np.abs(gradient - exact).max() <= 32 * 2.0**-52 * 3 * 5
        assert np.abs(gradient - at_one).max() > abs(tau - 1) / 100


def test_the_soft_cotangent_of_rao_keeps_the_half_term():
    p, y = (np.array([Fraction(k, 10) for k in row], dtype=object) for row in ([1, 4, 5], [7, 2, 1]))
    g, h = (np.array([Fraction(k) for k in row], dtype=object) for row in ([3, -1, 4], [1, 5, -2]))
    whole = 2 * (np.diag(y) - np.outer(y, y)) @ g / Fraction(3, 2)
    jacobian = np.diag(p) - np.outer(p, p)
    assert (algebra.rao_vjp(p, y, g, tau=Fraction(3, 2)) == whole - jacobian @ g / 2).all()
    assert (algebra.rao_vjp(p, y, g, h, tau=Fraction(3, 2)) == whole - jacobian @ g / 2 + jacobian @ h).all()


@pytest.mark.parametrize("op", [reinmax, straight_through])
@pytest.mark.parametrize("row", [0, 1, 6, 9999])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", ["hard", "soft"])
def test_one_bad_cotangent_in_any_row_is_refused(op, row, bad, which):
    good = np.ones((10_000, 3))
    spoiled = good.copy()
    spoiled[row, 2] = bad
    draw = op(np.zeros((10_000, 3)), 2.0, rng=0)
    with pytest.raises(ValueError, match=f"grad_{which} holds NaN or an infinity"):
        draw.vjp(*((spoiled, good) if which == "hard" else (good, spoiled)))


@pytest.mark.parametrize("row", [0, 1, 6])
def test_one_masked_row_among_others_is_named_as_that(row):
    logits = np.zeros((7, 3))
    logits[:, 0] = -np.inf
    logits[row] = -np.inf
    with pytest.raises(ValueError, match=f"row {row} are all -inf"):
        reinmax(logits)
    with pytest.raises(ValueError, match="-inf in every class"):
        ours.reinmax(torch.tensor(logits))


def exact_choice(mass, u):
    """The first class whose cumulative mass exceeds u times the whole, in fractions."""
    total, reached = Fraction(float(u)) * sum(Fraction(float(m)) for m in mass), Fraction(0)
    for k, m in enumerate(mass):
        reached += Fraction(float(m))
        if reached > total:
            return k
    raise AssertionError


@pytest.mark.parametrize("classes", [5, 16, 17, 300])
def test_float32_masses_are_summed_in_float64(classes):
    """The uniform numbers lie 1e-10 beside the bounds of the classes, where a sum in float32 errs by 1e-8."""
    mass = np.random.default_rng(classes).random(classes).astype(np.float32)
    bounds = np.cumsum([Fraction(float(m)) for m in mass])
    near = np.array([float(b / bounds[-1]) for b in bounds[:-1]])
    uniforms = np.concatenate([near - 1e-10, near + 1e-10])
    found = choose(np.broadcast_to(mass, (len(uniforms), classes)), uniforms)
    assert found.tolist() == [exact_choice(mass, u) for u in uniforms]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_sample_takes_the_float64_uniforms_of_its_generator(dtype):
    logits = np.zeros((2000, 4), dtype)
    expected = (np.random.default_rng(7).random(2000) * 4).astype(int)
    assert (reinmax(logits, rng=7).index == expected).all()
    single = (np.random.default_rng(7).random(2000, dtype=np.float32) * 4).astype(int)
    assert (single != expected).any()  # so that float32 would be seen

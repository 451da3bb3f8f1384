"""The order of accuracy of known estimators, and of planted faults."""

import numpy as np
import pytest
import reinmax as official

import reinmax_ref
from reinmax_ref.estimators import names
from verify import objectives
from verify.lab.moments import moments
from verify.lab.order import order
from verify.oracle.convergence import epsilons, study
from verify.oracle.enumeration import exact_gradient


def in_float32(estimator):
    """An implementation that computes in float32 whatever it is given."""

    def op(logits, tau, rng):
        return estimator(logits.astype(np.float32), tau, rng=rng)

    return op


KNOWN = {"straight_through": 1, "reinmax": 2}


@pytest.mark.parametrize("name", KNOWN)
def test_known_orders(name):
    found = order(name)
    assert abs(found.order - KNOWN[name]) < 0.001
    assert found.uncertainty < 0.01
    assert len(found.table) == 10
    assert found.table[-1].local_order == pytest.approx(KNOWN[name], abs=0.001)
    assert np.isnan(found.table[0].local_order)
    assert found.explanation == "all 10 levels fitted"


@pytest.mark.parametrize("name", KNOWN)
def test_known_orders_in_float32(name):
    found = order(in_float32(getattr(reinmax_ref, name)))
    assert abs(found.order - KNOWN[name]) < 0.02
    assert found.uncertainty < 0.02
    assert len(found.table) == 8


def test_the_order_of_an_implementation_from_outside():
    for op, known in ((official.reinmax, 2), (reinmax_ref.reinmax, 2), (reinmax_ref.straight_through, 1)):
        assert abs(order(op).order - known) < 0.02


def test_an_implementation_has_no_order_at_another_temperature():
    with pytest.raises(ValueError, match="tau = 1, where"):
        order(reinmax_ref.reinmax, 1.5)


@pytest.mark.parametrize("name", KNOWN)
def test_known_orders_on_another_objective_and_logits(name):
    f = objectives.tanh_network(2, 3, scale=0.5, rng=0)
    found = order(name, objective=f, logits=np.random.default_rng(0).standard_normal((2, 3)))
    assert abs(found.order - KNOWN[name]) < 0.02


def mean_of(f, theta):
    return moments("reinmax", f, theta).mean


FAULTS = {
    "sign flip": lambda f, theta: -mean_of(f, theta),
    "severed": lambda _, theta: np.zeros_like(theta),
    "half": lambda f, theta: mean_of(f, theta) / 2,
    "inverse tau": lambda f, theta: moments("reinmax", f, theta, 1.5).mean / 1.5,
    "tempered": lambda f, theta: moments("reinmax", f, theta, 1.5).mean,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_estimators_have_order_zero(fault):
    found = study(FAULTS[fault])
    assert abs(found.order) < 0.02


def test_an_unbiased_estimator_has_no_slope():
    for dtype in (np.float32, np.float64):
        found = study(lambda f, theta, dtype=dtype: exact_gradient(f, theta).astype(dtype), dtype=dtype)
        assert found.order == np.inf
        assert "unbiased as far as" in found.explanation
        assert np.isnan([level.local_order for level in found.table]).all()


def test_levels_at_rounding_are_left_out():
    """A bias of ε⁴/2 is above 32 eps down to 2^−11 and below from 2^−12 on."""
    found = study(lambda f, theta: exact_gradient(f, theta) * (1 + f.epsilon**4 / 2), levels=16)
    assert found.order == pytest.approx(4, abs=0.02)
    assert found.explanation.startswith("12 of 16 levels")


def test_levels_follow_the_dtype():
    assert epsilons(np.float64)[-1] == 2.0**-12
    assert len(epsilons(np.float64, 16)) == 16
    assert len(epsilons(np.float32)) == 8
    with pytest.raises(ValueError, match="float16 leaves 1 halvings"):
        epsilons(np.float16)
    with pytest.raises(ValueError, match="at least 8"):
        epsilons(np.float64, 5)


def test_unusable_means_are_refused():
    with pytest.raises(ValueError, match="shape"):
        study(lambda _, theta: theta[:-1])
    with pytest.raises(ValueError, match="not finite"):
        study(lambda _, theta: theta * np.nan)


@pytest.mark.parametrize("name", names())
def test_every_named_estimator_has_a_study(name):
    found = order(name, tau=0.5, levels=8)
    assert found.table
    assert found.order >= -0.1

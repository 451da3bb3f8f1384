"""Samplers: each planted fault is found, and right ones pass."""

import numpy as np
import pytest

from tests.mutants.torch_dependent import DEPENDENT, with_generator
from tests.mutants.torch_sampler import RIGHT, SLIPS, op
from verify.candidate import wrap
from verify.conformance.checks.independence import check_freshness, check_row_correlation
from verify.conformance.checks.sampler import check_sampler

CHECKS = {"sampler": check_sampler, "freshness": check_freshness, "row-correlation": check_row_correlation}
BY_NAME = SLIPS | DEPENDENT


def outcomes(fn, seed=0, checks=tuple(CHECKS), **options):
    candidate = wrap(fn, framework="torch")
    with candidate.framework.keeping():
        return {name: CHECKS[name](candidate, np.random.default_rng(seed), **options) for name in checks}


def failed(found):
    return {name for name, outcome in found.items() if outcome.status == "fail"}


@pytest.mark.parametrize("name", SLIPS)
def test_a_wrong_distribution_is_found(name):
    found = outcomes(op(SLIPS[name]), checks=["sampler"])
    assert failed(found), found


@pytest.mark.parametrize("name", DEPENDENT)
def test_dependent_draws_are_found(name):
    found = outcomes(op(DEPENDENT[name]), checks=["freshness", "row-correlation"])
    assert failed(found), found


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_NAME)
def test_a_fault_is_found_at_every_seed(name):
    for seed in range(1, 11):
        found = outcomes(op(BY_NAME[name]), seed)
        assert failed(found), (seed, found)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_sampler_passes(name):
    found = outcomes(op(RIGHT[name]))
    assert {outcome.status for outcome in found.values()} == {"pass"}, found


@pytest.mark.slow
def test_no_false_alarm_in_a_hundred_runs():
    for run in range(100):
        name = list(RIGHT)[run % len(RIGHT)]
        found = outcomes(op(RIGHT[name]), 1000 + run)
        assert {outcome.status for outcome in found.values()} == {"pass"}, (name, run, found)


@pytest.mark.parametrize("kind", ["ignored", "copied", "put back"])
def test_a_generator_that_is_not_used_is_found(kind):
    assert failed(outcomes(with_generator(kind), checks=["freshness"]))
    assert not failed(outcomes(with_generator("used"), checks=["freshness"]))

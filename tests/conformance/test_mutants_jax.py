"""Planted faults and right styles in JAX."""

import pytest

from tests.mutants.jax_mutants import everything as mutants
from tests.mutants.jax_styles import everything as styles
from tests.mutants.selftest import Kill
from verify.candidate.frameworks import detect
from verify.conformance import check_candidate


@pytest.mark.slow
@pytest.mark.parametrize("style", list(styles()), ids=lambda s: s.name)
def test_right_implementations_conform(style):
    report = check_candidate(style.candidate())
    assert report.verdict == "conforms", str(report)
    assert detect(style.fn) == "jax"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", list(mutants()), ids=lambda m: m.name)
def test_mutant_is_killed_and_named(mutant):
    assert Kill(mutant, check_candidate(mutant.candidate())).right

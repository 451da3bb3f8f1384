"""Planted faults and right styles in JAX."""

import pytest

from verify.conformance import check_candidate
from verify.frameworks import detect
from verify.mutants.jax_mutants import everything as mutants
from verify.mutants.jax_styles import everything as styles
from verify.mutants.selftest import Kill


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

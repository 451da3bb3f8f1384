"""The tester tested: every planted fault is found, and every published mistake named."""

import numpy as np
import pytest
import torch

from tests.mutants import SelfTest, catalogue
from tests.mutants.__main__ import main
from tests.mutants.catalogue import Mutant
from tests.mutants.forge import forge, terms
from tests.mutants.selftest import Kill
from verify.conformance import check_candidate
from verify.conformance.checks import CHECKS, find
from verify.conformance.diagnosis import CODES

MUTANTS = [m for m in catalogue() if m.framework != "jax"]


@pytest.fixture(scope="module")
def kills():
    found = {}

    def kill(mutant):
        if mutant.name not in found:
            found[mutant.name] = Kill(mutant, check_candidate(mutant.candidate()))
        return found[mutant.name]

    return kill


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_mutant_is_killed_and_named(mutant, kills):
    kill = kills(mutant)
    assert kill.killed, str(kill.report)
    assert kill.missing == (), str(kill.report)
    assert kill.false == (), str(kill.report)


def test_catalogue_is_large_and_holds_every_published_mistake():
    assert len(MUTANTS) >= 60
    assert set(CODES) <= {code for mutant in MUTANTS for code in mutant.codes}


def test_every_check_fails_or_warns_for_some_mutant(kills):
    found = [kills(mutant) for mutant in MUTANTS]
    test = SelfTest(tuple(found), ())
    assert test.idle == ()
    assert test.problems == ()
    warned = {m.warns for m in MUTANTS if m.warns}
    assert warned == {c.name for c in CHECKS if c.kind == "robustness"} - {"bfloat16"}


def test_bfloat16_warns_for_a_planted_fault():
    def op(logits, tau=1.0):
        del tau
        if logits.dtype == torch.bfloat16:
            logits = logits * 1.2
        p = logits.softmax(-1)
        return torch.nn.functional.one_hot(torch.multinomial(p, 1)[:, 0], p.shape[-1]).to(p.dtype), p

    status = find("bfloat16").function(
        Mutant("", op, framework="torch").candidate(), np.random.default_rng(0)
    )
    assert status.status == "fail"


@pytest.mark.parametrize(
    ("codes", "says", "problem"),
    [
        (("sign-flip",), "", "was not named sign-flip"),
        (("missing-half-term",), "of the moon", "was not named of the moon"),
        ((), "", "was named missing-half-term without cause"),
    ],
)
def test_a_wrong_diagnosis_is_a_problem(codes, says, problem):
    mutant = Mutant("half", forge(terms(2, 0)), codes, says)
    kill = Kill(mutant, check_candidate(mutant.candidate()))
    assert kill.killed
    assert not kill.right
    assert f"half {problem}" in " ".join(SelfTest((kill,), ()).problems)


def test_a_survivor_is_a_problem():
    mutant = Mutant("right after all", forge(), ("sign-flip",))
    kill = Kill(mutant, check_candidate(mutant.candidate()))
    assert "right after all survived" in SelfTest((kill,), ()).problems
    assert "right after all" in SelfTest((kill,), (kill,)).to_text()


def test_the_command_that_prints_the_matrix_fails_with_a_survivor(monkeypatch, capsys):
    mutant = Mutant("survivor", forge())
    kill = Kill(mutant, check_candidate(mutant.candidate()))
    monkeypatch.setattr("tests.mutants.__main__.self_test", lambda: SelfTest((kill,), ()))
    assert main() == 1
    assert "survivor survived" in capsys.readouterr().out

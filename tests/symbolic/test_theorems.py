"""Every theorem is proved, and refuses what is false; so does every device the proofs rest on."""

import ast
import doctest
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import verify.symbolic.theorems as package
from reinmax_ref import algebra
from verify.symbolic import reinmax, softmax_vjp, straight_through
from verify.symbolic.any_number import means
from verify.symbolic.certificate import normal_form, vanishing
from verify.symbolic.classes import entrywise, total
from verify.symbolic.patterns import by_pattern, by_sample, directly, index_patterns, mean_of, merging, truth
from verify.symbolic.theorems import Certificate, prove, refute, theorem, theorems
from verify.symbolic.theorems.baseline import with_baseline
from verify.symbolic.theorems.forms import pairwise, rank_one

PROMISED = {
    "algorithm-2",
    "simplified-form",
    "straight-through-linear",
    "straight-through-error",
    "reinmax-quadratic",
    "reinmax-error",
    "temperature-bias",
    "several-variables",
    "bernoulli",
    "rank-one-form",
    "uniform-baseline",
}


def test_the_promised_theorems_are_there_once_each():
    assert len(theorems()) == len(set(theorems()))
    assert set(theorems()) == PROMISED


@pytest.mark.parametrize("name", theorems())
def test_theorem_is_proved(name):
    certificate = prove(name)
    assert certificate.proved
    assert certificate.residual == 0
    assert [check.claim for check in certificate.checks if not check.holds] == []
    assert certificate.seconds > 0
    text = str(certificate)
    assert text.startswith(f"{name}: proved in ")
    for part in (certificate.statement, certificate.classes, *certificate.hypotheses):
        assert part
        assert part in text


@pytest.mark.parametrize("name", theorems())
def test_planted_falsehood_is_refused(name):
    certificate = refute(name)
    assert not certificate.proved
    assert certificate.residual != 0
    # The residual is a different function and not merely another way to write zero.
    values = {
        s: sp.Rational(k + 2, 3 * k + 7)
        for k, s in enumerate(sorted(certificate.residual.free_symbols, key=str))
    }
    assert certificate.residual.subs(values) != 0
    assert "REFUSED" in str(certificate)
    assert str(certificate.residual) in str(certificate)


TAU = sp.Symbol("tau", positive=True)
MINUS_HALF = -sp.Rational(1, 2)


def refuses(name, formula):
    """Whether a check of the theorem fails; stops at the first that does."""
    return any(not check.holds for check in theorem(name).check(formula))


def combine(*terms):
    return tuple(sp.Add(*parts) for parts in zip(*terms, strict=True))


def scaled(weight, vector):
    return tuple(weight * v for v in vector)


def mistaken(tempered=2, plain=MINUS_HALF, soft=1, half="p"):
    """The closed definition with other weights, or another distribution in the half term."""

    def sample(p, p_tau, onehot, g, h):
        q = tuple((a + b) / 2 for a, b in zip(p_tau, onehot, strict=True))
        return combine(
            scaled(tempered, softmax_vjp(q, g)),
            scaled(plain, softmax_vjp({"p": p, "p_tau": p_tau, "q": q}[half], g)),
            scaled(soft, softmax_vjp(p, h)),
        )

    return sample


MISTAKES = {
    "missing-half-term": mistaken(plain=0),
    "missing-factor-two": mistaken(tempered=1),
    "inverse-tau-scale": mistaken(tempered=2 / TAU, plain=-1 / (2 * TAU), soft=1 / TAU),
    "tempered-half-term": mistaken(half="p_tau"),
    "half-term-at-q": mistaken(half="q"),
    "soft-dropped": mistaken(soft=0),
    "soft-doubled": mistaken(soft=2),
    "straight-through": mistaken(tempered=0, plain=1),
    "severed": mistaken(tempered=0, plain=0, soft=0),
}


def test_the_unmistaken_form_passes():
    # Without this the refusals below could all come from the helper.
    assert theorem("algorithm-2").prove(mistaken()).proved


@pytest.mark.parametrize("code", MISTAKES)
def test_algorithm_2_refuses_every_known_mistake(code):
    assert refuses("algorithm-2", MISTAKES[code])


@pytest.mark.parametrize("code", sorted(set(MISTAKES) - {"inverse-tau-scale"}))
def test_simplified_form_refuses_every_known_mistake(code):
    def vjp(p, p_tau, onehot, grad_hard, grad_soft):
        zero = [0] * len(p)
        return np.array(
            MISTAKES[code](
                *map(tuple, (p, p_tau, onehot, grad_hard, zero if grad_soft is None else grad_soft))
            )
        )

    assert refuses("simplified-form", vjp)


def test_simplified_form_tests_both_branches():
    general, at_one = "any τ", "τ = 1"

    def wrong_in(branch):
        def vjp(p, p_tau, *rest):
            right = algebra.reinmax_vjp(p, p_tau, *rest)
            return right if (p_tau is p) != (branch == at_one) else 2 * right

        return theorem("simplified-form").prove(vjp)

    for branch in (general, at_one):
        failed = {check.claim.split(",")[0] for check in wrong_in(branch).checks if not check.holds}
        assert failed == {branch}


def estimator(code):
    """A mistaken ReinMax at τ = 1 as an estimator."""
    return lambda p, onehot, g: MISTAKES[code](p, p, onehot, g, (sp.S.Zero,) * len(p))


@pytest.mark.parametrize("code", ["missing-half-term", "missing-factor-two", "half-term-at-q", "severed"])
def test_quadratic_exactness_refuses_every_known_mistake(code):
    assert refuses("reinmax-quadratic", estimator(code))


def test_straight_through_passes_on_linear_and_fails_on_quadratic_patterns_only():
    failed = [check.claim for check in by_pattern(mean_of(straight_through), truth, 2) if not check.holds]
    assert failed
    assert all("x_a x_b" in claim for claim in failed)


def test_reinmax_fails_on_cubic_patterns_and_on_a_generic_cubic():
    failed = [check.claim for check in by_pattern(mean_of(reinmax), truth, 3) if not check.holds]
    assert failed
    assert all("x_a x_b x_c" in claim for claim in failed)
    assert not directly(mean_of(reinmax), truth, 3, 2).holds


def test_merging_refuses_what_depends_on_more_than_the_total():
    def squares(objective, x, p):
        del objective, x
        return tuple(v * sum(w**2 for w in p) for v in p)

    # Both sides are the same, so only the merging can refuse.
    assert not any(check.holds for check in by_pattern(squares, squares, 1))
    assert any(
        normal_form(change) != 0 for change in merging(lambda K: squares(0, 0, sp.symbols(f"p0:{K}")), 1)
    )


def test_merging_per_sample_refuses_what_depends_on_more_than_the_total():
    def squares(p, p_tau, onehot, g, h):
        del p_tau, onehot, h
        return tuple(v * sum(w**2 for w in p) for v in g)

    checks = list(by_sample(squares, squares))
    assert [check.holds for check in checks] == [True, True, True, False, False]


def test_merging_refuses_an_estimator_weighted_by_its_own_sample():
    def weighted(p, onehot, g):
        own = total(entrywise(lambda a, b: a * b, p, onehot))
        return entrywise(lambda v: own * v, softmax_vjp(p, g))

    assert all(check.holds for check in means(reinmax, 2))
    assert not any(check.holds for check in means(weighted, 1))


def test_index_patterns_are_all_set_partitions():
    for size in (1, 2, 3, 4):
        seen = {tuple(word.index(letter) for letter in word) for word in product(range(size), repeat=size)}
        patterns = list(index_patterns(size))
        assert {tuple(p.index(label) for label in p) for p in patterns} == seen
        assert len(patterns) == len(seen)


@pytest.mark.parametrize(("name", "weight"), [("straight-through-error", 1), ("reinmax-error", -1)])
def test_leading_errors_refuse_another_sign_and_zero(name, weight):
    chosen = theorem(name)
    assert refuses(name, -chosen.formula)
    assert refuses(name, sp.S.Zero)
    assert sp.sign(chosen.formula) == -weight


def test_both_forms_of_rank_one_are_tested():
    for wrong in ("rank", "pairs"):
        forms = {
            "rank": (lambda *a: scaled(2, rank_one(*a))) if wrong == "rank" else rank_one,
            "pairs": (lambda *a: scaled(2, pairwise(*a))) if wrong == "pairs" else pairwise,
        }
        failed = {
            check.claim.split(":")[0]
            for check in theorem("rank-one-form").prove(forms).checks
            if not check.holds
        }
        assert failed == {wrong}


def test_uniform_baseline_refuses_a_bounded_weight_near_the_edge():
    def clipped(p, onehot, g, c):
        return scaled(sum(a * b for a, b in zip(p, onehot, strict=True)), with_baseline(p, onehot, g, c))

    failed = [check.claim for check in theorem("uniform-baseline").prove(clipped).checks if not check.holds]
    assert any("unbounded" in claim for claim in failed)
    assert any("K = 2, d = 1" in claim for claim in failed)


def test_temperature_bias_refuses_the_exact_gradient():
    assert refuses("temperature-bias", lambda p, _tempered, g: softmax_vjp(p, g))


@pytest.mark.parametrize("function", [prove, refute, theorem])
def test_an_unknown_name_lists_the_known_ones(function):
    with pytest.raises(
        ValueError, match=r"no theorem 'riemann'; the names are algorithm-2, .*uniform-baseline"
    ):
        function("riemann")


def test_a_proof_without_checks_proves_nothing():
    assert not Certificate("empty", "", (), "", (), 0.0).proved
    with pytest.raises(ValueError, match="left side minus right side"):
        vanishing("nothing")


def test_normal_form_settles_polynomials_and_fractions():
    a, b = sp.symbols("a b")
    assert normal_form((a + b) ** 2 - a**2 - 2 * a * b - b**2) == 0
    assert normal_form(a / (a + b) + b / (a + b) - 1) == 0
    assert normal_form(sp.exp(a) / (1 + sp.exp(a)) - 1 / (1 + sp.exp(a))) != 0
    assert normal_form(a - b) == a - b
    assert normal_form(sp.Rational(1, 3)) == sp.Rational(1, 3)


def test_the_page_of_proofs_names_every_theorem_and_its_examples_run():
    page = Path(__file__).parents[2] / "docs" / "proofs.md"
    headings = re.findall(r"^### (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {name for heading in headings for name in heading.split(", ")} == PROMISED
    outcome = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 10
    assert outcome.failed == 0


def test_only_one_theorem_reads_the_reference():
    readers = set()
    for file in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            if any(module.split(".")[0] == "reinmax_ref" for module in modules):
                readers.add(file.name)
    assert readers == {"algorithm.py"}

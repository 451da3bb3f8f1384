"""A formula that holds for few classes only is refused, in whatever form it is handed in."""

from itertools import combinations

import pytest
import sympy as sp

from verify.symbolic import corner, reinmax, softmax_vjp, straight_through
from verify.symbolic.classes import Classes, ReadsClasses, distribution, entrywise, others, total
from verify.symbolic.patterns import bias_of
from verify.symbolic.theorems import theorem, theorems
from verify.symbolic.theorems.baseline import with_baseline
from verify.symbolic.theorems.forms import pairwise, rank_one


def elementary(p, degree):
    """The sum of all products of so many different probabilities: 0 for fewer classes."""
    return sp.Add(*(sp.Mul(*chosen) for chosen in combinations(p, degree)))


def by_power_sums(p, degree):
    """The same by Newton's identities, which take no class by itself."""
    sums = [total(entrywise(lambda v, power=power: v**power, p)) for power in range(1, degree + 1)]
    found = [sp.S.One]
    for k in range(1, degree + 1):
        found.append(sp.expand(sp.Add(*((-1) ** i * found[k - 1 - i] * sums[i] for i in range(k))) / k))
    return found[-1]


@pytest.mark.parametrize("degree", [2, 3, 6])
def test_both_forms_of_the_planted_term_are_the_same(degree):
    p = tuple(sp.Rational(k + 1, 28) for k in range(7))
    assert elementary(p, degree) == by_power_sums(p, degree) != 0


def added(right, other, term):
    """A formula with a wrong one added that has a factor of zero for few classes."""

    def formula(p, *rest):
        factor = term(p)
        if isinstance(p, Classes):
            return entrywise(lambda a, b: a + factor * b, right(p, *rest), other(p, *rest))
        return tuple(a + factor * b for a, b in zip(right(p, *rest), other(p, *rest), strict=True))

    return formula


def product_at(p, _p_tau, _onehot, g, _h):
    return softmax_vjp(p, g)


def wrong_for_many(name, term):
    """The theorem's formula and the planted term, in the arguments that the theorem takes."""
    formula = theorem(name).formula
    if name == "rank-one-form":
        return {label: added(form, straight_through, term) for label, form in formula.items()}
    if name == "algorithm-2":
        return added(formula, product_at, term)
    if name == "temperature-bias":
        return added(formula, lambda p, _p_tau, g: softmax_vjp(p, g), term)
    if name == "uniform-baseline":
        return added(formula, lambda p, _onehot, g, _c: softmax_vjp(p, g), term)
    return added(formula, straight_through, term)


def first_failure(name, formula):
    return next((check for check in theorem(name).check(formula) if not check.holds), None)


ABOUT_FORMULAS = [
    "algorithm-2",
    "straight-through-linear",
    "reinmax-quadratic",
    "several-variables",
    "temperature-bias",
    "rank-one-form",
    "uniform-baseline",
]


@pytest.mark.parametrize("name", ABOUT_FORMULAS)
@pytest.mark.parametrize("term", [elementary, by_power_sums], ids=["one by one", "by sums"])
def test_a_term_in_six_classes_is_refused(name, term):
    failed = first_failure(name, wrong_for_many(name, lambda p: term(p, 6)))
    assert ("K = 6, " if term is elementary else "any number of other classes") in failed.claim


@pytest.mark.parametrize("degree", [5, 7, 9])
@pytest.mark.parametrize("term", [elementary, by_power_sums], ids=["one by one", "by sums"])
def test_so_is_a_term_in_more(degree, term):
    wrong = wrong_for_many("reinmax-quadratic", lambda p: term(p, degree))
    assert first_failure("reinmax-quadratic", wrong) is not None


def test_sums_are_refused_for_every_degree():
    # One by one nothing is claimed past K = 12; by sums the claim is for every K, and so is the refusal.
    name, term = "straight-through-linear", lambda p: by_power_sums(p, 14)
    assert first_failure(name, wrong_for_many(name, term)) is not None


def test_the_planted_theorem_is_false_at_six_classes():
    p, x = (sp.Rational(1, 6),) * 6, sp.symbols("x0:6")
    wrong = bias_of(added(reinmax, straight_through, lambda q: elementary(q, 6)))
    assert wrong(x[0] ** 2, x, p)[0] == elementary(p, 6) * 2 * p[0] * (1 - p[0]) * p[0]


def test_the_certificate_states_the_hypothesis_and_claims_no_more_than_was_tried():
    def one_by_one(p, onehot, g):
        return tuple(sp.S.One * v for v in reinmax(p, onehot, g))

    certificate = theorem("reinmax-quadratic").prove(one_by_one)
    assert certificate.proved
    assert certificate.classes.startswith("K = 2, 3, 4 in full and K = 5 to 12 at a rational point")
    for name in set(theorems()) - {"bernoulli"}:
        assert any("one class and sums over all classes" in text for text in theorem(name).hypotheses)
        assert "all" in theorem(name).classes


def test_the_number_of_classes_itself_is_refused():
    def counted(p, onehot, g):
        number = total(entrywise(lambda _: sp.S.One, p))
        return entrywise(
            lambda a, b: a + (number - 2) * (number - 3) * b, reinmax(p, onehot, g), softmax_vjp(p, g)
        )

    assert first_failure("straight-through-linear", counted).residual.has(sp.Symbol("Σ(1)"))


FORMULAS = {
    "reinmax": lambda p, r, d, g: reinmax(p, d, g, r, g),
    "straight-through": lambda p, _r, d, g: straight_through(p, d, g),
    "rank one": lambda p, _r, d, g: rank_one(p, d, g),
    "pairs": lambda p, _r, d, g: pairwise(p, d, g),
    "baseline": lambda p, r, d, g: with_baseline(p, d, g, r),
    "squares": lambda p, r, _d, g: entrywise(
        lambda a, b: a * total(entrywise(lambda v, w: v**2 / w, p, r)) + b, p, g
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_classes_give_what_seven_classes_give(name):
    """The symbols of the sums are replaced by the sums themselves."""
    K, named, formula = 7, 2, FORMULAS[name]
    p, r = (tuple(sp.Rational(k + s, sum(range(s, K + s))) for k in range(K)) for s in (1, 3))
    g = (sp.Integer(3), sp.Integer(-2))
    full = formula(p, r, corner(1, K), (*g, *[0] * (K - named)))
    found = formula(
        distribution("p", named),
        distribution("r", named),
        Classes(corner(1, named), sp.S.Zero),
        Classes(g, sp.S.Zero),
    )
    values = {
        sp.Symbol(f"{n}{k}", positive=True): v[k] for n, v in (("p", p), ("r", r)) for k in range(named)
    }
    values[sp.Symbol("Σ(p**2/r)")] = sum(a**2 / b for a, b in zip(p, r, strict=True))
    assert [v.xreplace(values) for v in found.named] == list(full[:named])
    if name == "pairs":
        literal = [
            sum(p[j] * ((k == 1) - (k == j)) * (g[1] - (*g, *[0] * 5)[j]) for j in range(K)) / 2
            for k in range(named)
        ]
        assert list(full[:named]) == literal


def test_what_takes_the_classes_one_by_one_is_told_how_to_write_it():
    p = distribution("p", 2)
    for read in (tuple, len, lambda v: v[0], lambda v: list(zip(v, v, strict=True))):
        with pytest.raises(ReadsClasses, match="entrywise and total"):
            read(p)


def test_other_classes_are_summed_term_by_term():
    p, r, a = distribution("p", 2).other, distribution("r", 2).other, sp.Symbol("a")
    assert others(a * p, 0) == a
    assert others(p * r, 0) == sp.Symbol("Σ(p*r)")
    assert others(sp.S.Zero, 3) == 0
    assert others((p + a) ** 2, 0) == sp.expand(a**2 * sp.Symbol("Σ(1)") + 2 * a + sp.Symbol("Σ(p**2)"))

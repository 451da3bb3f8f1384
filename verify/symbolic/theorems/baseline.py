"""ReinMax is one of a family: any baseline c in place of p is second order, the uniform one included."""

from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp

from verify.symbolic.any_number import BY_CLASS, means
from verify.symbolic.certificate import Check, Theorem, normal_form, vanishing
from verify.symbolic.classes import Classes, distribution, entrywise, total
from verify.symbolic.definitions import Estimator, Vector, corner, reinmax, simplex, softmax_vjp
from verify.symbolic.patterns import by_pattern, directly, mean_of, truth, variables

__all__ = ["UNIFORM_BASELINE", "with_baseline"]

Family = Callable[[Vector, Vector, Vector, Vector], Vector]


def with_baseline(p: Vector, onehot: Vector, grad_hard: Vector, c: Vector) -> Vector:
    """Return ½ [(g_d − ⟨c, g⟩) s + (c_d/p_d) J(p)g] with s = D − p; c = 1/K is the uniform baseline."""
    centred = total(entrywise(lambda a, b, g: (a - b) * g, onehot, c, grad_hard))
    weight = total(entrywise(lambda a, b, w: a * b / w, onehot, c, p))
    jacobian = softmax_vjp(p, grad_hard)
    return entrywise(lambda d, w, v: ((d - w) * centred + weight * v) / 2, onehot, p, jacobian)


def _uniform(classes: int) -> Vector:
    return (sp.Rational(1, classes),) * classes


def _generic(family: Family) -> Estimator:
    """Choose a baseline that is any other point of the simplex."""

    def estimator(p: Any, onehot: Any, grad_hard: Any) -> Any:
        c: Any = distribution("c", len(p.named)) if isinstance(p, Classes) else simplex("c", len(p))
        return family(p, onehot, grad_hard, c)

    return estimator


def _fixed(family: Family, baseline: Callable[[int], Vector]) -> Estimator:
    """Choose the baseline by the number of classes."""
    return lambda p, onehot, g: family(p, onehot, g, baseline(len(p)))


def _check(family: Family) -> Iterator[Check]:
    generic = _generic(family)
    yield from means(generic, 2, tried=_fixed(family, _uniform))
    yield from by_pattern(mean_of(generic), truth, degree=2)
    for classes in (2, 3, 4):
        check = directly(mean_of(_fixed(family, _uniform)), truth, 2, classes)
        yield Check(f"c = 1/K: {check.claim}", check.residual)
        p, g = simplex("p", classes), variables(classes, "g")
        samples = [
            (family(p, d, g, p), reinmax(p, d, g)) for d in (corner(k, classes) for k in range(classes))
        ]
        pairs = [pair for left, right in samples for pair in zip(left, right, strict=True)]
        yield vanishing(f"c = p is ReinMax itself, K = {classes}", *(a - b for a, b in pairs))
    yield from _near_the_edge(family)


def _near_the_edge(family: Family) -> Iterator[Check]:
    """Check how the uniform baseline behaves as the probability p_1 of the sampled class goes to zero."""
    e = sp.Symbol("e", positive=True)
    two, three = (e, 1 - e), (e, (1 - e) / 2, (1 - e) / 2)
    a, b = sp.symbols("a b")
    bounded = family(two, corner(0, 2), (a, b), _uniform(2))[0]
    yield vanishing("K = 2, d = 1: (1 − p_1)(g_1 − g_2)/2, bounded", bounded - (1 - e) * (a - b) / 2)
    sample = family(three, corner(0, 3), (sp.S.Zero, sp.S.One, -sp.S.One), _uniform(3))[1]
    growth = normal_form(e * sample).subs(e, 0)
    claim = "K = 3, d = 1, g = (0, 1, −1): p_1 times coordinate 2 tends to 1/12, so that it is unbounded"
    yield vanishing(claim, growth - sp.Rational(1, 12))


def _unweighted(p: Vector, onehot: Vector, grad_hard: Vector, c: Vector) -> Vector:
    """Leave out the weight c_d/p_d: right for c = p and on linear f only."""
    centred = total(entrywise(lambda a, b, g: (a - b) * g, onehot, c, grad_hard))
    return entrywise(lambda d, w, v: ((d - w) * centred + v) / 2, onehot, p, softmax_vjp(p, grad_hard))


UNIFORM_BASELINE = Theorem(
    name="uniform-baseline",
    statement="½ [(g_d − mean g) s + J(p)g/(K p_d)], s = D − p, is exact in the mean on every quadratic f, "
    "as is ½ [(g_d − ⟨c, g⟩) s + (c_d/p_d) J(p)g] if Σc = 1; its weight 1/(K p_d) is unbounded.",
    hypotheses=(
        "D ~ p with every p_d > 0, one variable, g = ∇f(D); c does not depend on D",
        BY_CLASS,
        "unbounded: the weight for every K ≥ 2, the gradient itself for K ≥ 3; at K = 2 J(p)g cancels it",
    ),
    classes="all K, by index pattern, other classes merged in p and in c; c = 1/K in full for K = 2, 3, 4",
    formula=with_baseline,
    falsehood=_unweighted,
    check=_check,
)

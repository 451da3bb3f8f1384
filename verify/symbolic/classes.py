"""Vectors over any number of classes: a few named classes, and one entry that stands for every other.

A formula made of terms in one class and of sums over all classes runs on them as
it is, and what comes out holds for every K. A sum over all classes becomes the
terms of the named ones and, for the others, a symbol: Σ(p²) is the sum of p_c²
over all K classes, Σ(p) is 1, and Σ(1) is K. A formula that takes the classes
one by one cannot run: what it does may change with K.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import sympy as sp

__all__ = ["Classes", "ReadsClasses", "distribution", "entrywise", "others", "total"]

GENERIC = {name: sp.Symbol(name, positive=True) for name in ("p", "r", "c")}
"""The entry of a class without a name, of each distribution."""


class ReadsClasses(TypeError):  # noqa: N818  (it says what the formula does)
    """Raised where a formula takes the classes one by one."""


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise ReadsClasses(
        "the formula takes the classes one by one, so it may depend on their number; "
        "write it with entrywise and total to have it proved for every K"
    )


@dataclass(frozen=True, eq=False)
class Classes:
    """A vector over any number of classes.

    Attributes
    ----------
    named : tuple of Expr
        The entries of the named classes.
    other : Expr
        The entry of every other class, in its own probabilities, `GENERIC`.
    """

    named: tuple[sp.Expr, ...]
    other: sp.Expr

    __iter__ = __len__ = __getitem__ = __array__ = _refuse

    def map(self, function: Callable[..., Any], *rest: Any) -> "Classes":
        """Apply a function of one class; what is no vector is the same in all classes."""
        every = [v if isinstance(v, Classes) else Classes((v,) * len(self.named), v) for v in rest]
        named = (function(*entries) for entries in zip(self.named, *(v.named for v in every), strict=True))
        return Classes(tuple(named), sp.sympify(function(self.other, *(v.other for v in every))))

    def sum(self, axis: int = -1, *, keepdims: bool = True) -> sp.Expr:
        """Sum over all classes."""
        del axis, keepdims
        return sp.Add(*self.named) + others(self.other, len(self.named))

    def __add__(self, right: Any) -> "Classes":
        return self.map(lambda a, b: a + b, right)

    def __sub__(self, right: Any) -> "Classes":
        return self.map(lambda a, b: a - b, right)

    def __rsub__(self, left: Any) -> "Classes":
        return self.map(lambda a, b: b - a, left)

    def __mul__(self, right: Any) -> "Classes":
        return self.map(lambda a, b: a * b, right)

    def __truediv__(self, right: Any) -> "Classes":
        return self.map(lambda a, b: a / sp.sympify(b), right)

    def __neg__(self) -> "Classes":
        return self.map(lambda a: -a)

    __radd__, __rmul__ = __add__, __mul__


def distribution(name: str, named: int) -> Classes:
    """Return a generic point of the simplex: its entries sum to 1 over all classes."""
    return Classes(tuple(sp.Symbol(f"{name}{k}", positive=True) for k in range(named)), GENERIC[name])


def others(entry: sp.Expr, named: int) -> sp.Expr:
    """Sum an entry over all classes but the named ones.

    Examples
    --------
    >>> p = GENERIC["p"]
    >>> others(2 * p, 1), others(p**2, 1), others(sp.S.One, 2)
    (2 - 2*p0, -p0**2 + Σ(p**2), Σ(1) - 2)
    """
    found = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(entry)):
        factor, own = term.as_independent(*GENERIC.values(), as_Add=False)
        whole = sp.S.One if own in GENERIC.values() else sp.Symbol(f"Σ({own})")
        found += factor * (whole - sp.Add(*(own.xreplace(at(k)) for k in range(named))))
    return sp.expand(found)


def at(number: int) -> dict[sp.Symbol, sp.Symbol]:
    """Put a named class in the place of the one without a name."""
    return {s: sp.Symbol(f"{name}{number}", positive=True) for name, s in GENERIC.items()}


V = TypeVar("V", "tuple[sp.Expr, ...]", Classes)


def entrywise(function: Callable[..., Any], first: V, *rest: V) -> V:
    """Apply a function of one class to vectors: tuples of K entries, or `Classes`."""
    if isinstance(first, Classes):
        return first.map(function, *rest)
    return tuple(function(*entries) for entries in zip(first, *rest, strict=True))


def total(vector: Any) -> sp.Expr:
    """Sum a vector over all classes."""
    return vector.sum() if isinstance(vector, Classes) else sp.Add(*vector)

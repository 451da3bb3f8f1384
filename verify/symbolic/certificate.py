"""What a theorem is, and the certificate its proof leaves behind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import sympy as sp

__all__ = ["Certificate", "Check", "Theorem", "normal_form", "vanishing"]


def normal_form(expression: sp.Expr) -> sp.Expr:
    """Return a rational expression as one reduced fraction, which is 0 exactly when it is identically zero.

    Examples
    --------
    >>> a, b = sp.symbols("a b")
    >>> normal_form((a**2 - b**2) / (a + b) - a + b)
    0
    """
    symbols = sorted(expression.free_symbols, key=str)
    if symbols and expression.is_polynomial(*symbols):
        # The sparse ring gives the same expansion as sympy.expand, several times faster.
        return sp.ring(symbols, sp.QQ)[0].from_expr(expression).as_expr()
    return sp.cancel(sp.together(expression))


@dataclass(frozen=True)
class Check:
    """One identity that was computed: what it claims, and what is left of left side minus right side.

    `limit` says for which K alone a formula was tried that may depend on K in its own way.
    """

    claim: str
    residual: sp.Expr
    limit: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing is left."""
        return bool(self.residual == 0)


def vanishing(claim: str, *differences: sp.Expr) -> Check:
    """Check that every difference is identically zero; the first that is not becomes the residual."""
    if not differences:
        raise ValueError(f"no difference arrived for {claim!r}; hand in left side minus right side")
    residuals = map(normal_form, differences)
    return Check(claim, next((residual for residual in residuals if residual != 0), sp.S.Zero))


@dataclass(frozen=True)
class Certificate:
    """The outcome of one proof, for reading and for printing.

    Attributes
    ----------
    name, statement : str
    hypotheses : tuple of str
    classes : str
        The numbers of classes K for which the checks prove the statement, and why.
    checks : tuple of Check
    seconds : float
    """

    name: str
    statement: str
    hypotheses: tuple[str, ...]
    classes: str
    checks: tuple[Check, ...]
    seconds: float

    @property
    def proved(self) -> bool:
        """Whether there are checks and all of them hold."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    @property
    def residual(self) -> sp.Expr:
        """The first residual that is not zero; 0 where the statement is proved."""
        return next((check.residual for check in self.checks if not check.holds), sp.S.Zero)

    def as_text(self) -> str:
        """Return the certificate as plain text."""
        verdict = "proved" if self.proved else "REFUSED"
        return "\n".join(
            [
                f"{self.name}: {verdict} in {self.seconds:.2f} s",
                f"  statement   {self.statement}",
                *(f"  hypothesis  {hypothesis}" for hypothesis in self.hypotheses),
                f"  classes     {self.classes}",
                *(f"  {'holds ' if check.holds else 'FAILS '}      {check.claim}" for check in self.checks),
                f"  residual    {self.residual}",
            ]
        )

    __str__ = as_text


@dataclass(frozen=True)
class Theorem:
    """A named statement about a formula, how to check it, and a falsehood the checks must refuse.

    Attributes
    ----------
    name, statement, classes : str
    hypotheses : tuple of str
    formula : object
        The formula the statement is about, handed to `check`.
    falsehood : object
        A wrong formula of the same kind, as close to the true one as the theorem can tell apart.
    check : callable
        ``check(formula)`` yields the checks.
    """

    name: str
    statement: str
    hypotheses: tuple[str, ...]
    classes: str
    formula: Any
    falsehood: Any
    check: Callable[[Any], Iterator[Check]]

    def prove(self, formula: Any = None) -> Certificate:
        """Run all checks on a formula; absent means the true one.

        Parameters
        ----------
        formula : object, optional

        Returns
        -------
        Certificate
        """
        start = perf_counter()
        checks = tuple(self.check(self.formula if formula is None else formula))
        seconds = perf_counter() - start
        classes = next((check.limit for check in checks if check.limit), self.classes)
        return Certificate(self.name, self.statement, self.hypotheses, classes, checks, seconds)

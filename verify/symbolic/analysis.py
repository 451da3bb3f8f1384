"""The exact analysis of a user's own objective: gradient, mean of the estimators and bias as formulas."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from verify.symbolic.definitions import (
    Vector,
    exact_gradient,
    expected_gradient,
    reinmax,
    softmax,
    straight_through,
)

__all__ = ["Analysis", "analyse", "substitute_softmax"]

MOST_CORNERS = 4096


@dataclass(frozen=True)
class Analysis:
    """What the estimators do, in the mean, to one objective; every formula is a matrix of shape (L, K).

    Attributes
    ----------
    objective : Expr
    probabilities : Matrix
        p, with the last class of every variable as one minus the others.
    exact : Matrix
        The true gradient of E[f] with respect to the logits.
    reinmax, straight_through : Matrix
        The expected gradient of ReinMax at τ = 1, and of straight-through.
    reinmax_bias, straight_through_bias : Matrix
        Expected minus exact.
    """

    objective: sp.Expr
    probabilities: sp.ImmutableDenseMatrix
    exact: sp.ImmutableDenseMatrix
    reinmax: sp.ImmutableDenseMatrix
    straight_through: sp.ImmutableDenseMatrix
    reinmax_bias: sp.ImmutableDenseMatrix
    straight_through_bias: sp.ImmutableDenseMatrix

    def in_logits(self, logits: Sequence[object] | None = None) -> "Analysis":
        """Return the same analysis with softmax(θ) in place of p.

        Parameters
        ----------
        logits : (K,) or (L, K) nested sequence, optional
            Symbols or exact numbers; absent means symbols θ_k or θ_lk.

        Returns
        -------
        Analysis

        Raises
        ------
        ValueError
            If `logits` has not the shape of the coordinates.

        Examples
        --------
        >>> x = sp.symbols("x1:3")
        >>> analyse(x[0], x).in_logits([sp.log(3), 0]).exact
        Matrix([[3/16, -3/16]])
        """
        rows, classes = self.probabilities.shape
        theta = _symbols("theta", rows, classes) if logits is None else sp.ImmutableDenseMatrix(_rows(logits))
        formulas = ("exact", "reinmax", "straight_through", "reinmax_bias", "straight_through_bias")
        changed = {
            name: substitute_softmax(getattr(self, name), self.probabilities, theta) for name in formulas
        }
        p = substitute_softmax(self.probabilities, self.probabilities, theta)
        return replace(self, probabilities=p, **changed)

    def latex(self) -> str:
        r"""Return all formulas as the lines of one LaTeX ``aligned`` environment.

        Returns
        -------
        str

        Examples
        --------
        >>> x = sp.symbols("x1:3")
        >>> print(analyse(x[0], x).latex().splitlines()[1])
        \nabla_\theta \mathbb{E}[f] &= \left[\begin{matrix}- p_{1} \left(p_{1} - 1\right) & ...
        """
        lines = {
            r"\nabla_\theta \mathbb{E}[f]": self.exact,
            r"\mathbb{E}[\mathrm{ReinMax}]": self.reinmax,
            r"\mathbb{E}[\mathrm{ST}]": self.straight_through,
            r"\mathrm{bias}(\mathrm{ReinMax})": self.reinmax_bias,
            r"\mathrm{bias}(\mathrm{ST})": self.straight_through_bias,
        }
        body = " \\\\\n".join(f"{name} &= {sp.latex(formula)}" for name, formula in lines.items())
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def substitute_softmax(
    formula: sp.ImmutableDenseMatrix, probabilities: sp.ImmutableDenseMatrix, logits: sp.ImmutableDenseMatrix
) -> sp.ImmutableDenseMatrix:
    """Replace the symbols of `probabilities` in a formula by the softmax of every row of `logits`.

    Parameters
    ----------
    formula : Matrix
    probabilities : Matrix of shape (L, K)
        As in `Analysis`: symbols, and one minus the others for the last class.
    logits : Matrix of shape (L, K)

    Returns
    -------
    Matrix of the shape of `formula`

    Raises
    ------
    ValueError
        If the shapes of `probabilities` and `logits` differ.
    """
    if probabilities.shape != logits.shape:
        raise ValueError(
            f"the logits have shape {logits.shape} and the probabilities {probabilities.shape}; "
            f"hand in one logit for every class of every variable"
        )
    if probabilities.cols > 1 and not any(p.is_Symbol for p in probabilities):
        raise ValueError(
            f"the probabilities {probabilities} are no symbols: the formulas are in logits already; "
            f"start from what analyse returned"
        )
    values = sp.Matrix([softmax(logits.row(row)) for row in range(logits.rows)])
    pairs = {p: value for p, value in zip(probabilities, values, strict=True) if p.is_Symbol}
    return formula.subs(pairs).applyfunc(lambda entry: sp.factor(sp.cancel(entry)))


def _rows(coordinates: Sequence[object]) -> list[Vector]:
    """Read (K,) or (L, K) expressions as L rows."""
    if isinstance(coordinates, sp.MatrixBase):
        return [tuple(coordinates.row(row)) for row in range(coordinates.rows)]
    entries = list(coordinates)
    if any(isinstance(entry, sp.MatrixBase | Sequence) for entry in entries):
        return [tuple(map(sp.sympify, entry)) for entry in entries]  # type: ignore[call-overload]
    return [tuple(map(sp.sympify, entries))]


def _symbols(name: str, rows: int, classes: int) -> sp.ImmutableDenseMatrix:
    """Return symbols name_k, or name_lk for several variables, counted from one."""
    stems = [name] if rows == 1 else [f"{name}_{row}," for row in range(1, rows + 1)]
    joint = "_" if rows == 1 else ""
    table = [[sp.Symbol(f"{stem}{joint}{k}", real=True) for k in range(1, classes + 1)] for stem in stems]
    return sp.ImmutableDenseMatrix(table)


def _checked_rows(coordinates: Sequence[object]) -> list[Vector]:
    """Return the coordinates as rows, or say what is wrong with them."""
    rows = _rows(coordinates)
    flat = [x for row in rows for x in row]
    if not flat or len({len(row) for row in rows}) != 1:
        raise ValueError(
            f"the coordinates have rows of lengths {[len(row) for row in rows]}; hand in K symbols, "
            f"or L rows of K symbols each"
        )
    if not all(x.is_Symbol for x in flat) or len(set(flat)) != len(flat):
        raise ValueError(f"the coordinates must be distinct symbols, but {flat} arrived")
    if len(rows[0]) ** len(rows) > MOST_CORNERS:
        raise ValueError(
            f"{len(rows)} variables with {len(rows[0])} classes have {len(rows[0]) ** len(rows)} corners; "
            f"formulas are built for at most {MOST_CORNERS}; use verify.moments, which is numerical"
        )
    return rows


def analyse(objective: sp.Expr, coordinates: Sequence[object]) -> Analysis:
    """Derive the exact gradient, the mean of ReinMax and straight-through, and their bias as formulas.

    Parameters
    ----------
    objective : Expr
        f, differentiable at the corners. Symbols that are no coordinates stay as parameters.
    coordinates : (K,) or (L, K) nested sequence of symbols, or Matrix
        The coordinates of one categorical variable, or of L independent ones.

    Returns
    -------
    Analysis
        Formulas in the probabilities p_k (or p_l,k); see `Analysis.in_logits`.

    Raises
    ------
    ValueError
        If the coordinates are not distinct symbols in rows of equal length, if there are more than
        4096 corners, if f or its gradient is not finite at a corner, or if a parameter of f is named
        like a probability.

    Notes
    -----
    The true gradient is Σ_k f(I_k) p_k (I_k − p) in every variable. Both estimators are taken at τ = 1:
    J(p)g and 2 J((p+D)/2)g − ½ J(p)g, with g = ∇f(D).

    Examples
    --------
    Two binary variables: ReinMax is exact because f is at most quadratic in either.

    >>> x = sp.Matrix(2, 2, sp.symbols("x1:5"))
    >>> c = sp.Symbol("c")
    >>> analyse(c * x[0, 0] ** 2 * x[1, 0] ** 2, x).reinmax_bias.is_zero_matrix
    True
    """
    rows = _checked_rows(coordinates)
    objective = sp.sympify(objective)
    symbols = _symbols("p", len(rows), len(rows[0]))
    if clash := objective.free_symbols & symbols.free_symbols:
        raise ValueError(
            f"{clash} would stand for parameters and probabilities at once; rename the parameters"
        )
    p = [(*row[:-1], 1 - sp.Add(*row[:-1])) for row in map(symbols.row, range(symbols.rows))]
    exact = sp.Matrix(exact_gradient(objective, rows, p))
    means = [sp.Matrix(expected_gradient(e, objective, rows, p)) for e in (reinmax, straight_through)]
    formulas = [exact, *means, *(mean - exact for mean in means)]
    return Analysis(
        objective, sp.ImmutableDenseMatrix(p), *(_tidy(f, symbols.free_symbols) for f in formulas)
    )


def _tidy(formula: sp.Matrix, symbols: Iterable[sp.Symbol]) -> sp.ImmutableDenseMatrix:
    """Collect every entry as a polynomial in the probabilities, so that what is zero reads 0."""
    order = sorted(symbols, key=str)
    return sp.ImmutableDenseMatrix(formula.applyfunc(lambda f: sp.factor(sp.Poly(f, *order).as_expr())))

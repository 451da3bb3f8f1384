"""The named theorems about ReinMax and straight-through, proved anew whenever they are asked for.

Each states a formula, the checks that prove it with
exact arithmetic, and a falsehood that the same checks must refuse. The proofs
are written out in the documentation (``proofs.md``).

Examples
--------
>>> certificate = prove("bernoulli")
>>> certificate.proved, certificate.residual
(True, 0)
>>> refute("bernoulli").proved
False
"""

from verify.symbolic.certificate import Certificate, Check, Theorem
from verify.symbolic.theorems.algorithm import ALGORITHM_2, SIMPLIFIED_FORM
from verify.symbolic.theorems.baseline import UNIFORM_BASELINE
from verify.symbolic.theorems.errors import REINMAX_ERROR, STRAIGHT_THROUGH_ERROR
from verify.symbolic.theorems.exactness import REINMAX_QUADRATIC, SEVERAL_VARIABLES, STRAIGHT_THROUGH_LINEAR
from verify.symbolic.theorems.forms import BERNOULLI, RANK_ONE_FORM
from verify.symbolic.theorems.temperature import TEMPERATURE_BIAS

__all__ = ["Certificate", "Check", "Theorem", "prove", "refute", "theorem", "theorems"]

_THEOREMS = (
    ALGORITHM_2,
    SIMPLIFIED_FORM,
    STRAIGHT_THROUGH_LINEAR,
    STRAIGHT_THROUGH_ERROR,
    REINMAX_QUADRATIC,
    REINMAX_ERROR,
    TEMPERATURE_BIAS,
    SEVERAL_VARIABLES,
    BERNOULLI,
    RANK_ONE_FORM,
    UNIFORM_BASELINE,
)


def theorems() -> list[str]:
    """Return the names of all theorems.

    Returns
    -------
    list of str

    Examples
    --------
    >>> "reinmax-quadratic" in theorems()
    True
    """
    return [theorem.name for theorem in _THEOREMS]


def theorem(name: str) -> Theorem:
    """Return a theorem by name, with its formula and its falsehood.

    Examples
    --------
    >>> theorem("reinmax-quadratic").hypotheses[1]
    'τ = 1'
    """
    for candidate in _THEOREMS:
        if candidate.name == name:
            return candidate
    raise ValueError(f"there is no theorem {name!r}; the names are {', '.join(theorems())}")


def prove(name: str) -> Certificate:
    """Prove a theorem from scratch.

    Parameters
    ----------
    name : str
        One of `theorems`.

    Returns
    -------
    Certificate
        With `proved`, `statement`, `hypotheses`, `classes`, `checks`, `residual`, `seconds` and `as_text`.

    Raises
    ------
    ValueError
        If there is no theorem of that name.

    Examples
    --------
    >>> print(prove("temperature-bias"))
    temperature-bias: proved in ... s
      statement   For linear f, E[grad] = [J(p_τ) + ½ (p_τ − p)(p_τ − p)ᵀ] g, which is not J(p)g in general.
      ...
      residual    0
    """
    return theorem(name).prove()


def refute(name: str) -> Certificate:
    """Run the checks of a theorem on its planted falsehood; the certificate shows what is left over.

    Examples
    --------
    >>> refute("temperature-bias").residual == 0
    False
    """
    chosen = theorem(name)
    return chosen.prove(chosen.falsehood)

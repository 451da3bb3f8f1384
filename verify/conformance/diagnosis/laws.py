"""How a number depends on the temperature, from its values at a few of them."""

from collections.abc import Callable
from math import isclose, log

__all__ = ["law", "listed"]

CLOSE = 1e-4

#: What is written, the law itself, and its constant from one value (τ, v); ``v`` is the constant.
Law = tuple[str, Callable[[float, float], float], Callable[[float, float], float]]

LAWS: tuple[Law, ...] = (
    ("{:.4g}", lambda c, _: c, lambda _, v: v),
    ("τ^{:.4g}", lambda c, tau: tau**c, lambda tau, v: log(v) / log(tau) if v > 0 else 0.0),
    ("{:.4g}·τ", lambda c, tau: c * tau, lambda tau, v: v / tau),
    ("τ + {:.4g}", lambda c, tau: tau + c, lambda tau, v: v - tau),
    ("max(τ, {:.4g})", lambda c, tau: max(tau, c), lambda _, v: v),
    ("min(τ, {:.4g})", lambda c, tau: min(tau, c), lambda _, v: v),
)


def law(values: dict[float, float]) -> str | None:
    """The simplest law of τ that has these values.

    Parameters
    ----------
    values : dict from τ to float

    Returns
    -------
    str or None
        None where none of the laws that are known has them. Of a single value
        it is that value.

    Examples
    --------
    >>> law({1.0: 1.0, 1.5: 2.25, 2.0: 4.0})
    'τ^2'
    >>> law({0.5: 1.0, 1.0: 1.0, 2.0: 2.0})
    'max(τ, 1)'
    """
    for text, value, constant in LAWS:
        for tau, v in values.items():
            if tau == 1 and text.startswith("τ^"):
                continue  # every power has this value
            c = constant(tau, v)
            if all(isclose(value(c, t), seen, rel_tol=CLOSE, abs_tol=1e-9) for t, seen in values.items()):
                written = text.format(c).replace("+ -", "− ")
                return {"τ^1": "τ", "τ^-1": "1/τ"}.get(written, written)
    return None


def listed(values: dict[float, float]) -> str:
    """The law, or else the values one by one.

    Examples
    --------
    >>> listed({1.0: 1.0, 2.0: 7.0, 4.0: 5.0})
    '1 at τ = 1, 7 at τ = 2, 5 at τ = 4'
    """
    return law(values) or ", ".join(f"{round(v, 6) + 0.0:.3g} at τ = {tau:g}" for tau, v in values.items())

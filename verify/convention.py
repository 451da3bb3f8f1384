"""How a foreign implementation is called: its arguments, and the parts of its result."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["PARTS", "Convention", "discover", "parameters"]

#: What a part of a result can be: the one-hot sample, its probabilities, the
#: sampled classes, anything else.
PARTS = ("hard", "soft", "index", "_")

TEMPERATURES = ("tau", "temperature", "temp", "T")
AXES = ("axis", "dim")
DEFAULT_RETURNS = ("hard", "soft")


@dataclass(frozen=True)
class Convention:
    """How to call a candidate.

    Attributes
    ----------
    tau : str or None
        Name of the temperature argument; None where there is none.
    returns : tuple of str
        Names of the parts of the result, in order; see :data:`PARTS`.
    axis : int
        Position of the class axis in what the candidate takes and gives.
    axis_name : str or None
        Name of the argument that sets the class axis.
    logits : str or None
        Name of the logits argument; None passes the logits first.
    constants : mapping
        Other arguments, passed on as they are.
    """

    tau: str | None = "tau"
    returns: tuple[str, ...] = DEFAULT_RETURNS
    axis: int = -1
    axis_name: str | None = None
    logits: str | None = None
    constants: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def call(self, fn: Callable[..., Any], logits: Any, tau: float, extra: Mapping[str, Any]) -> Any:
        """Call ``fn`` on logits in its framework's own array type."""
        keywords = {**self.constants, **extra}
        if self.tau is not None:
            keywords[self.tau] = tau
        if self.logits is not None:
            keywords[self.logits] = logits
            return fn(**keywords)
        return fn(logits, **keywords)

    def split(self, result: Any) -> dict[str, Any]:
        """Name the parts of a result.

        Raises
        ------
        ValueError
            Where the result has another number of parts than ``returns`` names.
        """
        if hasattr(result, "hard") and hasattr(result, "vjp"):
            return {
                name: getattr(result, name) for name in ("hard", "soft", "index") if hasattr(result, name)
            }
        parts = tuple(result) if isinstance(result, tuple | list) else (result,)
        names = self.returns
        if len(parts) == 1 and names == DEFAULT_RETURNS:
            names = ("hard",)
        if len(parts) != len(names):
            raise ValueError(
                f"the result has {len(parts)} part(s), but {len(names)} were expected ({', '.join(names)}): "
                f"name them in order with returns=(...) or --returns, out of {', '.join(PARTS)}"
            )
        return {name: part for name, part in zip(names, parts, strict=True) if name != "_"}


def parameters(fn: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
    """The parameters of a callable by name, or None where it does not tell."""
    try:
        return dict(inspect.signature(fn).parameters)
    except (TypeError, ValueError):
        return None


def discover(
    fn: Callable[..., Any],
    *,
    tau: str | None,
    returns: tuple[str, ...],
    axis: int | str | None,
    logits: str | None,
    constants: Mapping[str, Any],
) -> Convention:
    """Complete what the caller said of a convention with what the signature shows.

    Raises
    ------
    ValueError
        Where the temperature, the axis or a part of the result cannot be found.
    """
    unknown = [name for name in returns if name not in PARTS]
    if unknown or "hard" not in returns:
        raise ValueError(f"returns is {returns}; expected names out of {PARTS}, with 'hard' among them")
    known = parameters(fn)
    position, axis_name = _find_axis(known, axis)
    return Convention(_find_tau(fn, known, tau), returns, position, axis_name, logits, dict(constants))


def _find_tau(
    fn: Callable[..., Any], known: dict[str, inspect.Parameter] | None, tau: str | None
) -> str | None:
    if tau is None or known is None or tau in known:
        return tau
    if tau == "tau":
        for name in TEMPERATURES:
            if name in known:
                return name
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values()):
        return tau
    raise ValueError(
        f"{getattr(fn, '__name__', fn)!r} takes ({', '.join(known)}), and no temperature {tau!r}: name the "
        "temperature with tau=... or --tau-name NAME, or say that there is none with tau=None or --no-tau"
    )


def _find_axis(known: dict[str, inspect.Parameter] | None, axis: int | str | None) -> tuple[int, str | None]:
    if isinstance(axis, int):
        return axis, None
    if axis is not None:
        if known is not None and axis not in known:
            raise ValueError(
                f"there is no argument {axis!r}; expected one of ({', '.join(known)}) for the axis"
            )
        return -1, axis
    for name in AXES:
        if known is not None and name in known and isinstance(known[name].default, int):
            return known[name].default, name
    return -1, None

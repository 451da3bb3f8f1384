"""How a foreign implementation is called: its arguments, and the parts of its result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["DEFAULT_RETURNS", "PARTS", "Convention", "name_parts"]

Array = np.ndarray[Any, np.dtype[Any]]

#: What a part of a result can be: the one-hot sample, its probabilities, the
#: sampled classes, anything else.
PARTS = ("hard", "soft", "index", "_")

DEFAULT_RETURNS = ("hard", "soft")


@dataclass(frozen=True)
class Convention:
    """How to call a candidate.

    Attributes
    ----------
    tau : str or None
        Name of the temperature, an argument or (``stored``) an attribute; None
        where there is none.
    stored : bool
        Whether the temperature is an attribute, set before each call.
    tau_array : bool
        Whether the temperature is passed as a 0-d array.
    returns : tuple of str
        Names of the parts of the result, in order; see :data:`PARTS`.
    axis : int
        Position of the class axis in what the candidate takes and gives.
    axis_name : str or None
        Name of the argument that sets the class axis.
    logits : str or None
        Name of the logits argument; None passes the logits first.
    injected : str or None
        Name of the argument that takes the sample; None where the candidate draws.
    injected_onehot : bool
        Whether that argument is one-hot rather than a class number.
    binary : bool
        Whether each logit is a variable of its own, a Bernoulli one.
    constants : mapping
        Other arguments, passed on as they are.
    known : mapping or None
        The parameters by name; None where the callable does not tell.
    """

    tau: str | None = "tau"
    stored: bool = False
    tau_array: bool = False
    returns: tuple[str, ...] = DEFAULT_RETURNS
    axis: int = -1
    axis_name: str | None = None
    logits: str | None = None
    injected: str | None = None
    injected_onehot: bool = False
    binary: bool = False
    constants: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    known: Mapping[str, Parameter] | None = None

    def call(self, fn: Callable[..., Any], logits: Any, tau: Any, extra: Mapping[str, Any]) -> Any:
        """Call ``fn`` on logits in its framework's own array type.

        Parameters
        ----------
        fn : callable
        logits : array of the framework
        tau : float or array of the framework
            Left out where there is no temperature.
        extra : mapping
            Arguments of this call alone: random source and sample.
        """
        given = {**self.constants, **extra}
        if self.axis_name is not None:
            given[self.axis_name] = self.axis
        if self.tau is None:
            return self._arranged(fn, logits, given)
        if not self.stored:
            return self._arranged(fn, logits, given | {self.tau: tau})
        before = getattr(fn, self.tau)
        setattr(fn, self.tau, tau)
        try:
            return self._arranged(fn, logits, given)
        finally:
            setattr(fn, self.tau, before)

    def _arranged(self, fn: Callable[..., Any], logits: Any, given: dict[str, Any]) -> Any:
        """Pass what is positional only by position, and the rest by name."""
        if self.known is None or self.logits is None:
            return fn(logits, **given)
        given[self.logits] = logits
        places = [n for n, p in self.known.items() if p.kind is Parameter.POSITIONAL_ONLY and n in given]
        return fn(*[given.pop(name) for name in places], **given)

    def parts(self, result: Any) -> dict[str, Any]:
        """The parts of a result by the names they bear themselves, else by number."""
        if isinstance(result, Mapping):
            return {str(name): part for name, part in result.items()}
        names = getattr(result, "_fields", None) or [
            n for n in PARTS[:3] if not callable(getattr(result, n, len))
        ]
        if "hard" in names:
            return {name: getattr(result, name) for name in names}
        several = isinstance(result, tuple | list)
        return {str(i): part for i, part in enumerate(result if several else (result,))}

    def split(self, result: Any) -> dict[str, Any]:
        """Name the parts of a result, and leave out those to be ignored.

        Raises
        ------
        ValueError
            Where the result has another number of parts than ``returns`` names.

        Examples
        --------
        >>> Convention(returns=("index", "hard")).split((2, [0, 0, 1]))
        {'index': 2, 'hard': [0, 0, 1]}
        """
        parts = self.parts(result)
        if "hard" in parts:
            return {name: part for name, part in parts.items() if name in PARTS[:3]}
        values = [part for part in parts.values() if not callable(part) or hasattr(part, "shape")]
        if len(values) != len(self.returns):
            raise ValueError(
                f"the result has {len(values)} part(s), but {len(self.returns)} were expected "
                f"({', '.join(self.returns)}): name them in order with returns=(...) or --returns, out of "
                f"{', '.join(PARTS)}"
            )
        return {name: part for name, part in zip(self.returns, values, strict=True) if name != "_"}


def name_parts(parts: list[Array], shape: tuple[int, ...], axis: int) -> tuple[str, ...]:
    """Tell the parts of a result from each other by shape, dtype and one-hotness.

    Parameters
    ----------
    parts : list of array
    shape : tuple of int
        Of the logits, with at least two classes and several rows.
    axis : int
        The class axis.

    Returns
    -------
    tuple of str
        Out of :data:`PARTS`, ``hard`` exactly once.

    Raises
    ------
    ValueError
        Where that leaves a doubt.

    Examples
    --------
    >>> name_parts([np.array([1, 0]), np.eye(2)[[1, 0]]], (2, 2), -1)
    ('index', 'hard')
    """
    if len(parts) == 1:
        return ("hard",)
    full = [i for i, part in enumerate(parts) if part.shape == shape]
    reduced = shape[:axis] + shape[axis:][1:] if axis < 0 else shape[:axis] + shape[axis + 1 :]
    index = [i for i, p in enumerate(parts) if p.dtype.kind in "iu" and p.size == np.prod(reduced)]
    if len(full) not in {1, 2} or len(index) > 1 or len(full) + len(index) != len(parts):
        seen = ", ".join(f"{part.dtype.name} of shape {part.shape}" for part in parts)
        raise ValueError(
            f"for logits of shape {shape} the result has the parts {seen}: say which is the one-hot sample, "
            f"with names in order out of {', '.join(PARTS)} in returns=(...) or --returns"
        )
    ones = [_is_one_hot(parts[i], axis) for i in full]
    hard = full[1] if ones == [False, True] else full[0]
    names = dict.fromkeys(full, "soft") | dict.fromkeys(index, "index") | {hard: "hard"}
    return tuple(names[i] for i in range(len(parts)))


def _is_one_hot(array: Array, axis: int) -> bool:
    rows = np.moveaxis(array, axis, -1)
    return bool(np.allclose(rows, np.eye(rows.shape[-1])[rows.argmax(axis=-1)], atol=1e-3))

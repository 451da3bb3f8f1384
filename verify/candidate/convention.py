"""How a foreign implementation is called: its arguments, and the parts of its result."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from inspect import Parameter, ismethod
from operator import attrgetter
from types import MappingProxyType
from typing import Any

__all__ = ["PARTS", "Convention", "owner_of"]

#: What a part of a result can be: the one-hot sample, its probabilities, the
#: sampled classes, anything else.
PARTS = ("hard", "soft", "index", "_")

#: Attributes of a sample that may hold its probabilities.
PROBABILITIES = ("soft", "probs", "probabilities")


@dataclass(frozen=True)
class Convention:
    """How to call a candidate.

    Attributes
    ----------
    tau : str or None
        Name of the temperature, an argument or (``stored``) an attribute, which
        may be dotted; None where there is none.
    stored : bool
        Whether the temperature is an attribute, set before each call.
    tau_array : bool
        Whether the temperature is passed as a 0-d array.
    returns : tuple of str or None
        Names of the parts of the result, in order; see :data:`PARTS`. None where
        nobody has named them, or they bear names themselves.
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
    classes : int or None
        The one number of classes that the candidate takes; None where it takes any.
    ndim : int or None
        The one number of axes that the candidate takes; None where it takes any.
    constants : mapping
        Other arguments, passed on as they are.
    known : mapping or None
        The parameters by name; None where the callable does not tell.
    """

    tau: str | None = "tau"
    stored: bool = False
    tau_array: bool = False
    returns: tuple[str, ...] | None = None
    axis: int = -1
    axis_name: str | None = None
    logits: str | None = None
    injected: str | None = None
    injected_onehot: bool = False
    binary: bool = False
    classes: int | None = None
    ndim: int | None = None
    constants: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    known: Mapping[str, Parameter] | None = None

    @property
    def axes(self) -> int:
        """The fewest axes among which there is room for the class axis."""
        return self.axis + 1 if self.axis >= 0 else -self.axis

    def call(self, fn: Callable[..., Any], logits: Any, tau: Any, extra: Mapping[str, Any]) -> Any:
        """Call ``fn`` on logits in its framework's own array type.

        Parameters
        ----------
        fn : callable
        logits : array of the framework
        tau : float or array of the framework
            Left out where there is no temperature, or it is an attribute.
        extra : mapping
            Arguments of this call alone: random source and sample.
        """
        given = {**self.constants, **extra}
        if self.axis_name is not None:
            given[self.axis_name] = self.axis
        if self.tau is not None and not self.stored:
            given[self.tau] = tau
        return self._arranged(fn, logits, given)

    @contextmanager
    def holding(self, fn: Callable[..., Any], to_value: Callable[[Any], Any]) -> Iterator[None]:
        """A block in which a temperature that is an attribute has the value made from the one that it had."""
        if self.tau is None or not self.stored:
            yield
            return
        path, _, name = self.tau.rpartition(".")
        holder = attrgetter(path)(owner_of(fn)) if path else owner_of(fn)
        before = getattr(holder, name)
        _set(holder, name, to_value(before))
        try:
            yield
        finally:
            _set(holder, name, before)

    def copied(self, fn: Callable[..., Any], to_value: Callable[[Any], Any]) -> Callable[..., Any]:
        """The callable of a copy of its object, with another temperature among the attributes."""
        owner = holder = copy(owner_of(fn))
        *path, name = str(self.tau).split(".")
        for part in path:
            inner = copy(getattr(holder, part))
            object.__setattr__(holder, part, inner)
            holder = inner
        object.__setattr__(holder, name, to_value(getattr(holder, name)))
        return getattr(owner, fn.__name__) if ismethod(fn) else owner  # type: ignore[no-any-return]

    def _arranged(self, fn: Callable[..., Any], logits: Any, given: dict[str, Any]) -> Any:
        """Pass what is positional only by position, and the rest by name."""
        if self.known is None or self.logits is None:
            return fn(logits, **given)
        given[self.logits] = logits
        places = [n for n, p in self.known.items() if p.kind is Parameter.POSITIONAL_ONLY and n in given]
        return fn(*[given.pop(name) for name in places], **given)

    def parts(self, result: Any) -> dict[str, Any]:
        """The parts of a result by the names they bear themselves, else by number; functions are left out."""
        parts = self._all_parts(result)
        return {n: part for n, part in parts.items() if not callable(part) or hasattr(part, "shape")}

    def _all_parts(self, result: Any) -> dict[str, Any]:
        if isinstance(result, Mapping):
            return {str(name): part for name, part in result.items()}
        names = getattr(result, "_fields", None) or [
            n for n in PARTS[:3] if not callable(getattr(result, n, len))
        ]
        if "hard" in names:
            return {name: getattr(result, name) for name in names}
        if hasattr(result, "shape"):
            soft = next((s for n in PROBABILITIES if (s := getattr(result, n, None)) is not None), None)
            if getattr(soft, "shape", None) == result.shape:
                return {"hard": result, "soft": soft}
        several = isinstance(result, tuple | list)
        return {str(i): part for i, part in enumerate(result if several else (result,), start=1)}

    def split(self, result: Any) -> dict[str, Any]:
        """Name the parts of a result, and leave out those to be ignored.

        Parts that bear names are taken by them, whatever their order; ``returns``
        then says which to take.

        Raises
        ------
        ValueError
            Where the result does not have the parts that ``returns`` names.

        Examples
        --------
        >>> Convention(returns=("index", "hard")).split((2, [0, 0, 1]))
        {'index': 2, 'hard': [0, 0, 1]}
        """
        parts = self.parts(result)
        if "hard" in parts:
            return self._by_name(parts)
        names = self.returns or PARTS[:2]
        if len(parts) != len(names):
            raise ValueError(
                f"the result has {len(parts)} part(s), but {len(names)} were expected ({', '.join(names)}): "
                f"name them in order with returns=(...) or --returns, out of {', '.join(PARTS)}"
            )
        return {name: part for name, part in zip(names, parts.values(), strict=True) if name != "_"}

    def _by_name(self, parts: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in self.returns or () if name not in parts and name != "_"]
        if missing:
            raise ValueError(
                f"the parts of the result bear the names {', '.join(parts)}, and none is {missing[0]}: leave "
                "it out of returns=(...) or --returns"
            )
        wanted = self.returns or PARTS[:3]
        return {name: parts[name] for name in wanted if name in parts}


def _set(holder: Any, name: str, value: Any) -> None:
    """Set an attribute, of a frozen object too."""
    try:
        setattr(holder, name, value)
    except AttributeError as error:
        try:
            object.__setattr__(holder, name, value)
        except (AttributeError, TypeError):
            raise ValueError(
                f"its temperature {name} cannot be set ({error}): make it an attribute that can be, or say "
                "tau=None or --no-tau to have it checked as it is, at τ = 1"
            ) from error


def owner_of(fn: Any) -> Any:
    """The object with the attributes that a callable reads: that of a method, else itself."""
    return fn.__self__ if ismethod(fn) else fn

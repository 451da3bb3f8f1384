"""What the caller said of an implementation, before anybody has looked at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from verify.candidate.convention import PARTS

__all__ = ["MOST_AXES", "MOST_CLASSES", "RETURNS", "TAU", "AssumedName", "Options"]


class AssumedName(str):
    """A name that the caller did not say; equal to the same name said, and still told from it."""

    __slots__ = ()


class AssumedNames(tuple[str, ...]):
    """Names that the caller did not say."""

    __slots__ = ()


#: The temperature: usual names are tried as well, and there may be none.
TAU: str = AssumedName("tau")

#: The parts of a result: they are told from each other by what they look like.
RETURNS: tuple[str, ...] = AssumedNames(("hard", "soft"))

#: Axes of the logits that are tried at most, while it is found out how they are taken.
MOST_AXES = 4

#: Classes of a candidate with a fixed number, at most: every one has to appear among the draws.
MOST_CLASSES = 64


@dataclass(frozen=True)
class Options:
    """What the caller said, in the parameters of :func:`verify.check`; refuses what cannot be meant."""

    framework: str | None = None
    tau: str | None = TAU
    returns: str | Sequence[str] | None = RETURNS
    axis: int | str | None = None
    logits: str | None = None
    injected: str | None = None
    binary: bool = False
    classes: int | None = None
    ndim: int | None = None
    device: str | None = None
    constants: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not isinstance(self.returns, Sequence | None):
            raise TypeError(f"returns is of type {type(self.returns).__name__}; expected names of parts")
        _require_parts(self.parts)
        for keyword in ("tau", "logits", "injected"):
            _require_name(keyword, getattr(self, keyword))
        _require_axis(self.axis)
        _require_classes(self.classes, binary=self.binary)
        if self.ndim is not None and (not isinstance(self.ndim, int) or not 1 <= self.ndim <= MOST_AXES):
            raise ValueError(f"ndim is {self.ndim!r}; expected a number of axes from 1 to {MOST_AXES}")

    @property
    def parts(self) -> tuple[str, ...] | None:
        """The names of the parts of the result; None where the caller did not say."""
        if self.returns is None or isinstance(self.returns, AssumedNames):
            return None
        listed = self.returns.split(",") if isinstance(self.returns, str) else self.returns
        return tuple(str(name).strip() for name in listed)

    @property
    def names(self) -> list[str]:
        """The arguments that the caller named, without the temperature."""
        axis = self.axis if isinstance(self.axis, str) else None
        return [n for n in (self.logits, self.injected, axis, *self.constants) if n is not None]


def _require_parts(parts: tuple[str, ...] | None) -> None:
    if parts is not None and (set(parts) - set(PARTS) or parts.count("hard") != 1):
        raise ValueError(
            f"returns is {', '.join(parts)}; expected names out of {', '.join(PARTS)}, with hard once"
        )


def _require_name(keyword: str, name: object) -> None:
    if not isinstance(name, str | None):
        raise TypeError(
            f"{keyword} is of type {type(name).__name__}; expected the name of an argument, whose value the "
            "checks choose"
        )


def _require_axis(axis: object) -> None:
    if not isinstance(axis, int | str | None):
        raise TypeError(
            f"axis is of type {type(axis).__name__}; expected a number, or the name of an argument"
        )
    if isinstance(axis, int) and not -MOST_AXES <= axis < MOST_AXES:
        raise ValueError(
            f"axis is {axis}; expected {-MOST_AXES} to {MOST_AXES - 1}, the place of the classes among at "
            f"most {MOST_AXES} axes"
        )


def _require_classes(classes: int | None, *, binary: bool) -> None:
    if classes is None:
        return
    if binary:
        raise ValueError("binary and classes are both given; a binary implementation has no classes to count")
    if not isinstance(classes, int) or not 2 <= classes <= MOST_CLASSES:
        raise ValueError(
            f"classes is {classes}; expected a number from 2 to {MOST_CLASSES}: every class has to appear "
            "among the draws, so build a larger implementation with fewer classes for the check"
        )

"""What the signature of a foreign implementation shows of its calling convention."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from verify.convention import PARTS, Convention

__all__ = ["Wishes", "discover", "parameters"]

TEMPERATURES = ("tau", "temperature", "temp", "T")
AXES = ("axis", "dim")
LOGITS = ("logits", "logit", "theta", "alpha", "scores", "x", "input", "inputs")
SAMPLES = ("index", "indices", "idx", "sample", "onehot", "one_hot", "one_hot_sample", "D", "d")
#: Arguments with a default that are no temperature by their name.
PLAIN = (*AXES, *SAMPLES, "device", "dtype", "generator", "key", "mask", "name", "out", "rng", "seed")
MANY = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)

Known = dict[str, Parameter]


@dataclass(frozen=True)
class Wishes:
    """What the caller said; the attributes are the parameters of :func:`verify.check`."""

    tau: str | None
    returns: tuple[str, ...]
    axis: int | str | None
    logits: str | None
    injected: str | None
    binary: bool
    constants: Mapping[str, Any]


def parameters(fn: Callable[..., Any]) -> Known | None:
    """The parameters of a callable by name, or None where it does not tell.

    Examples
    --------
    >>> list(parameters(lambda logits, tau: 0))
    ['logits', 'tau']
    """
    owner = getattr(fn, "_orig_mod", fn)  # a compiled module hides the one that it runs
    forward = None if inspect.isroutine(owner) else getattr(owner, "forward", None)
    try:
        known = dict(inspect.signature(forward or owner).parameters)
    except (TypeError, ValueError):
        return None
    return None if all(p.kind in MANY for p in known.values()) else known


def discover(fn: Callable[..., Any], wishes: Wishes, sources: Collection[str]) -> Convention:
    """Complete what the caller said with what the signature and the attributes show.

    Parameters
    ----------
    fn : callable
    wishes : Wishes
    sources : collection of str
        Names under which the framework hands over its random source.

    Raises
    ------
    ValueError
        Where an argument or a part of the result cannot be found; the message asks for it.
    """
    unknown = [name for name in wishes.returns if name not in PARTS]
    if unknown or wishes.returns.count("hard") != 1:
        raise ValueError(f"returns is {wishes.returns}; expected names out of {PARTS}, with 'hard' once")
    known = parameters(fn)
    position, axis_name = _find_axis(known, wishes.axis)
    injected = wishes.injected or _find_sample(known)
    taken = {*wishes.constants, axis_name, injected, *sources}
    tau, stored = _find_tau(fn, known, wishes, taken)
    logits = _find_logits(known, wishes.logits, {*taken, tau})
    if known is not None:
        _require_all(known, {*taken, tau, logits})
    return Convention(
        tau=tau,
        stored=stored,
        returns=wishes.returns,
        axis=position,
        axis_name=axis_name,
        logits=logits,
        injected=injected,
        binary=wishes.binary,
        constants=dict(wishes.constants),
        known=known,
    )


def _find_tau(
    fn: Callable[..., Any], known: Known | None, wishes: Wishes, taken: Collection[str | None]
) -> tuple[str | None, bool]:
    wanted = wishes.tau
    if wanted is None or known is None or wanted in known:
        return wanted, False
    aliases = TEMPERATURES if wanted == "tau" else (wanted,)
    for name in aliases:
        if name in known and name not in taken:
            return name, False
    for name in aliases:
        if not inspect.isroutine(fn) and hasattr(fn, name):
            return name, True
    if any(p.kind is Parameter.VAR_KEYWORD for p in known.values()):
        return wanted, False
    if wanted == "tau" and not _may_be_temperature(known, wishes, taken):
        return None, False
    raise ValueError(
        f"it takes ({', '.join(known)}), and no temperature {wanted!r}: name the "
        "temperature with tau=... or --tau-name NAME, or say that there is none with tau=None or --no-tau"
    )


def _may_be_temperature(known: Known, wishes: Wishes, taken: Collection[str | None]) -> list[str]:
    """The arguments that could be a temperature under another name."""
    logits = _find_logits(known, wishes.logits, taken)
    rest = {n: p for n, p in known.items() if n not in {*taken, *PLAIN, logits}}
    return [
        n
        for n, p in rest.items()
        if p.default is Parameter.empty or not isinstance(p.default, bool | str | type)
    ]


def _find_logits(known: Known | None, wanted: str | None, taken: Collection[str | None]) -> str | None:
    if known is None or wanted is not None:
        return wanted
    free = [n for n, p in known.items() if n not in taken and p.kind not in MANY]
    named = [n for n in LOGITS if n in free]
    return next(iter(named + free), None)


def _find_sample(known: Known | None) -> str | None:
    """An argument named after the sample that must be given."""
    required = [n for n, p in (known or {}).items() if p.default is Parameter.empty]
    return next((n for n in SAMPLES if n in required), None)


def _find_axis(known: Known | None, axis: int | str | None) -> tuple[int, str | None]:
    if isinstance(axis, int):
        return axis, next((n for n in AXES if known is not None and n in known), None)
    if axis is not None:
        many = any(p.kind is Parameter.VAR_KEYWORD for p in (known or {}).values())
        if known is not None and axis not in known and not many:
            raise ValueError(
                f"there is no argument {axis!r}; expected one of ({', '.join(known)}) for the axis"
            )
        return -1, axis
    for name in AXES:
        if known is not None and name in known and type(known[name].default) is int:
            return known[name].default, name
    return -1, None


def _require_all(known: Known, given: Collection[str | None]) -> None:
    missing = [
        n for n, p in known.items() if p.default is Parameter.empty and p.kind not in MANY and n not in given
    ]
    if missing:
        raise ValueError(
            f"it takes ({', '.join(known)}), and what to give for {', '.join(missing)} is not known: say it "
            "with --set NAME=VALUE (a keyword of check), or with --tau-name, --logits-name, --sample-name "
            "or --axis-name what the argument is"
        )

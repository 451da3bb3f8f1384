"""What the signature of a foreign implementation shows of its calling convention."""

import inspect
from collections.abc import Callable, Collection
from enum import Enum
from inspect import Parameter
from itertools import product
from typing import Any

from verify.candidate.convention import Convention, owner_of
from verify.candidate.options import MOST_AXES, AssumedName, Options

__all__ = ["discover", "parameters"]

TEMPERATURES = ("tau", "temperature", "temp", "T")
AXES = ("axis", "dim")
#: Where an object may keep its temperature: at itself, or among its settings.
HOLDERS = ("", "config", "cfg", "hparams", "args")
LOGITS = ("logits", "logit", "theta", "alpha", "scores", "x", "input", "inputs")
SAMPLES = ("index", "indices", "idx", "sample", "onehot", "one_hot", "one_hot_sample", "D", "d")
#: Arguments with a default that are no temperature by their name.
PLAIN = (*AXES, *SAMPLES, "device", "dtype", "generator", "key", "mask", "name", "out", "rng", "seed")
MANY = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)

Known = dict[str, Parameter]


def parameters(fn: Callable[..., Any]) -> Known | None:
    """The parameters of a callable by name, or None where it does not tell."""
    owner = getattr(fn, "_orig_mod", fn)  # a compiled module hides the one that it runs
    forward = None if inspect.isroutine(owner) else getattr(owner, "forward", None)
    try:
        known = dict(inspect.signature(forward or owner).parameters)
    except (TypeError, ValueError):
        return None
    return None if all(p.kind in MANY for p in known.values()) else known


def discover(fn: Callable[..., Any], options: Options, sources: Collection[str]) -> Convention:
    """Complete what the caller said with what the signature and the attributes show.

    ``sources`` are the names under which the framework hands over its random source.
    """
    known = parameters(fn)
    if known is not None:
        _require_known(known, options)
    position, axis_name = _find_axis(known, options)
    injected = options.injected or _find_sample(known)
    taken = {*options.constants, axis_name, injected, *sources}
    tau, stored = _find_tau(fn, known, options, taken)
    _require_free(options, axis_name, tau)
    logits = _find_logits(known, options.logits, {*taken, tau})
    if known is not None:
        _require_all(known, {*taken, tau, logits})
    return Convention(
        tau=tau,
        stored=stored,
        returns=options.parts,
        axis=position,
        axis_name=axis_name,
        logits=logits,
        injected=injected,
        binary=options.binary,
        classes=options.classes,
        ndim=options.ndim,
        constants={n: _member(value, (known or {}).get(n)) for n, value in options.constants.items()},
        known=known,
    )


def _member(value: Any, parameter: Parameter | None) -> Any:
    """The member of an enumeration that a text names, where the default is another member."""
    kind: Any = type(parameter.default) if parameter is not None else object
    return kind[value] if issubclass(kind, Enum) and value in kind.__members__ else value


def _takes_any(known: Known) -> bool:
    return any(p.kind is Parameter.VAR_KEYWORD for p in known.values())


def _require_known(known: Known, options: Options) -> None:
    for name in options.names:
        if name not in known and not _takes_any(known):
            raise ValueError(f"there is no argument {name!r}; it takes ({', '.join(known)})")


def _require_free(options: Options, axis: str | None, tau: str | None) -> None:
    """Refuse a constant for what the checks set themselves."""
    if axis in options.constants:
        raise ValueError(
            f"{axis} is the class axis: say where it is with axis=... or --axis N, not as a constant"
        )
    heats = {tau, *TEMPERATURES} if isinstance(options.tau, AssumedName) else {tau}
    held = [name for name in options.constants if name in heats]
    if held:
        raise ValueError(
            f"{held[0]} is the temperature, which the checks choose: leave it out, or say tau=None or "
            "--no-tau besides, to have it held at 1"
        )


def _find_tau(
    fn: Callable[..., Any], known: Known | None, options: Options, taken: Collection[str | None]
) -> tuple[str | None, bool]:
    wanted = options.tau
    if wanted is None or known is None or wanted in known:
        return wanted and str(wanted), False
    assumed = isinstance(wanted, AssumedName)
    aliases = TEMPERATURES if assumed else (wanted,)
    for name in aliases:
        if name in known and name not in taken:
            return name, False
    for holder, name in product(HOLDERS, aliases):
        if _has(owner_of(fn), holder, name):
            return f"{holder}.{name}".lstrip("."), True
    if _takes_any(known):
        return str(wanted), False
    if assumed and not _may_be_temperature(known, options, taken):
        return None, False
    maybe = _may_be_temperature(known, options, taken) if assumed else []
    what = f"{' or '.join(maybe)} may be a temperature" if maybe else f"there is no temperature {wanted!r}"
    raise ValueError(
        f"it takes ({', '.join(known)}), and {what}: name the temperature with tau=... or --tau-name NAME, "
        "or say that there is none with tau=None or --no-tau"
    )


def _has(owner: Any, holder: str, name: str) -> bool:
    """Whether an object, or its settings, has an attribute that can be a temperature."""
    if inspect.isroutine(owner):
        return False
    path = [part for part in (holder, *name.split(".")) if part]
    for part in path:
        if not hasattr(owner, part):
            return False
        owner = getattr(owner, part)
    return not callable(owner)


def _may_be_temperature(known: Known, options: Options, taken: Collection[str | None]) -> list[str]:
    """The arguments that could be a temperature under another name."""
    logits = _find_logits(known, options.logits, taken)
    rest = {n: p for n, p in known.items() if n not in {*taken, *PLAIN, logits}}
    return [n for n, p in rest.items() if _may_hold_number(p)]


def _may_hold_number(parameter: Parameter) -> bool:
    """Whether it is a number by default, or may be one; what must be given is asked about by its name."""
    default = parameter.default
    if default is Parameter.empty:
        return parameter.kind is Parameter.VAR_POSITIONAL
    return default is None or (isinstance(default, int | float) and not isinstance(default, bool))


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


def _find_axis(known: Known | None, options: Options) -> tuple[int, str | None]:
    axis = options.axis
    if isinstance(axis, str):
        return -1, axis
    names = [n for n in AXES if known is not None and n in known]
    defaults = {n: known[n].default for n in names} if known is not None else {}
    placed = [n for n in names if type(defaults[n]) is int and -MOST_AXES <= defaults[n] < MOST_AXES]
    if axis is None:
        return (defaults[placed[0]], placed[0]) if placed else (-1, None)
    return axis, next((n for n in names if n in placed or n not in options.constants), None)


def _require_all(known: Known, given: Collection[str | None]) -> None:
    missing = [
        n for n, p in known.items() if p.default is Parameter.empty and p.kind not in MANY and n not in given
    ]
    if missing:
        first = missing[0]
        raise ValueError(
            f"it takes ({', '.join(known)}), and what to give for {', '.join(missing)} is not known: say "
            f"--set {first}=VALUE (a keyword of check; an object as @path/to/file.py:name), or what it is, "
            f"with --tau-name {first}, --logits-name, --sample-name or --axis-name, or give an object made "
            "already, as path/to/file.py:name"
        )

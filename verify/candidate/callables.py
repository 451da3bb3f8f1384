"""Classes and other things that are not called on logits directly, as plain functions of them."""

import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any

from verify.candidate.signature import LOGITS, MANY

__all__ = ["plain", "weights_of"]


def plain(target: Any) -> Callable[..., Any]:
    """A function of logits and options that does what the target does.

    A class is constructed for each call; an autograd function is called through
    ``apply``; a distribution is asked for ``rsample()``.
    """
    if not isinstance(target, type):
        _require_callable(target)
        return target  # type: ignore[no-any-return]
    if hasattr(target, "apply") and hasattr(target, "backward"):
        return _applied(target)
    if callable(getattr(target, "rsample", None)):
        return _sampled(target)
    calls = (vars(base).get("__call__") for base in target.__mro__)
    forward = getattr(target, "forward", None) or next(filter(None, calls), None)
    if forward is None and not inspect.signature(target).parameters:
        raise TypeError(f"objects of {target.__name__} are not called on logits{_methods(target)}")
    return target if forward is None else _constructed(target, forward)


def weights_of(owner: Any) -> dict[str, Any]:
    """What an object holds that has weights of its own, by name: layers, codebooks, matrices."""
    held = {**getattr(owner, "__dict__", {}), **dict(getattr(owner, "_modules", {}))}
    return {
        name: value
        for name, value in held.items()
        if not name.startswith("_") and (_has_parameters(value) or getattr(value, "ndim", 0) == 2)
    }


def _has_parameters(value: Any) -> bool:
    found = getattr(value, "parameters", None)
    return callable(found) and not isinstance(value, type) and any(True for _ in found())


def _require_callable(target: Any) -> None:
    if not callable(target):
        advice = "; give its class instead" if hasattr(target, "rsample") else _methods(target)
        raise TypeError(
            f"the target is a {type(target).__name__}; expected something to call on logits{advice}"
        )
    if inspect.isfunction(target) and next(iter(inspect.signature(target).parameters), "") == "self":
        home, _, name = target.__qualname__.rpartition(".")
        raise TypeError(
            f"{target.__qualname__} is a method of a class, and needs an object: write model = "
            f"{home.rpartition('.')[2] or 'TheClass'}(...) in a file, and name path/to/file.py:model.{name}"
        )


def _methods(owner: Any) -> str:
    """Which methods there are to name instead."""
    names = [n for n in dir(owner) if not n.startswith("_") and callable(getattr(owner, n, None))]
    listed = ", ".join(names[:5])
    return f": name a method of one ({listed}), as path/to/file.py:object.{names[0]}" if names else ""


def _own(function: Callable[..., Any], *, skip: int) -> list[Parameter]:
    return [*inspect.signature(function).parameters.values()][skip:]


def _named(function: Callable[..., Any], target: Any, known: list[Parameter]) -> Callable[..., Any]:
    function.__name__, function.__module__ = target.__name__, target.__module__
    function.__signature__ = Signature(known)  # type: ignore[attr-defined]
    return function


def _applied(target: Any) -> Callable[..., Any]:
    """``target.apply``, which takes positions only, by keyword."""
    context = "setup_context" not in target.__dict__
    known = [p.replace(kind=Parameter.POSITIONAL_OR_KEYWORD) for p in _own(target.forward, skip=int(context))]

    def apply(*args: Any, **options: Any) -> Any:
        bound = Signature(known).bind(*args, **options)
        bound.apply_defaults()
        return target.apply(*bound.args)

    return _named(apply, target, known)


def _sampled(target: Any) -> Callable[..., Any]:
    known = _keywords(_own(target.__init__, skip=1), without=("probs", "validate_args"))

    def rsample(**options: Any) -> Any:
        return target(**options).rsample()

    return _named(rsample, target, known)


def _constructed(target: Any, forward: Callable[..., Any]) -> Callable[..., Any]:
    called = _own(forward, skip=1)
    names = {p.name for p in called}
    built = _keywords(_own(target.__init__, skip=1), without=names)
    places = [p.replace(kind=Parameter.POSITIONAL_OR_KEYWORD) for p in called if p.kind not in MANY]
    ordered = sorted([*places, *built], key=lambda p: (p.kind, p.default is not Parameter.empty))

    def construct_and_call(**options: Any) -> Any:
        settings, arguments = _divide(options, {p.name for p in built})
        return target(**settings)(**arguments)

    return _named(construct_and_call, target, ordered)


def _keywords(found: list[Parameter], *, without: Any) -> list[Parameter]:
    kept = [p for p in found if p.kind not in MANY and p.name not in without]
    # a distribution takes either probabilities or logits, so its logits may have a default
    return [
        p.replace(kind=Parameter.KEYWORD_ONLY, default=Parameter.empty if p.name in LOGITS else p.default)
        for p in kept
    ]


def _divide(options: Mapping[str, Any], first: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {name: value for name, value in options.items() if name in first},
        {name: value for name, value in options.items() if name not in first},
    )

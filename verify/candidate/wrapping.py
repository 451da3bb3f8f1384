"""From a foreign implementation to a candidate: how it is called is found out, and tried once."""

from collections.abc import Sequence
from typing import Any

from verify.candidate.callables import plain
from verify.candidate.candidate import Candidate
from verify.candidate.frameworks import detect, load
from verify.candidate.options import RETURNS, TAU, Options
from verify.candidate.probe import probe
from verify.candidate.signature import discover

__all__ = ["examine", "wrap"]


def wrap(
    fn: Any,
    framework: str | None = None,
    tau: str | None = TAU,
    returns: str | Sequence[str] = RETURNS,
    axis: int | str | None = None,
    *,
    logits: str | None = None,
    injected: str | None = None,
    binary: bool = False,
    classes: int | None = None,
    ndim: int | None = None,
    device: str | None = None,
    **constants: Any,
) -> Candidate:
    """Find out how to call an implementation, once for all that is done with it.

    Parameters
    ----------
    fn : callable
        Or a candidate, which is returned as it is.
    framework, tau, returns, axis, logits, injected, binary, classes, ndim, device, **constants
        How it is called, as for :func:`verify.check`.

    Returns
    -------
    Candidate
        Taken by :func:`verify.check` and :func:`verify.order` in place of ``fn``.

    Raises
    ------
    TypeError, ValueError, ModuleNotFoundError
        Where it cannot be called as described; the message asks for what is missing.

    Examples
    --------
    >>> import verify
    >>> from reinmax_ref import reinmax
    >>> candidate = verify.wrap(reinmax)
    >>> verify.check(candidate).verdict, round(verify.order(candidate).order, 2)
    ('conforms', 2.0)
    """
    options = Options(
        framework, tau, returns, axis, logits, injected, binary, classes, ndim, device, constants
    )
    if not isinstance(fn, Candidate):
        return examine(fn, options)
    if options != Options():
        raise TypeError(
            f"{fn.name} is a candidate; say how it is called where it is made: verify.wrap(fn, ...)"
        )
    return fn


def examine(fn: Any, options: Options, name: str | None = None) -> Candidate:
    """The candidate, with a name for reports and questions; see :func:`wrap`."""
    called, label = plain(fn), name or str(getattr(fn, "__qualname__", None) or type(fn).__name__)
    backend = load(options.framework or detect(fn), options.device)
    try:
        return probe(Candidate(called, label, backend, discover(called, options, backend.sources)))
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from error
    except SystemExit as left:
        raise ValueError(
            f"{label}: it ends the process (SystemExit: {left}) instead of giving a result; expected a "
            "function that raises where it cannot go on"
        ) from left

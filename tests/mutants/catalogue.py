"""What a planted fault is, and the list of those whose framework is installed."""

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from verify.candidate import Candidate, wrap
from verify.candidate.frameworks import FRAMEWORKS

__all__ = ["Mutant", "catalogue", "styles"]


@dataclass(frozen=True, eq=False)
class Mutant:
    """An implementation with a planted fault, or with none.

    Attributes
    ----------
    name : str
    fn : object
        The implementation.
    codes : tuple of str
        What is to be named: all the classes of mistakes that it has, no other
        ones, and what is to be said of a fault of no class.
    says : str
        What the diagnosis is to say besides, word for word.
    warns : str or None
        The robustness check that is to warn, of a fault that leaves the
        verdict as it is.
    options : mapping
        Keywords of :func:`verify.wrap`.
    framework : str
    """

    name: str
    fn: Any
    codes: tuple[str, ...] = ()
    says: str = ""
    warns: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    framework: str = "numpy"

    def candidate(self) -> Candidate:
        """The implementation under observation."""
        return replace(wrap(self.fn, self.framework, **self.options), name=self.name)


def catalogue() -> Iterator[Mutant]:
    """The planted faults in every framework that is installed."""
    return _collect("mutants")


def styles() -> Iterator[Mutant]:
    """Right implementations in every style and every framework that is installed."""
    return _collect("styles")


def _collect(what: str) -> Iterator[Mutant]:
    for framework in FRAMEWORKS:
        if importlib.util.find_spec(framework) is not None:
            module = importlib.import_module(f"tests.mutants.{framework}_{what}")
            make: Callable[[], Iterator[Mutant]] = module.everything
            yield from make()

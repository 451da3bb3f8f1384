"""Any foreign implementation, whatever its calling convention, as one observed form.

A candidate is seen only from outside: logits go in, a sample and a gradient
come out. Arrays here have the class axis last; the candidate's own place for
it is kept in its :class:`~verify.convention.Convention`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from verify.convention import Convention, discover, parameters
from verify.definition import softmax
from verify.frameworks import Array, Cotangent, Framework, Observation, detect, load
from verify.objectives import Objective

__all__ = ["Candidate", "MissingOutcomeError"]


class MissingOutcomeError(ValueError):
    """A class that is certain to appear among this many draws never did."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """An implementation under observation.

    Attributes
    ----------
    fn : callable
    name : str
    framework : Framework
    convention : Convention
    dtype : str
        The dtype it is observed in: float64 where it takes that, else float32.
    """

    fn: Callable[..., Any]
    name: str
    framework: Framework
    convention: Convention
    dtype: str = "float64"

    @classmethod
    def wrap(
        cls,
        fn: Callable[..., Any],
        *,
        framework: str | None = None,
        tau: str | None = "tau",
        returns: tuple[str, ...] = ("hard", "soft"),
        axis: int | str | None = None,
        logits: str | None = None,
        constants: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> "Candidate":
        """Find out how to call an implementation, and try it once.

        The parameters are those of :func:`verify.check`.

        Raises
        ------
        TypeError, ValueError
            Where it cannot be called as described; the message asks for what is missing.
        """
        if not callable(fn):
            raise TypeError(f"the target is a {type(fn).__name__}; expected something to call on logits")
        convention = discover(
            fn, tau=tau, returns=tuple(returns), axis=axis, logits=logits, constants=constants or {}
        )
        label = str(name or getattr(fn, "__qualname__", type(fn).__name__))
        candidate = cls(fn, label, load(framework or detect(fn)), convention)
        return candidate.settle()

    def settle(self) -> "Candidate":
        """Fix the dtype and the parts of the result by one call."""
        logits = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
        problem: Exception | None = None
        for dtype in ("float64", "float32"):
            trial = replace(self, dtype=dtype)
            try:
                seen = trial.observe(logits, seed=0)
            except Exception as error:  # noqa: BLE001  (a foreign implementation may raise anything)
                problem = problem or error
                continue
            _require_shapes(seen, logits.shape)
            parts = ["hard", *(n for n in ("soft", "index") if getattr(seen, n) is not None)]
            return replace(trial, dtype=str(seen.hard.dtype), convention=self._narrowed(parts))
        raise ValueError(
            f"{self.name} could not be called on {self.framework.name} logits of shape {logits.shape}: "
            f"{type(problem).__name__}: {problem}"
        ) from problem

    def _narrowed(self, parts: list[str]) -> Convention:
        if len(self.convention.returns) == 2 and parts == ["hard"]:
            return replace(self.convention, returns=("hard",))
        return self.convention

    @property
    def has_soft(self) -> bool:
        """Whether the probabilities are among its results."""
        return "soft" in self.convention.returns

    @property
    def has_tau(self) -> bool:
        """Whether it takes a temperature."""
        return self.convention.tau is not None

    def observe(
        self,
        logits: Array,
        tau: float = 1.0,
        cotangent: Cotangent | None = None,
        *,
        seed: int,
        layout: Callable[[Array], Array] = np.ascontiguousarray,
    ) -> Observation:
        """Call it once and see everything in NumPy, classes last.

        Parameters
        ----------
        logits : array, shape (..., K)
        tau : float
            Passed on where the candidate takes a temperature; 1 otherwise.
        cotangent : callable, optional
            Cotangents (g, h) from the sample; without it there is no gradient.
        seed : int
            Of whatever randomness the candidate uses.
        layout : callable
            Applied to the logits last, to choose their place in memory.

        Returns
        -------
        Observation
        """
        if tau != 1.0 and not self.has_tau:
            raise ValueError(f"{self.name} takes no temperature; it can be observed at tau = 1 only")
        axis = self.convention.axis
        moved = layout(np.moveaxis(np.asarray(logits, self.dtype), -1, axis))
        extra = self.framework.randomness(parameters(self.fn) or {}, seed)

        def pull(hard: Array) -> tuple[Array | None, Array | None]:
            g, h = cotangent(np.moveaxis(hard, axis, -1)) if cotangent else (None, None)
            return _back(g, axis, self.dtype), _back(h, axis, self.dtype)

        seen = self.framework.observe(
            lambda x: self.convention.call(self.fn, x, tau, extra),
            self.convention.split,
            moved,
            pull if cotangent else None,
            seed,
        )
        front = partial(_front, axis=axis)
        return Observation(
            np.moveaxis(seen.hard, axis, -1), front(seen.soft), seen.index, front(seen.gradient)
        )

    def by_outcome(
        self, objective: Objective, logits: Array, *, seed: int, rows: int = 4096
    ) -> tuple[Array, float]:
        """One gradient for each outcome of one variable at τ = 1, and how far equal outcomes differ.

        One row of logits is repeated and the outcomes are sorted out.

        Parameters
        ----------
        objective : Objective
            Of one variable, L = 1.
        logits : array, shape (K,)
        seed : int
        rows : int
            How many times the row is repeated.

        Returns
        -------
        gradients : array, shape (K, K)
            Outcome, then coordinate.
        spread : float
            Zero, or rounding, where the gradient is a function of the sample.

        Raises
        ------
        MissingOutcomeError
            Where an outcome never appeared.
        """
        seen = self.observe(
            np.tile(logits, (rows, 1)),
            cotangent=lambda hard: (objective.gradient(hard[:, None, :].astype(float))[:, 0, :], None),
            seed=seed,
        )
        outcomes = seen.hard.argmax(axis=-1)
        observed, first = np.unique(outcomes, return_index=True)
        if len(observed) < len(logits):
            k = min(set(range(len(logits))) - set(observed.tolist()))
            raise MissingOutcomeError(
                f"class {k}, of probability {float(softmax(logits)[k]):.3g}, never appeared in {rows} draws"
            )
        assert seen.gradient is not None  # noqa: S101  (a cotangent was given)
        gradients = seen.gradient[first]
        return gradients, float(np.abs(seen.gradient - gradients[outcomes]).max())

    def expected_gradient(self, objective: Objective, logits: Array, *, seed: int = 0) -> Array:
        """The exact expected gradient at τ = 1 from a black box.

        Each outcome's gradient is weighted with its exact probability. There
        is no sampling error where the gradient is a function of the sample.
        The parameters are those of :meth:`by_outcome`.
        """
        gradients, _ = self.by_outcome(objective, logits, seed=seed)
        return np.asarray(softmax(logits) @ gradients, np.float64)


def _require_shapes(seen: Observation, shape: tuple[int, ...]) -> None:
    for name in ("hard", "soft"):
        part = getattr(seen, name)
        if part is not None and part.shape != shape:
            raise ValueError(
                f"the part named {name} has shape {part.shape} for logits of shape {shape}; expected "
                "the same: name the parts in order with returns=(...) or --returns"
            )


def _front(array: Array | None, axis: int) -> Array | None:
    return None if array is None else np.moveaxis(array, axis, -1)


def _back(array: Array | None, axis: int, dtype: str) -> Array | None:
    return None if array is None else np.ascontiguousarray(np.moveaxis(array, -1, axis), dtype)

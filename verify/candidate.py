"""Any foreign implementation, whatever its calling convention, as one observed form.

A candidate is seen only from outside: logits go in, a sample and a gradient
come out. Arrays here have the class axis last and at least two classes; the
candidate's own form is kept in its :class:`~verify.convention.Convention`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from verify import binary
from verify.convention import Convention
from verify.definition import softmax
from verify.discovery import Wishes, discover
from verify.frameworks import Array, Cotangent, Framework, Observation, Query, detect, load, storage
from verify.kinds import plain
from verify.objectives import Objective
from verify.settling import settle
from verify.tolerances import gradient_tolerance

__all__ = ["Candidate", "MissingOutcomeError", "UnsteadyError"]

CLASSES = 5


class UnsteadyError(ValueError):
    """Equal samples with equal cotangents gave different gradients."""


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
    has_soft : bool
        Whether the probabilities are among its results.
    rank : int
        The least number of axes it takes, where that is not 2: with 1 it is
        called once a row, with more the batch is given axes of length 1.
    """

    fn: Callable[..., Any]
    name: str
    framework: Framework
    convention: Convention
    dtype: str = "float64"
    has_soft: bool = False
    rank: int = 2

    @classmethod
    def wrap(
        cls,
        fn: Any,
        *,
        framework: str | None = None,
        tau: str | None = "tau",
        returns: tuple[str, ...] = ("hard", "soft"),
        axis: int | str | None = None,
        logits: str | None = None,
        injected: str | None = None,
        binary: bool = False,
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
        called = plain(fn)
        backend = load(framework or detect(fn))
        wishes = Wishes(tau, tuple(returns), axis, logits, injected, binary, constants or {})
        try:
            convention = discover(called, wishes, backend.sources)
        except ValueError as error:
            raise ValueError(f"{_label(fn)}: {error}") from error
        return settle(cls(called, name or _label(fn), backend, convention))

    @property
    def has_tau(self) -> bool:
        """Whether it takes a temperature."""
        return self.convention.tau is not None

    @property
    def classes(self) -> int:
        """How many classes the checks use."""
        return 2 if self.convention.binary else CLASSES

    def query(
        self, logits: Array, tau: float, seed: int, dtype: str, layout: Callable[[Array], Array]
    ) -> Query:
        """One call, put in the candidate's own form; the parameters are those of :meth:`observe`."""
        if tau != 1.0 and not self.has_tau:
            raise ValueError(f"{self.name} takes no temperature; it can be observed at tau = 1 only")
        own = binary.narrow(logits) if self.convention.binary else np.asarray(logits)
        own = own if self.convention.binary else np.moveaxis(own, -1, self.convention.axis)
        extra = self.framework.randomness(self.convention.known or {}, seed)
        if self.convention.injected is not None:
            extra[self.convention.injected] = self._injected(logits, seed, dtype)
        heat = self.framework.array(tau, dtype) if self.convention.tau_array else tau
        return Query(
            lambda x: self.convention.call(self.fn, x, heat, extra),
            self.convention.split,
            layout(own.astype(storage(dtype))),
            dtype,
            seed,
        )

    def _injected(self, logits: Array, seed: int, dtype: str) -> Any:
        """A sample drawn here, in the form the candidate takes it."""
        index = draw(logits, np.random.default_rng(seed))
        onehot = np.eye(logits.shape[-1])[index]
        if self.convention.binary:
            return self.framework.array(onehot[..., 0], dtype)
        if self.convention.injected_onehot:
            return self.framework.array(np.moveaxis(onehot, -1, self.convention.axis), dtype)
        return self.framework.array(index, "int64")

    def observe(
        self,
        logits: Array,
        tau: float = 1.0,
        cotangent: Cotangent | None = None,
        *,
        seed: int,
        dtype: str | None = None,
        layout: Callable[[Array], Array] = np.ascontiguousarray,
    ) -> Observation:
        """Call it once and see everything in NumPy, classes last.

        Parameters
        ----------
        logits : array, shape (..., K)
        tau : float
            Passed on where the candidate takes a temperature; 1 otherwise.
        cotangent : callable, optional
            Cotangents (g, h) from the sample, those of a row from that row's
            sample alone; without it there is no gradient.
        seed : int
            Of whatever randomness the candidate uses.
        dtype : str, optional
            To compute in; the candidate's own where absent.
        layout : callable
            Applied to the logits last, to choose their place in memory.

        Returns
        -------
        Observation
        """
        options: dict[str, Any] = {"seed": seed, "dtype": dtype, "layout": layout}
        if self.rank == 1 and logits.ndim > 1:
            return _row_by_row(self, logits, tau, cotangent, options)
        if self.rank > logits.ndim:
            return _padded(self, logits, tau, cotangent, options)
        wanted = dtype or self.dtype
        query = self.query(logits, tau, seed, wanted, layout)
        if self.convention.binary:
            return binary.observe(self.framework, query, cotangent, storage(wanted))
        axis = self.convention.axis

        def pull(hard: Array) -> tuple[Array | None, Array | None]:
            pair = cotangent(np.moveaxis(hard, axis, -1)) if cotangent else (None, None)
            g, h = (None if c is None else np.moveaxis(c, -1, axis).astype(storage(wanted)) for c in pair)
            return g, h

        seen = self.framework.observe(query, pull if cotangent else None)
        front = {
            name: None if part is None else np.moveaxis(part, axis, -1)
            for name, part in (("hard", seen.hard), ("soft", seen.soft), ("gradient", seen.gradient))
        }
        return replace(seen, **front)  # type: ignore[arg-type]

    def by_outcome(
        self, objective: Objective, logits: Array, *, seed: int, rows: int = 512
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

    def expected_gradient(
        self, objective: Objective, logits: Array, *, seed: int = 0, rows: int = 512
    ) -> Array:
        """The exact expected gradient at τ = 1 from a black box.

        Each outcome's gradient is weighted with its exact probability, so there
        is no sampling error. The parameters are those of :meth:`by_outcome`.

        Raises
        ------
        UnsteadyError
            Where the gradient is not a function of the sample.
        MissingOutcomeError
            Where an outcome never appeared.
        """
        corners = objective.gradient(np.eye(logits.size)[:, None, :])
        gradients, spread = self.by_outcome(objective, logits, seed=seed, rows=rows)
        if not spread <= gradient_tolerance("float32", logits, 1.0, corners):
            raise UnsteadyError(
                f"equal samples with equal cotangents give gradients that differ by {spread:.2g}: something "
                "else than the sample enters the backward pass"
            )
        return np.asarray(softmax(logits) @ gradients, np.float64)


def draw(logits: Array, rng: np.random.Generator) -> Array:
    """Classes drawn from softmax(θ), one for each row, by the inverse of the distribution function."""
    steps = softmax(logits).astype(float).cumsum(axis=-1)
    u = rng.random((*logits.shape[:-1], 1)) * steps[..., -1:]
    return np.asarray((steps <= u).sum(axis=-1))


def _label(fn: Any) -> str:
    return str(getattr(fn, "__qualname__", None) or type(fn).__name__)


def _row_by_row(
    candidate: Candidate,
    logits: Array,
    tau: float,
    cotangent: Cotangent | None,
    options: dict[str, Any],
) -> Observation:
    """One call for each row, each with its own seed.

    The cotangent of a row is that of the sample which this very call drew: a
    second call need not draw the same one. So it is asked for once a row, on a
    batch in which every row is that sample.
    """
    rows = logits.reshape(-1, logits.shape[-1])
    seeds = np.random.SeedSequence(options["seed"]).generate_state(len(rows))

    def pull(i: int) -> Cotangent | None:
        if cotangent is None:
            return None

        def own(hard: Array) -> tuple[Array | None, Array | None]:
            g, h = cotangent(np.broadcast_to(hard, logits.shape))
            g, h = (None if c is None else c.reshape(rows.shape)[i] for c in (g, h))
            return g, h

        return own

    seen = [
        candidate.observe(row, tau, pull(i), **options | {"seed": int(seeds[i])})
        for i, row in enumerate(rows)
    ]

    def joined(name: str, shape: tuple[int, ...]) -> Any:
        parts = [getattr(s, name) for s in seen]
        return None if not parts or parts[0] is None else np.stack(parts).reshape(shape)

    return replace(
        seen[0],
        index=joined("index", logits.shape[:-1]),
        **{name: joined(name, logits.shape) for name in ("hard", "soft", "gradient")},
    )


def _padded(
    candidate: Candidate,
    logits: Array,
    tau: float,
    cotangent: Cotangent | None,
    options: dict[str, Any],
) -> Observation:
    """One call with batch axes of length 1 put in before the class axis."""
    shape = (*logits.shape[:-1], *[1] * (candidate.rank - logits.ndim), logits.shape[-1])

    def pull(hard: Array) -> tuple[Array | None, Array | None]:
        pair = cotangent(hard.reshape(logits.shape)) if cotangent else (None, None)
        g, h = (None if c is None else c.reshape(shape) for c in pair)
        return g, h

    seen = candidate.observe(logits.reshape(shape), tau, pull if cotangent else None, **options)
    parts = {name: getattr(seen, name) for name in ("hard", "soft", "gradient")}
    back = {name: None if part is None else part.reshape(logits.shape) for name, part in parts.items()}
    return replace(seen, **back)  # type: ignore[arg-type]

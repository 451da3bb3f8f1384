"""What a check found: records, and the same as text and JSON."""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

__all__ = ["SCHEMA", "CheckResult", "Diagnosis", "Failure", "Outcome", "Report", "Status", "Verdict"]

SCHEMA = "reinmax-verify/report/1"

Status = Literal["pass", "warn", "fail", "skip", "inconclusive", "error"]
Verdict = Literal["conforms", "deviates", "inconclusive"]


@dataclass(frozen=True)
class Outcome:
    """What one check function returns.

    Attributes
    ----------
    status : str
        ``pass``, ``warn``, ``fail``, ``skip`` (does not apply), ``inconclusive``
        or ``error`` (could not run).
    detail : str
        What was seen, in a sentence.
    error, tolerance : float or None
        The measured error and its bound, where the check has them.
    order : float or None
        A measured order of accuracy.
    """

    status: Status
    detail: str
    error: float | None = None
    tolerance: float | None = None
    order: float | None = None


@dataclass(frozen=True)
class CheckResult:
    """An outcome with the name of its check; the attributes of :class:`Outcome` and ``name``."""

    name: str
    status: Status
    detail: str
    error: float | None = None
    tolerance: float | None = None
    order: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, in the published schema."""
        return {name: getattr(self, name) for name in ("name", "status", "detail", "error", "tolerance")}


@dataclass(frozen=True)
class Diagnosis:
    """One mistake, named.

    Attributes
    ----------
    code : str
        The class of mistake.
    explanation : str
        What is wrong, which line of the paper it breaks, how to mend it.
    """

    code: str
    explanation: str


@dataclass(frozen=True)
class Failure:
    """One part of the result that is wrong somewhere in the space of cases.

    Attributes
    ----------
    part : str
        ``hard``, ``soft``, ``gradient`` or ``sampler``.
    check : str
        The check that it belongs to.
    detail, case : str
        How often it was wrong, and the smallest case in which it is, in words.
    smallest : str
        That case as code to run, with what came and what is right.
    error, tolerance : float or None
        Of the smallest case.
    """

    part: str
    check: str
    detail: str
    case: str
    smallest: str
    error: float | None = None
    tolerance: float | None = None


@dataclass(frozen=True, repr=False)
class Report:
    """The result of checking one implementation.

    Attributes
    ----------
    target, framework : str
    verdict : str
        ``conforms``, ``deviates`` or ``inconclusive``.
    checks : tuple of CheckResult
    diagnosis : tuple of Diagnosis
    order : float or None
        Measured order of accuracy, where it was measured.
    estimator : str
        What it was judged against.
    command : str
        What a shell runs to get this report; empty where none did.
    right_as : str
        Another estimator that the implementation conforms to; empty where none was found.
    failures : tuple of Failure
        Where in the space of cases it is wrong.
    cases, pairs, pairs_due : int
        The cases tried; the pairs of values of the dimensions that occurred in
        them, and all that could.
    """

    target: str
    framework: str
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    diagnosis: tuple[Diagnosis, ...] = ()
    order: float | None = None
    estimator: str = "reinmax"
    command: str = ""
    right_as: str = ""
    failures: tuple[Failure, ...] = ()
    cases: int = 0
    pairs: int = 0
    pairs_due: int = 0

    @property
    def smallest(self) -> str | None:
        """The smallest failing case as code to run."""
        return next((f.smallest for f in self.failures if f.smallest), None)

    @property
    def counts(self) -> dict[str, int]:
        """How many checks were due, ran, and ended in which way."""
        by = [c.status for c in self.checks]
        skipped, unrun = by.count("skip"), by.count("error")
        return {
            "due": len(by) - skipped,
            "run": len(by) - skipped - unrun,
            "passed": by.count("pass"),
            "warned": by.count("warn"),
            "failed": by.count("fail"),
            "skipped": skipped,
        }

    @property
    def conclusion(self) -> str:
        """The verdict in a sentence: an order of accuracy that is right excuses nothing else."""
        decisive = {"conforms": (), "deviates": ("fail",), "inconclusive": ("error", "inconclusive")}
        number = sum(c.status in decisive[self.verdict] for c in self.checks)
        verdict = self.verdict + (f" in {number} check{'s' if number > 1 else ''}" if number else "")
        if self.order is None:
            return verdict
        if self.verdict != "deviates":
            return f"{verdict}, order of accuracy {self.order:z.2f}"
        if any(c.order is not None and c.status == "fail" for c in self.checks):
            return f"{verdict}; its order of accuracy is {self.order:z.2f}, not 2"
        return f"{verdict}, though its order of accuracy is {self.order:z.2f}"

    @property
    def versions(self) -> dict[str, str]:
        """The versions of this package and of what the implementation runs on."""
        names = ("reinmax-ref", *dict.fromkeys((self.framework, "numpy")))
        return {name: version(name) for name in names if _installed(name)}

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, in the published schema."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "framework": self.framework,
            "estimator": self.estimator,
            "verdict": self.verdict,
            "order": self.order,
            "counts": self.counts,
            "checks": [c.to_dict() for c in self.checks],
            "diagnosis": [asdict(d) for d in self.diagnosis],
            "versions": self.versions,
            "command": self.command,
            **({"right_as": self.right_as} if self.right_as else {}),
            "smallest": self.smallest,
            "failures": [asdict(f) for f in self.failures],
            "space": {"cases": self.cases, "pairs": self.pairs, "pairs_due": self.pairs_due},
        }

    def to_json(self) -> str:
        """The report as JSON text, in the published schema."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def to_text(self, *, verbose: bool = False, width: int = 80) -> str:
        """The report as lines to read: what a person needs, or with ``verbose`` every check."""
        from verify.conformance.text import to_text  # noqa: PLC0415  (rich is for those who read it)

        return to_text(self, verbose=verbose, width=width)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<Report: {self.target} ({self.framework}) {self.verdict}>"


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True

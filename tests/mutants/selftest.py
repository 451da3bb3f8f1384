"""Run the catalogue: which check kills which mutant, and which mistakes are named."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.mutants.catalogue import Mutant, catalogue, styles
from verify.conformance import check_candidate
from verify.conformance.checks import CHECKS
from verify.conformance.report import Report

__all__ = ["Kill", "SelfTest", "self_test"]

MARKS = {"fail": "F", "error": "E", "warn": "w", "inconclusive": "?", "pass": ".", "skip": " "}


@dataclass(frozen=True, eq=False)
class Kill:
    """One mutant, and what became of it.

    Attributes
    ----------
    mutant : Mutant
    report : Report
    """

    mutant: Mutant
    report: Report

    @property
    def named(self) -> tuple[str, ...]:
        """The codes that the diagnosis gave."""
        return tuple(d.code for d in self.report.diagnosis)

    @property
    def killed(self) -> bool:
        """Whether it failed; of a fault of robustness, whether the check meant at least warned."""
        if self.mutant.warns is not None:
            marks = {c.name: c.status for c in self.report.checks}
            mark, deviates = marks[self.mutant.warns], self.report.verdict == "deviates"
            return mark in {"warn", "fail"} and deviates == (mark == "fail" or bool(self.mutant.codes))
        return self.report.verdict == "deviates"

    @property
    def missing(self) -> tuple[str, ...]:
        """What the diagnosis should give and does not, in words."""
        said = " ".join(d.explanation for d in self.report.diagnosis)
        unsaid = [self.mutant.says] if self.mutant.says not in said else []
        return tuple([code for code in self.mutant.codes if code not in self.named] + unsaid)

    @property
    def false(self) -> tuple[str, ...]:
        """What was named though it has no such mistake, with a code of the catalogue or without one."""
        return tuple(code for code in self.named if code not in self.mutant.codes)

    @property
    def right(self) -> bool:
        """Whether it was killed, and every mistake that it has was named, and no other."""
        return self.killed and not self.missing and not self.false


@dataclass(frozen=True, eq=False)
class SelfTest:
    """The kill matrix.

    Attributes
    ----------
    kills : tuple of Kill
        Of the mutants.
    kept : tuple of Kill
        Of right implementations, which must conform.
    """

    kills: tuple[Kill, ...]
    kept: tuple[Kill, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong, in sentences; empty where nothing did."""
        lived = [f"{k.mutant.name} survived" for k in self.kills if not k.killed]
        unnamed = [
            f"{k.mutant.name} was not named {', '.join(k.missing)}"
            for k in self.kills
            if k.killed and k.missing
        ]
        false = [
            f"{k.mutant.name} was named {', '.join(k.false)} without cause" for k in self.kills if k.false
        ]
        alarms = [
            f"{k.mutant.name}, a right implementation, {k.report.verdict}"
            for k in self.kept
            if k.report.verdict != "conforms"
        ]
        idle = [f"no mutant fails {name}" for name in self.idle]
        return tuple(lived + unnamed + false + alarms + idle)

    @property
    def idle(self) -> tuple[str, ...]:
        """The mathematical checks that no mutant fails."""
        used = {c.name for k in self.kills for c in k.report.checks if c.status == "fail"}
        return tuple(c.name for c in CHECKS if c.kind == "mathematical" and c.name not in used)

    def to_text(self) -> str:
        """The matrix as lines to read: mutants down, checks across."""
        width = max(len(k.mutant.name) for k in self.kills + self.kept)
        names = [c.name for c in CHECKS]
        lines = [f"{i:>2}  {name}" for i, name in enumerate(names)]
        head = "".join(str(i % 10) for i in range(len(names)))
        lines += ["", "F fail, E error, w warn, ? inconclusive, . pass", "", f"{'':<{width}}  {head}"]
        lines += [_line(k, width) for k in self.kills]
        lines += ["", "right implementations"] + [_line(k, width) for k in self.kept]
        killed = sum(k.killed for k in self.kills)
        published = [k for k in self.kills if any(not c.startswith("unknown-") for c in k.mutant.codes)]
        lines += [
            "",
            (
                f"{killed} of {len(self.kills)} mutants killed; {sum(k.right for k in published)} of "
                f"{len(published)} with published mistakes named; "
                f"{sum(k.report.verdict == 'conforms' for k in self.kept)} of {len(self.kept)} right "
                "implementations conform"
            ),
            *self.problems,
        ]
        return "\n".join(lines)


def _line(kill: Kill, width: int) -> str:
    marks = "".join(MARKS[c.status] for c in kill.report.checks)
    return f"{kill.mutant.name:<{width}}  {marks}  {', '.join(kill.named)}".rstrip()


def run(mutants: Iterable[Mutant], rng: Any = 0) -> tuple[Kill, ...]:
    """Check each; ``rng`` is that of :func:`verify.check`."""
    return tuple(Kill(m, check_candidate(m.candidate(), rng=rng)) for m in mutants)


def self_test(rng: Any = 0) -> SelfTest:
    """Run every mutant and every right implementation of the frameworks that are installed.

    Parameters
    ----------
    rng : optional
        Anything ``numpy.random.default_rng`` takes.

    Returns
    -------
    SelfTest
    """
    return SelfTest(run(catalogue(), rng), run(styles(), rng))

"""The mistakes that have a code: what is wrong, the line of the paper that it breaks, the remedy.

Lines are those of Algorithm 2 of Liu et al. 2023, arXiv:2304.08612, numbered

1. π₀ = softmax(θ);
2. D ~ π₀;
3. π₁ = (D + softmax(θ/τ))/2;
4. π₁ = softmax(sg(ln π₁ − θ) + θ);
5. π₂ = 2π₁ − ½π₀;
6. return π₂ − sg(π₂) + D.
"""

from dataclasses import dataclass

from verify.conformance.report import Diagnosis

__all__ = ["CODES", "MISTAKES", "Mistake", "document", "name"]


@dataclass(frozen=True)
class Mistake:
    """A kind of mistake; what is wrong and the remedy are sentences, the line completes "It breaks …"."""

    code: str
    wrong: str
    line: str
    remedy: str

    @property
    def text(self) -> str:
        """What a report says of it."""
        return f"{self.wrong} It breaks {self.line}. {self.remedy}"


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "wrong-axis",
        "A softmax or a sum runs over another axis than that of the classes, so rows mix.",
        "lines 1, 3 and 4: every softmax is over the classes",
        "Give every softmax, sum and one-hot the axis that the caller sets; never a fixed number such as 1.",
    ),
    Mistake(
        "argmax-sampler",
        "The sample is the most likely class instead of a draw.",
        "line 2, D ~ softmax(θ)",
        "Draw from a categorical distribution of softmax(θ), or add Gumbel noise before argmax.",
    ),
    Mistake(
        "tempered-sampler",
        "The sample is drawn from softmax(θ/τ).",
        "line 2: D is drawn from softmax(θ) at every τ",
        "Draw from the logits before dividing by τ; the temperature belongs to line 3 alone.",
    ),
    Mistake(
        "probabilities-as-logits",
        "Probabilities are used where logits belong, so a softmax is applied twice.",
        "lines 1 and 3, π₀ = softmax(θ)",
        "Apply softmax once; where a function wants logits, hand it θ.",
    ),
    Mistake(
        "straight-through",
        "The gradient is that of plain Straight-Through.",
        "lines 3 to 5, which average over q = (p_τ + D)/2",
        "Replace J(p)g by 2 J(q)g − ½ J(p)g; look for a switch that was not passed on.",
    ),
    Mistake(
        "missing-half-term",
        "The term − ½ J(p)g is missing.",
        "line 5, π₂ = 2π₁ − ½π₀",
        "Subtract half of π₀, with its gradient.",
    ),
    Mistake(
        "missing-factor-two",
        "The first term is J(q)g instead of 2 J(q)g.",
        "line 5, π₂ = 2π₁ − ½π₀",
        "Multiply π₁ by 2.",
    ),
    Mistake(
        "inverse-tau-scale",
        "The gradient is multiplied by 1/τ.",
        "line 4, where θ and not θ/τ stands outside of the stop-gradient",
        "Do not differentiate through θ/τ; the gradient of ReinMax has no factor 1/τ.",
    ),
    Mistake(
        "inverted-tau",
        "The logits are multiplied by τ instead of divided.",
        "line 3, softmax(θ/τ)",
        "Divide by τ.",
    ),
    Mistake(
        "tempered-half-term",
        "The term − ½ J(p)g is taken at p_τ instead of p.",
        "lines 1 and 5: π₀ = softmax(θ) has no temperature",
        "Use softmax(θ) in the half term.",
    ),
    Mistake(
        "sign-flip",
        "A term of the gradient has the opposite sign.",
        "line 4, softmax(sg(ln π₁ − θ) + θ)",
        "Add θ outside of the stop-gradient; check the sign of every term.",
    ),
    Mistake(
        "severed-gradient",
        "No gradient, or not the whole of it, reaches the logits through the sample.",
        "line 6, π₂ − sg(π₂) + D, and line 4, whose θ outside of the stop-gradient carries the gradient",
        "Look for a detach, a stop_gradient or a no_grad too many.",
    ),
    Mistake(
        "missing-stop-gradient",
        "The gradient also runs through ln π₁.",
        "line 4, softmax(sg(ln π₁ − θ) + θ)",
        "Put ln π₁ − θ inside of detach or stop_gradient.",
    ),
    Mistake(
        "soft-cotangent",
        "The gradient through the soft output is not J(p)h.",
        "the second output, p = softmax(θ), which is an ordinary softmax",
        "Add J(p)h once, and let either output be unused (its cotangent may be None or zero).",
    ),
    Mistake(
        "resampled-backward",
        "The backward pass uses another sample than the forward pass gave.",
        "lines 2 and 6: one D serves both",
        "Keep the sample of the forward pass for the backward pass.",
    ),
    Mistake(
        "noise-in-backward",
        "Noise other than the sample enters the gradient, for instance Gumbel-perturbed probabilities or "
        "dropout.",
        "lines 1 and 3: p and p_τ are functions of the logits alone",
        "Use softmax(θ) and softmax(θ/τ) in the backward pass; the noise is for drawing D only. Check a "
        "module in eval mode.",
    ),
    Mistake(
        "row-coupling",
        "A row's gradient depends on other rows.",
        "the definition, which is of one variable",
        "Look for a mean, a sum, a norm or an index over the batch.",
    ),
    Mistake(
        "binary-log-sigmoid",
        "The binary form takes sigmoid(ln π₁) for π₁.",
        "line 4 for two classes, sigmoid(sg(logit π₁ − l) + l)",
        "Use logit π₁ = ln π₁ − ln(1 − π₁) in place of ln π₁.",
    ),
)

CODES = {mistake.code: mistake for mistake in MISTAKES}


def name(code: str, evidence: str) -> Diagnosis:
    """A mistake as a line of the report, with a sentence that says where it shows.

    Examples
    --------
    >>> name("argmax-sampler", "Class 2 came every time.").code
    'argmax-sampler'
    """
    return Diagnosis(code, f"{CODES[code].text} Evidence: {evidence}")


def document() -> str:
    """The part of docs/mistakes.md that repeats the catalogue, in Markdown."""
    return "\n".join(f"## `{m.code}`\n\n{m.wrong}\n\nIt breaks {m.line}.\n\n{m.remedy}\n" for m in MISTAKES)

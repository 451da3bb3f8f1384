"""Every estimator once more, straight from the equation of its paper: what others are compared with.

Nothing here is simplified or fast, and nothing is taken from the reference,
which is itself one of the candidates. But for :func:`reinmax_gradient`, which
takes any shape, each function gives the gradient of one variable at one sample:
vectors have K entries, ``onehot`` is D, ``d`` its class and ``g`` the cotangent
at it. What is rational runs on :class:`fractions.Fraction`, where it is exact.
Every estimator that needs ∇f also carries J(p)h for the cotangent h of its soft
output, which is left out here.
"""

from verify.oracle.definitions.reinmax import (
    bernoulli,
    reinmax_gradient,
    reinmax_uniform,
    softmax,
    softmax_vjp,
)
from verify.oracle.definitions.relaxed import gumbel_rao, gumbel_softmax, reinmax_cv, reinmax_rao
from verify.oracle.definitions.score_function import (
    arm,
    disarm,
    leave_one_out,
    muprop,
    reinforce,
    unordered_set,
)
from verify.oracle.definitions.straight_through import (
    darn,
    decoupled_straight_through,
    gapped_straight_through,
    mve,
    straight_through,
)

__all__ = [
    "arm",
    "bernoulli",
    "darn",
    "decoupled_straight_through",
    "disarm",
    "gapped_straight_through",
    "gumbel_rao",
    "gumbel_softmax",
    "leave_one_out",
    "muprop",
    "mve",
    "reinforce",
    "reinmax_cv",
    "reinmax_gradient",
    "reinmax_rao",
    "reinmax_uniform",
    "softmax",
    "softmax_vjp",
    "straight_through",
    "unordered_set",
]

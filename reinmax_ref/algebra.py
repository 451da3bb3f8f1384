"""The hand-written vector-Jacobian products, each formula once.

Only operators and ``.sum(axis=-1, keepdims=True)`` are used, so the same lines
run on NumPy, PyTorch and JAX arrays and on NumPy object arrays of
:class:`fractions.Fraction` or SymPy expressions, where they are exact. Nothing
is imported and nothing is checked here; the public functions check.

Every argument has the classes on its last axis. The sample is an argument:
nothing here is random.

=============  ======  ====================================================
name           symbol  meaning
=============  ======  ====================================================
``p``          p       probabilities, softmax(θ)
``p_tau``      p_τ     probabilities at temperature τ, softmax(θ/τ)
``onehot``     D       the one-hot sample, drawn from p
``grad_hard``  g       cotangent of the loss at the sample
``grad_soft``  h       cotangent of the loss at the soft output p
=============  ======  ====================================================
"""

from typing import Any

__all__ = ["baseline_vjp", "darn_vjp", "rao_vjp", "reinmax_vjp", "softmax_vjp", "straight_through_vjp"]


def softmax_vjp(p: Any, g: Any) -> Any:
    """Pull a cotangent of ``p = softmax(θ)`` back to the logits: J(p)g = p∘(g − ⟨p, g⟩).

    Parameters
    ----------
    p : array, shape (..., K)
        Probabilities.
    g : array, shape (..., K)
        Cotangent at ``p``.

    Returns
    -------
    array, shape (..., K)
    """
    return p * (g - (p * g).sum(axis=-1, keepdims=True))


def straight_through_vjp(
    p: Any, grad_hard: Any, grad_soft: Any = None, *, p_tau: Any = None, tau: Any = 1
) -> Any:
    """Straight-through: the sample's cotangent is applied to p_τ, (1/τ) J(p_τ)g + J(p)h.

    At τ = 1 this is J(p)(g + h).

    Parameters
    ----------
    p, grad_hard : array, shape (..., K)
    grad_soft : array, shape (..., K), optional
        Absent means zero.
    p_tau : array, shape (..., K), optional
        Absent means τ = 1.
    tau : number

    Returns
    -------
    array, shape (..., K)

    References
    ----------
    Bengio, Léonard and Courville 2013, arXiv:1308.3432; equation (3) of Liu et
    al. 2023, arXiv:2304.08612.
    """
    if p_tau is None:
        return softmax_vjp(p, grad_hard if grad_soft is None else grad_hard + grad_soft)
    through = softmax_vjp(p_tau, grad_hard) / tau
    return through if grad_soft is None else through + softmax_vjp(p, grad_soft)


def reinmax_vjp(p: Any, p_tau: Any, onehot: Any, grad_hard: Any, grad_soft: Any = None) -> Any:
    """ReinMax: 2 J(q)g − ½ J(p)g + J(p)h with q = (p_τ + D)/2.

    A constant added to g changes no term, because J(·)1 = 0. Shifting g to
    a = g − g_d, which is zero at the sampled class d, turns the first term into
    ``2 J(q)a = p_τ∘a − q ⟨p_τ, a⟩``, one reduction instead of two; the other
    two terms are one softmax product of h − a/2. At τ = 1 what is left is
    ``½ (p∘a − D ⟨p, a⟩) + J(p)h``.

    Parameters
    ----------
    p, p_tau, onehot, grad_hard : array, shape (..., K)
    grad_soft : array, shape (..., K), optional
        Absent means zero.

    Returns
    -------
    array, shape (..., K)

    References
    ----------
    Liu, Dong, Liu, Yu and Gao, "Bridging Discrete and Backpropagation:
    Straight-Through and Beyond", NeurIPS 2023, arXiv:2304.08612, Algorithm 2.
    """
    a = grad_hard - (onehot * grad_hard).sum(axis=-1, keepdims=True)
    centre = (p_tau * a).sum(axis=-1, keepdims=True)
    if p_tau is p:
        heun = (p * a - onehot * centre) / 2
        return heun if grad_soft is None else heun + softmax_vjp(p, grad_soft)
    q = (p_tau + onehot) / 2
    soft = -a / 2 if grad_soft is None else grad_soft - a / 2
    return p_tau * a - q * centre + softmax_vjp(p, soft)


def rao_vjp(p: Any, y: Any, grad_hard: Any, grad_soft: Any = None, *, tau: Any = 1) -> Any:
    """One copy of ReinMax-Rao, (2/τ) J(y)g − ½ J(p)g + J(p)h, at a relaxed sample y.

    Parameters
    ----------
    p, grad_hard : array, shape (..., K)
    y : array, shape (..., K)
        A point of the simplex that stands for (p + D)/2.
    grad_soft : array, shape (..., K), optional
    tau : number

    Returns
    -------
    array, shape (..., K)

    References
    ----------
    Wang and Bui 2026, arXiv:2603.08257.
    """
    soft = -grad_hard / 2 if grad_soft is None else grad_soft - grad_hard / 2
    return 2 * softmax_vjp(y, grad_hard) / tau + softmax_vjp(p, soft)


def darn_vjp(p: Any, onehot: Any, grad_hard: Any, grad_soft: Any = None, *, c: Any) -> Any:
    """DARN: the score times a first-order expansion of f about c, (D − p)⟨g, D − c⟩ + J(p)h.

    Parameters
    ----------
    p, onehot, grad_hard : array, shape (..., K)
    grad_soft : array, shape (..., K), optional
    c : array, broadcast to (..., K)
        The centre; its entries sum to 1.

    Returns
    -------
    array, shape (..., K)

    References
    ----------
    Gregor, Danihelka, Mnih, Blundell and Wierstra 2014, arXiv:1310.8499; named
    as an estimator by Gu, Levine, Sutskever and Mnih 2016, arXiv:1511.05176.
    """
    score = (onehot - p) * (grad_hard * (onehot - c)).sum(axis=-1, keepdims=True)
    return score if grad_soft is None else score + softmax_vjp(p, grad_soft)


def baseline_vjp(p: Any, onehot: Any, grad_hard: Any, grad_soft: Any = None, *, c: Any) -> Any:
    """ReinMax with a baseline c: ½[(D − p)⟨g, D − c⟩ + (c_d/p_d) J(p)g] + J(p)h.

    Exact in the mean for every quadratic f and every c that sums to 1; c = p is
    ReinMax itself.

    Parameters
    ----------
    p, onehot, grad_hard : array, shape (..., K)
        p_d must not be zero.
    grad_soft : array, shape (..., K), optional
    c : array, broadcast to (..., K)
        The baseline, which does not depend on the sample.

    Returns
    -------
    array, shape (..., K)

    References
    ----------
    Liu et al. 2023, arXiv:2304.08612, section 4.
    """
    ratio = (onehot * c).sum(axis=-1, keepdims=True) / (onehot * p).sum(axis=-1, keepdims=True)
    half = (darn_vjp(p, onehot, grad_hard, c=c) + ratio * softmax_vjp(p, grad_hard)) / 2
    return half if grad_soft is None else half + softmax_vjp(p, grad_soft)

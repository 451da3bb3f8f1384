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

__all__ = ["reinmax_vjp", "softmax_vjp", "straight_through_vjp"]


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

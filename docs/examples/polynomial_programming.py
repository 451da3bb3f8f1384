"""Polynomial programming: straight-through and ReinMax beside the exact gradient.

128 bits z are to bring the mean of abs(z − 0.45)^p down; z = 0 is best. The settings are the paper's
(arXiv:2304.08612): p ∈ {1.5, 2, 3}, θ ~ U(−0.01, 0.01), 64 samples a step, 200 steps × 40 epochs, Adam at
1e-3, τ = 1, seeds 0 to 9. All seeds and powers are trained at once.

The loss is a sum over the bits, so the true gradient and the expected loss are known in closed form. The
same sum lets 64 samples of a bit enter only by how many of them are 1: that count is drawn.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from picture import EXACT, REINMAX, STRAIGHT_THROUGH, arguments, curve, legend_below, picture

from reinmax_ref import Draw, reinmax, straight_through

Array = NDArray[np.float64]

C, LATENTS, BATCH, RATE = 0.45, 128, 64, 1e-3
STEPS, EPOCHS, SEEDS = 200, 40, range(10)
POWERS = np.array([1.5, 2.0, 3.0])[:, None, None, None]  # axes: power, seed, latent, class
LOSSES = (abs(np.arange(2) - C) ** POWERS) / LATENTS  # what a bit of each class adds to the loss
SLOPES = POWERS * abs(np.arange(2) - C) ** (POWERS - 1) * np.sign(np.arange(2) - C) / LATENTS
CONTESTANTS = {"exact": EXACT, "straight_through": STRAIGHT_THROUGH, "reinmax": REINMAX}
ESTIMATORS = {"straight_through": straight_through, "reinmax": reinmax}


def softmax(logits: Array) -> Array:
    weights = np.exp(logits)
    return weights / weights.sum(axis=-1, keepdims=True)


def exact(logits: Array) -> Array:
    """Σ_k f(I_k) p_k (I_k − p), bit by bit."""
    p = softmax(logits)
    return p * (LOSSES - (p * LOSSES).sum(axis=-1, keepdims=True))


def at_each_class(estimator: Callable[..., Draw], logits: Array) -> tuple[Array, Array]:
    """Give the estimator's gradient at either outcome of every bit; the slope sits at class 1."""
    outcomes = (np.full(logits.shape[:-1], k) for k in (0, 1))
    cotangents = (np.broadcast_to(SLOPES[..., k, None] * [0, 1], logits.shape) for k in (0, 1))
    zero, one = (estimator(logits, index=i).vjp(g) for i, g in zip(outcomes, cotangents, strict=True))
    return zero, one


def mean(estimator: Callable[..., Draw], logits: Array) -> Array:
    """Give the estimator's expected gradient."""
    zero, one = at_each_class(estimator, logits)
    p = softmax(logits)
    return p[..., :1] * zero + p[..., 1:] * one


def sampled(estimator: Callable[..., Draw], logits: Array, rng: np.random.Generator) -> Array:
    """Average the gradients of 64 samples."""
    zero, one = at_each_class(estimator, logits)
    share = rng.binomial(BATCH, softmax(logits)[..., 1])[..., None] / BATCH
    return (1 - share) * zero + share * one


def start() -> Array:
    """Draw the logits of every seed, the same for every power."""
    theta = np.stack([np.random.default_rng(s).uniform(-0.01, 0.01, (LATENTS, 2)) for s in SEEDS])
    return np.repeat(theta[None], len(POWERS), axis=0)


def train(name: str, epochs: int) -> Array:
    """Run Adam; the expected loss after every epoch, shape (epochs + 1, powers, seeds)."""
    logits, rng = start(), np.random.default_rng(len(name))
    first, second = np.zeros_like(logits), np.zeros_like(logits)
    losses = [(softmax(logits) * LOSSES).sum(axis=(-1, -2))]
    for step in range(1, epochs * STEPS + 1):
        g = exact(logits) if name == "exact" else sampled(ESTIMATORS[name], logits, rng)
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g
        change = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        logits = logits - RATE * change
        if step % STEPS == 0:
            losses.append((softmax(logits) * LOSSES).sum(axis=(-1, -2)))
    return np.array(losses)


def relative_bias(name: str, logits: Array) -> Array:
    """‖E[ĝ] − ∇‖/‖∇‖ for each power, over all seeds and bits."""
    true = exact(logits)
    error = mean(ESTIMATORS[name], logits) - true
    return np.linalg.norm(error.reshape(3, -1), axis=1) / np.linalg.norm(true.reshape(3, -1), axis=1)


def report(losses: dict[str, Array]) -> None:
    best = C ** POWERS.ravel()
    print("p    gradient          final loss   spread of seeds   above the minimum")
    for i, p in enumerate(POWERS.ravel()):
        for name, runs in losses.items():
            last = runs[-1, i]
            print(f"{p:<4g} {name:<17} {last.mean():.6f}     {last.std(ddof=1):.1e}           "
                  f"{last.mean() / best[i] - 1:8.3%}")  # fmt: skip


def report_bias() -> None:
    print("\nexact relative bias   p = 1.5   p = 2     p = 3     gradient")
    for label, shift in (("at the start", 0.0), ("at P(z = 1) ≈ 0.12", 2.0)):
        logits = start() + np.array([shift, 0])
        for name in ESTIMATORS:
            print(f"{label:<21}", *(f"{b:<9.2g}" for b in relative_bias(name, logits)), name)


def plot(file: str, losses: dict[str, Array]) -> None:
    with picture(file, columns=3) as axes:
        for i, ax in enumerate(axes):
            for name, style in CONTESTANTS.items():
                runs = losses[name][:, i] / C ** POWERS.ravel()[i] - 1
                band = (runs.min(axis=1), runs.max(axis=1))
                curve(ax, np.arange(len(runs)), runs.mean(axis=1), style, band=band, label=name)
            ax.set(title=f"p = {POWERS.ravel()[i]:g}", xlabel="epoch (200 steps)", yscale="log")
        axes[0].set_ylabel("expected loss above its minimum\n(relative, band: all seeds)")
        legend_below(axes)


def main(argv: Sequence[str] | None = None) -> dict[str, Array]:
    chosen = arguments(__doc__, argv)
    losses = {name: train(name, 2 if chosen.quick else EPOCHS) for name in CONTESTANTS}
    report(losses)
    report_bias()
    if chosen.plot:
        plot(chosen.plot, losses)
    return losses


if __name__ == "__main__":
    main()

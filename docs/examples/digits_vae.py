"""A categorical autoencoder of handwritten digits, trained with straight-through and with ReinMax.

The encoder gives 4 categorical latents with 8 classes each; one sample of them goes to the decoder. The loss
is the negative ELBO: the cross-entropy of the 64 pixels plus the KL divergence of the latents from uniform,
which is known in closed form. Layers 64-128-64-32 and their mirror, ReLU, batches of 100, Adam at 5e-4;
ReinMax at the paper's τ = 1.3 and, as a control, both estimators at τ = 1. All contestants start from the
same weights and see the same batches, seed by seed; the seeds are trained side by side in one stack.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import log
from typing import NamedTuple

import numpy as np
import torch
from picture import (
    REINMAX,
    REINMAX_HOT,
    SCIKIT_LEARN_MISSING,
    STRAIGHT_THROUGH,
    Style,
    arguments,
    curve,
    legend_below,
    picture,
)
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from reinmax_ref.torch import reinmax, straight_through

PIXELS, WIDTHS, LATENTS, CLASSES = 64, (128, 64), 4, 8
TRAINING, BATCH, RATE, EPOCHS, SEEDS = 1500, 100, 5e-4, 250, 5
TEST_DRAWS = 20


class Contestant(NamedTuple):
    """An estimator at a temperature."""

    estimator: Callable[..., tuple[Tensor, Tensor]]
    tau: float
    style: Style


CONTESTANTS = {
    "straight_through, τ = 1": Contestant(straight_through, 1.0, STRAIGHT_THROUGH),
    "reinmax, τ = 1": Contestant(reinmax, 1.0, REINMAX),
    "reinmax, τ = 1.3": Contestant(reinmax, 1.3, REINMAX_HOT),
}


def digits() -> tuple[Tensor, Tensor]:
    """Images (n, 64) with pixels in [0, 1]: 1,500 for training and the other 297."""
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(SCIKIT_LEARN_MISSING) from error
    images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    images = images[torch.tensor(np.random.default_rng(0).permutation(len(images)))]
    return images[:TRAINING], images[TRAINING:]


class Layer(nn.Module):
    """One linear layer for each seed."""

    def __init__(self, seeds: int, fan_in: int, fan_out: int) -> None:
        super().__init__()
        bound = fan_in**-0.5
        self.weight = nn.Parameter(torch.empty(seeds, fan_in, fan_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(seeds, 1, fan_out).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


def layers(seeds: int, *sizes: int) -> nn.Sequential:
    """Layers with ReLU between them and none at the end."""
    parts = [part for pair in pairwise(sizes) for part in (Layer(seeds, *pair), nn.ReLU())]
    return nn.Sequential(*parts[:-1])


class Autoencoder(nn.Module):
    """Encoder and decoder; images (seeds, n, 64) to latents (seeds, n, 4, 8) and back."""

    def __init__(self, seeds: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = layers(seeds, PIXELS, *WIDTHS, LATENTS * CLASSES)
        self.decoder = layers(seeds, LATENTS * CLASSES, *WIDTHS[::-1], PIXELS)

    def logits(self, images: Tensor) -> Tensor:
        return self.encoder(images).unflatten(-1, (LATENTS, CLASSES))

    def reconstruction(self, latents: Tensor, images: Tensor) -> Tensor:
        """Negative log-likelihood of the pixels in nats, (seeds, n)."""
        pixels = self.decoder(latents.flatten(-2))
        return cross_entropy(pixels, images.expand_as(pixels), reduction="none").sum(-1)

    def loss(self, images: Tensor, contestant: Contestant) -> Tensor:
        """Negative ELBO from one sample of the latents, (seeds, n)."""
        hard, soft = contestant.estimator(logits := self.logits(images), contestant.tau)
        divergence = (soft * logits.log_softmax(-1)).sum((-1, -2)) + LATENTS * log(CLASSES)
        return self.reconstruction(hard, images) + divergence


def train(
    contestant: Contestant, images: Tensor, seeds: int, epochs: int
) -> Iterator[tuple[Autoencoder, Tensor]]:
    """Give the model and the mean loss of every seed, (seeds,), after every epoch."""
    model = Autoencoder(seeds)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    for _ in range(epochs):
        order = torch.rand(seeds, len(images)).argsort(-1)
        total = torch.zeros(seeds)
        for batch in images[order].split(BATCH, dim=1):
            losses = model.loss(batch, contestant).mean(-1)
            optimiser.zero_grad()
            losses.sum().backward()
            optimiser.step()
            total += losses.detach() * batch.shape[1] / len(images)
        yield model, total


@torch.no_grad()
def evaluate(model: Autoencoder, images: Tensor, seeds: int, contestant: Contestant) -> np.ndarray:
    """Mean negative ELBO of every seed over many draws of the latents."""
    stack = images.repeat(TEST_DRAWS, 1).expand(seeds, -1, -1)
    return model.loss(stack, contestant).mean(-1).numpy()


def report(finals: dict[str, np.ndarray]) -> None:
    """Print negative ELBO per image; finals are (training or test, seeds)."""
    base = next(iter(finals.values()))
    print("negative ELBO (nats)      training          test              test, minus straight_through's")
    for name, (training, test) in finals.items():
        both = "".join(f"{x.mean():7.3f} ± {x.std(ddof=1):.3f}   " for x in (training, test))
        gap = test - base[1]
        print(f"{name:<24} {both}{gap.mean():+.3f} ± {gap.std(ddof=1):.3f}")


def plot(file: str, history: dict[str, np.ndarray]) -> None:
    with picture(file, columns=2) as (whole, end):
        for name, losses in history.items():
            epochs, mean, spread = np.arange(1, len(losses) + 1), losses.mean(1), losses.std(1, ddof=1)
            for ax, kept in ((whole, epochs > 0), (end, epochs > len(losses) // 3)):
                band = ((mean - spread)[kept], (mean + spread)[kept])
                curve(ax, epochs[kept], mean[kept], CONTESTANTS[name].style, band=band, label=name)
        whole.set(ylabel="negative ELBO, training (nats)\n(mean, band: ± 1 s.d. of seeds)")
        for ax, title in ((whole, "all epochs"), (end, "the last two thirds")):
            ax.set(xlabel="epoch", title=title)
        legend_below([whole, end])


def main(argv: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    chosen = arguments(__doc__, argv)
    seeds, epochs = (2, 4) if chosen.quick else (SEEDS, EPOCHS)
    (training, test), history, finals = digits(), {}, {}
    for name, contestant in CONTESTANTS.items():
        runs = list(train(contestant, training, seeds, epochs))
        history[name] = torch.stack([losses for _, losses in runs]).numpy()
        model = runs[-1][0]
        finals[name] = np.stack([evaluate(model, part, seeds, contestant) for part in (training, test)])
    report(finals)
    if chosen.plot:
        plot(chosen.plot, history)
    return history


if __name__ == "__main__":
    torch.set_num_threads(1)  # matrices this small gain nothing from a second
    main()

"""How wrong is the gradient of a categorical autoencoder while it trains? Exactly.

The paper (arXiv:2304.08612) drew 1,024 samples to measure the gradient at the latents of an autoencoder with
4 latents of 8 classes. Here all 4,096 values of the latents of an image are visited, so that neither the true
gradient nor the estimators' moments have a sampling error. The model is that of digits_vae.py, trained with
either estimator; the objective is the reconstruction of one image, and the numbers are those of the gradients
of 16 images at their logits, put together as one vector:

  bias/∇      ‖E[ĝ] − ∇‖ / ‖∇‖          bias/mean  ‖E[ĝ] − ∇‖ / ‖E[ĝ]‖
  std/∇       √(E‖ĝ − E[ĝ]‖²) / ‖∇‖     cosine     of the angle between E[ĝ] and ∇
  rmse-100/∇  the error of the mean over 100 samples, √(‖bias‖² + variance/100) / ‖∇‖
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from digits_vae import CONTESTANTS, Autoencoder, digits, train
from picture import FOURTH, REINMAX, REINMAX_HOT, STRAIGHT_THROUGH, arguments, curve, legend_below, picture
from torch import Tensor

from verify.lab.moments import estimator_moments
from verify.objectives import from_torch
from verify.oracle.enumeration import softmax, statistics

ESTIMATORS = {  # each at its temperature, with its style in the picture
    ("straight_through", 1.0): STRAIGHT_THROUGH,
    ("gapped_straight_through", 1.0): None,
    ("darn", 1.0): None,
    ("mve", 1.0): FOURTH,
    ("reinmax_uniform", 1.0): None,
    ("reinmax", 1.0): REINMAX,
    ("reinmax", 1.3): REINMAX_HOT,
}
PICTURED = {estimator: style for estimator, style in ESTIMATORS.items() if style}
TRAINERS = ("straight_through, τ = 1", "reinmax, τ = 1.3")
IMAGES, CHECKPOINTS = 16, (1, 50, 100, 150, 250)
QUICK_IMAGES, QUICK_CHECKPOINTS = 2, (1, 3)


class Row(NamedTuple):
    """One estimator at one moment of training."""

    trainer: str
    epoch: int
    estimator: tuple[str, float]
    bias: float
    bias_by_mean: float
    deviation: float
    cosine: float

    @property
    def error(self) -> float:
        return float(np.hypot(self.bias, self.deviation / 10))

    def __str__(self) -> str:
        name = f"{self.estimator[0]}, τ = {self.estimator[1]:g}"
        numbers = (self.bias, self.bias_by_mean, self.deviation, self.cosine, self.error)
        return f"{self.epoch:5d}  {name:<32}" + "".join(f"{n:10.3f}" for n in numbers)


def at_image(model: Autoencoder, image: Tensor) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Exact gradient, mean and variance of every estimator at one image, from one pass over the corners."""
    objective = from_torch(lambda x: model.reconstruction(x[None], image)[0])
    with torch.no_grad():
        logits = model.logits(image[None, None])[0, 0].numpy()
    total = statistics(objective, softmax(logits))
    found = [estimator_moments(name, total, logits, tau) for name, tau in ESTIMATORS]
    return [(m.exact_gradient, m.mean, m.total_variance) for m in found]


def measure(model: Autoencoder, images: Tensor, trainer: str, epoch: int) -> Iterator[Row]:
    """Put the gradients of all images together, estimator by estimator."""
    exactly = deepcopy(model).double()
    all_images = [at_image(exactly, image.double()) for image in images]
    for estimator, found in zip(ESTIMATORS, zip(*all_images, strict=True), strict=True):
        exact, mean = (np.stack([image[i] for image in found]) for i in (0, 1))
        bias, size, mean_size = (float(np.linalg.norm(v)) for v in (mean - exact, exact, mean))
        deviation = np.sqrt(sum(image[2] for image in found))
        cosine = float((exact * mean).sum()) / size / mean_size
        yield Row(trainer, epoch, estimator, bias / size, bias / mean_size, deviation / size, cosine)


def diagnose(trainer: str, images: int, checkpoints: Sequence[int]) -> Iterator[Row]:
    """Train, and measure at the checkpoints."""
    training, test = digits()
    epochs = enumerate(train(CONTESTANTS[trainer], training, 1, max(checkpoints)), start=1)
    for epoch, (model, _) in epochs:
        if epoch in checkpoints:
            yield from measure(model, test[:images], trainer, epoch)


def plot(file: str, rows: list[Row]) -> None:
    with picture(file, columns=3) as axes:
        labels = ("relative bias ‖E[ĝ] − ∇‖ / ‖∇‖", "standard deviation / ‖∇‖", "cosine of E[ĝ] and ∇")
        for ax, attribute, label in zip(axes, ("bias", "deviation", "cosine"), labels, strict=True):
            for (name, tau), style in PICTURED.items():
                kept = [r for r in rows if r.estimator == (name, tau) and r.trainer == TRAINERS[1]]
                values = [getattr(row, attribute) for row in kept]
                curve(ax, [r.epoch for r in kept], values, style, label=f"{name}, τ = {tau:g}")
            ax.set(xlabel=f"epoch of training with\n{TRAINERS[1]}", ylabel=label)
            ax.set_ylim(bottom=0)
        legend_below(axes, columns=4)


def main(argv: Sequence[str] | None = None) -> list[Row]:
    chosen = arguments(__doc__, argv)
    images, checkpoints = (QUICK_IMAGES, QUICK_CHECKPOINTS) if chosen.quick else (IMAGES, CHECKPOINTS)
    rows: list[Row] = []
    for trainer in TRAINERS:
        print(f"trained with {trainer}")
        print("epoch  gradient                            bias/∇ bias/mean     std/∇    cosine  rmse-100/∇")
        for row in diagnose(trainer, images, checkpoints):
            rows.append(row)
            print(row)
    if chosen.plot:
        plot(chosen.plot, rows)
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)  # matrices this small gain nothing from a second
    main()

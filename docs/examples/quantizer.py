"""A quantizer whose logits are computed inside, and what of it can be checked."""

import torch

from reinmax_ref.torch import reinmax


class Quantizer(torch.nn.Module):
    """From features to the embedding of a class, and the class."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.proj = torch.nn.Linear(width, classes)
        self.codebook = torch.nn.Embedding(classes, width)

    def forward(self, x: torch.Tensor, tau: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
        hard, _ = reinmax(self.proj(x), tau)
        return hard @ self.codebook.weight, hard.argmax(-1)


quantizer = Quantizer(width=4, classes=16)

bare = Quantizer(width=5, classes=5)
bare.proj = torch.nn.Identity()
bare.codebook.weight.data = torch.eye(5)

"""The network of `digits_ddp.ipynb`, and how its training images are varied.

It lies beside the notebook to show that local modules travel with a job: Windlass follows the notebook's imports.
"""

import torch
from torch import Tensor, nn

CLASSES = 10


class DigitsNet(nn.Module):
    """A small convolutional network: images of shape (n, 1, 8, 8) in, scores of shape (n, 10) out."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, hidden // 2, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden // 2, hidden, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(hidden * 4 * 4, CLASSES),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def shifted(images: Tensor) -> Tensor:
    """The images, together moved by up to one pixel each way."""
    down, right = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(images, shifts=(down, right), dims=(2, 3))

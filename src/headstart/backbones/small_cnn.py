"""The small network that is trained from scratch: what a pretrained backbone is compared with.

Its convolutions are a backbone like any other once they are trained, its last layer a linear head.
Importing this module loads torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

CHANNELS = 8


class SmallCNNBackbone(nn.Module):
    """Two blocks of convolution, batch norm, ReLU and pooling: 3 channels to 4, to 8.

    Gives the flattened last map: 8 x 56 x 56 = 25,088 numbers at 224 pixels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(_Block(3, 4), _Block(4, CHANNELS))

    def forward_features(self, inputs: Tensor) -> Tensor:
        """Normalised pictures (n, 3, size, size) to the last map (n, 8, size / 4, size / 4)."""
        maps: Tensor = self.features(inputs)
        return maps

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalised pictures (n, 3, size, size) to features (n, size * size / 2)."""
        return self.forward_head(self.forward_features(inputs))

    def forward_head(self, maps: Tensor) -> Tensor:
        """The last map laid flat."""
        return maps.flatten(1)


class SmallCNN(nn.Module):
    """The backbone with one linear layer.

    Args:
        classes: number of classes, k.
        size: side of the input in pixels, a multiple of 4.
    """

    def __init__(self, classes: int, size: int = 224) -> None:
        super().__init__()
        self.backbone = SmallCNNBackbone()
        self.classifier = nn.Linear(feature_size(size), classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalised pictures (n, 3, size, size) to logits (n, k)."""
        logits: Tensor = self.classifier(self.backbone(inputs))
        return logits


def feature_size(size: int) -> int:
    """Numbers in the last map for a side of `size` pixels, a multiple of 4."""
    return CHANNELS * (size // 4) ** 2


class _Block(nn.Module):
    """Convolution, batch norm, ReLU, max pool; half the side comes out.

    With 4 channels the kernels of a processor differ by a factor of three between layouts: batch
    norm is fast with channels first, convolution and pooling with channels last, and changing
    between them costs little. ReLU stands after the pool, where it gives the same numbers on a
    quarter of the pixels. A step takes 0.7 of the plain order's time.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        maps = self.convolution(inputs.contiguous(memory_format=torch.channels_last))
        maps = self.norm(maps.contiguous())
        if maps.requires_grad:  # the gradient comes back from the pool with channels last
            maps.register_hook(Tensor.contiguous)
        pooled = max_pool2d(maps.contiguous(memory_format=torch.channels_last), 2)
        return pooled.relu()

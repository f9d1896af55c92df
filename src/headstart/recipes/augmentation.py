"""How pictures are changed for fine-tuning, in four named strengths.

What is drawn for a picture comes from the seed, its content and the epoch alone, and what is drawn
for a batch from the seed, the epoch and its number: not from threads, nor from what ran before.
Importing this module loads torch; torchvision is loaded by medium and strong alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from headstart.arrays import ByteImage
from headstart.backbones.preprocessing import Preprocessing
from headstart.images.views import augment, view_rng
from headstart.torch_random import OwnRandomNumbers

FINE_TUNED_VIEW = 2  # 0 is the plain view, 1 that of the small CNN
MIXED = 3  # the number of a batch's mixing among what is drawn from a seed and an epoch
LARGEST_SEED = 2**63
ALPHA = {"mixup": 0.2, "cutmix": 1.0}  # of the beta distribution that the shares are drawn from


@dataclass(frozen=True)
class Strength:
    """One strength.

    Attributes:
        scale: least and largest share of the picture's area that a crop keeps.
        trivial: one more random change a picture: Müller and Hutter, TrivialAugment (ICCV 2021).
        erase: the chance that a rectangle is erased: Zhong et al., Random erasing (AAAI 2020).
        mixes: the batch is mixed with itself by mixup (Zhang et al., ICLR 2018) or cutmix (Yun et
            al., ICCV 2019).
    """

    scale: tuple[float, float]
    trivial: bool = False
    erase: float = 0.0
    mixes: bool = False


STRENGTHS = {
    "light": Strength((0.35, 1.0)),
    "medium": Strength((0.35, 1.0), trivial=True),
    "strong": Strength((0.2, 1.0), trivial=True, erase=0.25, mixes=True),
}


def tuned_view(
    rgb: ByteImage, name: str, plain: Preprocessing, *, seed: int, sha256: str, epoch: int
) -> ByteImage:
    """What a picture (h, w, 3) looks like in an epoch, (size, size, 3): cropped and flipped at
    least. `name` is that of a strength.
    """
    strength = STRENGTHS[name]
    rng = view_rng(seed, sha256, FINE_TUNED_VIEW, epoch)
    view = augment(
        rgb, rng, size=plain.size, interpolation=plain.interpolation, scale=strength.scale
    )
    if not strength.trivial:
        return view
    with OwnRandomNumbers(int(rng.integers(LARGEST_SEED))):
        # A copy: Pillow's bytes may not be written to, which torch warns of.
        changed = _changes(strength.erase)(torch.from_numpy(view.copy()).permute(2, 0, 1))
    return np.ascontiguousarray(changed.permute(1, 2, 0).numpy())


@cache
def _changes(erase: float) -> Any:
    from torchvision.transforms import v2

    return v2.Compose([v2.TrivialAugmentWide(), v2.RandomErasing(p=erase)])


def mixed(
    inputs: Tensor, targets: Tensor, classes: int, *, seed: int, epoch: int, batch: int
) -> tuple[Tensor, Tensor]:
    """A batch (b, 3, h, w) mixed with itself by mixup or cutmix, and its targets as shares (b, k).

    A lone picture stays as it is.
    """
    from torchvision.transforms import v2

    rng = np.random.default_rng([seed, epoch, batch, MIXED])
    kind = v2.MixUp if rng.random() < 0.5 else v2.CutMix
    alpha = ALPHA[kind.__name__.lower()]
    with OwnRandomNumbers(int(rng.integers(LARGEST_SEED))):
        pictures, shares = kind(alpha=alpha, num_classes=classes)(inputs, targets)
    return pictures.contiguous(memory_format=torch.channels_last), shares

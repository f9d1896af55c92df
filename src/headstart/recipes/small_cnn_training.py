"""How the small CNN is trained from scratch: its plain view, its batches and the epoch loop.

Importing this module loads torch; import it inside the function that trains. bf16 works but is
no faster here: its kernels for so few channels are slower than those of fp32.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from headstart.arrays import IntArray
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.small_cnn import SmallCNN
from headstart.recipes.batches import PictureBatches
from headstart.recipes.epoch_loop import EpochLoop
from headstart.recipes.pixel_store import PixelStore
from headstart.recipes.training_history import History
from headstart.torch_random import OwnRandomNumbers

SIZE = 224  # pixels
BATCHES_AHEAD = 3  # cut while another device computes
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def small_cnn_preprocessing(size: int = SIZE) -> Preprocessing:
    """The plain view: shorter side to size / 0.875, centre crop, ImageNet's mean and deviation."""
    return Preprocessing(
        size=size,
        resize=round(size / 0.875),
        crop="center",
        interpolation="bilinear",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


def train_small_cnn(
    pixels: PixelStore,
    targets: IntArray,
    *,
    classes: int,
    training: IntArray,
    validation: IntArray,
    loop: EpochLoop,
) -> tuple[SmallCNN, History]:
    """Train the small CNN from scratch by the epoch loop.

    Args:
        pixels: the pictures, n of them.
        targets: class of each picture as 0 to k - 1, (n,).
        classes: k.
        training: numbers of the pictures to learn from; seen as `loop.options.augment` says.
        validation: numbers of the pictures that choose the epoch, always plain; may be empty.
        loop: options, seed, precision and callback.

    Returns:
        The network in eval mode with the kept epoch's weights, and its history.
    """
    options = loop.options
    with OwnRandomNumbers(loop.seed):
        module = SmallCNN(classes, pixels.preprocessing.size).to(memory_format=torch.channels_last)
    learn = PictureBatches(
        pixels=pixels,
        targets=targets,
        chosen=training,
        batch_size=options.batch_size,
        augment=options.augment or "each-epoch",
        seed=loop.seed,
        ahead=0 if loop.device == "cpu" else BATCHES_AHEAD,
    )
    check = replace(learn, chosen=validation, augment="none", seed=None)
    history = loop.run(module, learn, check if len(validation) else None)
    return module, history

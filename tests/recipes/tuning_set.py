"""A fine-tuning that takes a second: twenty small pictures and an untrained network of timm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.options import FitOptions
from headstart.options.every_option import in_rooms
from headstart.recipes.frozen import FitResult

COUNT = 20
TINY: dict[str, Any] = {
    "backbone": "test_resnet",
    "random_weights": True,
    "image_size": 32,
    "device": "cpu",
    "precision": "fp32",
    "recipe": "fine-tune",
    "epochs": 4,
    "batch_size": 8,
    "views": 1,
}


def write_pictures(folder: Path, count: int = COUNT) -> Path:
    """Folders `a` and `b` of reddish and bluish noise, half of the pictures in each."""
    rng = np.random.default_rng(3)
    for number in range(count):
        home = folder / "ab"[number % 2]
        home.mkdir(parents=True, exist_ok=True)
        array = rng.integers(0, 150, (40, 44, 3), dtype=np.uint8)
        array[..., 2 * (number % 2)] += 60
        Image.fromarray(array).save(home / f"{number:02d}.png")
    return folder


def options(**changes: Any) -> FitOptions:
    """The options of such a fine-tuning."""
    return in_rooms({**TINY, **changes})


def tuned(folder: Path, **changes: Any) -> FitResult:
    """A fit of the pictures in a folder."""
    from headstart.recipes.fit import fit

    return fit(folder, options(**changes))

"""One explanation: a map of what speaks for a class, in the places of the picture itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from headstart.arrays import ByteImage, FloatArray
from headstart.backbones.preprocessing import Box
from headstart.explain.overlay import png_bytes, shown_over
from headstart.outputs import disk
from headstart.outputs.own_files import EXPLANATION
from headstart.outputs.permission import Inputs, OutputFile
from headstart.recipes.training_examples import Neighbour

LARGEST_SHOWN = 1024  # pixels of the longer side


@dataclass(frozen=True, eq=False)
class NetworkMap:
    """What one of joined networks adds to a class's logit.

    Attributes:
        network: its name.
        values: its exact map, (h, w). The mean is what it adds, divided by the temperature, less
            the mean of what it adds to all classes; of all networks together that is the logit.
        window: the part of the picture that it saw, as `Explanation.window`.
    """

    network: str
    values: FloatArray
    window: Box


@dataclass(frozen=True, eq=False)
class Explanation:
    """What speaks for a class in one picture.

    Attributes:
        image: the picture's name.
        class_name: the class that is explained, as text.
        probability: the model's of this class.
        predicted: the likeliest class, as text.
        method: "cam", "grad-cam" or "occlusion".
        values: a number for each part of the network's input, (h, w): above 0 what speaks for the
            class, below 0 what speaks against it. Of "cam" the mean is the class's logit, divided
            by the temperature, less the mean of all classes' logits. Of joined networks it is the
            sum of `networks`, in 64 x 64 parts of the picture.
        window: the part of the picture that the network saw: left, top, right, bottom in pixels of
            `picture`; beyond its edges where the input was padded.
        picture: the picture as it was decoded, upright, (H, W, 3).
        nearest: the training pictures that are most like it, the most like first; none where the
            model keeps none.
        networks: the exact map of each of joined networks; none for one network, or by occlusion.
    """

    image: str
    class_name: str
    probability: float
    predicted: str
    method: str
    values: FloatArray
    window: Box
    picture: ByteImage
    nearest: tuple[Neighbour, ...] = ()
    networks: tuple[NetworkMap, ...] = ()

    @property
    def strongest(self) -> float:
        """What speaks most for the class anywhere; below 0 where nothing does."""
        return float(self.values.max())

    def on_picture(self) -> FloatArray:
        """The map at each pixel of the picture, (H, W), linear between the middles of the parts.

        0 where the network saw nothing.
        """
        height, width = self.picture.shape[:2]
        rows, columns = self.values.shape
        left, top, right, bottom = self.window
        down = between(height, top, bottom, rows)
        across = between(width, left, right, columns)
        return np.asarray(down @ self.values @ across.T)

    def overlay(self) -> ByteImage:
        """The picture with what speaks for the class shown over it, at most 1,024 pixels long."""
        height, width = self.picture.shape[:2]
        part = LARGEST_SHOWN / max(height, width)
        if part >= 1:
            return shown_over(self.picture, self.on_picture())
        size = (max(1, round(width * part)), max(1, round(height * part)))
        small = Image.fromarray(self.picture).resize(size, Image.Resampling.LANCZOS)
        across, down = size[0] / width, size[1] / height
        left, top, right, bottom = self.window
        window = (left * across, top * down, right * across, bottom * down)
        return replace(self, picture=np.asarray(small), window=window).overlay()

    def png(self) -> bytes:
        """`overlay` as a PNG file."""
        return png_bytes(self.overlay())

    def save(self, path: str | Path) -> None:
        """Write `png` to a file. Raises UsageError for one that is no explanation, and OSError."""
        output = OutputFile(Path(path), "path", EXPLANATION, Inputs())
        with output.writing() as new:
            self.write_new(new)

    def write_new(self, path: Path) -> None:
        """Write `png` where no file is. Raises OSError."""
        with disk.create(path) as file:
            file.write(self.png())


def between(length: int, start: float, end: float, cells: int) -> FloatArray:
    """How much of each of `cells` values each of `length` pixels has, (length, cells).

    The cells lie side by side from `start` to `end`. A pixel between the middles of two cells has
    parts of both, one before the first or behind the last has that alone, and one outside none.
    """
    middles = np.arange(length) + 0.5
    place = (middles - start) / (end - start) * cells - 0.5
    held = np.clip(place, 0, cells - 1)
    low = np.minimum(held.astype(int), max(0, cells - 2))
    parts = np.zeros((length, cells))
    pixels = np.arange(length)
    parts[pixels, low] = 1 - (held - low)
    if cells > 1:
        parts[pixels, low + 1] = held - low
    parts[(middles < start) | (middles > end)] = 0
    return parts

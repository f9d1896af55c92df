"""From a decoded picture to the backbone's input, as data: the same numbers serve every path."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from headstart.arrays import ByteImage, Float32Array
from headstart.options.backbone_and_features import LARGEST_SIDE

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Crop = Literal["center", "squash", "border"]
Box = tuple[float, float, float, float]  # left, top, right, bottom, as Pillow counts

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes an input of `size` x `size` pixels.

    Attributes:
        size: side of the input in pixels.
        resize: length in pixels to which the picture is scaled before the crop: its shorter side
            ("center"), both sides ("squash") or its longer side ("border").
        crop: what happens after: "center" and "squash" cut the middle, "border" pads with black.
        interpolation: Pillow's filter of that name, with antialiasing.
        mean, std: per channel, for pixels scaled to 0..1.
    """

    size: int
    resize: int
    crop: Crop
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def prepare(self, rgb: ByteImage | Image.Image) -> ByteImage:
        """Resize and crop: (h, w, 3), or an RGB image, to (size, size, 3), still bytes."""
        picture = rgb if isinstance(rgb, Image.Image) else Image.fromarray(rgb)
        width, height = self._scaled(picture.width, picture.height)
        if min(width, height) < self.size:
            picture = picture.resize((width, height), RESAMPLING[self.interpolation])
            return np.asarray(_crop_padded(picture, self.size))
        # Only the part that survives the crop is computed; the filter still sees beyond its edge,
        # so that the bytes are those of resizing everything and cropping afterwards.
        box = self.window(picture.width, picture.height)
        side = (self.size, self.size)
        return np.asarray(picture.resize(side, RESAMPLING[self.interpolation], box=box))

    def window(self, width: int, height: int) -> Box:
        """Which part of a picture of this size becomes the input, in its own pixels.

        Where the input is padded the part begins and ends outside the picture.
        """
        across, down = self._scaled(width, height)
        if min(across, down) < self.size:
            left, top = -((self.size - across) // 2), -((self.size - down) // 2)
        else:
            left, top = round((across - self.size) / 2.0), round((down - self.size) / 2.0)
        x, y = width / across, height / down
        return left * x, top * y, (left + self.size) * x, (top + self.size) * y

    def _scaled(self, width: int, height: int) -> tuple[int, int]:
        if self.crop == "squash":
            return self.resize, self.resize
        if self.crop == "border":
            ratio = self.resize / max(width, height)
            return max(1, round(width * ratio)), max(1, round(height * ratio))
        if width <= height:
            return self.resize, int(self.resize * height / width)
        return int(self.resize * width / height), self.resize

    def normalise(self, pixels: ByteImage) -> Float32Array:
        """The backbone's input as numbers: (..., 3) bytes to float32 of the same shape."""
        mean = np.asarray(self.mean, dtype=np.float32)
        std = np.asarray(self.std, dtype=np.float32)
        return np.asarray((pixels.astype(np.float32) / 255.0 - mean) / std, dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for other content."""
        for name, allowed in (("crop", get_args(Crop)), ("interpolation", tuple(RESAMPLING))):
            if values[name] not in allowed:
                raise ValueError(f"{name} is {values[name]!r}, expected {' or '.join(allowed)}")
        for name, most in (("size", LARGEST_SIDE), ("resize", 10 * LARGEST_SIDE)):
            side = values[name]
            if type(side) is not int or not 0 < side <= most:
                raise ValueError(f"{name} is {side!r}, expected a whole number from 1 to {most}")
        mean, std = _three(values["mean"]), _three(values["std"])
        # Pixels are from 0 to 1; the widest range that a backbone wants is 0 to 255.
        if not all(abs(part) <= 1000 for part in mean) or not all(1e-4 <= s <= 1e4 for s in std):
            raise ValueError(f"mean is {mean} and std {std}, with which no backbone computes")
        return cls(
            size=values["size"],
            resize=values["resize"],
            crop=values["crop"],
            interpolation=values["interpolation"],
            mean=mean,
            std=std,
        )

    @classmethod
    def from_timm(cls, config: Mapping[str, Any], size: int | None = None) -> Preprocessing:
        """timm's own evaluation transform of a model, as `timm.data.resolve_data_config` says it.

        `size` overrides the side; the share that the crop keeps stays.
        """
        side = size or int(config["input_size"][-1])
        interpolation = config["interpolation"]
        return cls(
            size=side,
            resize=math.floor(side / config["crop_pct"]),
            crop=config["crop_mode"] or "center",
            interpolation=interpolation if interpolation in RESAMPLING else "bilinear",
            mean=_three(config["mean"]),
            std=_three(config["std"]),
        )


def _crop_padded(picture: Image.Image, size: int) -> Image.Image:
    """The middle `size` x `size` pixels; what the picture does not cover is black."""
    canvas = Image.new("RGB", (size, size))
    left, top = (size - picture.width) // 2, (size - picture.height) // 2
    canvas.paste(picture, (left, top))
    return canvas


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue

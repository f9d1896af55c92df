"""Pictures that an exported model is compared on: the user's, if any, drawn ones, and noise.

Their sizes are odd on purpose: tall, wide, tiny, and some that need no resize.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from headstart.arrays import ByteImage
from headstart.backbones.preprocessing import Preprocessing
from headstart.data.image_table import ImageTable
from headstart.errors import DataError, ImageError
from headstart.images.decode import decode
from headstart.options import ReadOptions
from headstart.progress import Progress
from headstart.samples.drawn_set import draw_picture

# Height and width in pixels, of which the odd ones round differently everywhere.
SIZES = (
    (225, 399), (401, 231), (133, 97), (641, 483), (511, 1023), (777, 301), (31, 45), (1, 1),
    (2, 3), (97, 640), (223, 224), (300, 300), (257, 256), (613, 407), (375, 500), (720, 405),
)  # fmt: skip
NOISE = ((225, 399), (401, 231), (640, 483), (64, 48))
MOST_DECODED = 32  # of the given pictures, kept at their size
MOST_PREPARED = 1000  # of them, kept as the network's input


@dataclass(frozen=True)
class CheckPicture:
    """A decoded picture.

    Attributes:
        rgb: (h, w, 3).
        needs_resize: False where its size is already the one to which pictures are resized.
    """

    rgb: ByteImage
    needs_resize: bool


@dataclass(frozen=True)
class GivenPictures:
    """Pictures of the user.

    Attributes:
        decoded: some of them, as they were decoded.
        prepared: all that were read, as bytes (m, size, size, 3).
        labels: their classes, (m,), or None where they have none.
    """

    decoded: tuple[ByteImage, ...]
    prepared: ByteImage
    labels: tuple[str, ...] | None


def read_given(
    table: ImageTable, steps: Preprocessing, options: ReadOptions, progress: Progress, most: int
) -> GivenPictures:
    """Decode up to `most` pictures of a table or folder, from its first to its last.

    Raises BadInputsError with all that cannot be read, unless they are to be skipped.
    """
    table = table.take(spread(len(table), most))
    shown = set(spread(len(table), MOST_DECODED))
    decoded, prepared, rows = [], [], []
    errors = [""] * len(table)
    progress.start("reading pictures", len(table))
    for row, image in enumerate(table.images):
        try:
            rgb = decode(image, minimum_side=steps.resize, max_pixels=options.max_pixels)
            prepared.append(steps.prepare(rgb))
            rows.append(row)
            if row in shown:
                decoded.append(rgb)
        except ImageError as error:
            errors[row] = str(error)
        progress.advance()
    progress.stop()
    bad = table.unread(errors)
    if not options.skip_bad:
        table.raise_if_bad(bad)
    for item in (*table.bad, *bad):
        progress.note(f"left out: {item}")
    if not prepared:
        raise DataError(f"{table.source}: no pictures")
    labels = None if table.labels is None else tuple(table.labels[row] for row in rows)
    return GivenPictures(tuple(decoded), np.stack(prepared), labels)


def spread(count: int, most: int) -> list[int]:
    """Up to `most` places among `count`, from the first to the last."""
    places: list[int] = np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()
    return places


def check_pictures(
    networks: Sequence[Preprocessing], given: Sequence[ByteImage]
) -> Iterator[CheckPicture]:
    """The given pictures and two dozen others, some of each kind.

    What one of several networks takes as it is another may have to resize.
    """
    for rgb in given:
        yield CheckPicture(rgb, needs_resize=True)
    rng = np.random.default_rng(0)
    for number, size in enumerate(SIZES):
        yield CheckPicture(_drawn(number, size), needs_resize=True)
    for height, width in NOISE:
        yield CheckPicture(_noise(rng, height, width), needs_resize=True)
    several = list(dict.fromkeys(networks))
    for number, size in enumerate(size for steps in several for size in _unresized(steps)):
        for rgb in (_drawn(number, size), _noise(rng, *size)):
            yield CheckPicture(rgb, needs_resize=len(several) > 1)


def _drawn(number: int, size: tuple[int, int]) -> ByteImage:
    picture = draw_picture(np.random.default_rng([0, number]), emergency=bool(number % 2))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BICUBIC))


def _noise(rng: np.random.Generator, height: int, width: int) -> ByteImage:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _unresized(steps: Preprocessing) -> tuple[tuple[int, int], ...]:
    """Sizes that stay as they are."""
    side = steps.resize
    if steps.crop == "squash":
        return ((side, side),)
    if steps.crop == "border":
        return ((side, side), (side - side // 3, side))
    return ((side, side), (side + side // 3, side), (side, side + 17))

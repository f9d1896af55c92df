"""Decoded pictures, kept in memory between epochs as far as the limit allows."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from headstart.arrays import ByteImage
from headstart.data.image_table import ADVICE
from headstart.errors import BadInput, BadInputsError, ImageError
from headstart.images.decode import decode
from headstart.images.source import ImageSource, content_digest
from headstart.images.views import resize_shorter_side
from headstart.options import MAX_PIXELS
from headstart.progress import QUIET, Progress

Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_count(workers: int | None) -> int:
    """Threads to use: `workers`, or one a core."""
    return workers if workers is not None else (os.cpu_count() or 1)


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int, window: int
) -> Iterator[Result]:
    """`function` of each item, in the items' order, at most `window` of them begun ahead.

    An exception of `function` is raised at its item's place. When the caller stops early, what has
    not begun is dropped.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


SAMPLE = 32  # pictures after which the memory needed is estimated


class PixelStore:
    """Pictures with a shorter side of at most `side` pixels, decoded once where memory allows.

    All pictures are read when the store is made, so that every bad one is known before training.
    Larger pictures are shrunk to `side`, smaller ones stay as they are. From the first on, they
    are kept until `memory_limit` bytes are full; the others are read again each time. A picture
    that cannot be read is never replaced by anything.

    Args:
        images: the pictures, (n,).
        side: longest allowed shorter side in pixels; twice a network's input leaves room for
            crops.
        memory_limit: bytes of decoded pictures to keep.
        workers: threads that decode; None for one a core.
        where: names of the pictures for messages, (n,); default: their own.
        max_pixels: largest picture in pixels; larger ones are bad.
        progress: told of each picture, and by a note when memory will not hold all of them.

    Raises:
        BadInputsError: with all pictures that cannot be read.
    """

    def __init__(
        self,
        images: Sequence[ImageSource],
        side: int,
        *,
        memory_limit: int,
        workers: int | None = None,
        where: Sequence[str] | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Progress = QUIET,
    ) -> None:
        self.images = tuple(images)
        self.side = side
        self.memory_limit = memory_limit
        self.workers = worker_count(workers)
        self.max_pixels = max_pixels
        self._where = (
            tuple(where) if where is not None else tuple(image.name for image in self.images)
        )
        self._kept: list[ByteImage] = []
        self._digests: list[str] = []
        self._read_all(progress)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def kept(self) -> int:
        """How many pictures are in memory: the first ones of the table."""
        return len(self._kept)

    def get(self, index: int) -> ByteImage:
        """Picture `index`, (h, w, 3).

        Raises BadInputsError when it has to be read again and can be no longer, or has changed.
        """
        if index < len(self._kept):
            return self._kept[index]
        image, digest = self._read(index)
        if isinstance(image, BadInput):
            raise BadInputsError([image])
        if digest != self._digests[index]:
            raise BadInputsError([BadInput(self._where[index], "changed during the training")])
        return image

    def sha256(self, index: int) -> str:
        """Digest of the picture's content, 64 hexadecimal digits."""
        return self._digests[index]

    def _read_all(self, progress: Progress) -> None:
        bad: list[BadInput] = []
        used, seen = 0, 0
        indices = range(len(self))
        progress.start("reading pictures", len(self))
        try:
            window = 4 * self.workers
            for image, digest in map_ahead(
                self._read, indices, workers=self.workers, window=window
            ):
                progress.advance()
                self._digests.append(digest)
                if isinstance(image, BadInput):
                    bad.append(image)
                    continue
                used, seen = used + image.nbytes, seen + 1
                if used <= self.memory_limit and not bad:
                    self._kept.append(image)
                if seen == min(SAMPLE, len(self)):
                    self._tell_if_too_many(used / seen, progress)
        finally:
            progress.stop()
        if bad:
            raise BadInputsError(bad, ADVICE)

    def _read(self, index: int) -> tuple[ByteImage | BadInput, str]:
        try:
            content = self.images[index].read()
            rgb = decode(content, minimum_side=self.side, max_pixels=self.max_pixels)
        except ImageError as error:
            return BadInput(self._where[index], str(error)), ""
        if min(rgb.shape[:2]) > self.side:
            rgb = resize_shorter_side(rgb, self.side)
        return rgb, content_digest(content)

    def _tell_if_too_many(self, mean_bytes: float, progress: Progress) -> None:
        needed = mean_bytes * len(self)
        if needed > self.memory_limit:
            fits = int(self.memory_limit / mean_bytes)
            progress.note(
                f"{len(self)} decoded pictures take about {needed:,.0f} bytes, more than "
                f"--memory-limit {self.memory_limit:,}: about {fits} are kept, the others are "
                "read again each epoch"
            )

"""Decoded pictures, kept in memory between epochs as far as the limit allows."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from headstart.arrays import ByteImage
from headstart.backbones.preprocessing import Preprocessing
from headstart.data.image_table import ADVICE
from headstart.errors import BadInput, BadInputsError, ImageError
from headstart.images.decode import decode_picture
from headstart.images.memory_budget import MemoryBudget
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
ROOM_FOR_CROPS = 2  # the longest shorter side that is kept, in sides of the network's input


class _Picture(NamedTuple):
    """Pixels for crops, (h, w, 3); the plain view, (size, size, 3), where they were shrunk."""

    rgb: ByteImage
    plain: ByteImage | None = None

    @property
    def nbytes(self) -> int:
        return self.rgb.nbytes + (0 if self.plain is None else self.plain.nbytes)


class PixelStore:
    """Pictures for crops, and their plain views, decoded once where memory allows.

    All pictures are read when the store is made, so that every bad one is known before training.
    They are decoded as for predicting, and the plain view is that of predicting, to the bit. For
    crops, larger pictures are shrunk to a shorter side of twice the network's input, smaller ones
    stay as they are. From the first on, they are kept until `memory_limit` bytes are full; the
    others are read again each time. A picture that cannot be read is never replaced by anything.

    Args:
        images: the pictures, (n,).
        preprocessing: of the plain view.
        memory_limit: bytes of decoded pictures to keep.
        budget: of what is read and decoded at the same time; default: the usual one.
        workers: threads that decode; None for one a core.
        where: names of the pictures for messages, (n,); default: their own.
        max_pixels: largest picture in pixels; larger ones are bad.
        progress: told of each picture, and by a note when memory will not hold all of them.

    Raises:
        BadInputsError: with all pictures that cannot be read.
    """

    def __init__(  # noqa: PLR0913 - each is for another part of the reading
        self,
        images: Sequence[ImageSource],
        preprocessing: Preprocessing,
        *,
        memory_limit: int,
        budget: MemoryBudget | None = None,
        workers: int | None = None,
        where: Sequence[str] | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Progress = QUIET,
    ) -> None:
        self.images = tuple(images)
        self.preprocessing = preprocessing
        self.memory_limit = memory_limit
        self.workers = worker_count(workers)
        self.max_pixels = max_pixels
        self._budget = budget or MemoryBudget()
        self._where = (
            tuple(where) if where is not None else tuple(image.name for image in self.images)
        )
        self._kept: list[_Picture] = []
        self._digests: list[str] = []
        self._read_all(progress)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def kept(self) -> int:
        """How many pictures are in memory: the first ones of the table."""
        return len(self._kept)

    def get(self, index: int) -> ByteImage:
        """Picture `index` for crops, (h, w, 3).

        Raises BadInputsError when it has to be read again and can be no longer, or has changed.
        """
        return self._picture(index).rgb

    def plain(self, index: int) -> ByteImage:
        """The plain view of picture `index`, (size, size, 3). Raises BadInputsError as `get`."""
        picture = self._picture(index)
        return self.preprocessing.prepare(picture.rgb) if picture.plain is None else picture.plain

    def sha256(self, index: int) -> str:
        """Digest of the picture's content, 64 hexadecimal digits."""
        return self._digests[index]

    def _picture(self, index: int) -> _Picture:
        if index < len(self._kept):
            return self._kept[index]
        picture, digest = self._read(index)
        if isinstance(picture, BadInput):
            raise BadInputsError([picture])
        if digest != self._digests[index]:
            raise BadInputsError([BadInput(self._where[index], "changed during the training")])
        return picture

    def _read_all(self, progress: Progress) -> None:
        bad: list[BadInput] = []
        used, seen = 0, 0
        indices = range(len(self))
        progress.start("reading pictures", len(self))
        try:
            window = 4 * self.workers
            for picture, digest in map_ahead(
                self._read, indices, workers=self.workers, window=window
            ):
                progress.advance()
                self._digests.append(digest)
                if isinstance(picture, BadInput):
                    bad.append(picture)
                    continue
                used, seen = used + picture.nbytes, seen + 1
                if used <= self.memory_limit and not bad:
                    self._kept.append(picture)
                if seen == min(SAMPLE, len(self)):
                    self._tell_if_too_many(used / seen, progress)
        finally:
            progress.stop()
        if bad:
            raise BadInputsError(bad, ADVICE)

    def _read(self, index: int) -> tuple[_Picture | BadInput, str]:
        image, steps = self.images[index], self.preprocessing
        try:
            with self._budget.share() as part:
                part.file(image.bytes_to_read)
                content = image.read()
                rgb = decode_picture(
                    content, minimum_side=steps.resize, max_pixels=self.max_pixels, claim=part
                ).rgb
        except ImageError as error:
            return BadInput(self._where[index], str(error)), ""
        digest, side = content_digest(content), ROOM_FOR_CROPS * steps.size
        if min(rgb.shape[:2]) <= side:
            return _Picture(rgb), digest
        return _Picture(resize_shorter_side(rgb, side), steps.prepare(rgb)), digest

    def _tell_if_too_many(self, mean_bytes: float, progress: Progress) -> None:
        needed = mean_bytes * len(self)
        if needed > self.memory_limit:
            fits = int(self.memory_limit / mean_bytes)
            progress.note(
                f"{len(self)} decoded pictures take about {needed:,.0f} bytes, more than "
                f"--memory-limit {self.memory_limit:,}: about {fits} are kept, the others are "
                "read again each epoch"
            )

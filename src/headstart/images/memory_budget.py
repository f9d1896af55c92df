"""How many bytes pictures take while they are read and decoded, over all threads together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headstart.errors import ImageError
from headstart.images.address import too_large
from headstart.options import MEMORY_LIMIT

# Bytes that a pixel takes while it is decoded: in the decoder, over white, upright, as RGB, as an
# array. A picture of 14,000 x 14,000 took 10 a pixel in RGB; transparency takes more.
BYTES_PER_PIXEL = 16
FILES_PART = 5  # a fifth is for the files' own bytes, the rest for pixels

Claim = Callable[[int], None]


class _Pool:
    """So many of something, shared by threads."""

    def __init__(self, whole: int) -> None:
        self.whole = whole
        self._used = 0
        self._free = threading.Condition()

    def take(self, amount: int, *, wait: bool) -> None:
        """Take a part; what is larger than the whole waits until it is alone."""
        with self._free:
            if wait:
                self._free.wait_for(lambda: not self._used or self._used + amount <= self.whole)
            self._used += amount

    def give_back(self, amount: int) -> None:
        """The inverse of `take`."""
        with self._free:
            self._used -= amount
            self._free.notify_all()


class Part:
    """One picture's part of a budget; called with a number of pixels before they are decoded.

    The first call waits until there is room; the picture then has its part, and more calls do not
    wait, so that two pictures never wait for each other.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._file = self._pixels = 0

    def file(self, size: int) -> None:
        """Take room for a file's bytes, once, before it is read and before any pixels.

        Raises ImageError for a file that the budget can never hold.
        """
        files = self._budget.files
        if self._budget.refuses and size > files.whole:
            raise ImageError(
                f"{too_large(size, files.whole)} (a fifth of --memory-limit); raise it"
            )
        files.take(size, wait=True)
        self._file += size

    def __call__(self, pixels: int) -> None:
        """Take room for pixels. Raises ImageError for more than the budget can ever hold."""
        room = self._budget.pixels
        if self._budget.refuses and pixels > room.whole:
            raise ImageError(
                f"{pixels:,} pixels take about {pixels * BYTES_PER_PIXEL:,} bytes to decode, more "
                f"than --memory-limit {self._budget.limit:,} has for them (four fifths); raise it"
            )
        room.take(pixels, wait=not self._pixels)
        self._pixels += pixels

    def end(self) -> None:
        """Give all of it back."""
        self._budget.pixels.give_back(self._pixels)
        self._budget.files.give_back(self._file)


class MemoryBudget:
    """Bytes of pictures in flight, shared by threads.

    Args:
        limit: bytes of files and pixels together.
        refuses: whether a picture that is larger than all of it is refused; else it waits until it
            is alone.
    """

    def __init__(self, limit: int = MEMORY_LIMIT, *, refuses: bool = True) -> None:
        self.limit = limit
        self.refuses = refuses
        self.files = _Pool(limit // FILES_PART)
        self.pixels = _Pool((limit - limit // FILES_PART) // BYTES_PER_PIXEL)

    @contextmanager
    def share(self) -> Iterator[Part]:
        """A part of the budget for one picture, given back at the end of the block."""
        part = Part(self)
        try:
            yield part
        finally:
            part.end()


SINGLE = MemoryBudget(refuses=False)  # of whoever decodes a few pictures, such as those of a page

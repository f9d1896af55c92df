"""How many pixels are decoded at the same time, over all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Bytes that a pixel takes while it is decoded: in the decoder, over white, upright, as RGB, as an
# array. A picture of 14,000 x 14,000 took 10 a pixel in RGB; transparency takes more.
BYTES_PER_PIXEL = 16

Claim = Callable[[int], None]


class PixelBudget:
    """Pixels in flight, shared by threads.

    A picture larger than the whole budget is decoded alone: whether it is allowed at all is the
    business of --max-pixels.
    """

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        self._used = 0
        self._free = threading.Condition()

    @contextmanager
    def share(self) -> Iterator[Claim]:
        """A part of the budget for one picture, given back at the end of the block.

        What is yielded is called with a number of pixels before they are decoded. The first call
        waits until there is room; the picture then has its part, and more calls do not wait, so
        that two pictures never wait for each other.
        """
        held = 0

        def claim(pixels: int) -> None:
            nonlocal held
            with self._free:
                if not held:
                    self._free.wait_for(
                        lambda: not self._used or self._used + pixels <= self.pixels
                    )
                held += pixels
                self._used += pixels

        try:
            yield claim
        finally:
            with self._free:
                self._used -= held
                self._free.notify_all()

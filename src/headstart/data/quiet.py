"""Silence for Pillow's warnings while a thread decodes, and nowhere else."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()
_lock = threading.Lock()


class _OnlyWhileDecoding(type):
    """Takes every warning for a subclass, but only in a thread that is decoding."""

    def __subclasscheck__(cls, category: type) -> bool:
        return getattr(_here, "depth", 0) > 0


class _DecodingWarning(Warning, metaclass=_OnlyWhileDecoding):
    pass


_FILTER = ("ignore", None, _DecodingWarning, None, 0)


@contextmanager
def quiet_decoding() -> Iterator[None]:
    """Ignore all warnings that this thread gives inside the block.

    Pillow warns of large pictures, odd EXIF and odd animations from within its plugins.
    `warnings.catch_warnings` swaps a list that all threads share, so it cannot be used in decode
    threads. Here one filter stays in the process; it matches only in threads inside the block,
    so the warnings of all other code keep their meaning.
    """
    if not warnings.filters or warnings.filters[0] != _FILTER:
        with _lock:
            warnings.filterwarnings("ignore", category=_DecodingWarning)
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        yield
    finally:
        _here.depth -= 1

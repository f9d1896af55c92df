"""What decoders say besides the picture: Pillow's warnings, and what libtiff writes by itself.

Both go by states of the whole process, which many threads decode in. So each has one counted change
that means nothing to all other code, or is taken back when nobody decodes.
"""

from __future__ import annotations

import ctypes
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

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


class _LibtiffHandler:
    """libtiff's handler of errors, which writes them to standard error from C; off while used."""

    def __init__(self) -> None:
        self._users = 0
        self._plain: int | None = None

    @contextmanager
    def off(self) -> Iterator[None]:
        """Errors are not written inside the block, by any thread; what is raised stays."""
        set_handler = _handler_setter()
        if set_handler is None:
            yield
            return
        with _lock:
            self._users += 1
            if self._users == 1:
                self._plain = set_handler(None)
        try:
            yield
        finally:
            with _lock:
                self._users -= 1
                if self._users == 0:
                    set_handler(self._plain)


quiet_libtiff = _LibtiffHandler().off


@cache
def _handler_setter() -> Any:
    """`TIFFSetErrorHandler` of the libtiff that Pillow uses; None where it cannot be reached."""
    from PIL import _imaging

    try:
        function = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (OSError, AttributeError):  # a static library: its messages stay
        return None
    function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
    return function

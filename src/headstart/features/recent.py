"""Contents that one run has met already, for a run that takes its pictures block by block."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headstart.arrays import Float32Array
from headstart.images.statistics import ImageStatistics

STATISTICS_BYTES = 3000  # of one picture's measures in memory, about


@dataclass(frozen=True)
class Known:
    """What is known of one content before it is decoded."""

    statistics: ImageStatistics | None = None
    vectors: Mapping[str, Float32Array] = field(default_factory=dict)


class Recent:
    """The features and measures of the contents met last, as far as the limit allows.

    One object serves all threads.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digests: Sequence[str]) -> dict[str, Known]:
        """What is known of these contents, by sha256."""
        with self._lock:
            return {digest: self._known[digest] for digest in digests if digest in self._known}

    def put(self, digest: str, known: Known) -> None:
        """Remember a content; the ones met first are forgotten where the limit is reached."""
        with self._lock:
            if digest in self._known:
                return
            self._known[digest] = known
            self._used += _size(known)
            while self._used > self._limit:
                _, oldest = self._known.popitem(last=False)
                self._used -= _size(oldest)


def _size(known: Known) -> int:
    return STATISTICS_BYTES + sum(vector.nbytes for vector in known.vectors.values())

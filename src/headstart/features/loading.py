"""What the decoding threads do: read, recognise, decode and prepare one picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.preprocessing import Preprocessing
from headstart.errors import ImageError
from headstart.features.cache import PLAIN, FeatureStore, ImageCache
from headstart.features.recent import Known, Recent
from headstart.images.address import Stamp
from headstart.images.decode import decode_picture
from headstart.images.memory_budget import Claim, MemoryBudget
from headstart.images.source import Content, content_digest
from headstart.images.statistics import MINIMUM_SIDE, ImageStatistics, measure_content
from headstart.images.views import augment, view_rng
from headstart.options import MAX_PIXELS, MEMORY_LIMIT

VIEW_VERSION = 1  # part of the cache's key: raise it when the drawing of views changes


def view_name(seed: int, number: int) -> str:
    """The cache's name of augmented view `number`, counted from 0."""
    return f"crop{VIEW_VERSION}-{seed}-{number}"


@dataclass(frozen=True)
class Wanted:
    """What is wanted of every picture: views by name, and what it may take.

    Without preprocessing pictures are read, recognised and measured only.
    """

    preprocessing: Preprocessing | None = None
    views: int = 0
    seed: int = 0
    max_pixels: int = MAX_PIXELS
    memory_limit: int = MEMORY_LIMIT

    @property
    def names(self) -> tuple[str, ...]:
        """The plain picture first, then the augmented views."""
        if self.preprocessing is None:
            return ()
        return (PLAIN, *(view_name(self.seed, number) for number in range(self.views)))


@dataclass(frozen=True)
class Loaded:
    """One picture, ready for the backbone.

    Attributes:
        digest: sha256 of the content, "" when it could not be read.
        stamp: the picture as it was before it was read.
        statistics: newly measured or known; None for an unreadable picture.
        vectors: features that the cache has, by view.
        pixels: prepared inputs for the views that it has not.
        error: why the picture cannot be used, or "".
    """

    digest: str
    stamp: Stamp | None
    statistics: ImageStatistics | None = None
    vectors: Mapping[str, Float32Array] = field(default_factory=dict)
    pixels: Mapping[str, ByteImage] = field(default_factory=dict)
    error: str = ""


class Loader:
    """Loads pictures; one object serves all threads."""

    def __init__(
        self,
        wanted: Wanted,
        images: ImageCache | None,
        features: FeatureStore | None,
        recent: Recent | None = None,
    ) -> None:
        self.wanted = wanted
        self._recent = recent
        self._images = images
        self._features = features
        self._budget = MemoryBudget(wanted.memory_limit)
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def look_up(self, digests: Sequence[str]) -> dict[str, Known]:
        """What this run and the cache have of these contents."""
        if self._recent is None:
            return self._look_into_cache(digests)
        met = self._recent.get(digests)
        return met | self._look_into_cache([digest for digest in digests if digest not in met])

    def remember(self, digest: str, known: Known) -> None:
        """Keep what is known of a content for the rest of the run."""
        if self._recent is not None:
            self._recent.put(digest, known)

    def _look_into_cache(self, digests: Sequence[str]) -> dict[str, Known]:
        if self._images is None or not digests:
            return {}
        statistics = self._images.statistics(digests)
        vectors: dict[str, dict[str, Float32Array]] = {}
        if self._features is not None:
            vectors = {name: self._features.get(digests, name) for name in self.wanted.names}
        return {
            digest: Known(
                statistics.get(digest),
                {name: rows[digest] for name, rows in vectors.items() if digest in rows},
            )
            for digest in digests
        }

    def is_complete(self, known: Known) -> bool:
        """True when nothing has to be decoded for this content."""
        statistics = known.statistics
        if statistics is None or statistics.width * statistics.height > self.wanted.max_pixels:
            return False  # too large for this run, although an earlier one took it
        return len(known.vectors) == len(self.wanted.names)

    def load(
        self,
        read: Callable[[], Content],
        stamp: Stamp | None = None,
        known: Known | None = None,
        size: int = 0,
    ) -> Loaded:
        """Read one picture.

        Args:
            read: gives the picture's content, or raises ImageError.
            stamp: of the picture, taken before it is read.
            known: what the cache has of it, if its content is known.
            size: bytes that `read` will take.
        """
        with self._budget.share() as part:
            try:
                part.file(size)
                content = read()
            except ImageError as error:
                return Loaded("", stamp, error=str(error))
            return self._recognised(content, stamp, known, part)

    def _recognised(
        self, content: Content, stamp: Stamp | None, known: Known | None, claim: Claim
    ) -> Loaded:
        digest = content_digest(content)
        if known is None:
            known = self.look_up([digest]).get(digest, Known())
        if self.is_complete(known) or not self._claim(digest):
            return Loaded(digest, stamp, known.statistics, known.vectors)
        try:
            statistics, pixels = self._decode(content, digest, known, claim)
        except ImageError as error:
            return Loaded(digest, stamp, error=str(error))
        return Loaded(digest, stamp, statistics, known.vectors, pixels)

    def _claim(self, digest: str) -> bool:
        """True for the first of several files with this content; the others need no work."""
        with self._lock:
            is_first = digest not in self._claimed
            self._claimed.add(digest)
            return is_first

    def _decode(
        self, content: Content, digest: str, known: Known, claim: Claim
    ) -> tuple[ImageStatistics, dict[str, ByteImage]]:
        wanted = self.wanted
        preprocessing = wanted.preprocessing
        side = preprocessing.resize if preprocessing else MINIMUM_SIDE
        decoded = decode_picture(
            content, minimum_side=side, max_pixels=wanted.max_pixels, claim=claim
        )
        statistics = known.statistics or measure_content(content, decoded, wanted.max_pixels, claim)
        pixels: dict[str, ByteImage] = {}
        if preprocessing is None:
            return statistics, pixels
        for number, name in enumerate(wanted.names):
            if name in known.vectors:
                continue
            if name == PLAIN:
                pixels[name] = preprocessing.prepare(decoded.image)
            else:
                rng = view_rng(wanted.seed, digest, number - 1)
                pixels[name] = augment(
                    decoded.rgb,
                    rng,
                    size=preprocessing.size,
                    interpolation=preprocessing.interpolation,
                )
        return statistics, pixels

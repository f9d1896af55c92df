"""One pass of the pictures through the backbone; what was computed before comes from the cache."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from headstart.arrays import Float32Array, IntArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.device import device_kind
from headstart.cache_folder import cache_folder
from headstart.data.dataset import ImageRecords
from headstart.errors import DataError
from headstart.features.cache import FeatureStore, ImageCache
from headstart.features.cache_limit import keep_to_limit, mark_used
from headstart.features.loading import Loaded, Loader, Wanted
from headstart.features.recent import Known, Recent
from headstart.images.address import Stamp
from headstart.images.source import Content, ImageSource, RemoteFile
from headstart.images.statistics import ImageStatistics
from headstart.options import DEFAULT_SEED, MAX_PIXELS, EmbedOptions
from headstart.progress import QUIET, Progress

LARGEST_KEPT = 8192  # numbers a picture; larger features cost more to keep than to compute
AHEAD = 2  # chunks that wait for a thread
READ_AT_ONCE = 16  # pictures that a thread reads before it says so, where none is embedded
ASKED_AT_ONCE = 16  # requests to servers under way at the same time


@dataclass(frozen=True)
class Features:
    """Features of n pictures, d numbers each.

    Attributes:
        values: of the pictures themselves; NaN for a picture that cannot be read, (n, d).
        views: of K augmented views of each picture, (n, K, d).
        computed: pictures that went through the backbone now; the others came from the cache.
        seconds: how long all of it took, the reading included.
    """

    values: Float32Array
    views: Float32Array
    computed: int = 0
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: IntArray | list[int] | slice) -> Features:
        """The features of these rows, in this order."""
        return Features(self.values[rows], self.views[rows], self.computed, self.seconds)


def inspect_images(
    images: Sequence[ImageSource],
    options: EmbedOptions | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    progress: Progress = QUIET,
) -> ImageRecords:
    """Read, recognise and measure pictures, without a backbone; errors stand in their rows."""
    options = options or EmbedOptions()
    wanted = _wanted(None, options, DEFAULT_SEED, max_pixels)
    return _pass(images, None, options, wanted, progress)[0]


def embed_images(
    images: Sequence[ImageSource],
    backbone: Backbone,
    options: EmbedOptions | None = None,
    *,
    seed: int = DEFAULT_SEED,
    max_pixels: int = MAX_PIXELS,
    progress: Progress = QUIET,
    recent: Recent | None = None,
) -> tuple[ImageRecords, Features]:
    """Features of pictures, in their order. A picture that cannot be read has its error in its row.

    `options.views` augmented views are drawn from `seed` and each picture's content. `recent`
    carries what was met from one call to the next. Raises DataError for more features than
    `options.memory_limit` holds.
    """
    options = options or EmbedOptions()
    _check_room(len(images), (1 + options.views) * backbone.info.feature_size, options)
    parts = backbone.parts
    recent = recent if len(parts) == 1 else None  # it has a place for one network's features
    # A pass for each network: a large JPEG is decoded at the scale that the network's size needs,
    # and what is kept of a network must not depend on the others that it is joined with.
    passes = [
        _pass(images, part, options, _wanted(part, options, seed, max_pixels), progress, recent)
        for part in parts
    ]
    return passes[0] if len(passes) == 1 else _side_by_side(passes)


def _side_by_side(
    passes: Sequence[tuple[ImageRecords, Features]],
) -> tuple[ImageRecords, Features]:
    """The features of several networks in one row for each picture."""
    records, features = [one for one, _ in passes], [one for _, one in passes]
    first = records[0]
    errors = list(first.errors)
    for other in records[1:]:
        for row, (error, digest) in enumerate(zip(other.errors, other.digests, strict=True)):
            changed = "" if digest == first.digests[row] else "it changed while it was read"
            errors[row] = errors[row] or error or changed
    return replace(first, errors=tuple(errors)), Features(
        np.concatenate([one.values for one in features], axis=1),
        np.concatenate([one.views for one in features], axis=2),
        max(one.computed for one in features),
        math.fsum(one.seconds for one in features),
    )


def _wanted(backbone: Backbone | None, options: EmbedOptions, seed: int, max_pixels: int) -> Wanted:
    preprocessing = backbone.info.preprocessing if backbone is not None else None
    return Wanted(preprocessing, options.views, seed, max_pixels, options.memory_limit)


def _check_room(pictures: int, numbers: int, options: EmbedOptions) -> None:
    needed = pictures * numbers * np.dtype(np.float32).itemsize
    if needed > options.memory_limit:
        fewer = ", or take fewer --views" if options.views else ""
        raise DataError(
            f"the features of {pictures:,} pictures, {numbers:,} numbers each, take {needed:,} "
            f"bytes, more than --memory-limit {options.memory_limit:,}; raise it{fewer}"
        )


def _pass(
    images: Sequence[ImageSource],
    backbone: Backbone | None,
    options: EmbedOptions,
    wanted: Wanted,
    progress: Progress,
    recent: Recent | None = None,
) -> tuple[ImageRecords, Features]:
    began = time.perf_counter()
    known = features = None
    if options.cache:
        known = ImageCache(cache_folder(), progress)
    if options.cache and backbone is not None and backbone.info.feature_size <= LARGEST_KEPT:
        info = backbone.info
        folder = cache_folder() / "features"
        features = FeatureStore(folder, info.fingerprint, info.feature_size, progress)
    run = _Run(backbone, Loader(wanted, known, features, recent), known, features, options)
    try:
        run.embed(images, progress)
    finally:
        for store in (known, features):
            if store is not None:
                store.close()
        if features is not None:
            mark_used(features.path)
            keep_to_limit([features.path])
    return run.result(time.perf_counter() - began)


@dataclass(frozen=True)
class _Chunk:
    """Some rows after their way through a thread: what was read, and new features by view."""

    rows: list[int]
    loaded: list[Loaded]
    vectors: list[dict[str, Float32Array]]


class _Run:
    """The state of one pass.

    A thread takes some pictures, decodes them and sends them through the backbone. On a processor
    all threads compute side by side; on an accelerator they take turns, and decode meanwhile.
    """

    def __init__(
        self,
        backbone: Backbone | None,
        loader: Loader,
        known: ImageCache | None,
        features: FeatureStore | None,
        options: EmbedOptions,
    ) -> None:
        self.backbone = backbone
        self.loader = loader
        self.known = known
        self.features = features
        self.names = loader.wanted.names
        self.options = options
        self.lanes = options.workers or os.cpu_count() or 1
        self.batch = options.embed_batch
        self.computed = 0
        self.usual = 0  # inputs at once, where the network was needed

    def embed(self, images: Sequence[ImageSource], progress: Progress) -> None:
        n, d = len(images), self.backbone.info.feature_size if self.backbone is not None else 0
        self.values = np.full((n, max(1, len(self.names)), d), np.nan, dtype=np.float32)
        self.digests = [""] * n
        self.statistics: list[ImageStatistics | None] = [None] * n
        self.errors = [""] * n
        self.complete: dict[str, int] = {}  # a row with all features, by content
        self.failed: dict[str, str] = {}  # why a content cannot be decoded
        progress.start("reading pictures", n)
        try:
            unknown = self._take_known(images)
            progress.advance(n - len(unknown))
            with closing(self._chunks(images, unknown, progress)) as chunks:
                for chunk in chunks:
                    self._take(chunk)
                    progress.advance(len(chunk.rows))
        finally:
            progress.stop()
        self._tell_smaller_batch(progress)
        self._copy_repeated()

    def _take_known(self, images: Sequence[ImageSource]) -> dict[int, Known | None]:
        """Fill in unchanged pictures whose features are kept; returns the other rows."""
        self.stamps: list[Stamp | None] = [None] * len(images)
        if self.known is None:
            return dict.fromkeys(range(len(images)))
        self.stamps = _stamps(images)
        by_stamp = self.known.digests([stamp for stamp in self.stamps if stamp is not None])
        digests = [by_stamp.get(stamp, "") if stamp else "" for stamp in self.stamps]
        known = self.loader.look_up(sorted(set(digests) - {""}))
        unknown: dict[int, Known | None] = {}
        for row, digest in enumerate(digests):
            have = known.get(digest)
            if have is not None and self.loader.is_complete(have):
                self._place(row, Loaded(digest, None, have.statistics, have.vectors), {})
            else:
                unknown[row] = have
        return unknown

    def _chunks(
        self, images: Sequence[ImageSource], unknown: dict[int, Known | None], progress: Progress
    ) -> Generator[_Chunk, None, None]:
        """Chunks as they are done, in any order."""
        if not unknown:
            return  # and the network stays unloaded
        if self.options.cluster is not None and self.backbone is not None:
            yield from self._clustered(images, unknown, self.backbone, progress)
        else:
            yield from self._computed(images, unknown)

    def _clustered(
        self,
        images: Sequence[ImageSource],
        unknown: Iterable[int],
        backbone: Backbone,
        progress: Progress,
    ) -> Iterator[_Chunk]:
        """Chunks that a cluster's machines compute; Ray is loaded for them only."""
        from headstart.features.clustered import clustered

        items = [(row, images[row]) for row in unknown]
        wanted = self.loader.wanted
        for rows, read, vectors in clustered(items, backbone, self.options, wanted, progress):
            loaded = [
                replace(item, stamp=self.stamps[row]) for row, item in zip(rows, read, strict=True)
            ]
            # A content that was computed in another block, too, counts and is kept once.
            new = [
                {} if item.digest in self.complete else found
                for item, found in zip(loaded, vectors, strict=True)
            ]
            chunk = _Chunk(rows, loaded, new)
            self._keep(chunk)
            yield chunk

    def _computed(
        self, images: Sequence[ImageSource], unknown: dict[int, Known | None]
    ) -> Iterator[_Chunk]:
        rows = list(unknown)
        # All threads have something to decode, however many an accelerator takes at once.
        size = min(self._chunk_size(), math.ceil(len(rows) / self.lanes))
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        lanes = min(self.lanes, len(parts))

        def work(part: list[int], reads: list[Callable[[], Content]]) -> _Chunk:
            loaded = [
                self.loader.load(read, self.stamps[row], unknown[row], images[row].bytes_to_read)
                for row, read in zip(part, reads, strict=True)
            ]
            chunk = _Chunk(part, loaded, self._through_backbone(loaded))
            self._keep(chunk)
            return chunk

        pending: set[Future[_Chunk]] = set()
        backbone = self.backbone
        pool = backbone.threads(lanes) if backbone else ThreadPoolExecutor(lanes, "embed")
        requests = ThreadPoolExecutor(ASKED_AT_ONCE, "request")  # no thread before the first one
        with pool:
            try:
                for part in parts:
                    reads = [_begun(images[row], requests) for row in part]
                    pending.add(pool.submit(work, part, reads))
                    if len(pending) >= lanes + AHEAD:
                        done, pending = wait(pending, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in done)
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            finally:
                requests.shutdown(wait=False, cancel_futures=True)
                pool.shutdown(wait=True, cancel_futures=True)

    def _chunk_size(self) -> int:
        """Pictures that a thread takes at once."""
        if self.backbone is None:
            return READ_AT_ONCE
        self.usual = self.backbone.usual_batch()
        return max(1, (self.batch or self.usual) // len(self.names))

    def _tell_smaller_batch(self, progress: Progress) -> None:
        """Say where an accelerator had not the memory for as many pictures at once as usual."""
        backbone = self.backbone
        if backbone is None or not self.usual or backbone.usual_batch() >= self.usual:
            return
        progress.note(
            f"not enough memory on {device_kind(backbone.info.device)} for as many pictures at "
            f"once as usual: {backbone.usual_batch()} at once in place of {self.usual}"
        )

    def _through_backbone(self, loaded: list[Loaded]) -> list[dict[str, Float32Array]]:
        """Features of the prepared inputs of some pictures, by view."""
        places = [(i, name) for i, item in enumerate(loaded) for name in item.pixels]
        found: list[dict[str, Float32Array]] = [{} for _ in loaded]
        if places and self.backbone is not None:
            inputs = np.stack([loaded[i].pixels[name] for i, name in places])
            for (i, name), vector in zip(places, self.backbone.embed(inputs), strict=True):
                found[i][name] = vector
        return found

    def _keep(self, chunk: _Chunk) -> None:
        """Write a chunk into the cache as soon as it is computed, whatever happens next."""
        if self.known is None:
            return
        read, measured, rows = [], {}, []
        for loaded, vectors in zip(chunk.loaded, chunk.vectors, strict=True):
            rows += [(loaded.digest, name, vector) for name, vector in vectors.items()]
            if loaded.error:
                continue
            if loaded.stamp is not None:
                read.append((loaded.stamp, loaded.digest))
            if loaded.statistics is not None:
                measured[loaded.digest] = loaded.statistics
        if self.features is not None:
            self.features.put(rows)
        self.known.put(read, measured)

    def _take(self, chunk: _Chunk) -> None:
        """Write a chunk into the result."""
        for row, loaded, vectors in zip(chunk.rows, chunk.loaded, chunk.vectors, strict=True):
            self._place(row, loaded, vectors)
            self.computed += bool(vectors)

    def _place(self, row: int, loaded: Loaded, vectors: dict[str, Float32Array]) -> None:
        self.digests[row] = loaded.digest
        self.statistics[row] = loaded.statistics
        self.errors[row] = loaded.error
        if loaded.error and loaded.digest:
            self.failed[loaded.digest] = loaded.error
        vectors = {**loaded.vectors, **vectors}
        for number, name in enumerate(self.names):
            if name in vectors:
                self.values[row, number] = vectors[name]
        if loaded.statistics is not None and len(vectors) == len(self.names):
            self.complete.setdefault(loaded.digest, row)
            self.loader.remember(loaded.digest, Known(loaded.statistics, vectors))

    def _copy_repeated(self) -> None:
        """Rows with the same content as another went through the backbone once, for one of them."""
        for row, digest in enumerate(self.digests):
            first = self.complete.get(digest, row)
            self.values[row], self.statistics[row] = self.values[first], self.statistics[first]
            self.errors[row] = self.errors[row] or self.failed.get(digest, "")

    def result(self, seconds: float) -> tuple[ImageRecords, Features]:
        records = ImageRecords(tuple(self.digests), tuple(self.statistics), tuple(self.errors))
        return records, Features(self.values[:, 0], self.values[:, 1:], self.computed, seconds)


def _begun(image: ImageSource, requests: Executor) -> Callable[[], Content]:
    """How to get a picture's content; behind an address it is asked for at once, ahead of use."""
    return requests.submit(image.read).result if isinstance(image, RemoteFile) else image.read


def _stamps(images: Sequence[ImageSource]) -> list[Stamp | None]:
    """Stamps of pictures; those behind addresses take a request each, made side by side."""
    if not any(isinstance(image, RemoteFile) for image in images):
        return [image.stamp() for image in images]
    with ThreadPoolExecutor(ASKED_AT_ONCE, "stamp") as pool:
        return list(pool.map(lambda image: image.stamp(), images))

"""One pass of the pictures through the trunk; what was computed before is taken from the cache."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone
from headstart.cache_folder import cache_folder
from headstart.data.facts import PictureFacts
from headstart.features.cache import FeatureStore, FileStamp, PictureStore
from headstart.features.loading import Known, Loaded, Loader, Wanted
from headstart.options import DEFAULT_SEED, MAX_PIXELS, EmbedOptions
from headstart.progress import QUIET, Progress

AHEAD = 3  # batches that may lie decoded before the trunk takes them


@dataclass(frozen=True)
class Features:
    """Features of n pictures, d numbers each.

    Attributes:
        values: features of the pictures themselves; NaN for a picture that cannot be read, (n, d).
        views: features of K augmented views of each picture, (n, K, d).
        sha256: digests of the files' bytes, "" where a file cannot be read, (n,).
        facts: what was measured of each picture, None where it cannot be decoded, (n,).
        errors: why a picture cannot be used, "" where it can, (n,).
        computed: pictures that went through the trunk now; the others came from the cache.
        seconds: how long all of it took.
    """

    values: Float32Array
    views: Float32Array
    sha256: tuple[str, ...]
    facts: tuple[PictureFacts | None, ...]
    errors: tuple[str, ...]
    computed: int
    seconds: float

    def __len__(self) -> int:
        return len(self.values)


def embed_pictures(
    paths: Sequence[Path],
    backbone: Backbone,
    options: EmbedOptions | None = None,
    *,
    seed: int = DEFAULT_SEED,
    max_pixels: int = MAX_PIXELS,
    progress: Progress = QUIET,
) -> Features:
    """Features of pictures, in their order. A picture that cannot be read has its error in its row.

    `options.views` augmented views are drawn from `seed` and each picture's content.
    """
    options = options or EmbedOptions()
    began = time.perf_counter()
    info = backbone.info
    pictures = features = None
    if options.cache:
        pictures = PictureStore(cache_folder(), progress)
        features = FeatureStore(
            cache_folder() / "features", info.fingerprint, info.feature_size, progress
        )
    wanted = Wanted(info.preprocessing, options.views, seed, max_pixels)
    run = _Run(backbone, Loader(wanted, pictures, features), pictures, features, options)
    try:
        run.embed(paths, progress)
    finally:
        for store in (pictures, features):
            if store is not None:
                store.close()
    return run.result(time.perf_counter() - began)


@dataclass
class _Batch:
    """Prepared inputs that wait for the trunk, with the rows and views they belong to."""

    pixels: list[ByteImage] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)  # row, number of the view


class _Run:
    """The state of one pass."""

    def __init__(
        self,
        backbone: Backbone,
        loader: Loader,
        pictures: PictureStore | None,
        features: FeatureStore | None,
        options: EmbedOptions,
    ) -> None:
        self.backbone = backbone
        self.loader = loader
        self.pictures = pictures
        self.features = features
        self.options = options
        self.names = loader.wanted.names
        self.waiting = _Batch()
        self.read: list[tuple[FileStamp, str]] = []
        self.measured: dict[str, PictureFacts] = {}
        self.computed: set[int] = set()
        self.first_row: dict[str, int] = {}

    def embed(self, paths: Sequence[Path], progress: Progress) -> None:
        n, d = len(paths), self.backbone.info.feature_size
        self.values = np.full((n, len(self.names), d), np.nan, dtype=np.float32)
        self.sha256 = [""] * n
        self.facts: list[PictureFacts | None] = [None] * n
        self.errors = [""] * n
        known, digests = self._known(paths)
        progress.start("reading pictures", n)
        try:
            for row, loaded in self._loaded(paths, known, digests):
                self._take(row, loaded)
                progress.advance()
            self._flush()
        finally:
            progress.stop()
        self._copy_repeated()

    def _known(self, paths: Sequence[Path]) -> tuple[dict[str, Known], list[str]]:
        """What the cache knows without reading a file: contents, and each row's digest or ""."""
        stamps = [FileStamp.of(path) for path in paths]
        if self.pictures is None:
            return {}, [""] * len(paths)
        by_stamp = self.pictures.digests([stamp for stamp in stamps if stamp is not None])
        digests = [by_stamp.get(stamp, "") if stamp else "" for stamp in stamps]
        return self.loader.look_up(sorted(set(digests) - {""})), digests

    def _loaded(
        self, paths: Sequence[Path], known: dict[str, Known], digests: Sequence[str]
    ) -> Iterator[tuple[int, Loaded]]:
        """Every row in order; only those with something missing go through the threads."""
        workers = self.options.workers or os.cpu_count() or 1
        ahead = max(AHEAD * self.options.embed_batch, 2 * workers)
        pending: deque[tuple[int, Future[Loaded] | Loaded]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            try:
                for row, path in enumerate(paths):
                    have = known.get(digests[row])
                    if have is not None and self.loader.is_complete(have):
                        entry: Future[Loaded] | Loaded
                        entry = Loaded(digests[row], None, have.facts, have.vectors)
                    else:
                        entry = pool.submit(self.loader.load, path, have)
                    pending.append((row, entry))
                    if len(pending) >= ahead:
                        yield _finished(pending)
                while pending:
                    yield _finished(pending)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _take(self, row: int, loaded: Loaded) -> None:
        self.sha256[row] = loaded.sha256
        self.facts[row] = loaded.facts
        self.errors[row] = loaded.error
        if loaded.error:
            return
        if loaded.stamp is not None:
            self.read.append((loaded.stamp, loaded.sha256))
            if loaded.facts is not None:
                self.measured[loaded.sha256] = loaded.facts
        is_first = self.first_row.setdefault(loaded.sha256, row) == row
        for number, name in enumerate(self.names):
            if name in loaded.vectors:
                self.values[row, number] = loaded.vectors[name]
            elif is_first:
                self.computed.add(row)
                self.waiting.pixels.append(loaded.pixels[name])
                self.waiting.places.append((row, number))
                if len(self.waiting.pixels) == self.options.embed_batch:
                    self._flush()

    def _flush(self) -> None:
        """Send what waits through the trunk and keep the result."""
        batch, self.waiting = self.waiting, _Batch()
        rows = []
        if batch.pixels:
            vectors = self.backbone.embed(np.stack(batch.pixels))
            for (row, number), vector in zip(batch.places, vectors, strict=True):
                self.values[row, number] = vector
                rows.append((self.sha256[row], self.names[number], vector))
        if self.features is not None and self.pictures is not None:
            self.features.put(rows)
            self.pictures.put(self.read, self.measured)
        self.read, self.measured = [], {}

    def _copy_repeated(self) -> None:
        """Rows with the same content as an earlier one share its features."""
        for row, digest in enumerate(self.sha256):
            first = self.first_row.get(digest, row)
            if first != row and not self.errors[row]:
                self.values[row] = self.values[first]

    def result(self, seconds: float) -> Features:
        return Features(
            values=self.values[:, 0],
            views=self.values[:, 1:],
            sha256=tuple(self.sha256),
            facts=tuple(self.facts),
            errors=tuple(self.errors),
            computed=len(self.computed),
            seconds=seconds,
        )


def _finished(pending: deque[tuple[int, Future[Loaded] | Loaded]]) -> tuple[int, Loaded]:
    row, entry = pending.popleft()
    return row, entry.result() if isinstance(entry, Future) else entry

"""One pass of the pictures through the backbone; what was computed before comes from the cache."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.arrays import Float32Array
from headstart.backbones.backbone import Backbone
from headstart.cache_folder import cache_folder
from headstart.features.cache import FeatureStore, FileStamp, PictureStore
from headstart.features.loading import Known, Loaded, Loader, Wanted
from headstart.images.statistics import ImageStatistics
from headstart.option_rules import check_options
from headstart.options import DEFAULT_SEED, MAX_PIXELS, EmbedOptions, ReadOptions, SplitOptions
from headstart.progress import QUIET, Progress

LARGEST_KEPT = 8192  # numbers a picture; larger features cost more to keep than to compute
AHEAD = 2  # chunks that wait for a thread


@dataclass(frozen=True)
class Features:
    """Features of n pictures, d numbers each.

    Attributes:
        values: features of the pictures themselves; NaN for a picture that cannot be read, (n, d).
        views: features of K augmented views of each picture, (n, K, d).
        sha256: digests of the files' bytes, "" where a file cannot be read, (n,).
        statistics: what was measured of each picture, None where it cannot be decoded, (n,).
        errors: why a picture cannot be used, "" where it can, (n,).
        computed: pictures that went through the backbone now; the others came from the cache.
        seconds: how long all of it took.
    """

    values: Float32Array
    views: Float32Array
    sha256: tuple[str, ...]
    statistics: tuple[ImageStatistics | None, ...]
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
    check_options(options, SplitOptions(seed=seed), ReadOptions(max_pixels=max_pixels))
    began = time.perf_counter()
    info = backbone.info
    pictures = features = None
    if options.cache and info.feature_size <= LARGEST_KEPT:
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
        self.names = loader.wanted.names
        self.lanes = options.workers or os.cpu_count() or 1
        self.batch = options.embed_batch
        self.computed = 0

    def embed(self, paths: Sequence[Path], progress: Progress) -> None:
        n, d = len(paths), self.backbone.info.feature_size
        self.values = np.full((n, len(self.names), d), np.nan, dtype=np.float32)
        self.sha256 = [""] * n
        self.statistics: list[ImageStatistics | None] = [None] * n
        self.errors = [""] * n
        self.complete: dict[str, int] = {}  # a row with all features, by content
        self.failed: dict[str, str] = {}  # why a content cannot be decoded
        progress.start("reading pictures", n)
        try:
            unknown = self._take_known(paths)
            progress.advance(n - len(unknown))
            for chunk in self._chunks(paths, unknown):
                self._take(chunk)
                progress.advance(len(chunk.rows))
        finally:
            progress.stop()
        self._copy_repeated()

    def _take_known(self, paths: Sequence[Path]) -> dict[int, Known | None]:
        """Fill in unchanged files whose features are kept; returns the other rows."""
        stamps = [FileStamp.of(path) for path in paths]
        by_stamp: dict[FileStamp, str] = {}
        if self.pictures is not None:
            by_stamp = self.pictures.digests([stamp for stamp in stamps if stamp is not None])
        digests = [by_stamp.get(stamp, "") if stamp else "" for stamp in stamps]
        known = self.loader.look_up(sorted(set(digests) - {""}))
        unknown: dict[int, Known | None] = {}
        for row, digest in enumerate(digests):
            have = known.get(digest)
            if have is not None and self.loader.is_complete(have):
                self._place(row, Loaded(digest, None, have.statistics, have.vectors), {})
            else:
                unknown[row] = have
        return unknown

    def _chunks(self, paths: Sequence[Path], unknown: dict[int, Known | None]) -> Iterator[_Chunk]:
        """Chunks as they are done, in any order."""
        if not unknown:
            return  # and the network stays unloaded
        rows = list(unknown)
        size = max(1, (self.batch or self.backbone.usual_batch()) // len(self.names))
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        lanes = min(self.lanes, len(parts))

        def work(part: list[int]) -> _Chunk:
            loaded = [self.loader.load(paths[row], unknown[row]) for row in part]
            chunk = _Chunk(part, loaded, self._through_backbone(loaded))
            self._keep(chunk)
            return chunk

        pending: set[Future[_Chunk]] = set()
        with self.backbone.lanes(), ThreadPoolExecutor(lanes, "embed") as pool:
            try:
                for part in parts:
                    pending.add(pool.submit(work, part))
                    if len(pending) >= lanes + AHEAD:
                        done, pending = wait(pending, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in done)
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _through_backbone(self, loaded: list[Loaded]) -> list[dict[str, Float32Array]]:
        """Features of the prepared inputs of some pictures, by view."""
        places = [(i, name) for i, item in enumerate(loaded) for name in item.pixels]
        found: list[dict[str, Float32Array]] = [{} for _ in loaded]
        if places:
            inputs = np.stack([loaded[i].pixels[name] for i, name in places])
            for (i, name), vector in zip(places, self.backbone.embed(inputs), strict=True):
                found[i][name] = vector
        return found

    def _keep(self, chunk: _Chunk) -> None:
        """Write a chunk into the cache as soon as it is computed, whatever happens next."""
        if self.features is None or self.pictures is None:
            return
        read, measured, rows = [], {}, []
        for loaded, vectors in zip(chunk.loaded, chunk.vectors, strict=True):
            rows += [(loaded.sha256, name, vector) for name, vector in vectors.items()]
            if loaded.stamp is not None and not loaded.error:
                read.append((loaded.stamp, loaded.sha256))
                if loaded.statistics is not None:
                    measured[loaded.sha256] = loaded.statistics
        self.features.put(rows)
        self.pictures.put(read, measured)

    def _take(self, chunk: _Chunk) -> None:
        """Write a chunk into the result."""
        for row, loaded, vectors in zip(chunk.rows, chunk.loaded, chunk.vectors, strict=True):
            self._place(row, loaded, vectors)
            self.computed += bool(vectors)

    def _place(self, row: int, loaded: Loaded, vectors: dict[str, Float32Array]) -> None:
        self.sha256[row] = loaded.sha256
        self.statistics[row] = loaded.statistics
        self.errors[row] = loaded.error
        if loaded.error and loaded.sha256:
            self.failed[loaded.sha256] = loaded.error
        vectors = {**loaded.vectors, **vectors}
        for number, name in enumerate(self.names):
            if name in vectors:
                self.values[row, number] = vectors[name]
        if loaded.statistics is not None and len(vectors) == len(self.names):
            self.complete.setdefault(loaded.sha256, row)

    def _copy_repeated(self) -> None:
        """Rows with the same content as another went through the backbone once, for one of them."""
        for row, digest in enumerate(self.sha256):
            first = self.complete.get(digest, row)
            self.values[row], self.statistics[row] = self.values[first], self.statistics[first]
            self.errors[row] = self.errors[row] or self.failed.get(digest, "")

    def result(self, seconds: float) -> Features:
        return Features(
            values=self.values[:, 0],
            views=self.values[:, 1:],
            sha256=tuple(self.sha256),
            statistics=tuple(self.statistics),
            errors=tuple(self.errors),
            computed=self.computed,
            seconds=seconds,
        )

"""Features that were computed before, and what is known of the pictures they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from headstart.arrays import Float32Array
from headstart.features.sqlite_store import Store, as_bytes, checksum
from headstart.images.address import Stamp
from headstart.images.statistics import STATISTICS_VERSION, ImageStatistics
from headstart.progress import QUIET, Progress

PLAIN = ""  # the view that is the picture itself

FEATURES_SCHEMA = """
CREATE TABLE IF NOT EXISTS features (
    sha256 BLOB NOT NULL, view TEXT NOT NULL, vector BLOB NOT NULL, checksum BLOB NOT NULL,
    PRIMARY KEY (sha256, view)
) WITHOUT ROWID;
"""
IMAGES_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    place BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
    sha256 BLOB NOT NULL, checksum BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS statistics (
    sha256 BLOB NOT NULL, version INTEGER NOT NULL, content TEXT NOT NULL, checksum BLOB NOT NULL,
    PRIMARY KEY (sha256, version)
) WITHOUT ROWID;
"""


class ImageCache:
    """Which content an unchanged picture has, and the statistics of that content."""

    def __init__(self, folder: Path, progress: Progress = QUIET) -> None:
        self._store = Store(folder / "images.sqlite", IMAGES_SCHEMA, progress)

    def digests(self, stamps: Sequence[Stamp]) -> dict[Stamp, str]:
        """sha256 of the pictures that have not changed since they were last read."""
        rows = self._store.read(
            "SELECT place, size, mtime, ctime, sha256, checksum FROM files WHERE place IN ({})",
            [as_bytes(stamp.place) for stamp in stamps],
        )
        known, damaged = {}, 0
        for place, *numbers, digest, mark in rows:
            if checksum(place, *numbers, digest) == mark:
                text = place.decode("utf-8", "surrogateescape")
                known[Stamp(text, *numbers)] = digest.hex()
            else:
                damaged += 1
        self._store.tell_damaged(damaged)
        return {stamp: known[stamp] for stamp in stamps if stamp in known}

    def statistics(self, digests: Sequence[str]) -> dict[str, ImageStatistics]:
        """What was measured of these contents."""
        rows = self._store.read(
            "SELECT sha256, content, checksum FROM statistics WHERE version = ? AND sha256 IN ({})",
            [bytes.fromhex(digest) for digest in digests],
            before=(STATISTICS_VERSION,),
        )
        found, damaged = {}, 0
        for digest, content, mark in rows:
            if checksum(digest, STATISTICS_VERSION, content) == mark:
                found[digest.hex()] = ImageStatistics.from_json(content.decode())
            else:
                damaged += 1
        self._store.tell_damaged(damaged)
        return found

    def put(
        self, files: Iterable[tuple[Stamp, str]], statistics: Mapping[str, ImageStatistics]
    ) -> None:
        """Remember pictures and statistics."""
        places = [
            (as_bytes(s.place), s.size, s.mtime, s.ctime, bytes.fromhex(digest))
            for s, digest in files
        ]
        self._store.write(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
            ((*row, checksum(*row)) for row in places),
        )
        measured = [
            (bytes.fromhex(digest), STATISTICS_VERSION, item.to_json())
            for digest, item in statistics.items()
        ]
        self._store.write(
            "INSERT OR REPLACE INTO statistics VALUES (?, ?, ?, ?)",
            ((*row, checksum(*row)) for row in measured),
        )

    def close(self) -> None:
        """Close the file."""
        self._store.close()


class FeatureStore:
    """Features of one fingerprint: rows of d float32 numbers by picture content and view."""

    def __init__(
        self, folder: Path, fingerprint: str, size: int, progress: Progress = QUIET
    ) -> None:
        self.path = folder / f"{fingerprint}.sqlite"
        self._size = size
        self._store = Store(self.path, FEATURES_SCHEMA, progress)

    def get(self, digests: Sequence[str], view: str = PLAIN) -> dict[str, Float32Array]:
        """The rows that are kept, by sha256; one of a wrong length or damaged counts as absent."""
        rows = self._store.read(
            "SELECT sha256, vector, checksum FROM features WHERE view = ? AND sha256 IN ({})",
            [bytes.fromhex(digest) for digest in digests],
            before=(view,),
        )
        found, damaged = {}, 0
        for digest, content, mark in rows:
            if checksum(digest, view, content) != mark:
                damaged += 1
            elif len(content) == 4 * self._size:
                found[digest.hex()] = np.frombuffer(content, dtype="<f4")
        self._store.tell_damaged(damaged)
        return found

    def put(self, rows: Iterable[tuple[str, str, Float32Array]]) -> None:
        """Keep (sha256, view, features (d,))."""
        kept = [(bytes.fromhex(sha), view, row.astype("<f4").tobytes()) for sha, view, row in rows]
        self._store.write(
            "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)",
            ((*row, checksum(*row)) for row in kept),
        )

    def close(self) -> None:
        """Close the file."""
        self._store.close()

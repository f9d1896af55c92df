"""A SQLite file of rows that can be computed again: damage never raises and is never believed.

Each kept row carries a checksum of its key and its content: SQLite has none of its own, and a
damaged disk must never change an answer. A row that does not fit counts as absent.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from headstart.cache_folder import APPLICATION_ID
from headstart.outputs import disk
from headstart.progress import QUIET, Progress

T = TypeVar("T")

WAIT_SECONDS = 60.0  # for another process that is writing
RETRY_SECONDS = 0.05
CHUNK = 500  # values in one question; SQLite allows at least 999
DAMAGED = (
    *("malformed", "not a database", "unsupported file format", "corrupt"),
    *("no such table", "no such column", "no column"),
)
CHECKSUM_BYTES = 8


def checksum(*parts: object) -> bytes:
    """A digest of a row's key and content, 8 bytes."""
    total = hashlib.blake2b(digest_size=CHECKSUM_BYTES)
    for part in parts:
        content = part if isinstance(part, bytes) else as_bytes(str(part))
        total.update(len(content).to_bytes(8, "big"))
        total.update(content)
    return total.digest()


def as_bytes(text: str) -> bytes:
    """A text as bytes; a file name that is no UTF-8 as the bytes that it has on disk."""
    return text.encode("utf-8", "surrogateescape")


class Store:
    """A SQLite file with one schema.

    Reads and writes never raise for a damaged file: it is renamed to `NAME.damaged-TIME`, a line
    says so, and a new one is begun, since all that is in it can be computed again.
    """

    def __init__(self, path: Path, schema: str, progress: Progress = QUIET) -> None:
        self.path = path
        self._schema = schema
        self._progress = progress
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._off = False
        self._told = False

    def tell_damaged(self, rows: int) -> None:
        """Say that some rows do not fit their checksums."""
        if rows:
            self._tell(
                f"feature cache {self.path.name}: damaged rows were found (at least {rows}); they "
                "are dropped and computed again"
            )

    def _tell(self, line: str) -> None:
        """The first line about the file; what follows from one damage is not worth a second."""
        if not self._told:
            self._told = True
            self._progress.note(line)

    def read(
        self, question: str, values: Sequence[Any], *, before: tuple[Any, ...] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Rows for many values; "{}" in the question stands for their place."""
        for start in range(0, len(values), CHUNK):
            part = values[start : start + CHUNK]
            marks = ",".join("?" * len(part))
            yield from self._ask(question.format(marks), (*before, *part))

    def _ask(self, question: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._guarded(lambda connection: connection.execute(question, values).fetchall(), [])

    def write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Many rows in one transaction."""
        batch = list(rows)

        def run(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany(statement, batch)

        self._guarded(run, None)

    def close(self) -> None:
        """Close the file; it opens again by itself."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _guarded(self, run: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        deadline = time.monotonic() + WAIT_SECONDS
        with self._lock:
            while not self._off:
                try:
                    return run(self._open())
                except (sqlite3.Error, OSError) as error:
                    if _is_damage(error):
                        self._set_aside(error)
                    elif _is_busy(error) and time.monotonic() < deadline:
                        # SQLite's own waiting does not cover the change to WAL mode.
                        time.sleep(RETRY_SECONDS)
                    else:
                        self._off = True
                        self._tell(f"no feature cache ({self.path}: {error})")
            return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            disk.make_folder(self.path.parent)
            connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, check_same_thread=False)
            # Texts come as bytes: damaged ones must not stop the reading of others.
            connection.text_factory = bytes
            try:
                connection.execute("PRAGMA cell_size_check=ON")
                # Before the change to WAL, so that the mark stands in the file itself at once.
                if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.executescript(self._schema)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _set_aside(self, error: Exception) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        for ending in ("", "-wal", "-shm"):
            file = self.path.with_name(self.path.name + ending)
            with suppress(FileNotFoundError):  # another process may have done it first
                disk.rename(file, aside.with_name(aside.name + ending))
        self._tell(
            f"feature cache {self.path.name} is damaged ({error}); set aside as {aside.name}"
        )


def _is_damage(error: sqlite3.Error | OSError) -> bool:
    return isinstance(error, sqlite3.Error) and any(word in str(error).lower() for word in DAMAGED)


def _is_busy(error: sqlite3.Error | OSError) -> bool:
    return isinstance(error, sqlite3.OperationalError) and any(
        word in str(error).lower() for word in ("locked", "busy")
    )

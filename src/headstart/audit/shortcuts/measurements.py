"""What can be known of a picture without looking at its content, kind by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.audit.shortcuts.file_names import Columns, name_numbers, name_words, plain_names
from headstart.data.image_table import ImageTable
from headstart.images.source import LocalFile
from headstart.images.statistics import ImageStatistics

Sort = Literal["metadata", "look"]

DAY = 86_400.0
MOST_VALUES = 50  # distinct values of a field that are looked at, the most frequent


@dataclass(frozen=True)
class Evidence:
    """One kind of knowledge about pictures.

    Attributes:
        kind: short name, such as "name numbers".
        sort: "metadata" says nothing about the content; "look" is a coarse view of it.
        subject: the kind in words, as a sentence begins: "The number in the file name alone gives".
        rows: rows of the table that have it, (m,).
        columns: the values of these rows, without a missing one.
    """

    kind: str
    sort: Sort
    subject: str
    rows: IntArray
    columns: Columns


def evidence(
    table: ImageTable,
    statistics: Sequence[ImageStatistics | None] | None,
    rows: IntArray,
    labels: Sequence[str],
) -> list[Evidence]:
    """Every kind that these rows of the table have; a kind that does not vary is left out."""
    ids = [table.ids[row] for row in rows]
    is_folder = table.lines is None
    names = plain_names(ids, labels, is_folder)
    every = np.arange(len(rows))
    numbers, words = name_numbers(names), name_words(names)
    about_numbers = "The number in the file name alone gives"
    about_words = "The words of the file name alone give"
    found = [
        Evidence("name numbers", "metadata", about_numbers, every, numbers),
        Evidence("name words", "metadata", about_words, every, words),
    ]
    if not is_folder:  # a folder's rows are sorted by class
        order = Columns(
            _order(rows, len(set(labels))),
            ("the row number", "the row number's remainder by the number of classes"),
        )
        found.append(
            Evidence("row order", "metadata", "The order of the rows alone gives", every, order)
        )
    known = _known(statistics, rows)
    measured = [fact for _, fact in known]
    places = np.array([place for place, _ in known], dtype=np.int64)
    if measured:
        found += [
            Evidence(kind, sort, subject, places, build(measured))
            for kind, sort, subject, build in _MEASURES
        ]
    times = _times(table, rows, dict(known))
    found.append(
        Evidence("time stamps", "metadata", "The time of the file alone gives", every, times)
    )
    return [kept for item in found if (kept := _complete(item)) is not None]


def _known(
    statistics: Sequence[ImageStatistics | None] | None, rows: IntArray
) -> list[tuple[int, ImageStatistics]]:
    if statistics is None:
        return []
    pairs = ((place, statistics[row]) for place, row in enumerate(rows))
    return [(place, fact) for place, fact in pairs if fact is not None]


def _complete(item: Evidence) -> Evidence | None:
    """Gaps filled by a value below all others; columns that do not vary left out."""
    columns, names = [], []
    for values, name in zip(item.columns.values.T, item.columns.names, strict=True):
        gaps = np.isnan(values)
        if gaps.all():
            continue
        filled = np.where(gaps, values[~gaps].min() - 1, values)
        if np.ptp(filled) > 0:
            columns.append(filled)
            names.append(name)
    if not columns:
        return None
    kept = Columns(np.stack(columns, axis=1), tuple(names))
    return Evidence(item.kind, item.sort, item.subject, item.rows, kept)


def _order(rows: IntArray, classes: int) -> FloatArray:
    return np.stack((rows + 1.0, rows % max(classes, 2)), axis=1)


def _sizes(statistics: Sequence[ImageStatistics]) -> Columns:
    return _numbers(["the file's bytes"], [[float(fact.file_bytes)] for fact in statistics])


def _shapes(statistics: Sequence[ImageStatistics]) -> Columns:
    names = ["the width", "the height", "width / height", "the number of pixels"]
    rows = [
        [float(f.width), float(f.height), f.width / f.height, float(f.width * f.height)]
        for f in statistics
    ]
    return _numbers(names, rows)


def _formats(statistics: Sequence[ImageStatistics]) -> Columns:
    numbers = _numbers(
        ["the JPEG quality", "the number of frames"],
        [
            [np.nan if f.jpeg_quality is None else f.jpeg_quality, float(f.frames)]
            for f in statistics
        ],
    )
    return _beside(
        numbers,
        _values("the format", [fact.format for fact in statistics]),
        _values("the pixels' mode", [fact.mode for fact in statistics]),
    )


def _exif(statistics: Sequence[ImageStatistics]) -> Columns:
    fields = sorted(
        {field for fact in statistics for field in fact.exif if "DateTime" not in field}
    )
    parts = [_values(f"EXIF {field}", [fact.exif.get(field, "") for fact in statistics])
             for field in fields]  # fmt: skip
    return _beside(
        _numbers(["the number of EXIF fields"], [[len(f.exif)] for f in statistics]), *parts
    )


def _colours(statistics: Sequence[ImageStatistics]) -> Columns:
    names = [f"the mean {colour}" for colour in ("red", "green", "blue")]
    return _numbers(names, [list(fact.mean_colour) for fact in statistics])


def _borders(statistics: Sequence[ImageStatistics]) -> Columns:
    rows = [list(fact.border) for fact in statistics]
    return _numbers([f"border {i + 1}" for i in range(len(rows[0]))], rows)


def _thumbnails(statistics: Sequence[ImageStatistics]) -> Columns:
    rows = [list(fact.thumbnail) for fact in statistics]
    return _numbers([f"thumbnail {i + 1}" for i in range(len(rows[0]))], rows)


_MEASURES: tuple[tuple[str, Sort, str, Callable[[Sequence[ImageStatistics]], Columns]], ...] = (
    ("file size", "metadata", "The size of the file alone gives", _sizes),
    ("width and height", "metadata", "The width and height alone give", _shapes),
    ("format", "metadata", "The file's format and quality alone give", _formats),
    ("exif", "metadata", "The EXIF fields alone give", _exif),
    ("mean colour", "look", "The mean colour alone gives", _colours),
    ("border", "look", "The picture's border alone gives", _borders),
    ("thumbnail", "look", "A thumbnail of 8x8 pixels alone gives", _thumbnails),
)


def _times(table: ImageTable, rows: IntArray, known: dict[int, ImageStatistics]) -> Columns:
    """Seconds since 1970 of the file and of the exposure, and the exposure's hour.

    In a folder of class folders, files whose times lie within a day have them from a copy, class
    by class, which says nothing.
    """
    changed = np.array([_changed(table, int(row)) for row in rows])
    present = changed[~np.isnan(changed)]
    if table.lines is None and present.size and np.ptp(present) < DAY:
        changed = np.full(len(rows), np.nan)
    taken = [_taken(known[place]) if place in known else None for place in range(len(rows))]
    seconds = [np.nan if when is None else when.timestamp() for when in taken]
    hours = [np.nan if when is None else when.hour + when.minute / 60 for when in taken]
    names = ("the file's time", "the time of exposure", "the hour of exposure")
    return Columns(np.stack((changed, seconds, hours), axis=1), names)


def _changed(table: ImageTable, row: int) -> float:
    image = table.images[row]
    stamp = image.stamp() if isinstance(image, LocalFile) else None
    return stamp.mtime / 1e9 if stamp is not None else float("nan")


def _taken(fact: ImageStatistics) -> datetime | None:
    text = fact.exif.get("DateTimeOriginal") or fact.exif.get("DateTime") or ""
    try:
        return datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _numbers(names: Sequence[str], rows: Sequence[Sequence[float]]) -> Columns:
    return Columns(np.array(rows, dtype=np.float64).reshape(-1, len(names)), tuple(names))


def _values(what: str, texts: Sequence[str]) -> Columns:
    """A column for each of the frequent texts: 1 where a row has it, else 0."""
    kept = [text for text, _ in Counter(texts).most_common(MOST_VALUES)]
    names = tuple(f"{what} '{text}'" if text else f"no {what}" for text in kept)
    rows = [[float(text == other) for other in kept] for text in texts]
    return Columns(np.array(rows, dtype=np.float64).reshape(len(texts), -1), names)


def _beside(*parts: Columns) -> Columns:
    values = np.concatenate([part.values for part in parts], axis=1)
    return Columns(values, tuple(name for part in parts for name in part.names))

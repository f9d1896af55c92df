"""The options of reading: which tables and folders, which columns, what may be left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headstart.options.definition import (
    DECODED,
    ENCODING,
    EXPORT,
    LABELLED,
    LABELS,
    LOOKED_AT,
    MODELS,
    PICTURES,
    REGEX,
    option,
    several,
    text,
    whole,
)

MAX_PIXELS = 200_000_000


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a table or a folder of class folders is read."""

    images: str | Path | None = option(
        None,
        LOOKED_AT,
        "Folder or address that the table's names are relative to; default: the table's own.",
        most_used=True,
        for_tables=True,
    )
    image_column: str | None = option(
        None,
        LOOKED_AT,
        "Column with the pictures' names; default: found by its usual names.",
        for_tables=True,
    )
    label_column: str | None = option(
        None,
        (*LABELS, *EXPORT),
        "Column with the labels; default: found by its usual names.",
        most_used=True,
        for_tables=True,
    )
    split_column: str | None = option(
        None,
        (*LABELLED, "embed", "evaluate"),
        "Column with a given split: train, test (val counts as test when there is no test).",
        for_tables=True,
    )
    group_column: str | None = option(
        None,
        LABELS,
        "Column that names a patient, camera or series; a group stays on one side of a split, and "
        "intervals respect groups.",
        most_used=True,
        for_tables=True,
    )
    group_pattern: str | None = option(
        None,
        LABELS,
        "Regular expression for the files' names: its first group, or the whole match, is the "
        "picture's group; with a slash in it, for the paths.",
        rule=REGEX,
    )
    separator: str | None = option(
        None,
        PICTURES,
        "Separator of the table's cells, or the word tab; default: found by looking.",
        rule=text("one character (no quote, no line break), or tab", r"""[^"'\r\n]|tab|\\t"""),
        for_tables=True,
    )
    encoding: str | None = option(
        None,
        PICTURES,
        "Encoding of the table; default: UTF-8, or what its first bytes say.",
        rule=ENCODING,
        for_tables=True,
    )
    exclude: tuple[str, ...] = option((), LABELS, "Class to leave out; repeat for more.")
    class_level: int | None = option(
        None,
        LABELS,
        "Of a folder: 1 if the folders in it are the classes, 2 if those one below are; default: "
        "found by looking.",
        rule=whole(1, 2),
    )
    rename: tuple[str, ...] = several(
        LABELS, "Other names for classes, each as OLD=NEW: --rename 0=cat 1=dog."
    )
    rename_table: Path | None = option(
        None, LABELS, "Table of new class names, with the columns old and new."
    )
    skip_bad: bool = option(
        False,
        (*MODELS, "rank", "embed", "evaluate", *EXPORT),
        "Go on without bad rows and files, and say how many there were.",
        most_used=True,
    )
    allow_outside: bool = option(
        False,
        PICTURES,
        "Allow table rows whose path leaves the pictures' folder.",
        for_tables=True,
    )
    max_pixels: int = option(
        MAX_PIXELS,
        (*DECODED, *EXPORT),
        "Largest picture in pixels; larger ones are refused.",
        rule=whole(1),
    )


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """What is done to the labels before they are used."""

    fixes: Path | None = option(
        None,
        (*LABELLED, "rank"),
        "Table of corrected labels, from check --write-fixes and edited.",
        most_used=True,
    )

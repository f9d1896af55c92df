"""Pictures from whatever the user gives: tables, folders, files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from headstart.data.cells import read_table_bytes
from headstart.data.folder_scan import scan_folder
from headstart.data.image_table import ImageTable
from headstart.data.read_folder import read_folder
from headstart.data.read_table import read_table
from headstart.errors import BadInput, TableError, UsageError
from headstart.images.address import Url
from headstart.images.formats import SNIFFED_BYTES, format_of, has_picture_suffix, looks_like
from headstart.images.source import ImageSource, LocalFile, RemoteFile, Unavailable
from headstart.options import ReadOptions
from headstart.options.checks import refuse_for_tables
from headstart.wording import plural

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")


def read_images(
    source: Path | Url, options: ReadOptions, *, needs_labels: bool = True
) -> ImageTable:
    """Read labelled pictures: a table file, or a folder with one folder per class.

    Without `needs_labels` a table of names alone will do.

    Raises:
        TableError: the source is missing, is something else, or cannot be read as a whole.
        UsageError: an option does not fit the source.
        MissingExtraError: a Parquet table, and pyarrow is not installed.
    """
    if isinstance(source, Path) and source.is_dir():
        return read_folder(source, options)
    try:
        data = read_table_bytes(source)
    except TableError as error:
        raise TableError(
            f"{error}; give a table (.csv, .tsv, .parquet) or a folder with one folder per class"
        ) from error
    _refuse_other_kinds(source, data[:SNIFFED_BYTES])
    return read_table(source, options, needs_labels=needs_labels, data=data)


def read_pictures(source: Path | Url, options: ReadOptions) -> ImageTable:
    """Read pictures, with their labels where there are any.

    A table may have names alone, a folder may be flat, and one picture will do; all else is as in
    `read_images`.
    """
    if isinstance(source, Path) and source.is_dir():
        scan = scan_folder(source)
        if scan.pictures and not any("/" in name for name in scan.pictures):
            refuse_for_tables(options, f"{source} is a folder")
            return _folder(source)
        return read_folder(source, options)
    if has_picture_suffix(source.name):
        return list_pictures([source], options)
    return read_images(source, options, needs_labels=False)


def _refuse_other_kinds(source: Path | Url, head: bytes) -> None:
    kind = looks_like(head) if head else ""
    workbook = source.suffix.lower() in (".xlsx", ".xls", ".ods")
    if workbook and ("zip" in kind or "Office" in kind):
        raise TableError(f"{source.name} is a workbook; save its sheet as CSV")
    if "archive" in kind:
        raise TableError(f"{source.name} is {kind}; unpack it and give the folder or the table")
    if "pickle" in kind:
        raise TableError(f"{source.name} is {kind}, which may run code; save the table as CSV")
    if "HTML" in kind or "LFS" in kind:  # a download that brought something else
        raise TableError(f"{source.name} is {kind}, not a table")
    if has_picture_suffix(source.name) and format_of(head) is not None:
        raise TableError(
            f"{source.name} is a picture; give a table of pictures (.csv, .tsv, .parquet) or a "
            "folder with one folder per class"
        )


def list_pictures(
    sources: Sequence[Path | Url], options: ReadOptions, *, leave_out: Path | None = None
) -> ImageTable:
    """List the pictures to predict, in the given order; there are no labels.

    Files stay as they are given, also those that are missing, so that each gets an answer or an
    error. Folders are searched to any depth, by suffix, in natural order; what cannot be read of
    them comes last. Tables are read with their rows in order, repeated, missing and bad ones too.

    Args:
        sources: pictures, folders of pictures, and tables (.csv, .tsv, .parquet); pictures and
            tables may be addresses.
        options: how tables are read.
        leave_out: a picture in one of the folders that is no input, such as an earlier answer.

    Raises:
        TableError: there is no picture at all, or a table cannot be read as a whole.
        UsageError: no source is given, or an option for tables without a table.
    """
    if not sources:
        raise UsageError("no picture given; give files, folders or tables")
    if not any(map(_is_table, sources)):
        refuse_for_tables(options, f"{', '.join(map(str, sources[:3]))} has no table")
    tables = [_listed(source, options, leave_out) for source in sources]
    ids = tuple(name for table in tables for name in table.ids)
    bad = tuple(item for table in tables for item in table.bad)
    if not ids and not bad:
        raise TableError(f"{', '.join(map(str, sources))}: no picture found")
    return ImageTable(
        ids=ids,
        images=tuple(image for table in tables for image in table.images),
        labels=None,
        source=sources[0],
        lines=tables[0].lines if len(tables) == 1 else None,
        notes=tuple(note for table in tables for note in table.notes),
        bad=bad,
    )


def _listed(source: Path | Url, options: ReadOptions, leave_out: Path | None) -> ImageTable:
    if isinstance(source, Path) and source.is_dir():
        return _folder(source, leave_out)
    if _is_table(source):
        return read_table(source, options, keep_missing=True)
    image = RemoteFile(source) if isinstance(source, Url) else LocalFile(source)
    return ImageTable(ids=(str(source),), images=(image,), labels=None, source=source)


def _is_table(source: Path | Url) -> bool:
    is_there = isinstance(source, Url) or source.is_file()
    return source.suffix.lower() in TABLE_SUFFIXES and is_there


def _folder(folder: Path, leave_out: Path | None = None) -> ImageTable:
    scan = scan_folder(folder)
    if leave_out is not None:
        gone = os.path.realpath(leave_out)
        scan.results += [name for name, real in scan.pictures.items() if real == gone]
        scan.pictures = {name: real for name, real in scan.pictures.items() if real != gone}
    images: list[ImageSource] = [LocalFile(folder / name) for name in scan.pictures]
    names = [f"{folder.as_posix()}/{name}" for name in scan.pictures]
    bad = []
    for item in scan.bad:
        names.append(f"{folder.as_posix()}/{item.where}")
        images.append(Unavailable(names[-1], item.cause))
    if not images:
        others = f" ({plural(len(scan.others), 'other file')})" if scan.others else ""
        bad.append(BadInput(str(folder), f"no picture in it{others}"))
    return ImageTable(
        ids=tuple(names),
        images=tuple(images),
        labels=None,
        source=folder,
        notes=tuple(scan.notes),
        bad=tuple(bad),
    )

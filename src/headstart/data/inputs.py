"""Pictures from whatever the user gives: tables, folders, files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from headstart.data.cells import read_table_bytes
from headstart.data.folder_scan import scan_folder
from headstart.data.group_pattern import with_name_groups
from headstart.data.image_table import ImageTable
from headstart.data.picture_rows import PictureRows, TablePictures
from headstart.data.read_folder import read_folder
from headstart.data.read_table import read_table
from headstart.errors import BadInput, TableError, UsageError
from headstart.images.address import Url
from headstart.images.formats import SNIFFED_BYTES, format_of, has_picture_suffix, looks_like
from headstart.images.source import ImageSource, LocalFile, RemoteFile, Unavailable
from headstart.options import ReadOptions
from headstart.options.checks import refuse_for_tables

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
    return with_name_groups(_read(source, options, needs_labels=needs_labels), options)


def _read(source: Path | Url, options: ReadOptions, *, needs_labels: bool) -> ImageTable:
    if isinstance(source, Path) and source.is_dir():
        return read_folder(source, options)
    if options.class_level is not None:
        raise UsageError(
            f"--class-level {options.class_level} is for folders, and {source} is none; leave it "
            "out"
        )
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
            return with_name_groups(_folder(source), options)
        return read_images(source, options)
    if has_picture_suffix(source.name):
        return with_name_groups(list_pictures([source], options), options)
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


def picture_rows(
    sources: Sequence[Path | Url], options: ReadOptions, *, leave_out: Path | None = None
) -> PictureRows:
    """The pictures to predict, in the given order; there are no labels.

    Files stay as they are given, also those that are missing, so that each gets an answer or an
    error. Folders are searched to any depth, by suffix, in natural order; what cannot be read of
    them comes last. Tables are read with their rows in order, repeated, missing and bad ones too.

    Args:
        sources: pictures, folders of pictures, and tables (.csv, .tsv, .parquet); pictures and
            tables may be addresses.
        options: how tables are read.
        leave_out: a picture in one of the folders that is no input, such as an earlier answer.

    Raises:
        TableError: a table cannot be read as a whole.
        UsageError: no source is given, or an option for tables without a table.
    """
    if not sources:
        raise UsageError("no picture given; give files, folders or tables")
    if not any(map(_is_table, sources)):
        refuse_for_tables(options, f"{', '.join(map(str, sources[:3]))} has no table")
    return PictureRows([_listed(source, options, leave_out) for source in sources])


def list_pictures(sources: Sequence[Path | Url], options: ReadOptions) -> ImageTable:
    """`picture_rows` as one table in memory. Raises as that, and TableError for no picture."""
    listed = picture_rows(sources, options)
    notes = list(listed.notes)
    rows = list(listed.rows(notes.append))
    if not rows and not listed.bad:
        raise TableError(f"{', '.join(map(str, sources))}: no picture found")
    lines = tuple(row.line for row in rows if row.line is not None)
    return ImageTable(
        ids=tuple(row.name for row in rows),
        images=tuple(row.image for row in rows),
        labels=None,
        source=sources[0],
        lines=lines if len(sources) == 1 and lines else None,
        notes=tuple(notes),
        bad=listed.bad,
    )


def _listed(
    source: Path | Url, options: ReadOptions, leave_out: Path | None
) -> TablePictures | ImageTable:
    if isinstance(source, Path) and source.is_dir():
        return _folder(source, leave_out)
    if _is_table(source):
        return TablePictures(source, options)
    image = RemoteFile(source) if isinstance(source, Url) else LocalFile.at(source)
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
    images: list[ImageSource] = [LocalFile.at(folder / name) for name in scan.pictures]
    names = [f"{folder.as_posix()}/{name}" for name in scan.pictures]
    bad = []
    for item in scan.bad:
        names.append(f"{folder.as_posix()}/{item.where}")
        images.append(Unavailable(names[-1], item.cause))
    if not images:
        others = scan.others_in()
        bad.append(BadInput(str(folder), f"no picture in it{f' ({others})' if others else ''}"))
    return ImageTable(
        ids=tuple(names),
        images=tuple(images),
        labels=None,
        source=folder,
        notes=tuple(scan.notes),
        bad=tuple(bad),
    )

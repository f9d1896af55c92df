"""How a single file of this program is recognised, so that no other is ever written over.

A file that the user names has no list beside it. It says itself what it is: a table by its header,
features by their arrays' names, an exported model by its producer, a picture of answers by a sign
in its own notes. An empty file has nothing to lose and may always be written.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from headstart.outputs.spreadsheet_cells import is_safe, restored

SHEET_SIGN = "answers of headstart predict"
EXPLANATION_SIGN = "an explanation by headstart"
FIXES_HEADER = ("image", "label", "suggested", "probability", "fix")
SPLIT_HEADER = "image,label,split,group"
FEATURES_ARRAYS = {"features.npy", "images.npy", "sha256.npy"}
MORE_ARRAYS = {"labels.npy", "views.npy", "splits.npy", "groups.npy"}
EXPORTED_SIGN = b"\x12\x09headstart"
EXPORTED_SIGN_END = 2 + len(EXPORTED_SIGN)
PROGRAM_NOTES = "headstart.json"  # in the archive of a torch program
LARGEST_SHEET = 200_000_000  # bytes; no sheet of sixty pictures comes near
NOTES_BYTES = 4096  # at either end of a sheet; its notes are a tenth of that


@dataclass(frozen=True)
class FileKind:
    """One kind of file that a command writes.

    Attributes:
        refusal: what is said of a file that is not known as one.
        is_ours: how an earlier one is known.
    """

    refusal: str
    is_ours: Callable[[Path], bool]


def first_line(path: Path) -> str:
    """The first line of a text, without its end; "" where there is none or it is no text."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.readline(1_000_000).rstrip("\r\n")
    except (OSError, ValueError):
        return ""


def is_predictions_table(path: Path) -> bool:
    """True for image, label, predicted, probability, p(CLASS)..., familiar, error, warning.

    Some have no label, and tables of earlier versions neither familiar nor warning.
    """
    header = next(iter(_rows(path, 1)), [])
    if header[-1:] == ["warning"]:
        header.pop()
    if header[-2:-1] == ["familiar"]:
        header.pop(-2)
    rest = header[2:] if header[1:2] == ["label"] else header[1:]
    return (
        header[:1] == ["image"]
        and rest[:2] == ["predicted", "probability"]
        and rest[-1:] == ["error"]
        and len(rest) > 3
        and all(name.startswith("p(") and name.endswith(")") for name in rest[2:-1])
    )


def is_features_file(path: Path) -> bool:
    """True for an archive of exactly the arrays that `embed` writes."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    return FEATURES_ARRAYS <= names <= FEATURES_ARRAYS | MORE_ARRAYS


def is_exported_model(path: Path) -> bool:
    """True for an ONNX file with this program as its producer, or torch's archive with our notes.

    The producer is the second field of such a file, behind a number of one byte.
    """
    try:
        with path.open("rb") as file:
            if file.read(EXPORTED_SIGN_END)[2:] == EXPORTED_SIGN:
                return True
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(f"/{PROGRAM_NOTES}") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def is_contact_sheet(path: Path) -> bool:
    """True for a picture of answers, which has this program's sign in its notes."""
    return _has_sign(path, SHEET_SIGN)


def is_explanation(path: Path) -> bool:
    """True for a picture of what an answer rests on, by its own sign."""
    return _has_sign(path, EXPLANATION_SIGN)


def _has_sign(path: Path, sign: str) -> bool:
    try:
        small = path.stat().st_size <= LARGEST_SHEET
        return small and sign.encode() in path.read_bytes()
    except OSError:
        return False


def is_sheet_among_pictures(path: Path) -> bool:
    """Whether a PNG, JPEG or WebP has one of our signs, without reading all of it.

    The notes stand at a picture's beginning, in WebP at its end.
    """
    try:
        with path.open("rb") as file:
            notes = file.read(NOTES_BYTES)
            file.seek(max(0, path.stat().st_size - NOTES_BYTES))
            notes += file.read(NOTES_BYTES)
    except OSError:
        return False
    return any(sign.encode() in notes for sign in (SHEET_SIGN, EXPLANATION_SIGN))


def is_unedited_fixes(path: Path) -> bool:
    """True for a table of doubtful labels in which no fix was written yet."""
    rows = _rows(path)
    return rows[:1] == [list(FIXES_HEADER)] and all(
        len(row) == len(FIXES_HEADER) and not row[-1].strip() for row in rows[1:]
    )


def _rows(path: Path, most: int | None = None) -> list[list[str]]:
    """The cells of a table as this program writes it; none where it is something else."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = list(islice(csv.reader(file), most))
            return list(map(restored, rows)) if rows and is_safe(rows[0]) else rows
    except (OSError, ValueError, csv.Error):
        return []


PREDICTIONS = FileKind("is no table of answers of this program", is_predictions_table)
FEATURES = FileKind("is no file of features of this program", is_features_file)
CONTACT_SHEET = FileKind("is no picture of answers of this program", is_contact_sheet)
EXPLANATION = FileKind("is no explanation of this program", is_explanation)
EXPORTED = FileKind("is no model that this program exported", is_exported_model)
FIXES = FileKind("may hold your edits", is_unedited_fixes)

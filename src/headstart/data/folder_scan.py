"""Walk a folder: pictures by their suffix, links followed once, system files left aside."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from headstart.errors import BadInput
from headstart.images.formats import CONVERT, SNIFFED_BYTES, has_picture_suffix, looks_like
from headstart.images.source import why_not_read
from headstart.outputs.own_files import is_sheet_among_pictures
from headstart.outputs.results import is_result_folder, written_names
from headstart.wording import plural, some_of

DICOM_SUFFIXES = (".dcm", ".dicom")
UNTOLD = ("text", "unknown binary data")  # nothing that would help
_SYSTEM = frozenset(("__macosx", "thumbs.db", "desktop.ini"))


@dataclass
class Scan:
    """What lies under a folder; names are posix paths relative to it, in natural order.

    Attributes:
        pictures: names and the real file of each.
        folders: all folders below, without those left aside.
        others: files that are no pictures by their suffix.
        links_left: links to folders that are read anyway.
        results: folders and files that this program wrote.
        bad: broken links and folders that cannot be read.
    """

    root: Path
    pictures: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    links_left: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    bad: list[BadInput] = field(default_factory=list)

    def others_in(self, folder: str = "") -> str:
        """The files below a folder that are no pictures by their suffix, in words; "" for none.

        What the first one looks like tells a folder of scans or of archives.
        """
        names = [name for name in self.others if name.startswith(folder)]
        if not names:
            return ""
        return f"{plural(len(names), 'other file')}{_what_it_is(self.root, names[0])}"

    @property
    def notes(self) -> list[str]:
        """A line for what was left out."""
        notes = []
        if self.others:
            count = plural(len(self.others), "file")
            notes.append(f"{count} left out, no picture by name: {some_of(self.others)}")
            scans = [name for name in self.others if name.lower().endswith(DICOM_SUFFIXES)]
            if scans:
                count = plural(len(scans), "DICOM file")
                notes.append(f"{count} among them, which are not read: convert them to PNG")
        if self.links_left:
            count = plural(len(self.links_left), "link")
            left = some_of(self.links_left)
            notes.append(f"{count} to folders that are read anyway left out: {left}")
        if self.results:
            count = plural(len(self.results), "result")
            notes.append(f"{count} of this program left out: {some_of(self.results)}")
        return notes


def _what_it_is(root: Path, name: str) -> str:
    try:
        with (root / name).open("rb") as file:
            kind = looks_like(file.read(SNIFFED_BYTES))
    except OSError:
        return ""
    if name.lower().endswith(DICOM_SUFFIXES) and "DICOM" not in kind:
        kind = f"a DICOM file by its name; {CONVERT}"
    return "" if kind in UNTOLD else f"; {name} looks like {kind}"


_Part = tuple[int, int, str]


def natural_key(name: str) -> tuple[list[list[_Part]], str]:
    """Sorting key under which "2.png" comes before "10.png", whatever the directory's order."""
    return [_step_key(step) for step in name.casefold().split("/")], name


def _step_key(step: str) -> list[_Part]:
    parts = [part for part in re.split(r"([0-9]+)", step) if part]
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts]


def scan_folder(root: Path) -> Scan:
    """List the pictures under a folder.

    Names that begin with a dot, __MACOSX, Thumbs.db and desktop.ini are left aside. Links to
    files are followed. A link to a folder is followed when it leads outside of the root, and
    each such folder is read once. What this program wrote, such as a run in the folder, is left
    out, unless a picture of the user lies in it.
    """
    scan = Scan(root)
    real_root = os.path.realpath(root)
    _walk(scan, root, "", {real_root}, real_root)
    for names in (scan.folders, scan.others, scan.links_left, scan.results):
        names.sort(key=natural_key)
    scan.pictures = dict(sorted(scan.pictures.items(), key=lambda item: natural_key(item[0])))
    scan.bad.sort(key=lambda bad: natural_key(bad.where))
    return scan


def _walk(scan: Scan, folder: Path, name: str, seen: set[str], real: str) -> None:
    """Add what lies in one folder, called `name`, whose real path is `real`."""
    written = written_names(folder, has_picture_suffix)
    for entry in _entries(scan, folder, name):
        path = f"{name}/{entry.name}" if name else entry.name
        linked = entry.is_symlink()
        target = os.path.realpath(entry.path) if linked else f"{real}/{entry.name}"
        try:
            is_dir, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:  # a link to itself, or one into a forbidden folder
            scan.bad.append(BadInput(path, why_not_read(Path(entry.path), error)))
            continue
        is_result = is_dir and is_result_folder(Path(entry.path), has_picture_suffix)
        if is_result or entry.name in written:
            scan.results.append(path)
            continue
        if is_dir:
            scan.folders.append(path)
            if linked and (_within(target, seen) or _holds_root(target, scan.root)):
                scan.links_left.append(path)
                continue
            # One linked folder under two classes must show as a contradiction, so each of the
            # upper folders (part, class) follows links anew.
            below = set(seen) if path.count("/") < 2 else seen
            if linked:
                below.add(target)
            _walk(scan, folder / entry.name, path, below, target)
        elif linked and not is_file:
            scan.bad.append(BadInput(path, f"broken link to {_link_text(entry.path)}"))
        elif is_file and has_picture_suffix(entry.name):
            if is_sheet_among_pictures(Path(entry.path)):
                scan.results.append(path)
            else:
                scan.pictures[path] = target
        else:
            scan.others.append(path)


def _entries(scan: Scan, folder: Path, name: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: natural_key(entry.name))
    except OSError as error:
        scan.bad.append(BadInput(name or str(folder), f"folder cannot be read: {error.strerror}"))
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
            continue
        if not _is_text(entry.name):
            shown = os.fsencode(entry.name).decode("ascii", errors="backslashreplace")
            where = f"{name}/{shown}" if name else shown
            scan.bad.append(BadInput(where, "the name is not UTF-8; rename it"))
            continue
        yield entry


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # bytes that the system could not read as text
        return False
    return True


def _within(target: str, seen: set[str]) -> bool:
    """True for a folder that is read anyway: one of `seen`, or below one."""
    return any(target == root or target.startswith(root + os.sep) for root in seen)


def _holds_root(target: str, root: Path) -> bool:
    real_root = os.path.realpath(root)
    return (real_root + os.sep).startswith(target.rstrip(os.sep) + os.sep)


def _link_text(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return "nothing"

"""Which files of a folder this program wrote: a small list, kept in the folder itself.

`.headstart.json` names every file that was written there, subfolders included, with its size, its
sha256 and the command that wrote it. A file is ours as long as its bytes are those. What is not in
the list, and what was changed since, belongs to the user.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from headstart.errors import UsageError
from headstart.outputs import disk

MANIFEST = ".headstart.json"
NEW_MANIFEST = ".headstart-list.json"  # until it is whole
PROGRAM = "headstart"


@dataclass(frozen=True)
class Entry:
    """A file as it was written: by which command, how many bytes, and their sha256."""

    by: str
    size: int
    sha256: str

    def fits(self, path: Path) -> bool:
        """True when a regular file with these bytes is there."""
        try:
            status = path.lstat()
            is_same_size = stat.S_ISREG(status.st_mode) and status.st_size == self.size
            return is_same_size and sha256_of(path) == self.sha256
        except OSError:
            return False


@dataclass(frozen=True)
class Manifest:
    """The files that were written into a folder, by their names relative to it.

    Attributes:
        files: name, with "/" in it for a subfolder, to what was written.
        staging: name of the folder in which all this was put together.
        complete: False while it is put together.
    """

    files: Mapping[str, Entry] = field(default_factory=dict)
    staging: str = ""
    complete: bool = True

    def write(self, folder: Path) -> None:
        """Put the list into a staging folder, also in place of an earlier one."""
        content = {
            "program": PROGRAM,
            "about": "files that headstart wrote here; it replaces no other",
            "staging": self.staging,
            "complete": self.complete,
            "files": {name: asdict(entry) for name, entry in sorted(self.files.items())},
        }
        beside = folder / NEW_MANIFEST
        with disk.create(beside) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())
        disk.sync(beside)
        disk.rename(beside, folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest | None:
    """The list in a folder; None where there is none.

    Raises UsageError when the file is there and is no such list: then nothing is known to be ours.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        if content["program"] != PROGRAM:
            raise ValueError("it is another program's")
        files = {str(name): Entry(**entry) for name, entry in content["files"].items()}
        return Manifest(
            {name: entry for name, entry in files.items() if _stays_inside(name)},
            str(content["staging"]),
            bool(content["complete"]),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path} is not the list of files that this program keeps there ({error}); move it "
            "away, or name another folder"
        ) from error


def _stays_inside(name: str) -> bool:
    """False for a name that was forged to lead elsewhere."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and name != ""


def describe(folder: Path, by: str) -> dict[str, Entry]:
    """What lies in a folder that was just put together, its own list left aside."""
    return {
        name: Entry(by, path.stat().st_size, sha256_of(path))
        for name, path in files_below(folder)
        if name != MANIFEST
    }


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Everything below a folder that is no folder, by its name with "/"; links are not followed.

    Unfinished things of this program are passed over.
    """
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith(".headstart-"):
            continue
        if entry.is_dir(follow_symlinks=False):
            for name, path in files_below(Path(entry.path)):
                yield f"{entry.name}/{name}", path
        else:
            yield entry.name, Path(entry.path)


def folders_below(folder: Path) -> list[Path]:
    """All folders below one, the deepest first, and the folder itself last."""
    below = [
        deeper
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.is_symlink()
        for deeper in folders_below(entry)
    ]
    return [*below, folder]


def sha256_of(path: Path) -> str:
    """Digest of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads(path.read_bytes())
        if isinstance(content, dict):
            return content
    return {}

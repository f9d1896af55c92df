"""What a command may write, decided before it reads or computes anything.

No command writes over a file that it reads, nor over one that this program did not write. Whoever
writes asks here first, and gets a place to write into that takes its name at the end, whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from headstart.errors import UsageError
from headstart.outputs import disk
from headstart.outputs.manifest import Entry, Manifest, describe, files_below
from headstart.outputs.own_files import FileKind
from headstart.outputs.replacement import (
    finish_earlier,
    known_files,
    replace_folder,
    stays_in_place,
)
from headstart.outputs.staging import discard, left_behind, staging

FileNumber = tuple[int, int]  # the disk's and the file's, by which the system knows it


class Inputs:
    """The files and folders that a command reads, known by what they are, not by their names.

    Links, hard links and other spellings of a name are the same file.
    """

    def __init__(self, inputs: Iterable[object] = ()) -> None:
        """Take paths; None, and what is no file of this machine, such as a URL, is passed over."""
        paths = (Path(path) for path in inputs if isinstance(path, str | Path))
        self._numbers = {_number(path) for path in paths} - {None}

    def has(self, path: Path) -> bool:
        """True when this is one of them."""
        return _number(path) in self._numbers


def _number(path: Path) -> FileNumber | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


class OutputFile:
    """A file that the user names to be written, such as `--out answers.csv`."""

    def __init__(self, path: Path, flag: str, kind: FileKind, inputs: Inputs) -> None:
        """Look whether it may be written.

        Raises UsageError for a folder, an input, a file that is not recognised as one that this
        program wrote, and a place that cannot be written to.
        """
        self.path = path
        self._flag = flag
        if not path.name or path.is_dir():
            raise UsageError(f"{flag} {str(path)!r} is a folder; name a file to write")
        self._real = Path(os.path.realpath(path))
        self.refuse_inputs(inputs)
        # What is no regular file, such as a pipe, is written to as it is.
        self._is_stream = self._real.exists() and not self._real.is_file()
        if self._is_stream:
            return
        if self._real.exists() and self._real.stat().st_size and not kind.is_ours(self._real):
            raise UsageError(
                f"{flag} {path} is there already and {kind.refusal}; name another, or move it away"
            )
        entry = _listed(self._real)
        if entry is not None:
            raise UsageError(
                f"{flag} {path} belongs to the results of headstart {entry.by}; name another file"
            )
        check_place(self._real.parent, f"{flag} {path}")

    def refuse_inputs(self, inputs: Inputs) -> None:
        """Raise UsageError when the file is one of the inputs."""
        if inputs.has(self._real):
            named = f"{self._flag} {self.path}"
            raise UsageError(f"{named} is an input too and would be overwritten; name another file")

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """Give the place for a new file; made by the block, it takes its name at the end, whole.

        Raises OSError that names the file; the earlier one is as it was then.
        """
        if self._is_stream:
            with streamed(self._real) as file:
                yield file
            return
        with replacing(self._real) as file:
            yield file


def _listed(path: Path) -> Entry | None:
    """What the list of the file's folder says of it."""
    try:
        return known_files(path.parent).get(path.name) if path.exists() else None
    except UsageError:  # a file of the list's name that is none of ours
        return None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the place for a new file; made by the block, it takes the place of `path`, whole.

    It is for files whose place is ours, such as the cache, and where `OutputFile` has asked.
    Raises OSError that names `path`; the earlier file is as it was then.
    """
    disk.make_folder(path.parent)
    for left in left_behind(path.parent, path):
        discard(left)
    with staging(path.parent, path) as made:
        file = made.folder / path.name
        yield file
        if path.is_file():
            file.chmod(path.stat().st_mode & 0o7777)
        disk.sync(file)
        disk.rename(file, path)
        disk.sync(path.parent)


@contextmanager
def streamed(path: Path) -> Iterator[Path]:
    """Give the place for a new file whose bytes go to `path`, a pipe or a device, at the end."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path.name
        yield file
        with file.open("rb") as source, disk.named(path), path.open("wb") as stream:
            shutil.copyfileobj(source, stream)


class OutputFolder:
    """A folder of results, such as `--out run/`."""

    def __init__(
        self,
        path: Path,
        by: str,
        *,
        files: Sequence[str] = (),
        folders: Sequence[str] = (),
        inputs: Inputs | None = None,
    ) -> None:
        """Look whether it may be written, after finishing what a killed command left there.

        Args:
            path: the folder; it need not be there.
            by: the command that writes.
            files: names of all files that it may write.
            folders: names of folders in which it may write anything; what is in them is wholly
                ours, or they are not there.
            inputs: what the command reads.

        Raises UsageError for an input or a file that is not ours in the place of an output, and
        for a place that cannot be written to. Nothing is made yet.
        """
        self.path = path
        self.by = by
        self._files, self._folders, self._inputs = tuple(files), tuple(folders), inputs or Inputs()
        self._real = Path(os.path.realpath(path))
        if os.path.lexists(self._real) and not self._real.is_dir():
            raise UsageError(f"{path} is a file; name a folder to write to")
        finish_earlier(self._real)
        self._ours()
        check_place(self._real, str(path))

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """Give a new folder to write into, which takes this one's place at the end, as one.

        What this command wrote there before goes; all else stays, what other commands wrote too.
        Raises OSError that names the file, and UsageError when something came in the way
        meanwhile; the earlier files are as they were then.
        """
        parents = disk.make_folder(self._real.parent)
        try:
            with staging(self._staging_place(), self._real) as made:
                Manifest(staging=made.folder.name, complete=False).write(made.folder)
                yield made.folder
                ours = self._ours()
                self._seal(made.folder, ours)
                replace_folder(made, self._real, ours, self._folders)
        except BaseException:
            for parent in reversed(parents):
                disk.remove_folder(parent)
            raise

    def _staging_place(self) -> Path:
        """Beside the folder, so that both can change places, else in it."""
        parent = self._real.parent
        if not self._real.is_dir() or (
            os.access(parent, os.W_OK | os.X_OK) and not stays_in_place(self._real)
        ):
            return parent
        return self._real

    def _seal(self, folder: Path, ours: Mapping[str, Entry]) -> None:
        """List what was written, and wait until all of it is on the disk."""
        written = describe(folder, self.by)
        unannounced = [name for name in written if not self._is_announced(name)]
        if unannounced:
            raise RuntimeError(f"{self.by} writes files that it did not announce: {unannounced}")
        known = known_files(self._real)
        kept = {
            name: entry
            for name, entry in known.items()
            if name not in ours and os.path.lexists(self._real / name) and entry.by != self.by
        }
        Manifest({**kept, **written}, folder.name).write(folder)
        disk.sync_files(path for _, path in files_below(folder))
        disk.sync_files({(folder / name).parent for name in written} | {folder})

    def _is_announced(self, name: str) -> bool:
        inside = any(name.startswith(f"{folder}/") for folder in self._folders)
        return inside or name in self._files

    def _ours(self) -> dict[str, Entry]:
        """What this command wrote here before and may go. Raises UsageError for what may not."""
        known = known_files(self._real)
        for name in self._in_the_way():
            path, entry = self._real / name, known.get(name)
            if self._inputs.has(path):
                self._refuse(name, "is read by this command and would be written over", "")
            if entry is None:
                self._refuse(name, "was not written by this program")
            elif entry.by != self.by:
                self._refuse(name, f"is of headstart {entry.by}")
            elif not entry.fits(path):
                self._refuse(name, "was changed after this program wrote it")
        ours = {
            name: entry
            for name, entry in known.items()
            if entry.by == self.by and entry.fits(self._real / name)
        }
        for name in ours:
            if self._inputs.has(self._real / name):
                self._refuse(name, "is read by this command and would be removed", "")
        return ours

    def _refuse(self, name: str, why: str, remedy: str = ", or move it away") -> NoReturn:
        raise UsageError(
            f"{self.path / name} {why}; nothing is written: name another folder{remedy}"
        )

    def _in_the_way(self) -> Iterator[str]:
        """What is there under a name that will be written."""
        for name in self._files:
            if os.path.lexists(self._real / name):
                yield name
        for name in self._folders:
            for step in (*reversed(Path(name).parents), Path(name)):
                path = self._real / step
                if path.is_symlink() or (path.exists() and not path.is_dir()):
                    yield step.as_posix()
            if (self._real / name).is_dir():
                yield from (f"{name}/{below}" for below, _ in files_below(self._real / name))


def check_place(folder: Path, named: str) -> None:
    """Find out before long work that nothing can be written there. Raises UsageError.

    The folder need not be there: then the lowest one above it is looked at.
    """
    while not folder.exists() and folder.parent != folder:
        folder = folder.parent
    why = ""
    if not folder.is_dir():
        why = "it is a file"
    elif not os.access(folder, os.W_OK | os.X_OK):
        why = "no permission, or a disk that can only be read"
    elif not shutil.disk_usage(folder).free:
        why = "the disk is full"
    if why:
        raise UsageError(f"{named}: {folder} cannot be written to: {why}")

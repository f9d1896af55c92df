"""Names in a table to pictures: files under their folder, or addresses."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from headstart.data.labels import composed
from headstart.errors import UsageError
from headstart.images.address import Url, is_url, location
from headstart.images.formats import has_picture_suffix
from headstart.images.source import ImageSource, LocalFile, RemoteFile, is_on_drive, not_found
from headstart.wording import plural

OFTEN = 500  # files asked for in a folder, before its list is quicker than to ask for the rest
# What makes a name odd: a part that is empty or begins with a point, what other systems read
# otherwise, a NUL.
_ODD = re.compile(r"/[./]|[:\\\0]|/$")


class UnresolvedError(Exception):
    """A name that leads to no usable file. `missing` says that the name is good, the file not."""

    def __init__(self, cause: str, *, missing: bool = False) -> None:
        super().__init__(cause)
        self.missing = missing


class ImageFinder:
    """Finds the picture of each name of a table.

    A name is relative to the root, a folder or an address. An address in the table itself is taken
    when it lies under the root, or when rows may leave the pictures' folder.
    """

    def __init__(self, root: Path | Url, *, allow_outside: bool) -> None:
        self.root = root
        self._allow_outside = allow_outside
        self._files = (
            Resolver(root, allow_outside=allow_outside) if isinstance(root, Path) else None
        )

    @property
    def notes(self) -> list[str]:
        """One line for each way in which names were bent."""
        return self._files.notes if self._files is not None else []

    def target(self, name: str) -> ImageSource:
        """Where the name leads, whether or not a picture is there. Raises UnresolvedError."""
        if self._files is not None and not is_url(name):
            return LocalFile.at(self._files.target(name))
        return self._address(name)

    def resolve(self, name: str) -> ImageSource:
        """The picture of a name. Whether an address leads to one is known when it is read.

        Raises UnresolvedError: there is no such file, or the name is bad or fits several.
        """
        if self._files is not None and not is_url(name):
            text = self._files.plain_file(name)
            return LocalFile(text) if text else LocalFile.at(self._files.resolve(name))
        return self._address(name)

    def _address(self, name: str) -> RemoteFile:
        if not name:
            raise UnresolvedError("no picture's name")
        steps = unquote(name).replace("\\", "/").split("/")
        if isinstance(self.root, Url) and not is_url(name):
            if ".." in steps or name.startswith("/"):
                raise UnresolvedError(f"leads out of the pictures' folder {self.root}")
            return RemoteFile(self.root / name)
        inside = str(self.root).rstrip("/") + "/" if isinstance(self.root, Url) else None
        if not self._allow_outside and (
            inside is None or not name.startswith(inside) or ".." in steps
        ):
            raise UnresolvedError(
                f"is a web address outside the pictures' folder {self.root}; allow that with "
                "--allow-outside"
            )
        try:
            address = location(name)
        except UsageError as error:
            raise UnresolvedError(str(error)) from error
        if isinstance(address, Path):
            raise UnresolvedError("is no address")
        return RemoteFile(address)


class Resolver:
    """Finds the file of each name, and counts what it had to bend for that.

    A name is taken as it is when that file exists. Otherwise, in this order, backslashes count
    as slashes, case and Unicode form are forgiven, and a name without its extension takes the
    one picture that fits. Two files that fit are an error.
    """

    def __init__(self, root: Path, *, allow_outside: bool) -> None:
        self.root = root
        self._absolute = str(root.absolute())
        self._shown = str(root)
        self._roots = {os.path.normpath(self._absolute), os.path.realpath(root)}
        self._allow_outside = allow_outside
        self._start = "" if self._shown == "." else self._shown.rstrip(os.sep) + os.sep
        self._asked: dict[str, int] = {}  # how often, by folder
        self._files: dict[str, set[str]] = {}  # the names of a folder's files
        self._folders: dict[Path, _Folder] = {}
        self._bent: dict[str, tuple[int, str]] = {}  # how many names, and the first

    @property
    def notes(self) -> list[str]:
        """One line for each way in which names were bent, with a count and an example."""
        return [
            f"{plural(count, 'name')} {how}, first: {example}"
            for how, (count, example) in self._bent.items()
        ]

    def target(self, name: str) -> Path:
        """Where the name leads, whether or not a file is there.

        Raises:
            UnresolvedError: the name is empty, impossible, or leaves the folder.
        """
        if not name:
            raise UnresolvedError("no picture's name")
        if "\x00" in name:
            raise UnresolvedError("the name has a NUL character")
        if self._is_plain(name):
            return Path(f"{self._start}{name}")
        if not is_on_drive(name):
            # Without "..", so that what is checked is what is opened.
            path = os.path.normpath(os.path.join(self._absolute, name))  # noqa: PTH118
            for root in self._roots:
                if path == root or path.startswith(root.rstrip(os.sep) + os.sep):
                    inside = path[len(root) :].lstrip(os.sep)
                    return Path(os.path.join(self._shown, inside))  # noqa: PTH118
            if self._allow_outside:
                return Path(path)
        elif os.name != "nt":
            raise UnresolvedError(not_found(name))
        elif self._allow_outside:
            return Path(name)
        raise UnresolvedError(
            f"leads out of the pictures' folder {self.root}; allow that with --allow-outside, "
            "or name the folder with --images"
        )

    def _is_plain(self, name: str) -> bool:
        """Whether a name leads into the folder without a look at its parts: most names do."""
        return name[0] not in "./" and not _ODD.search(name)

    def plain_file(self, name: str) -> str:
        """The file of a name that leads into the folder and is there, as text; "" for the others.

        Texts alone: a million names as paths would take most of the time of reading a table.
        """
        if not name or not self._is_plain(name):
            return ""
        text = self._start + name
        place, _, last = text.rpartition(os.sep)
        files = self._files.get(place)
        if files is None:
            asked = self._asked[place] = self._asked.get(place, 0) + 1
            if asked > OFTEN:
                with suppress(OSError), os.scandir(text[: -len(last)] or os.curdir) as entries:
                    files = {entry.name for entry in entries if entry.is_file()}
                self._files[place] = files or set()
        # Looked at itself where the list has it not: the list may be old by now.
        there = (files is not None and last in files) or os.path.isfile(text)  # noqa: PTH113
        return text if there else ""

    def resolve(self, name: str) -> Path:
        """The file of a name.

        Raises:
            UnresolvedError: there is none, or the name is bad or fits several.
        """
        path = self.target(name)
        try:
            if path.is_file():
                return path
            if path.is_dir():
                raise UnresolvedError("is a folder, not a picture", missing=True)
            if path.is_symlink():
                raise UnresolvedError("broken link", missing=True)
            return self._bend(name, path)
        except OSError as error:  # a name that is too long, a folder without permission
            raise UnresolvedError(f"not found: {error.strerror}", missing=True) from error

    def _bend(self, name: str, path: Path) -> Path:
        if "\\" in name:
            path = self.target(name.replace("\\", "/"))
            if path.is_file():
                self._count("written with backslashes", name, path)
                return path
        folder = self._folder_of(name, path)
        hits = folder.names.get(_key(path.name), [])
        if hits:
            return self._only(name, folder.path, hits, "found in another case or Unicode form")
        hits = folder.stems.get(_key(path.name), [])
        exact = [hit for hit in hits if Path(hit).stem == path.name]
        return self._only(name, folder.path, exact or hits, "completed with the extension")

    def _folder_of(self, name: str, path: Path) -> _Folder:
        """The folder that the path is in, the folders below the root taken in any case."""
        if path.parent.is_dir() or not path.is_relative_to(self.root):
            return self._listed(path.parent)
        found = self._listed(self.root)
        for part in path.parent.relative_to(self.root).parts:
            hits = found.names.get(_key(part), [])
            if part not in hits and len(hits) != 1:
                raise _absent(name)
            found = self._listed(found.path / (part if part in hits else hits[0]))
        return found

    def _listed(self, path: Path) -> _Folder:
        if path not in self._folders:
            self._folders[path] = _Folder(path)
        return self._folders[path]

    def _only(self, name: str, folder: Path, hits: list[str], how: str) -> Path:
        if len(hits) > 1:
            both = " and ".join(repr(hit) for hit in hits)
            raise UnresolvedError(f"the name fits {both}; write it whole")
        if not hits or not (folder / hits[0]).is_file():
            raise _absent(name)
        path = folder / hits[0]
        self._count(how, name, path)
        return path

    def _count(self, how: str, name: str, path: Path) -> None:
        count, first = self._bent.get(how, (0, f"{name!r} is {path.name!r}"))
        self._bent[how] = (count + 1, first)


class _Folder:
    """A folder's names, by their key and, for pictures, by the key without the extension."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, list[str]] = {}
        self.stems: dict[str, list[str]] = {}
        for entry in sorted(path.iterdir()) if path.is_dir() else ():
            self.names.setdefault(_key(entry.name), []).append(entry.name)
            if has_picture_suffix(entry.name):
                self.stems.setdefault(_key(entry.stem), []).append(entry.name)


def _absent(name: str) -> UnresolvedError:
    taken = f": a Windows path, read as {name.replace(chr(92), '/')}" if "\\" in name else ""
    return UnresolvedError(f"not found{taken}", missing=True)


def _key(name: str) -> str:
    return composed(name).casefold()

"""An ONNX file as bytes: what it says of itself, and whether it may be run. Needs no package.

A file from elsewhere is looked at before any runtime sees it: it has to be whole, of this program,
in one piece (no data in other files), and without loops. The numbers of fields are onnx.proto's.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from headstart.errors import ModelFolderError
from headstart.export.protobuf import DamagedError, fields, message, text
from headstart.images.source import why_not_read

FORMAT = "1"
PREFIX = "headstart."  # of the names of our notes
LARGEST = 2**31 - 1  # bytes; the format's own limit
DEEPEST = 4  # graphs within graphs; ours have two
REPEATING = ("Loop", "Scan", "SequenceMap")  # operators that may run for ever


class _RefusedError(ValueError):
    """The file is one, but may not be run."""


@dataclass(frozen=True)
class OnnxFile:
    """A file of this program.

    Attributes:
        content: all bytes.
        notes: what it says of itself, by name without the prefix.
    """

    content: bytes
    notes: dict[str, str]

    def note(self, name: str) -> Any:
        """A note that is JSON. Raises KeyError and ValueError for what is none."""
        return json.loads(self.notes[name])


def read_onnx(path: Path) -> OnnxFile:
    """Read a file that `headstart export` wrote. Raises ModelFolderError for anything else."""
    content = _regular_bytes(path)
    try:
        graph, notes = _parts(content)
        _check_graph(graph, DEEPEST)
    except DamagedError as error:
        raise ModelFolderError(f"{path} is no ONNX file, or a damaged one: {error}") from error
    except _RefusedError as error:
        raise ModelFolderError(f"{path} is refused: {error}") from error
    if "format" not in notes:
        raise ModelFolderError(
            f"{path} is an ONNX file, but none of this program; make one with `headstart export`"
        )
    if notes["format"] != FORMAT:
        raise ModelFolderError(
            f"{path}: format {notes['format']!r}, this program reads format {FORMAT}"
        )
    if notes.get("digest") != content_digest(graph, notes):
        raise ModelFolderError(f"{path} is damaged: it is not as it was exported")
    return OnnxFile(content, notes)


def sealed(content: bytes) -> str:
    """The digest of a new file's graph and notes, to be added as the note "digest"."""
    return content_digest(*_parts(content))


def content_digest(graph: memoryview, notes: dict[str, str]) -> str:
    """sha256 of a graph's bytes and of all notes but the digest itself."""
    total = hashlib.sha256(graph)
    own = {name: value for name, value in notes.items() if name != "digest"}
    total.update(json.dumps(own, sort_keys=True).encode())
    return total.hexdigest()


def _regular_bytes(path: Path) -> bytes:
    def refuse(why: str) -> NoReturn:
        raise ModelFolderError(f"{path} cannot be read: {why}")

    if "\0" in str(path):
        refuse("not found; the name has a NUL character")
    try:
        # A pipe is opened without waiting for somebody at its other end, and refused.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, no path
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                refuse("it is not a regular file")
            if status.st_size > LARGEST:
                refuse(f"it has {status.st_size:,} bytes, a model at most {LARGEST:,}")
            return file.read(LARGEST)
    except OSError as error:
        refuse(why_not_read(path, error))


def _parts(content: bytes) -> tuple[memoryview, dict[str, str]]:
    """The graph and our notes."""
    graph: memoryview | None = None
    notes: dict[str, str] = {}
    for number, value in fields(memoryview(content)):
        if number == 7:
            if graph is not None:
                raise DamagedError("it has two graphs")
            graph = message(value)
        elif number == 14:
            name, text = _pair(message(value))
            if name.startswith(PREFIX):
                notes[name.removeprefix(PREFIX)] = text
        elif number == 25:
            raise _RefusedError("it defines operators of its own")
    if graph is None:
        raise DamagedError("it has no graph")
    return graph, notes


def _pair(pair: memoryview) -> tuple[str, str]:
    texts = {1: "", 2: ""}
    for number, value in fields(pair):
        if number in texts:
            texts[number] = text(value)
    return texts[1], texts[2]


def _check_graph(graph: memoryview, depth: int) -> None:
    """Raise _RefusedError for data in other files, and for operators that may run for ever."""
    if depth == 0:
        raise _RefusedError("its graphs are nested too deeply")
    for number, value in fields(graph):
        if number == 1:
            _check_node(message(value), depth)
        elif number == 5:
            _check_tensor(message(value))
        elif number == 15:
            raise _RefusedError("it has sparse tensors")


def _check_node(node: memoryview, depth: int) -> None:
    for number, value in fields(node):
        if number == 4 and text(value) in REPEATING:
            raise _RefusedError(f"it has the operator {text(value)}, which may run for ever")
        if number == 7 and text(value) not in ("", "ai.onnx"):
            raise _RefusedError(f"it has operators of {text(value)!r}")
        if number == 5:
            _check_attribute(message(value), depth)


def _check_attribute(attribute: memoryview, depth: int) -> None:
    for number, value in fields(attribute):
        if number in (5, 10):
            _check_tensor(message(value))
        elif number in (6, 11):
            _check_graph(message(value), depth - 1)
        elif number in (22, 23):
            raise _RefusedError("it has sparse tensors")


def _check_tensor(tensor: memoryview) -> None:
    for number, value in fields(tensor):
        if number == 13 or (number == 14 and value != 0):
            raise _RefusedError("it takes data from other files")

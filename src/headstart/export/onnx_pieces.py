"""A file of joined networks taken apart: each network, and the head. Needs no package.

Each network wants the picture in a size of its own, so that here, as everywhere, each is given the
picture as `Preprocessing` prepares it, and its features are kept for themselves. The pieces are
graphs of the same nodes: which piece a node belongs to is told by how its results are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headstart.export.protobuf import DamagedError, Field, encoded, fields, message, text

NODE, CONSTANT, INPUT, OUTPUT, KNOWN = 1, 5, 11, 12, 13  # fields of a graph
GRAPH, OPSETS, VERSION = 7, 8, 1  # fields of a model
FEATURES = "features"  # of all networks side by side, and of each behind its name


def network_piece(content: bytes, number: int) -> bytes:
    """One network, from 1 on, as a file: the picture in, its features (n, d) out.

    Raises DamagedError for a file that has no such part.
    """
    name = f"network{number}/"
    return _piece(
        content, lambda made: made.startswith(name), INPUT, lambda known: known.startswith(name)
    )


def head_piece(content: bytes) -> bytes:
    """The head as a file: features (n, d) in, the outputs of the whole out. Raises DamagedError."""

    def is_own(made: str) -> bool:
        return made != FEATURES and not made.startswith("network")

    return _piece(content, is_own, OUTPUT, lambda known: known == FEATURES)


def _piece(
    content: bytes, is_own: Callable[[str], bool], kept: int, is_end: Callable[[str], bool]
) -> bytes:
    """Own nodes and constants; `kept` says which end is the whole's, the other one is named."""
    whole = memoryview(content)
    graph = next((message(value) for number, value in fields(whole) if number == GRAPH), None)
    if graph is None:
        raise DamagedError("it has no graph")
    other = OUTPUT if kept == INPUT else INPUT

    def parts() -> Iterator[Field]:
        for number, value in fields(graph):
            if (
                number == kept
                or (number == NODE and is_own(_first(message(value), 2)))
                or (number == CONSTANT and is_own(_first(message(value), 8)))
            ):
                yield number, value
            elif number == KNOWN and is_end(_first(message(value), 1)):
                yield other, value
        yield 2, memoryview(b"piece")

    own = memoryview(encoded(parts()))
    return encoded(
        (number, own if number == GRAPH else value)
        for number, value in fields(whole)
        if number in (GRAPH, OPSETS, VERSION)
    )


def _first(found: memoryview, number: int) -> str:
    """The first text of a field: a node's first result, a constant's or a value's name."""
    return next((text(value) for other, value in fields(found) if other == number), "")

"""Bytes of protobuf, the format of ONNX files, read and put together again. Needs no package.

Its fields are numbers, bytes (texts and nested messages), or have 4 or 8 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Field = tuple[int, int | memoryview]


class DamagedError(ValueError):
    """The bytes are no such message."""


def fields(data: memoryview) -> Iterator[Field]:
    """Numbers and values of a message's fields; a nested one as its bytes. Raises DamagedError."""
    place = 0
    while place < len(data):
        key, place = varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = varint(data, place)
            yield number, value
            continue
        if kind == 2:
            length, place = varint(data, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise DamagedError(f"a field of kind {kind}")
        if number == 0 or place + length > len(data):
            raise DamagedError("it ends too early")
        yield number, data[place : place + length]
        place += length


def varint(data: memoryview, place: int) -> tuple[int, int]:
    """The number at a place, and the place behind it. Raises DamagedError."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise DamagedError("it ends too early")
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise DamagedError("a number is too long")


def message(value: int | memoryview) -> memoryview:
    """A field's bytes. Raises DamagedError for a number."""
    if isinstance(value, int):
        raise DamagedError("a number stands where a message is expected")
    return value


def text(value: int | memoryview) -> str:
    """A field's text. Raises DamagedError for what is none."""
    try:
        return bytes(message(value)).decode()
    except UnicodeDecodeError as error:
        raise DamagedError("a name is no text") from error


def encoded(found: Iterable[Field]) -> bytes:
    """A message of numbers and bytes. Fields of 4 or 8 bytes, which would become bytes, differ."""
    made = bytearray()
    for number, value in found:
        if isinstance(value, int):
            made += _number(number << 3) + _number(value)
        else:
            made += _number(number << 3 | 2) + _number(len(value)) + value
    return bytes(made)


def _number(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])

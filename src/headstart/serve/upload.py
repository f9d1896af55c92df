"""The pictures of a request, read piece by piece: each limit is asked before the next piece.

Nothing is written to disk. A name is text to be shown, and opens no file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from headstart.images.source import EncodedImage
from headstart.options import ServeOptions
from headstart.serve.metrics import Metrics
from headstart.serve.refusal import Refusal, try_again
from headstart.wording import one_line

FORM = "multipart/form-data"
RAW = ("application/octet-stream", "")  # beside image/...
REQUESTS_HELD = 4  # uploads in memory are at most so many requests of the largest size
FRAME_BYTES = 2_000  # of a form, for each picture: its boundary and its headers
LONGEST_NAME = 1_000  # characters


class Upload(NamedTuple):
    """The pictures of a request, and whether it is a form, which is a list."""

    pictures: list[EncodedImage]
    is_form: bool


class HeldBytes:
    """Bytes of uploads in memory, of all requests together."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self.limit = limit
        self.used = 0
        metrics.held.set_function(lambda: self.used)

    def take(self, count: int) -> None:
        """Raises Refusal when the uploads would take too much memory."""
        if self.used + count > self.limit:
            raise try_again("too many large uploads are under way", 1)
        self.used += count


@dataclass(frozen=True)
class UploadRules:
    """The limits of one request's body, and the words when they are passed."""

    limits: ServeOptions

    @property
    def form_bytes(self) -> int:
        """Largest body of a form: its pictures and what stands between them."""
        return self.limits.max_request_bytes + FRAME_BYTES * self.limits.max_pictures

    def picture(self, size: int) -> None:
        """Raises Refusal for a picture of so many bytes."""
        most = self.limits.max_picture_bytes
        if size > most:
            raise Refusal(413, f"a picture has more than {most:,} bytes; send a smaller one")

    def request(self, size: int, most: int) -> None:
        """Raises Refusal for a body of so many bytes."""
        if size > most:
            limit = self.limits.max_request_bytes
            raise Refusal(413, f"the request has more than {limit:,} bytes; send fewer pictures")

    def count(self, pictures: int) -> None:
        """Raises Refusal for so many pictures."""
        most = self.limits.max_pictures
        if pictures > most:
            raise Refusal(413, f"the request has more than {most} pictures; send fewer at once")


class Form:
    """The parts of a form as they come in; each is a picture."""

    def __init__(self, boundary: bytes, rules: UploadRules) -> None:
        self.rules = rules
        self.pictures: list[EncodedImage] = []
        self.is_whole = False
        self._content = bytearray()
        self._field = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._begun = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_begin": self._begin_header,
                "on_header_field": self._add_field,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_part_data": self._add,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def write(self, data: bytes) -> None:
        """The next piece. Raises Refusal for what is no form, and beyond a limit."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise Refusal(400, f"the form is damaged: {one_line(str(error))}") from error

    def _begin(self) -> None:
        self._begun += 1
        self.rules.count(self._begun)
        self._headers = {}
        self._content = bytearray()

    def _begin_header(self) -> None:
        self._field = self._value = b""

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._field.lower()] = self._value

    def _add(self, data: bytes, start: int, end: int) -> None:
        self.rules.picture(len(self._content) + end - start)
        self._content += data[start:end]

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename") or options.get(b"name") or b""
        title = shown_name(name.decode("utf-8", "replace"), self._begun)
        self.pictures.append(EncodedImage(bytes(self._content), title))
        self._content = bytearray()

    def _finish(self) -> None:
        self.is_whole = True


def shown_name(name: str, number: int) -> str:
    """An upload's name as it is shown: on one line, no character that acts, not too long."""
    return one_line(name[:LONGEST_NAME]) or f"picture {number}"


async def read_pictures(request: Request, limits: ServeOptions, held: HeldBytes) -> Upload:
    """The pictures of a form, or the one that is the body. Raises Refusal.

    The caller gives the bytes back to `held` when the request is over: `request.state.bytes`.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    media = kind.decode("latin-1").lower()
    rules = UploadRules(limits)
    if media == FORM:
        boundary = options.get(b"boundary", b"")
        return Upload(await _read_form(request, boundary, rules, held), is_form=True)
    if media.startswith("image/") or media in RAW:
        return Upload([await _read_one(request, rules, held)], is_form=False)
    raise Refusal(
        415,
        f"the content type is {one_line(media)!r}; send pictures as {FORM}, or one picture as the "
        "body with its own type or application/octet-stream",
    )


async def _read_form(
    request: Request, boundary: bytes, rules: UploadRules, held: HeldBytes
) -> list[EncodedImage]:
    if not boundary:
        raise Refusal(400, f"the content type {FORM} lacks its boundary")
    try:
        form = Form(boundary, rules)
    except FormParserError as error:
        raise Refusal(400, f"the form's boundary is wrong: {one_line(str(error))}") from error
    rules.request(_told_length(request), rules.form_bytes)
    size = 0
    async for data in _pieces(request, held):
        size += len(data)
        rules.request(size, rules.form_bytes)
        form.write(data)
    if not form.is_whole:
        raise Refusal(400, "the form ends too early")
    if not form.pictures:
        raise Refusal(400, "the form has no picture")
    return form.pictures


async def _read_one(request: Request, rules: UploadRules, held: HeldBytes) -> EncodedImage:
    rules.picture(_told_length(request))
    content = bytearray()
    async for data in _pieces(request, held):
        rules.picture(len(content) + len(data))
        content += data
    if not content:
        raise Refusal(400, "the request is empty; send a picture as its body")
    return EncodedImage(bytes(content), shown_name(request.query_params.get("name", ""), 1))


async def _pieces(request: Request, held: HeldBytes) -> AsyncIterator[bytes]:
    request.state.bytes = 0
    async for data in request.stream():
        held.take(len(data))
        request.state.bytes += len(data)
        yield data


def _told_length(request: Request) -> int:
    """The body's length as its head tells it; 0 where it does not."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else 0

"""The page's own files, read once: no name of a request ever opens a file."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
PAGES = {"/": "index.html", "/docs": "docs.html"}
REPORT_STYLE = "page.css"  # of the reports: one visual language


class StaticFile(NamedTuple):
    """A file's bytes, its type and its version."""

    content: bytes
    media_type: str
    tag: str

    async def response(self, request: Request) -> Response:
        """The file, or 304 where the client has it."""
        headers = {"etag": self.tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


@cache
def static_files() -> dict[str, StaticFile]:
    """Every file by its path on the server."""
    own = files("headstart.serve") / "static"
    found = {f"/static/{item.name}": _read(item.name, item.read_bytes()) for item in own.iterdir()}
    style = files("headstart.report") / "templates" / REPORT_STYLE
    found[f"/static/{REPORT_STYLE}"] = _read(REPORT_STYLE, style.read_bytes())
    return {**found, **{path: found[f"/static/{name}"] for path, name in PAGES.items()}}


def _read(name: str, content: bytes) -> StaticFile:
    digest = hashlib.sha256(content).hexdigest()[:32]
    return StaticFile(content, TYPES[name.rpartition(".")[2]], f'"{digest}"')

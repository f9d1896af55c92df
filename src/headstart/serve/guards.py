"""What stands around every request: who may ask, the headers of every answer, and the log.

Three plain layers of ASGI, so that a body passes through them piece by piece.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headstart.serve.metrics import Metrics
from headstart.serve.refusal import Refusal
from headstart.wording import one_line

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
LEFT = 499  # of the log: the client had gone before there was an answer


class SecurityHeaders:
    """Headers that every answer has; what an answer says of itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)


class Door:
    """Who may ask: a token where one is set, and no page of another site.

    Args:
        app: what answers.
        token: the bearer token, or None.
        open_paths: what needs no token: the page itself, which then asks for it.
        origins: pages of other sites that may ask.
        local_only: whether only names of this machine are taken for its address. A page can give
            its own name the address 127.0.0.1, and would be of one site with the server then.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str | None,
        open_paths: Iterable[str],
        origins: tuple[str, ...],
        local_only: bool,
    ) -> None:
        self.app = app
        self._token = None if token is None else _digest(token.encode())
        self._open = frozenset(open_paths)
        self._origins = frozenset(origins)
        self._local_only = local_only and token is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            try:
                self._check(scope, Headers(scope=scope))
            except Refusal as refusal:
                await refusal.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if self._local_only and _host_name(host) not in LOCAL_NAMES:
            raise Refusal(421, "this server answers for localhost and 127.0.0.1 alone")
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins and _netloc(origin) != host:
            raise Refusal(403, "a page of another site asks; --allow-origin allows it")
        if self._token is None or scope["path"] in self._open or scope["method"] == "OPTIONS":
            return
        kind, _, given = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(_digest(given.strip().encode("latin-1")), self._token)
        if kind.lower() != "bearer" or not is_right:
            raise Refusal(
                401,
                "a token is needed: Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )


class AccessLog:
    """One line of JSON for each request, and its counters: how long, how large, what came of it.

    Of a picture there is neither its content nor its name.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        paths: Iterable[str],
        write: Callable[[str], None] | None,
    ) -> None:
        self.app = app
        self._metrics = metrics
        self._paths = frozenset(paths)
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), LEFT

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except BaseException:
            status = 500
            raise
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in self._paths else "other"
        self._metrics.requests.labels(path, str(status)).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        if self._write is None:
            return
        state: dict[str, Any] = scope.get("state", {})
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "client": scope["client"][0] if scope.get("client") else None,
            "method": scope["method"],
            "path": one_line(scope["path"]),
            "status": status,
            "seconds": round(seconds, 4),
            "bytes": state.get("bytes", 0),
            "pictures": state.get("pictures", 0),
        }
        self._write(json.dumps(line))


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()  # of one length, whatever was given


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""

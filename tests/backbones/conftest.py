"""A server on this machine that answers as the model hub does."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub as hub
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROXIES = [f"{kind}_proxy" for kind in ("http", "https", "all")]


class Server(ThreadingHTTPServer):
    """Answers as the model hub does for large files; `files` are by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.announced: dict[str, bytes] = {}  # where the digest is that of other bytes
        self.broken = ""  # "closed" or "reset": in the middle of the first GET; later ones get 503
        self.missing = (404, "EntryNotFound")
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        server = self.server
        again = f"GET {self.path}" in server.asked
        server.asked.append(f"{self.command} {self.path}")
        content = server.files.get(self.path)
        if content is None or (server.broken and again):
            status, code = (503, "") if content else server.missing
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        digest = hashlib.sha256(server.announced.get(self.path, content)).hexdigest()
        start = int((self.headers["Range"] or "bytes=0-")[len("bytes=") : -1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", f'"{digest}"')
        self.send_header("X-Linked-Etag", f'"{digest}"')
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body and server.broken:
            self.wfile.write(content[: len(content) // 2])
            if server.broken == "reset":
                self.wfile.flush()
                time.sleep(0.1)  # a reset discards what was not read yet
                at_once = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                self.connection.close()
        elif body:
            self.wfile.write(content[start:])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def hub_cache(tmp_path: Path) -> Path:
    """The folder in which the hub's client keeps its files."""
    return tmp_path / "hub"


@pytest.fixture
def use_endpoint(
    hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """A function that tells the hub's client where the model hub is."""

    def use(address: str) -> None:
        for name in (*PROXIES, *(proxy.upper() for proxy in PROXIES)):
            monkeypatch.delenv(name, raising=False)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(hub.constants, "ENDPOINT", address)
        monkeypatch.setattr(hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(hub_cache))
        monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub.constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
        hub.close_session()

    yield use
    hub.close_session()


@pytest.fixture
def server(use_endpoint: Callable[[str], None]) -> Iterator[Server]:
    """The running server, which the hub's client takes for the model hub."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        use_endpoint(running.address)
        yield running
        running.shutdown()
        thread.join()

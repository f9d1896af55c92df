"""A web server on this machine alone that counts what it is asked for."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebServer:
    """Files by their path, and how they are served.

    Attributes:
        files: content by path, "/a.png".
        tags: whether an ETag tells a file's version, "strong", "weak" or "".
        statuses: an error's number by path.
        sized: whether the length is told.
        seconds: how long a GET waits for its answer.
        asked: ("HEAD" or "GET", path) of every request.
        most_at_once: requests under way at the same time.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.tags = "strong"
        self.statuses: dict[str, int] = {}
        self.sized = True
        self.seconds = 0.0
        self.asked: list[tuple[str, str]] = []
        self.most_at_once = 0
        self.at_once = 0
        self.lock = threading.Lock()
        self.address = ""

    def count(self, method: str) -> int:
        """Requests of one method."""
        return sum(kind == method for kind, _ in self.asked)


@contextmanager
def web_server() -> Iterator[WebServer]:
    """A server on a free port of the loopback, for as long as the block runs."""
    state = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            with state.lock:
                state.at_once += 1
                state.most_at_once = max(state.most_at_once, state.at_once)
            time.sleep(state.seconds)
            self.answer(with_body=True)
            with state.lock:
                state.at_once -= 1

        def answer(self, with_body: bool) -> None:
            with state.lock:
                state.asked.append((self.command, self.path))
            content = state.files.get(self.path)
            status = state.statuses.get(self.path, 200 if content is not None else 404)
            if status != 200 or content is None:
                self.send_error(status)
                return
            self.send_response(200)
            if state.sized:
                self.send_header("Content-Length", str(len(content)))
            if state.tags:
                tag = f'"{hashlib.sha256(content).hexdigest()}"'
                self.send_header("ETag", f"W/{tag}" if state.tags == "weak" else tag)
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The server from its socket to its end: slow clients, a stop that answers what is under way."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import h11
import numpy as np
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from headstart.errors import UsageError
from headstart.images.source import PixelImage
from headstart.serve.app import Service, make_app
from headstart.serve.predictor import Predictor

MOST_CONNECTIONS = 500
IDLE_SECONDS = 15  # that a connection is kept open between two requests
WARM_SIDE = 64


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises UsageError for an address that cannot be had."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((address[0], port), family=family, backlog=MOST_CONNECTIONS)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot listen on {host}, port {port}: {reason}; give another --port or --host"
        ) from error


def address_of(bound: socket.socket, host: str) -> str:
    """The page's address: "http://127.0.0.1:8000/"."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{bound.getsockname()[1]}/"


def warm_up(predictor: Predictor) -> None:
    """Let the model answer once, so that the first client does not wait for its loading."""
    grey = np.full((WARM_SIDE, WARM_SIDE, 3), 128, np.uint8)
    predictor.predict([PixelImage(grey)] * predictor.batch)


def serve(service: Service, bound: socket.socket, told: Callable[[], None] | None = None) -> None:
    """Answer until Ctrl-C or SIGTERM; what is under way then is answered first.

    `told` is called once the server listens. A second Ctrl-C stops at once.
    """
    server = make_server(service)
    server.told = told
    try:
        server.run(sockets=[bound])
    finally:
        service.queue.close()


def make_server(service: Service) -> GracefulServer:
    """The server of a service, not running yet."""
    options = service.options

    class Protocol(PatientProtocol):
        seconds = options.seconds

    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # nor a damaged form
    config = uvicorn.Config(
        make_app(service),
        http=Protocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="error",  # a client's mistakes are not ours to log
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, round(options.seconds)),
    )
    return GracefulServer(config)


class GracefulServer(uvicorn.Server):
    """Ends well after a signal, instead of raising it again when everything is answered."""

    told: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        if self.told is not None:
            self.told()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Both signals ask for the end; afterwards they do what they did before."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class PatientProtocol(H11Protocol):
    """A connection that may be slow, but not for ever.

    The head of a request has to be there after `seconds`, and what was answered has to be taken.
    The rest of a body that was refused is read and dropped, so that a client which sends all of it
    first then sees the answer, and also that for `seconds` only.
    """

    seconds = 30.0

    def connection_made(self, transport: Any) -> None:
        """A new connection."""
        super().connection_made(transport)
        self._patience = self.loop.call_later(self.seconds, self._give_up)
        # The end of an answer would else wait for the client's word on its beginning, which comes
        # 40 ms late. asyncio sets this by itself only where a socket names its protocol.
        with suppress(OSError):  # some systems refuse it for a client that has gone
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of it."""
        self._patience.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """What the client sent is read; the clock starts anew where it has to send more."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:  # a head is there: the application has its own clock
            self._patience.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.timeout_keep_alive_task is not None and self.conn.our_state is h11.IDLE:
            self._wait()  # the first bytes of a next request
        super().data_received(data)

    def on_response_complete(self) -> None:
        """An answer is sent."""
        super().on_response_complete()
        is_read = self.conn.our_state is not h11.DONE  # the request, to its end
        if not is_read or self.transport.get_write_buffer_size():
            self._wait()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._patience.cancel()

    def send_400_response(self, msg: str) -> None:
        """Tell a client whose bytes are no HTTP, unless it has an answer already."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # to the application it has gone
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _wait(self) -> None:
        self._patience.cancel()
        self._patience = self.loop.call_later(self.seconds, self._give_up)

    def _give_up(self) -> None:
        self.transport.abort()


def run_in_thread(
    service: Service, bound: socket.socket
) -> tuple[GracefulServer, threading.Thread]:
    """The server in a thread of its own, listening; `should_exit` ends it."""
    server, ready = make_server(service), threading.Event()
    server.told = ready.set

    def run() -> None:
        asyncio.run(server.serve(sockets=[bound]))
        service.queue.close()

    thread = threading.Thread(target=run, name="server")
    thread.start()
    ready.wait()
    return server, thread

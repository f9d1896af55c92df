"""Requests with wrong bytes anywhere get a stated answer, and the server goes on.

    python -m tests.serve.test_mutated_requests 20000

tries as many; the test tries some hundred.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections import Counter

import numpy as np
from tests.served import ExplainingPredictor, Served, eventually, picture_bytes, served

COUNT, AT_ONCE = 256, 64
WAIT = 3.0  # seconds for an answer; a request that lacks its end gets one after `seconds`
STATED = {200, 400, 401, 403, 404, 405, 408, 413, 415, 421, 422, 431, 501, 503}
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="p"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n%s\r\n--b--\r\n"
)
TOKENS = (b"\r\n", b"\x00", b"--b", b'"', b";", b"=", b"\xff\xfe", b"%00", b": ", b"9" * 30, b" ")


def request(rng: np.random.Generator) -> bytes:
    """A whole request of one of the forms that are allowed."""
    picture = picture_bytes(side=int(rng.integers(1, 12)))
    if rng.random() < 0.6:
        body, kind = FORM % picture, b"multipart/form-data; boundary=b"
    else:
        body, kind = picture, b"image/png"
    path = (b"/predict?name=a", b"/explain?class=red")[int(rng.random() < 0.3)]
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" % path
    if rng.random() < 0.5:
        head += b"Accept: application/json\r\n"
    if rng.random() < 0.5:
        told = b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    else:
        told = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return head + b"Content-Type: " + kind + b"\r\n" + told


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to four changes: a byte, a token put in, a part taken out, doubled, or cut off."""
    for _ in range(int(rng.integers(1, 5))):
        at, to = sorted(int(n) for n in rng.integers(0, max(1, len(data)), 2))
        change = int(rng.integers(5))
        token = TOKENS[int(rng.integers(len(TOKENS)))]
        data = (
            data[:at] + bytes([int(rng.integers(256))]) + data[at + 1 :],
            data[:at] + token + data[at:],
            data[:at] + data[min(to, at + 40) :],
            data[:to] + data[at : at + 200] + data[to:],
            data[:at] if rng.random() < 0.2 else data,
        )[change]
    return data


async def ask(server: Served, data: bytes) -> int:
    """The status that comes back; 0 where there is none, since the server waits for more."""
    reader, writer = await asyncio.open_connection(*server.place)
    try:
        writer.write(data)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT)
        found = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        return int(found[1]) if found else -1
    except (ConnectionError, TimeoutError, EOFError):
        return 0
    finally:
        writer.close()


async def ask_all(server: Served, count: int, seed: int) -> Counter[int]:
    rng = np.random.default_rng(seed)
    found: Counter[int] = Counter()
    for _ in range(0, count, AT_ONCE):
        sent = [mutated(request(rng), rng) for _ in range(AT_ONCE)]
        found.update(await asyncio.gather(*[ask(server, data) for data in sent]))
    return found


def try_requests(count: int, seed: int = 1) -> Counter[int]:
    """How many mutated requests got which status; 0 is a connection that was closed."""
    with served(ExplainingPredictor(), seconds=1.0, queue=1000) as server:
        found = asyncio.run(ask_all(server, count, seed))
        assert server.service.queue.is_alive()
        eventually(lambda: server.service.held.used == 0)  # the last ones may still be read
        assert server.http.post("/predict", content=picture_bytes()).status_code == 200
        with socket.create_connection(server.place):
            pass
    return found


def test_mutated_requests_get_stated_answers() -> None:
    found = try_requests(COUNT)
    assert set(found) <= STATED | {0}, found
    assert min(found[200], found[400], found[408]) > 0, found


if __name__ == "__main__":
    sys.stdout.write(f"{try_requests(int(sys.argv[1]))}\n")

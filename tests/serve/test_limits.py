"""Too large, too many, too slow, gone: the client is told, and nobody else is harmed."""

from __future__ import annotations

import gc
import resource
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.served import (
    MAX_PIXELS,
    PATIENCE,
    RedPredictor,
    eventually,
    picture_bytes,
    read_all,
    served,
)

RED = picture_bytes()
MB = 1_000_000


def pieces(count: int, size: int = MB) -> Iterator[bytes]:
    """A body without a told length."""
    for _ in range(count):
        yield bytes(size)


def peak() -> int:
    """The largest size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def read_answer(link: socket.socket) -> bytes:
    """A head and a body of JSON; the connection may stay open."""
    found = b""
    while not found.endswith(b"}"):
        piece = link.recv(65536)
        assert piece, found
        found += piece
    return found


def test_a_body_that_is_told_to_be_huge_is_refused_before_it_is_read() -> None:
    """C63, with its length in the head: refused although not a byte of it has come."""
    with served(max_picture_bytes=2 * MB) as server, socket.create_connection(server.place) as link:
        link.settimeout(PATIENCE)
        link.sendall(
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000000\r\n\r\n"
        )
        assert b" 413 " in (answer := read_answer(link))
        assert b"2,000,000 bytes" in answer


@pytest.mark.parametrize("kind", ["image/png", "multipart/form-data; boundary=x"])
def test_a_huge_body_in_chunks_is_refused_on_the_way(kind: str) -> None:
    """C63, chunked: 300 MB are sent; memory grows by less than twice the limit."""
    limit = 4 * MB
    with served(max_picture_bytes=limit, max_request_bytes=limit) as server:
        server.http.post("/predict", content=bytes(limit), headers={"content-type": "image/png"})
        before = peak()
        head = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'

        def body() -> Iterator[bytes]:
            yield head if "form" in kind else b""
            yield from pieces(300)

        reply = server.http.post("/predict", content=body(), headers={"content-type": kind})
        assert reply.status_code == 413
        assert "4,000,000 bytes" in reply.json()["error"]
        assert peak() - before < 2 * limit
        eventually(lambda: len(server.lines) == 2)
        assert server.log()[-1]["bytes"] <= limit + MB
        assert server.service.held.used == 0
        assert server.http.post("/predict", content=RED).status_code == 200


def test_many_small_pictures_are_more_than_one_request_may_have() -> None:
    """C63: 10,000 parts."""
    with served(max_pictures=5, queue=5) as server:
        reply = server.post(*[(str(n), RED) for n in range(6)])
        assert reply.status_code == 413
        assert "more than 5 pictures" in reply.json()["error"]
        part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\na\r\n'
        kind = {"content-type": "multipart/form-data; boundary=x"}
        reply = server.http.post("/predict", content=part * 10_000 + b"--x--\r\n", headers=kind)
        assert reply.status_code == 413
        assert server.post(*[(str(n), RED) for n in range(5)]).status_code == 200


def test_the_pictures_of_a_request_are_counted_together() -> None:
    with served(max_picture_bytes=MB, max_request_bytes=MB, max_pictures=2) as server:
        reply = server.post(("a", bytes(600_000)), ("b", bytes(600_000)))
        assert reply.status_code == 413
        assert "the request has more than 1,000,000 bytes" in reply.json()["error"]


def test_others_are_answered_while_a_huge_body_comes_in() -> None:
    with served(max_picture_bytes=MB) as server:
        stop, sent = threading.Event(), 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            while sent <= MB or not stop.wait(0.01):
                yield bytes(200_000)
                sent += 200_000

        with ThreadPoolExecutor(1) as pool:
            huge = pool.submit(server.http.post, "/predict", content=endless())
            with httpx.Client(base_url=str(server.http.base_url), trust_env=False) as other:
                for _ in range(10):
                    assert other.post("/predict", content=RED).status_code == 200
            stop.set()
            assert huge.result(PATIENCE).status_code == 413


def bomb() -> bytes:
    """C12: a PNG of 20,000 x 20,000 pixels in some kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    side = (20_000).to_bytes(4, "big")
    packed = zlib.compress(bytes(2501 * 20_000), 9)
    head = chunk(b"IHDR", side + side + b"\x01\x00\x00\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_by_its_header() -> None:
    """C12: 422, and the server lives."""
    sent = bomb()
    with served() as server:
        before = peak()
        reply = server.http.post("/predict", content=sent)
        assert reply.status_code == 422
        error = reply.json()["answers"][0]["error"]
        assert "20000 x 20000 = 400000000 pixels" in error
        assert f"limit of {MAX_PIXELS}" in error
        assert peak() - before < 100 * MB
        assert server.http.post("/predict", content=RED).status_code == 200


def test_a_client_that_sends_a_byte_now_and_then_is_told_and_harms_nobody() -> None:
    with served(seconds=1.0) as server, socket.create_connection(server.place) as slow:
        slow.settimeout(PATIENCE)
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        for _ in range(3):
            slow.sendall(b"a")
            assert server.http.post("/predict", content=RED).status_code == 200
            time.sleep(0.1)
        assert b" 408 " in (answer := read_answer(slow))
        assert b"within 1 s" in answer
        assert read_all(slow) == b""  # and the connection ends


def test_a_head_that_never_ends_is_dropped() -> None:
    with served(seconds=0.5) as server, socket.create_connection(server.place) as slow:
        slow.settimeout(PATIENCE)
        began = time.monotonic()
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
        assert read_all(slow) == b""
        assert time.monotonic() - began < PATIENCE / 2
        again = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with socket.create_connection(server.place, timeout=PATIENCE) as kept:
            kept.sendall(again)
            assert b"200 OK" in read_answer(kept)
            kept.sendall(again[:20])  # a second one, which is not finished
            assert read_all(kept) == b""


def test_who_does_not_take_the_answers_is_dropped() -> None:
    ask = b"GET /static/page.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served(seconds=0.5) as server, socket.create_connection(server.place) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                deaf.send(ask * 20)
            except BlockingIOError:
                time.sleep(0.01)
            except ConnectionError:
                break
        else:
            pytest.fail("the connection is still open")
        assert server.http.post("/predict", content=RED).status_code == 200


def test_who_leaves_in_the_middle_of_the_upload_harms_nobody() -> None:
    with served() as server:
        for _ in range(20):
            server.raw(
                b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nab",
                wait=False,
            )
        assert server.http.post("/predict", content=RED).status_code == 200
        eventually(lambda: len(server.lines) >= 21)
        assert sorted({line["status"] for line in server.log()}) == [200, 499]
        eventually(lambda: server.service.held.used == 0)


def test_who_leaves_while_waiting_is_not_computed(caplog: pytest.LogCaptureFixture) -> None:
    predictor = RedPredictor()
    predictor.gate.clear()
    with served(predictor) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.http.post, "/predict", content=RED)
        eventually(lambda: predictor.batches == [1])
        body = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
        with socket.create_connection(server.place) as leaving:
            leaving.sendall(body % (len(RED), RED))
            eventually(lambda: b"headstart_waiting_pictures 1.0" in server.service.metrics.text())
        eventually(lambda: any(line["status"] == 499 for line in server.log()))
        predictor.gate.set()
        assert first.result(PATIENCE).status_code == 200
        assert server.http.post("/predict", content=RED).status_code == 200
        assert predictor.batches == [1, 1]
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_a_full_queue_answers_503_and_when_to_come_back() -> None:
    predictor = RedPredictor()
    predictor.gate.clear()
    with served(predictor, queue=3, max_pictures=3) as server, ThreadPoolExecutor(12) as pool:
        first = pool.submit(server.http.post, "/predict", content=RED)
        eventually(lambda: predictor.batches == [1])
        asked = [pool.submit(server.http.post, "/predict", content=RED) for _ in range(10)]
        eventually(lambda: sum(future.done() for future in asked) == 7, "seven are refused")
        refused = [future.result() for future in asked if future.done()]
        assert {reply.status_code for reply in refused} == {503}
        assert int(refused[0].headers["retry-after"]) >= 1
        assert "3 pictures wait for the model" in refused[0].json()["error"]
        assert server.http.get("/healthz").status_code == 200
        predictor.gate.set()
        replies = [future.result(PATIENCE).status_code for future in (first, *asked)]
        assert replies.count(200) == 4


def test_an_answer_that_takes_too_long_is_503() -> None:
    predictor = RedPredictor()
    predictor.gate.clear()
    with served(predictor, seconds=0.3) as server:
        reply = server.http.post("/predict", content=RED)
        assert reply.status_code == 503
        assert "no answer within 0.3 s" in reply.json()["error"]
        assert reply.headers["retry-after"] == "1"
        predictor.gate.set()


def test_uploads_together_take_a_bounded_part_of_memory() -> None:
    with served(max_picture_bytes=1000, max_request_bytes=1000, seconds=5.0) as server:
        links = [socket.create_connection(server.place, timeout=PATIENCE) for _ in range(6)]
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        for link in links:
            link.sendall(head + bytes(900))
        eventually(lambda: len(server.lines) >= 2)
        assert [line["status"] for line in server.log()] == [503, 503]
        for link in links:
            link.close()
        eventually(lambda: server.service.held.used == 0)
        assert server.http.post("/predict", content=RED).status_code == 200


def test_while_the_model_is_busy_pictures_are_gathered() -> None:
    predictor = RedPredictor()
    predictor.gate.clear()
    with served(predictor) as server, ThreadPoolExecutor(9) as pool:
        asked = [pool.submit(server.http.post, "/predict", content=RED)]
        eventually(lambda: predictor.batches == [1])
        asked += [pool.submit(server.http.post, "/predict", content=RED) for _ in range(8)]
        waiting = b"headstart_waiting_pictures 8.0"
        eventually(lambda: waiting in server.service.metrics.text())
        predictor.gate.set()
        assert {future.result(PATIENCE).status_code for future in asked} == {200}
    assert predictor.batches == [1, 4, 4]

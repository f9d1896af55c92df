"""The server as a process: it starts in words, carries a load, and ends with what is under way."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from tests.program import run
from tests.served import PATIENCE, picture_bytes, served
from tests.tiny_classifier import LABELS, classifier

from headstart.images.source import EncodedImage
from headstart.model_dir import load_model
from headstart.options import EmbedOptions
from headstart.serve.server import PatientProtocol

REQUESTS, CLIENTS = 200, 8


@pytest.fixture
def model(pictures: list[Path], tmp_path: Path) -> Path:
    classifier().fit(pictures, LABELS).save(tmp_path / "model")
    return tmp_path / "model"


@contextmanager
def process(model: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`headstart serve` and its place; killed at the end where it has not ended."""
    command = [sys.executable, "-m", "headstart", "serve", str(model), "--port", "0", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            errors = started.stderr
            assert errors is not None
            found = re.search(r"answering on (\S+)", errors.readline())
            assert found is not None
            yield started, urlsplit(found[1]).netloc
        finally:
            started.kill()


def ask(place: str, picture: bytes, name: object = "") -> dict[str, Any]:
    connection = http.client.HTTPConnection(place, timeout=PATIENCE)
    connection.request("POST", f"/predict?name={name}", picture)
    reply = connection.getresponse()
    found: dict[str, Any] = {"status": reply.status, **json.loads(reply.read())}
    connection.close()
    return found


def encoded(number: int, rng: np.random.Generator) -> bytes:
    """A picture of a size of its own."""
    width, height = rng.integers(8, 120, 2)
    file = Path(f"{number}.png")
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(file)
    return file.read_bytes()


def test_a_load_gets_the_answers_of_one_at_a_time(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 requests of 8 clients; benchmarks/serving.py asks 2,000 and measures."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    sent = [encoded(number, rng) for number in range(REQUESTS)]
    answers: list[dict[str, Any]] = [{} for _ in sent]
    with process(model, "--device", "cpu") as (_, place):

        def client(first: int) -> None:
            for number in range(first, REQUESTS, CLIENTS):
                answers[number] = ask(place, sent[number], number)

        threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    loaded, options = load_model(model), EmbedOptions(cache=False, device="cpu")
    for number, reply in enumerate(answers):
        assert reply["status"] == 200
        (answer,) = reply["answers"]
        assert answer["name"] == str(number)
        alone = loaded.predict([EncodedImage(sent[number])], options=options).probabilities[0]
        found = [answer["probabilities"][name] for name in loaded.classes]
        np.testing.assert_allclose(found, alone, atol=1e-5)


def test_the_end_of_an_answer_does_not_wait_for_the_clients_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Head and body are sent apart; without this the body came 40 ms later on kept connections."""
    found: list[int] = []
    plain = PatientProtocol.connection_made

    def noted(self: PatientProtocol, transport: Any) -> None:
        plain(self, transport)
        link = transport.get_extra_info("socket")
        found.append(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(PatientProtocol, "connection_made", noted)
    with served() as server:
        assert server.http.get("/healthz").status_code == 200
    assert found
    assert all(found)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_is_under_way(model: Path, number: signal.Signals) -> None:
    """A body that is half there at the signal is read to its end and answered; code 0."""
    picture = picture_bytes(side=200)
    with process(model, "--device", "cpu") as (started, place):
        host, _, port = place.partition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as link:
            head = f"POST /predict HTTP/1.1\r\nHost: {place}\r\nContent-Length: {len(picture)}\r\n"
            link.sendall(head.encode() + b"\r\n" + picture[:100])
            time.sleep(0.3)
            started.send_signal(number)
            time.sleep(0.3)
            with pytest.raises(ConnectionRefusedError):  # nobody new is let in
                socket.create_connection((host, int(port)), timeout=1).close()
            link.sendall(picture[100:])
            answer = b""
            while piece := link.recv(65536):
                answer += piece
        assert b"200 OK" in answer
        assert b'"predicted"' in answer
        assert started.wait(PATIENCE) == 0
        assert started.stderr is not None
        assert "everything that was asked is answered" in started.stderr.read()
        assert started.stdout is not None
        assert json.loads(started.stdout.readline())["status"] == 200


def test_a_port_that_is_taken_is_told(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("serve", model, "--port", port, "--device", "cpu") == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in capsys.readouterr().err


def test_a_host_that_is_not_here_is_told(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("serve", model, "--host", "no.such.host.invalid", "--device", "cpu") == 2
    assert "cannot listen on no.such.host.invalid" in capsys.readouterr().err


def test_what_is_no_model_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("serve", tmp_path) == 1
    assert "is not a model of this program" in capsys.readouterr().err


def test_without_its_packages_the_command_is_told(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("headstart.serve.find_spec", lambda name: None)
    assert run("serve", model) == 2
    assert 'pip install "headstart[serve]"' in capsys.readouterr().err

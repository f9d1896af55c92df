"""A server on the loopback with a model that costs nothing, and pictures to ask it about."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from headstart.errors import ImageError
from headstart.evaluate.predictions import Predictions
from headstart.explain.explanation import Explanation
from headstart.images.decode import decode
from headstart.images.source import ImageSource
from headstart.options import ServeOptions
from headstart.recipes.training_examples import Neighbour
from headstart.serve.app import Service
from headstart.serve.model_facts import model_facts
from headstart.serve.predictor import Predictor
from headstart.serve.server import listen, run_in_thread

MAX_PIXELS = 1_000_000
PATIENCE = 20.0  # seconds that a test waits for anything


class RedPredictor:
    """The probability of "red" is the share of red in a picture's light. It can be held up.

    Attributes:
        gate: closed, no picture is answered.
        batches: how many pictures were asked at once, each time.
    """

    classes: tuple[str, ...] = ("other", "red")
    batch = 4

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[int] = []

    def predict(self, images: Sequence[ImageSource]) -> Predictions:
        self.batches.append(len(images))
        assert self.gate.wait(PATIENCE)
        errors, rows = [""] * len(images), np.full((len(images), 2), np.nan)
        for number, image in enumerate(images):
            try:
                light = decode(image, max_pixels=MAX_PIXELS).reshape(-1, 3).mean(axis=0) + 1
            except ImageError as error:
                errors[number] = str(error)
            else:
                rows[number] = 1 - light[0] / light.sum(), light[0] / light.sum()
        names = tuple(image.name for image in images)
        return Predictions(names, self.classes, rows, None, tuple(errors))

    def prepare_thread(self) -> None:
        """Nothing to prepare."""

    def description(self) -> dict[str, Any]:
        return {"backbone": "mean colour", "head": "none"}

    def familiarity(self) -> dict[str, Any] | None:
        return None


class ExplainingPredictor(RedPredictor):
    """Shows a picture that is yellow where the class counts: everywhere.

    Attributes:
        nearest: the training pictures that it names.
    """

    nearest: tuple[Neighbour, ...] = ()

    def explain(self, image: ImageSource, class_name: str | None) -> Explanation:
        rgb = decode(image, max_pixels=MAX_PIXELS)
        height, width = rgb.shape[:2]
        return Explanation(
            image=image.name,
            class_name=class_name or "red",
            probability=0.75,
            predicted="red",
            method="cam",
            values=np.ones((1, 1)) if class_name is None else np.eye(2),
            window=(0, 0, width, height),
            picture=rgb,
            nearest=self.nearest,
        )


def picture_bytes(
    colour: tuple[int, int, int] = (200, 40, 30), kind: str = "PNG", side: int = 24
) -> bytes:
    """A picture file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, kind)
    return file.getvalue()


def eventually(holds: Callable[[], bool], what: str = "") -> None:
    """Wait until it holds. The log, for one, has a request a moment after its answer."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.01)


@dataclass
class Served:
    """A running server and a client of it.

    Attributes:
        lines: the access log so far.
    """

    service: Service
    place: tuple[str, int]
    http: httpx.Client
    lines: list[str]

    def post(self, *pictures: tuple[str, bytes], path: str = "/predict") -> httpx.Response:
        """Pictures with their names, as a form."""
        return self.http.post(path, files=[("pictures", picture) for picture in pictures])

    def raw(self, data: bytes, *, wait: bool = True) -> bytes:
        """What comes back for bytes on a connection of their own, until it is closed."""
        with socket.create_connection(self.place, timeout=PATIENCE) as connection:
            connection.sendall(data)
            return read_all(connection) if wait else b""

    def log(self) -> list[dict[str, Any]]:
        """The access log."""
        return [json.loads(line) for line in self.lines]


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes; a reset counts as that."""
    found = b""
    try:
        while piece := connection.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


@contextmanager
def served(
    predictor: Predictor | None = None, place: Path = Path("run/model"), **options: Any
) -> Iterator[Served]:
    """A server on a free port with these options, for as long as the block runs."""
    asked = ServeOptions(**{"port": 0, **options})
    lines: list[str] = []
    predictor = predictor or RedPredictor()
    card = model_facts(predictor, place, asked, MAX_PIXELS)
    service = Service(predictor, card, asked, lines.append)
    with listen(asked.host, asked.port) as bound:
        host, port = bound.getsockname()[:2]
        server, thread = run_in_thread(service, bound)
        address = f"http://{host}:{port}"
        try:
            with httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False) as http:
                yield Served(service, (host, port), http, lines)
        finally:
            server.should_exit = True
            thread.join()

"""Pictures with wrong bytes anywhere are answered alike by every face, or refused in words.

    python -m tests.serve.test_mutated_pictures 20000

tries as many; the test tries some hundred. Each goes through a model folder as `headstart predict`
answers, through the exported file, through a running server, and as an image that Pillow opened.
"""

from __future__ import annotations

import io
import logging
import os
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from tests.export.conftest import tiny_model
from tests.images.mutated_pictures import mutated, whole_files
from tests.served import served

from headstart.errors import ImageError
from headstart.export.exported_model import load_exported
from headstart.export.onnx_export import export_onnx
from headstart.images.source import EncodedImage, PillowImage
from headstart.options import EmbedOptions
from headstart.recipes.trained_model import TrainedModel
from headstart.serve.predictor import Computing, TrainedPredictor

COUNT, AT_ONCE = 384, 32
LONGEST = 5.0  # seconds for 32 small pictures by any face, which takes some hundredths
MORE_MEMORY = 400_000_000  # bytes; a million pixels take 16 MB while they are decoded
MAX_PIXELS = 1_000_000
OPTIONS = EmbedOptions(device="cpu", cache=False, memory_limit=200_000_000)

Answers = tuple[np.ndarray, list[str]]
Face = Callable[[Sequence[EncodedImage]], Answers]


@dataclass
class Tried:
    """What came of it.

    Attributes:
        answered: pictures with an answer.
        refused: causes, with how often each was told.
        slowest: seconds that the slowest 32 took by one face.
        memory: bytes that the process's highest memory grew by.
        written: what the libraries wrote to standard output and standard error.
    """

    answered: int
    refused: Counter[str]
    slowest: float
    memory: int
    written: bytes


@contextmanager
def kept_output() -> Iterator[list[bytes]]:
    """What is written to the terminal, from C too, while the block runs."""
    found: list[bytes] = []
    plain = [os.dup(number) for number in (1, 2)]
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            yield found
        finally:
            for number, before in zip((1, 2), plain, strict=True):
                os.dup2(before, number)
                os.close(before)
            file.seek(0)
            found.append(file.read())


def highest_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def by_model(model: TrainedModel) -> Face:
    def ask(images: Sequence[EncodedImage]) -> Answers:
        found = model.predict(images, options=OPTIONS, max_pixels=MAX_PIXELS)
        return found.probabilities, list(found.errors)

    return ask


@contextmanager
def by_server(model: TrainedModel) -> Iterator[Face]:
    predictor = TrainedPredictor(model, Computing(replace(OPTIONS, workers=2), MAX_PIXELS))
    with served(predictor, max_pictures=AT_ONCE, max_request_bytes=50_000_000) as server:

        def ask(images: Sequence[EncodedImage]) -> Answers:
            answer = server.post(*[(f"{row}", image.content) for row, image in enumerate(images)])
            assert answer.status_code in (200, 422), answer.text
            rows = answer.json()["answers"]
            none = dict.fromkeys(model.classes, np.nan)
            shares = [row.get("probabilities") or none for row in rows]
            return (
                np.array([[share[name] for name in model.classes] for share in shares]),
                [row.get("error") or "" for row in rows],
            )

        yield ask


def as_pillow(content: bytes) -> None:
    """An image that a caller of the Python classes opened: pixels, or an ImageError."""
    logging.disable()  # what Image.open does is the caller's own
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content))
    except Exception:
        return
    finally:
        logging.disable(logging.NOTSET)
    if image.width * image.height <= MAX_PIXELS:
        try:
            pixels = PillowImage(image).read()
        except ImageError as error:
            assert str(error)
        else:
            assert pixels.dtype == np.uint8 and pixels.shape[2] == 3


def check(one: Answers, other: Answers, within: float) -> None:
    assert one[1] == other[1]
    assert np.allclose(one[0], other[0], atol=within, rtol=0, equal_nan=True)


def try_pictures(count: int, folder: Path, seed: int = 1) -> Tried:
    """Answer so many mutated pictures by every face."""
    model = tiny_model()
    (folder / "model.onnx").write_bytes(export_onnx(model, opset=18, figures={}))
    names, rng = sorted(whole_files()), np.random.default_rng(seed)
    tried = Tried(0, Counter(), 0.0, 0, b"")
    with by_server(model) as server, kept_output() as written:
        faces = (by_model(model), by_model(load_exported(folder / "model.onnx")), server)
        before = highest_memory()
        for start in range(0, count, AT_ONCE):
            contents = [mutated(names[(start + i) % len(names)], rng) for i in range(AT_ONCE)]
            images = [EncodedImage(content) for content in contents]
            answers = []
            for face in faces:
                began = time.monotonic()
                answers.append(face(images))
                tried.slowest = max(tried.slowest, time.monotonic() - began)
            for found, within in zip(answers[1:], (1e-3, 1e-5), strict=True):
                check(answers[0], found, within)
            for content in contents:
                as_pillow(content)
            causes = [error for error in answers[0][1] if error]
            tried.answered += AT_ONCE - len(causes)
            tried.refused.update(causes)
    tried.memory, tried.written = highest_memory() - before, written[0]
    return tried


def test_mutated_pictures_are_answered_alike_or_refused(tmp_path: Path) -> None:
    tried = try_pictures(COUNT, tmp_path)
    assert tried.written == b""
    assert tried.slowest < LONGEST
    assert tried.memory < MORE_MEMORY
    assert min(tried.answered, tried.refused.total()) > COUNT / 5, tried


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = try_pictures(int(sys.argv[1]), Path(place))
    sys.stdout.write(f"{found.refused.total()} refused, {replace(found, refused=Counter())}\n")

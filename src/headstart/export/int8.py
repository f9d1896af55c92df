"""An exported graph in whole numbers of eight bits: smaller, and faster where the processor is.

The weights of the backbone and the maps between its layers are rounded to 256 steps each, whose
sizes are found by running pictures (static quantisation). The preprocessing and the head stay as
they are. Needs onnxruntime with onnx.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from headstart.arrays import ByteImage, FloatArray
from headstart.errors import ExportError
from headstart.export.check_pictures import GivenPictures, spread
from headstart.export.onnx_export import answering, canvases, finished
from headstart.heads.familiarity import is_unfamiliar
from headstart.recipes.trained_model import TrainedModel

MOST_CALIBRATED = 100  # pictures; more change the steps' sizes little
MOST_TIMED = 30
ROUNDED = ("Conv", "MatMul", "Gemm")  # operators that are computed in eight bits
NETWORK = "node_"  # how torch's exporter names the backbone's nodes


@dataclass(frozen=True)
class Loss:
    """What eight bits cost, and what they save.

    Attributes:
        content: the file.
        pictures: answered by both files.
        labelled: whether shares are of right answers, else of answers equal to those in fp32.
        before, after: these shares, in fp32 and in int8.
        largest: difference of a probability.
        bytes_before, bytes_after: sizes of the files.
        seconds_before, seconds_after: for one picture on one core, the middle of some.
        unfamiliar: shares of the pictures that are unfamiliar, before and after; None where the
            model does not tell.
    """

    content: bytes
    pictures: int
    labelled: bool
    before: float
    after: float
    largest: float
    bytes_before: int
    bytes_after: int
    seconds_before: float
    seconds_after: float
    unfamiliar: tuple[float, float] | None = None

    def require(self, max_drop: float) -> None:
        """Raise ExportError when more is lost than allowed."""
        drop = self.before - self.after
        if drop > max_drop:
            what = "accuracy" if self.labelled else "agreement"
            raise ExportError(
                f"--precision int8 costs {drop:.3f} of {what} on {self.pictures} pictures "
                f"({self.before:.3f} to {self.after:.3f}), --max-drop allows {max_drop:g}; nothing "
                "is written. Leave --precision out, or allow more"
            )

    def lines(self) -> list[str]:
        """All that in words."""
        what = "accuracy" if self.labelled else "agreement with fp32"
        return [
            f"int8 on {self.pictures} pictures: {what} {self.before:.3f} to {self.after:.3f}, "
            f"largest difference of a probability {self.largest:.1e}",
            f"size {self.bytes_before:,} to {self.bytes_after:,} bytes, one picture on one core "
            f"{self.seconds_before * 1e3:.1f} to {self.seconds_after * 1e3:.1f} ms",
            *self._unfamiliar(),
        ]

    def _unfamiliar(self) -> list[str]:
        if self.unfamiliar is None:
            return []
        before, after = self.unfamiliar
        return [f"unfamiliar pictures: a share of {before:.3f} to {after:.3f}"]


def quantised(
    exact: bytes, model: TrainedModel, given: GivenPictures, notes: dict[str, str]
) -> Loss:
    """The file in eight bits, and what that costs on the given pictures.

    Args:
        exact: the file in fp32.
        model: that it came from.
        given: calibrate it and are answered.
        notes: what the new file says of itself.
    """
    steps = model.backbone.info.preprocessing
    pictures = canvases(given.prepared, steps)
    content = finished(_rounded(exact, pictures[spread(len(pictures), MOST_CALIBRATED)], notes))
    given_before, given_after = (_answers(file, pictures) for file in (exact, content))
    before, after = (answers[:, : len(model.classes)] for answers in (given_before, given_after))
    right = before.argmax(axis=1)
    labelled = given.labels is not None and set(given.labels) <= set(model.classes)
    if labelled:
        place = {name: number for number, name in enumerate(model.classes)}
        right = np.array([place[label] for label in given.labels or ()])
    timed = pictures[:MOST_TIMED]
    return Loss(
        content=content,
        pictures=len(pictures),
        labelled=labelled,
        before=float(np.mean(before.argmax(axis=1) == right)),
        after=float(np.mean(after.argmax(axis=1) == right)),
        largest=float(np.abs(before - after).max()),
        bytes_before=len(exact),
        bytes_after=len(content),
        seconds_before=_seconds(exact, timed),
        seconds_after=_seconds(content, timed),
        unfamiliar=None
        if model.familiarity is None
        else (_unfamiliar_share(given_before), _unfamiliar_share(given_after)),
    )


def _unfamiliar_share(answers: FloatArray) -> float:
    return float(is_unfamiliar(answers[:, -1]).mean())


def _rounded(exact: bytes, pictures: ByteImage, notes: dict[str, str]) -> onnx.ModelProto:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    graph = onnx.load_from_string(exact)
    names = [
        node.name
        for node in graph.graph.node
        if node.name.startswith(NETWORK) and node.op_type in ROUNDED
    ]
    with tempfile.TemporaryDirectory() as folder, _quiet_logging():
        file = Path(folder) / "int8.onnx"
        quantize_static(
            graph,
            file,
            _Reader(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=names,
            extra_options={"ActivationSymmetric": False},
        )
        made = onnx.load(file)
    made.producer_name = graph.producer_name  # by which the file is known as ours
    made.producer_version = graph.producer_version
    del made.metadata_props[:]
    for name, value in notes.items():
        made.metadata_props.add(key=name, value=value)
    return made


class _Reader:
    """Gives the calibration one picture after the other, as its protocol asks."""

    def __init__(self, pictures: ByteImage) -> None:
        self._left = iter(pictures)

    def get_next(self) -> dict[str, Any] | None:
        """The graph's input, or None at the end."""
        picture = next(self._left, None)
        return None if picture is None else {"image": picture[None]}


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """onnxruntime advises on steps that are none of the user's."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _answers(content: bytes, pictures: ByteImage) -> FloatArray:
    answer = answering(content)
    return np.concatenate([answer(picture[None]) for picture in pictures])


def _seconds(content: bytes, pictures: ByteImage) -> float:
    answer = answering(content)
    times = []
    for picture in pictures:
        began = time.perf_counter()
        answer(picture[None])
        times.append(time.perf_counter() - began)
    return float(np.median(times))

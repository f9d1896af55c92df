"""Answers of an exported model, by onnxruntime on a processor; torch is not needed.

The graph of such a file holds the whole model, so what comes out in place of features are class
probabilities and, behind them, how familiar the picture is; a network of joined ones gives its
features. Importing this module does not load onnxruntime.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.preprocessing import Preprocessing
from headstart.errors import MissingExtraError, ModelFolderError, UsageError

if TYPE_CHECKING:
    from headstart.backbones.backbone import BackboneInfo

PICTURE = "image"  # names of the graph's input, and of the outputs that are read
ANSWERS, FAMILIAR = "probabilities", "familiar"
USUAL_BATCH = 4  # pictures that a thread takes at once; each is computed by itself
QUIET = 4  # of onnxruntime's own messages only what ends the process


@dataclass(eq=False)
class OnnxNetwork:
    """The bytes of an exported file, whose session is made when it is first needed.

    A pickled copy goes without the session.

    Attributes:
        content: the file.
        name: what it is called in messages.
    """

    content: bytes
    name: str
    _session: Any = field(default=None, init=False, repr=False)

    @property
    def session(self) -> Any:
        """onnxruntime's session. Raises ModelFolderError for a graph that it does not take."""
        if self._session is None:
            self._session = open_session(self.content, self.name)
        return self._session

    def start(self, info: BackboneInfo) -> OnnxRuntime:
        """Make the session ready. Raises MissingExtraError, ModelFolderError."""
        return OnnxRuntime(self.session, info.preprocessing)

    def tensors(self, info: BackboneInfo) -> dict[str, npt.NDArray[Any]]:
        """Raises UsageError: an exported model cannot be saved as a folder."""
        raise UsageError(
            f"{self.name} is an exported model, whose weights are part of its graph; keep the file "
            f"itself, or the folder that it was exported from ({info.name})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}


def open_session(content: bytes, name: str) -> Any:
    """A session of onnxruntime that computes in the caller's thread alone.

    Raises MissingExtraError without onnxruntime, ModelFolderError for a graph that it does not
    take; `name` is what the graph is called there.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(
            f'{name} needs onnxruntime: pip install "headstart[onnx]"'
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no base of their own
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelFolderError(f"{name} cannot be run by onnxruntime: {first}") from error


def on_canvas(picture: ByteImage, steps: Preprocessing) -> ByteImage:
    """A prepared picture in the middle of a black square of the size that the graph resizes to.

    The graph's own resize and crop give it back as it is, to the byte.
    """
    size, side = steps.size, steps.resize
    start = round((side - size) / 2.0)  # as Preprocessing.prepare cuts
    canvas = np.zeros((side, side, 3), dtype=np.uint8)
    canvas[start : start + size, start : start + size] = picture
    return canvas


class OnnxRuntime:
    """An exported graph, ready to answer prepared pictures.

    A picture is prepared by the same code whoever answers it, and given to the graph `on_canvas`.

    Args:
        session: of the graph.
        preprocessing: the graph's.
    """

    def __init__(self, session: Any, preprocessing: Preprocessing) -> None:
        self.usual_batch = USUAL_BATCH
        self._session = session
        self._outputs = outputs_read(session)
        self._steps = preprocessing

    def prepare_thread(self) -> None:
        """Nothing to prepare: a session computes in the thread that calls it."""

    def embed(self, pixels: ByteImage) -> Float32Array:
        """Class probabilities (n, k) of prepared pictures (n, size, size, 3).

        A model that knows how familiar a picture is has that as its last column, (n, k + 1).
        """
        # One by one: a product of matrices rounds by the number of its rows.
        answers = [self._answer(picture) for picture in pixels]
        return np.concatenate(answers) if answers else np.empty((0, 0), dtype=np.float32)

    def feature_map(self, pixels: ByteImage) -> Float32Array:  # noqa: ARG002 - the protocol's
        """Raises UsageError: the graph gives answers alone."""
        raise UsageError(
            "an exported model has no map of features; take the model folder that it came from"
        )

    def _answer(self, picture: ByteImage) -> Float32Array:
        try:
            given = {PICTURE: on_canvas(picture, self._steps)[None]}
            found = self._session.run(self._outputs, given)
        except Exception as error:  # its errors have no base of their own
            if "allocate" in str(error).lower():
                raise MemoryError(str(error)) from error
            raise ModelFolderError(f"the exported model cannot be run: {error}") from error
        return columns(found)


def outputs_read(session: Any) -> list[str]:
    """The names of the outputs whose numbers are read: older files do not know `familiar`.

    Of one of joined networks they are its features.
    """
    there = [output.name for output in session.get_outputs()]
    return [name for name in (ANSWERS, FAMILIAR) if name in there] or there


def columns(found: list[Any]) -> Float32Array:
    """Probabilities (n, k) and, where it is there, `familiar` (n,) behind them: (n, k + 1)."""
    answers, *familiar = found
    return np.column_stack([answers, *familiar]).astype(np.float32, copy=False)

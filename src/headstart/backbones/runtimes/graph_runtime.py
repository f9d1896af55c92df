"""Features by onnxruntime or OpenVINO, which run a network's kept graph on a processor.

Importing this module loads neither, and no torch.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import OPENVINO_FORKED, BackboneInfo
from headstart.backbones.runtimes.kept_graph import graph_of
from headstart.backbones.runtimes.runtime import no_map
from headstart.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from headstart.backbones.runtimes.torch_network import TorchNetwork

USUAL_BATCH = 4  # pictures that a thread takes at once; each is computed by itself
EXTRAS = {"onnxruntime": "onnx", "openvino": "openvino"}  # of ours, by the runtime's package
OPENVINO_PRECISION = {"fp32": "f32", "bf16": "bf16"}
FEATURES, MAP = 0, 1  # the graph's outputs, in their order; not every network has a map
Compute = Callable[[Float32Array, int], Float32Array]  # one input (1, 3, size, size), which output

_openvino_process: int | None = None  # in which OpenVINO has started its threads


def is_installed(runtime: str) -> bool:
    """Whether the runtime's package is there; it is not loaded."""
    return runtime == "torch" or find_spec(runtime) is not None


def require_installed(runtime: str) -> None:
    """Raise MissingExtraError, with the pip command, where the runtime's package is not there."""
    if not is_installed(runtime):
        raise MissingExtraError(
            f'--runtime {runtime} needs it installed: pip install "headstart[{EXTRAS[runtime]}]"'
        )


class GraphRuntime:
    """A kept graph that is ready to compute.

    Pictures are computed one by one, so that none depends on the others of its call.

    Args:
        network: has the weights, and makes the graph where none is kept.
        info: what is known of it; its runtime and precision decide who computes, and in what.

    Raises MissingExtraError, and UsageError for a network that has no graph.
    """

    def __init__(self, network: TorchNetwork, info: BackboneInfo) -> None:
        self.usual_batch = USUAL_BATCH
        self._info = info
        require_installed(info.runtime)
        start = onnxruntime_graph if info.runtime == "onnxruntime" else openvino_graph
        self._run, self._outputs = start(graph_of(network, info), info)
        shape = (1, 3, 1, 1)
        mean = np.asarray(info.preprocessing.mean, dtype=np.float32).reshape(shape)
        std = np.asarray(info.preprocessing.std, dtype=np.float32).reshape(shape)
        self._shift, self._scale = -mean / std, np.float32(1) / (np.float32(255) * std)

    def prepare_thread(self) -> None:
        """Nothing to prepare."""

    def embed(self, pixels: ByteImage) -> Float32Array:
        """Features (n, d) of prepared pictures (n, size, size, 3). Raises MemoryError."""
        found = np.empty((len(pixels), self._info.feature_size), dtype=np.float32)
        for row, picture in enumerate(pixels):
            found[row] = self._computed(picture, FEATURES)
        return found

    def feature_map(self, pixels: ByteImage) -> Float32Array:
        """The last map before the pooling, (n, c, h, w). Raises UsageError where there is none."""
        if self._outputs <= MAP:
            raise no_map(self._info.name)
        return np.concatenate([self._computed(picture, MAP) for picture in pixels])

    def _computed(self, picture: ByteImage, output: int) -> Float32Array:
        maps = picture.transpose(2, 0, 1)[None]
        inputs = np.multiply(maps, self._scale, order="C", dtype=np.float32)
        inputs += self._shift
        try:
            return self._run(inputs, output)
        except Exception as error:  # their errors have no base of their own
            if any(word in str(error).lower() for word in ("allocate", "memory")):
                raise MemoryError(str(error)) from error
            raise


def onnxruntime_graph(graph: bytes, info: BackboneInfo) -> tuple[Compute, int]:
    """A session of onnxruntime, which computes in the thread that calls it; and its outputs."""
    from headstart.backbones.runtimes.onnx_runtime import open_session

    session = open_session(graph, f"the graph of {info.name}")
    name = session.get_inputs()[0].name
    outputs = [output.name for output in session.get_outputs()]

    def run(inputs: Float32Array, output: int) -> Float32Array:
        return np.asarray(session.run([outputs[output]], {name: inputs})[0], dtype=np.float32)

    return run, len(outputs)


@cache
def _openvino_core() -> Any:
    """OpenVINO's one core in this process. Where several came and went, a later Ctrl-C crashed."""
    import openvino

    return openvino.Core()


def openvino_graph(graph: bytes, info: BackboneInfo) -> tuple[Compute, int]:
    """OpenVINO's model with a thread for each core, a request a thread; and its outputs."""
    global _openvino_process
    if _openvino_process not in (None, os.getpid()):
        raise UsageError(OPENVINO_FORKED)
    _openvino_process = os.getpid()
    side, cores = info.preprocessing.size, os.cpu_count() or 1
    core = _openvino_core()
    model = core.read_model(graph)
    model.reshape([1, 3, side, side])
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": OPENVINO_PRECISION[info.precision],
        "INFERENCE_NUM_THREADS": cores,
        "NUM_STREAMS": cores,
        "ENABLE_CPU_PINNING": False,  # which core is the system's choice, as for all else
    }
    compiled = core.compile_model(model, "CPU", settings)
    own = threading.local()

    def run(inputs: Float32Array, output: int) -> Float32Array:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        # A copy, since the next call writes over the request's own.
        return np.array(own.request.infer({0: inputs})[output], dtype=np.float32)

    # OpenVINO's binding fills its table of types at the first call. Two first calls at once waited
    # for ever, one for Python's lock and one for that table.
    run(np.zeros((1, 3, side, side), dtype=np.float32), FEATURES)
    return run, len(compiled.outputs)

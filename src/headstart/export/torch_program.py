"""A model as a program of torch.export: prepared bytes in, class probabilities out. Needs torch.

The resize is not in it: it takes a batch of pictures that were resized and cut already, as bytes,
and does the rest: normalising, backbone, head, temperature, softmax. What comes out has the names
that the outputs of an ONNX file have: probabilities, label, and familiar where the model tells it.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from functools import singledispatchmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, relu, softplus

from headstart.arrays import ByteImage, FloatArray
from headstart.backbones.runtimes.batch_norm_folding import fold_batch_norms
from headstart.backbones.runtimes.onnx_runtime import ANSWERS, FAMILIAR
from headstart.errors import UsageError
from headstart.evaluate.predictions import LEAST_PROBABILITY
from headstart.export.agreement import compare_prepared
from headstart.export.check_pictures import check_pictures
from headstart.export.onnx_export import notes
from headstart.heads.familiarity import Familiarity
from headstart.heads.fitted_heads import (
    NEIGHBOUR_TEMPERATURE,
    FittedHead,
    FittedKnn,
    FittedLinear,
    FittedMlp,
    FittedSvm,
)
from headstart.outputs.own_files import PROGRAM_NOTES
from headstart.progress import QUIET, Progress
from headstart.recipes.trained_model import TrainedModel
from headstart.thread_counts import one_torch_thread

LABEL = "label"


def export_torch(
    model: TrainedModel,
    *,
    figures: dict[str, Any] | None = None,
    pictures: Sequence[ByteImage] = (),
    progress: Progress = QUIET,
) -> bytes:
    """The model as the bytes of a .pt2 file, compared with the model; arguments as `export_onnx`.

    Raises UsageError when torch cannot export it, and ExportError when it does not answer alike.
    """
    steps = model.backbone.info.preprocessing
    progress.note(f"exporting {model.backbone.info.name} by torch")
    with one_torch_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, on its own parts
        whole = WholeModel(model).eval()
        example = torch.zeros(2, steps.size, steps.size, 3, dtype=torch.uint8)
        try:
            program = torch.export.export(
                whole, (example,), dynamic_shapes=({0: torch.export.Dim("n")},)
            )
        except Exception as error:  # whatever an architecture does that cannot be traced
            first = next(iter(str(error).splitlines()), type(error).__name__)
            raise UsageError(
                f"torch cannot export {model.backbone.info.name}: {first}; take another backbone"
            ) from error
        for node in program.graph.nodes:  # places of source files on this machine
            node.meta.pop("stack_trace", None)
        file = io.BytesIO()
        said = json.dumps(notes(model, figures, "fp32"))
        torch.export.save(program, file, extra_files={PROGRAM_NOTES: said})
        content = file.getvalue()
        again = torch.export.load(io.BytesIO(content)).module()

        def answer(prepared: ByteImage) -> FloatArray:
            with torch.inference_mode():
                found = again(torch.from_numpy(np.ascontiguousarray(prepared)))
            read = [found[name].double().numpy() for name in (ANSWERS, FAMILIAR) if name in found]
            return np.column_stack(read)

        progress.note("comparing its answers with the model's own")
        agreement = compare_prepared(model, answer, check_pictures([steps], pictures))
    for line in agreement.lines():
        progress.note(line)
    agreement.require()
    return content


class WholeModel(nn.Module):
    """Prepared bytes (n, size, size, 3) to answers by their names, in fp32.

    The arrays of the head, and of what tells how familiar a picture is, are buffers. Raises
    UsageError for a head that is not known here.
    """

    scale: Tensor
    shift: Tensor
    head_mean: Tensor
    head_scale: Tensor
    head_coef: Tensor
    head_intercept: Tensor
    head_first: Tensor
    head_first_bias: Tensor
    head_last: Tensor
    head_last_bias: Tensor
    head_rows: Tensor
    head_votes: Tensor
    head_class_weights: Tensor
    familiar_mean: Tensor
    familiar_transform: Tensor
    familiar_weights: Tensor
    familiar_coef: Tensor
    familiar_intercept: Tensor
    familiar_distances: Tensor

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        steps = model.backbone.info.preprocessing
        std = np.asarray(steps.std, dtype=np.float32)
        self.network = fold_batch_norms(model.backbone.module, steps.size)
        self.temperature = model.temperature
        self.mirror = model.backbone.info.mirror
        self.head = model.head
        self._keep("scale", (1.0 / (255.0 * std)).reshape(1, 3, 1, 1))
        self._keep("shift", (-np.asarray(steps.mean) / std).reshape(1, 3, 1, 1))
        arrays = model.head.to_arrays()
        if isinstance(model.head, FittedSvm):
            arrays["coef"], arrays["intercept"] = model.head.arguments()
        for name, array in arrays.items():
            if array.dtype.kind == "f":
                self._keep(f"head_{name}", array)
        if isinstance(model.head, FittedKnn):
            codes = torch.from_numpy(np.asarray(model.head.codes, dtype=np.int64))
            self.register_buffer("head_votes", one_hot(codes, len(model.classes)).float())
        self.tells = isinstance(model.familiarity, Familiarity)
        if isinstance(model.familiarity, Familiarity):
            for name, array in model.familiarity.to_arrays().items():
                self._keep(f"familiar_{name}", array)

    def _keep(self, name: str, array: Any) -> None:
        self.register_buffer(name, torch.from_numpy(np.asarray(array, dtype=np.float32)))

    def forward(self, prepared: Tensor) -> dict[str, Tensor]:
        """Probabilities (n, k), label (n,) and, where the model tells, familiar (n,)."""
        maps = prepared.permute(0, 3, 1, 2).float()
        inputs = maps * self.scale + self.shift
        features = self.network(inputs)
        if self.mirror:
            features = (features + self.network(inputs.flip(3))) / 2
        logs = self._logs(self.head, features)
        if self.temperature != 1:
            logs = logs.clamp(min=float(np.log(LEAST_PROBABILITY))) / self.temperature
        answers = logs.softmax(dim=1)
        found = {ANSWERS: answers, LABEL: answers.argmax(dim=1)}
        return {**found, FAMILIAR: self._familiar(features)} if self.tells else found

    def _familiar(self, features: Tensor) -> Tensor:
        """What `Familiarity.of` does, (n,)."""
        length = features.norm(dim=1, keepdim=True)
        v = features / length.clamp(min=torch.finfo(torch.float32).tiny) - self.familiar_mean
        turned = v @ self.familiar_transform.T
        squares = torch.stack([v.square().sum(dim=1), turned.square().sum(dim=1)], dim=1)
        linear = v @ self.familiar_coef.T + self.familiar_intercept
        distance = squares @ self.familiar_weights + linear.amin(dim=1)
        farther = (self.familiar_distances >= distance[:, None]).sum(dim=1)
        found: Tensor = (farther + 1).float() / (len(self.familiar_distances) + 1)
        return found

    @singledispatchmethod
    def _logs(self, head: FittedHead, features: Tensor) -> Tensor:  # noqa: ARG002 - the interface
        raise UsageError(f"the head {head.name} cannot be exported as a program of torch")

    @_logs.register
    def _(self, head: FittedLinear, features: Tensor) -> Tensor:  # noqa: ARG002 - its arrays
        return self._layer(features).log_softmax(dim=1)

    @_logs.register
    def _(self, head: FittedSvm, features: Tensor) -> Tensor:
        z = self._layer(features)
        if len(head.sigmoid) == 1:
            return torch.cat([-softplus(-z), -softplus(z)], dim=1)
        return (-softplus(z)).log_softmax(dim=1)

    @_logs.register
    def _(self, head: FittedMlp, features: Tensor) -> Tensor:
        hidden = relu(self._standard(features) @ self.head_first + self.head_first_bias)
        logits = hidden @ self.head_last + self.head_last_bias
        if head.last.shape[1] == 1:
            logits = torch.cat([-logits / 2, logits / 2], dim=1)
        return logits.log_softmax(dim=1)

    @_logs.register
    def _(self, head: FittedKnn, features: Tensor) -> Tensor:
        centred = features - self.head_mean
        length = centred.norm(dim=1, keepdim=True)
        unit = centred / length.clamp(min=torch.finfo(torch.float32).tiny)
        count = min(head.n_neighbors, len(head.rows))
        best, nearest = (unit @ self.head_rows.T).topk(count, dim=1)
        gap = best - best[:, :1]
        weights = (gap / NEIGHBOUR_TEMPERATURE).exp().unsqueeze(2)
        votes = self.head_votes[nearest] * self.head_class_weights
        total: Tensor = (votes * weights).sum(dim=1)
        spread = self.head_class_weights / self.head_class_weights.sum()
        return (total + spread).log().log_softmax(dim=1)

    def _standard(self, features: Tensor) -> Tensor:
        centred: Tensor = features - self.head_mean
        return centred / self.head_scale

    def _layer(self, features: Tensor) -> Tensor:
        product: Tensor = self._standard(features) @ self.head_coef.T
        return product + self.head_intercept

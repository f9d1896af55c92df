"""How close an exported graph's answers are to the model's own, measured before it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from headstart.arrays import ByteImage, Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.errors import ExportError
from headstart.export.check_pictures import CheckPicture
from headstart.recipes.trained_model import TrainedModel

MOST = 1e-3  # difference of a probability from that in fp32
MOST_UNRESIZED = 1e-5  # where the picture needs no resize
MOST_IN_BATCH = 1e-5  # between a picture alone and the same one among others
BATCH = 3

Answer = Callable[[ByteImage], FloatArray]  # pictures (n, h, w, 3) to probabilities (n, k)
Prepare = Callable[[ByteImage], Float32Array]  # the same to the bytes before normalising


@dataclass(frozen=True)
class Agreement:
    """Differences over n pictures, each alone and with two others.

    Attributes:
        pictures: n, with the mirrored ones.
        largest: of a probability from that of the model in fp32.
        unresized: the same where no resize is needed.
        in_batch: of a picture's probability alone from the one among others.
        from_reduced: from the model in bf16, in which it was fitted; None for one fitted in fp32.
        equal_bytes: share of the prepared bytes that are Pillow's.
        byte_difference: the largest difference between those that are not.
    """

    pictures: int
    largest: float
    unresized: float
    in_batch: float
    from_reduced: float | None
    equal_bytes: float
    byte_difference: int

    def lines(self) -> list[str]:
        """The differences in words."""
        equal = "all" if self.equal_bytes == 1 else f"{self.equal_bytes:.4%}"
        found = [
            f"compared on {self.pictures} pictures, alone and by threes: {equal} of the resized "
            f"bytes are Pillow's (largest difference {self.byte_difference})",
            f"largest difference of a probability: {self.largest:.1e} from the model in fp32, "
            f"{self.unresized:.1e} where nothing is resized, {self.in_batch:.1e} between batches",
        ]
        if self.from_reduced is not None:
            found.append(
                f"the model was fitted in bf16 and answers in it where that is faster; the file "
                f"computes in fp32 and differs from that by up to {self.from_reduced:.1e}"
            )
        return found

    def require(self) -> None:
        """Raise ExportError for a difference above its bound."""
        for name, found, most in (
            ("a probability", self.largest, MOST),
            ("a probability of a picture that needs no resize", self.unresized, MOST_UNRESIZED),
            ("a probability in a batch of three", self.in_batch, MOST_IN_BATCH),
        ):
            if not found <= most:
                raise ExportError(
                    f"the exported model does not give the model's answers: {name} differs by "
                    f"{found:.1g}, the bound is {most:.0e}; nothing is written. Another opset "
                    "(--opset), or another backbone, may do"
                )


def compare(
    model: TrainedModel, answer: Answer, prepare: Prepare, pictures: Iterable[CheckPicture]
) -> Agreement:
    """Answer pictures by both ways, alone and in batches of three."""
    steps = model.backbone.info.preprocessing
    exact = in_precision(model, "fp32")
    is_reduced = model.backbone.info.precision != "fp32"
    largest = {True: 0.0, False: 0.0}  # by whether a resize was needed
    count, in_batch, from_reduced = 0, 0.0, 0.0
    equal: list[float] = []
    byte_difference = 0
    for picture in pictures:
        batch = np.stack([picture.rgb, picture.rgb[:, ::-1], picture.rgb[::-1]])[:BATCH]
        prepared = np.stack([steps.prepare(rgb) for rgb in batch])
        gap = np.abs(np.moveaxis(prepare(batch), 1, -1) - prepared.astype(np.float32))
        equal.append(float((gap == 0).mean()))
        byte_difference = max(byte_difference, int(gap.max()))
        found, alone = answer(batch), answer(batch[:1])
        expected = exact.probabilities(exact.backbone.embed(prepared))
        needed = picture.needs_resize
        largest[needed] = max(largest[needed], _gap(found, expected), _gap(alone, expected[:1]))
        in_batch = max(in_batch, _gap(alone, found[:1]))
        if is_reduced:
            reduced = model.probabilities(model.backbone.embed(prepared))
            from_reduced = max(from_reduced, _gap(found, reduced))
        count += len(batch)
    return Agreement(
        pictures=count,
        largest=max(largest.values()),
        unresized=largest[False],
        in_batch=in_batch,
        from_reduced=from_reduced if is_reduced else None,
        equal_bytes=float(np.mean(equal)),
        byte_difference=byte_difference,
    )


def in_precision(model: TrainedModel, precision: str) -> TrainedModel:
    """The same model on a processor in another precision."""
    info = replace(model.backbone.info, precision=precision, device="cpu")
    return replace(model, backbone=Backbone(info, model.backbone.network))


def _gap(first: FloatArray, second: FloatArray) -> float:
    """The largest difference; infinite where one is no number."""
    gap = np.abs(first - second).max()
    return float(gap) if np.isfinite(gap) else float("inf")

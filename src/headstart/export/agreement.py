"""How close an exported graph's answers are to the model's own, measured before it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.arrays import ByteImage, Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.joining import embed_prepared, join_backbones, prepared_for_each
from headstart.errors import ExportError
from headstart.export.check_pictures import CheckPicture
from headstart.heads.familiarity import Familiarity
from headstart.recipes.trained_model import TrainedModel

MOST = 1e-3  # difference of a probability from that in fp32
MOST_UNRESIZED = 1e-5  # where the picture needs no resize
MOST_IN_BATCH = 1e-5  # between a picture alone and the same one among others
MOST_DISTANCE = 1e-3  # share by which the distance behind `familiar` may be another

# Pictures (n, h, w, 3) to probabilities (n, k), with `familiar` behind them where it is given.
Answer = Callable[[ByteImage], FloatArray]
Prepare = Callable[[ByteImage], Float32Array]  # the same to the bytes before normalising


@dataclass(frozen=True)
class Agreement:
    """Differences over n pictures, each alone and with two others.

    Attributes:
        pictures: n, with the mirrored ones.
        largest: of a probability from that of the model in fp32.
        unresized: the same where no resize is needed; None where every picture needs one, as for
            joined networks of different sizes.
        in_batch: of a picture's probability alone from the one among others.
        from_reduced: from the model in bf16, in which it was fitted, the median over the pictures
            and the largest; None for one fitted in fp32.
        equal_bytes: share of the prepared bytes that are Pillow's; None where they are given.
        byte_difference: the largest difference between those that are not.
        familiar: difference of `familiar` beyond what `MOST_DISTANCE` explains; None where it is
            not given.
    """

    pictures: int
    largest: float
    unresized: float | None
    in_batch: float
    from_reduced: tuple[float, float] | None
    equal_bytes: float | None
    byte_difference: int
    familiar: float | None = None

    def lines(self) -> list[str]:
        """The differences in words."""
        found = [f"compared on {self.pictures} pictures, alone and by threes"]
        if self.equal_bytes is not None:
            equal = "all" if self.equal_bytes == 1 else f"{self.equal_bytes:.4%}"
            found[0] += (
                f"; {equal} of the resized bytes are Pillow's (largest difference "
                f"{self.byte_difference})"
            )
        parts = [f"{self.largest:.1e} from the model in fp32"]
        if self.unresized is not None:
            parts.append(f"{self.unresized:.1e} where nothing is resized")
        parts.append(f"{self.in_batch:.1e} between batches")
        found.append(f"largest difference of a probability: {', '.join(parts)}")
        if self.familiar is not None:
            found.append(f"familiar is the model's, its distance within {MOST_DISTANCE:.1%}")
        if self.from_reduced is not None:
            median, largest = self.from_reduced
            found.append(
                "the model was fitted on features in bf16, the file computes in fp32: their "
                f"probabilities differ by {median:.1e} in the median and up to {largest:.1e}"
            )
        return found

    def require(self) -> None:
        """Raise ExportError for a difference above its bound."""
        for name, found, most in (
            ("a probability", self.largest, MOST),
            ("a probability of a picture that needs no resize", self.unresized, MOST_UNRESIZED),
            ("a probability in a batch of three", self.in_batch, MOST_IN_BATCH),
        ):
            if found is not None and not found <= most:
                raise ExportError(
                    f"the exported model does not give the model's answers: {name} differs by "
                    f"{found:.1g}, the bound is {most:.0e}; nothing is written. Another opset "
                    "(--opset), or another backbone, may do"
                )
        if self.familiar is not None and not self.familiar <= MOST_UNRESIZED:
            raise ExportError(
                "the exported model does not give the model's answers: familiar differs by "
                f"{self.familiar:.1g} more than rounding explains; nothing is written"
            )


def compare(
    model: TrainedModel,
    answer: Answer,
    prepare: Sequence[Prepare],
    pictures: Iterable[CheckPicture],
) -> Agreement:
    """Answer decoded pictures by both ways, alone and in batches of three.

    `prepare` is one for each of the networks.
    """
    found = _Differences(model)
    for picture in pictures:
        batch = _batch(picture)
        prepared = prepared_for_each(model.backbone, batch)
        for one, expected in zip(prepare, prepared, strict=True):
            found.bytes(np.moveaxis(one(batch), 1, -1), expected)
        found.answers(prepared, answer(batch), answer(batch[:1]), picture.needs_resize)
    return found.result()


def compare_prepared(
    model: TrainedModel, answer: Answer, pictures: Iterable[CheckPicture]
) -> Agreement:
    """`compare` for what answers prepared pictures (n, size, size, 3): nothing is resized there."""
    steps = model.backbone.info.preprocessing
    found = _Differences(model)
    for picture in pictures:
        prepared = np.stack([steps.prepare(rgb) for rgb in _batch(picture)])
        found.answers([prepared], answer(prepared), answer(prepared[:1]), needs_resize=False)
    return found.result()


def _batch(picture: CheckPicture) -> ByteImage:
    """The picture and two mirrored ones."""
    return np.stack([picture.rgb, picture.rgb[:, ::-1], picture.rgb[::-1]])


class _Differences:
    """The largest differences so far."""

    def __init__(self, model: TrainedModel) -> None:
        self.exact = in_precision(model, "fp32")
        precision = model.backbone.info.precision
        self.reduced = in_precision(model, precision) if precision != "fp32" else None
        self.count, self.in_batch, self.byte_difference = 0, 0.0, 0
        self.largest: dict[bool, float] = {}  # by whether a resize was needed
        self.equal: list[float] = []
        self.from_reduced: list[float] = []
        self.familiar: list[float] = []

    def bytes(self, found: Float32Array, expected: ByteImage) -> None:
        """Prepared pictures by both ways, (n, size, size, 3)."""
        gap = np.abs(found - expected.astype(np.float32))
        self.equal.append(float((gap == 0).mean()))
        self.byte_difference = max(self.byte_difference, int(gap.max()))

    def answers(
        self,
        prepared: Sequence[ByteImage],
        found: FloatArray,
        alone: FloatArray,
        needs_resize: bool,
    ) -> None:
        """Probabilities of a batch, prepared for each network, and of its first picture alone."""
        features, k = embed_prepared(self.exact.backbone, prepared), len(self.exact.classes)
        expected = self.exact.probabilities(features)
        given, found, alone = found[:, k:], found[:, :k], alone[:, :k]
        if given.size and isinstance(self.exact.familiarity, Familiarity):
            self.familiar.append(beyond_rounding(self.exact.familiarity, features, given[:, 0]))
        worst = max(_gap(found, expected), _gap(alone, expected[:1]))
        self.largest[needs_resize] = max(self.largest.get(needs_resize, 0.0), worst)
        self.in_batch = max(self.in_batch, _gap(alone, found[:1]))
        if self.reduced is not None:
            answers = self.reduced.probabilities(embed_prepared(self.reduced.backbone, prepared))
            self.from_reduced += np.abs(answers - found).max(axis=1).tolist()
        self.count += len(found)

    def result(self) -> Agreement:
        """All of them."""
        reduced = self.from_reduced
        return Agreement(
            pictures=self.count,
            largest=max(self.largest.values()),
            unresized=self.largest.get(False),
            in_batch=self.in_batch,
            from_reduced=(float(np.median(reduced)), max(reduced)) if reduced else None,
            equal_bytes=float(np.mean(self.equal)) if self.equal else None,
            byte_difference=self.byte_difference,
            familiar=max(self.familiar, default=None),
        )


def beyond_rounding(known: Familiarity, features: Float32Array, given: FloatArray) -> float:
    """How far what is given lies outside of `familiar` for slightly other distances.

    It is a count of training pictures that are farther out, which makes a step at each.
    """
    distance = known.distance(features)
    low, high = (known.rank(distance * (1 + sign * MOST_DISTANCE)) for sign in (1, -1))
    gap = np.maximum(low - given, given - high).max()
    return float(gap) if np.isfinite(gap) else float("inf")


def in_precision(model: TrainedModel, precision: str) -> TrainedModel:
    """The same model on a processor in another precision."""
    parts = [
        Backbone(
            replace(part.info, precision=precision, device="cpu", runtime="torch"), part.network
        )
        for part in model.backbone.parts
    ]
    return replace(model, backbone=join_backbones(parts))


def _gap(first: FloatArray, second: FloatArray) -> float:
    """The largest difference; infinite where one is no number."""
    gap = np.abs(first - second).max()
    return float(gap) if np.isfinite(gap) else float("inf")

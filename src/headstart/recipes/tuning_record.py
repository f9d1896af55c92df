"""What is known of a fine-tuning: its parts, and whether it beats the frozen head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from headstart.evaluate.metrics import measure
from headstart.evaluate.predictions import Predictions
from headstart.evaluate.significance import Difference, p_words, paired_difference
from headstart.recipes.folds import FoldResult
from headstart.wording import plural

ALPHA = 0.05
NOISE = 0.1  # of the error


@dataclass(frozen=True)
class TrainedPart:
    """A stage of the backbone: its name, how many of its weights are trained, and all of them."""

    name: str
    trained: int
    weights: int


@dataclass(frozen=True)
class Phases:
    """Phase two, fine-tuned, against phase one, the frozen head, on the same pictures.

    Attributes:
        pictures: how many, in words: "345 pictures, out-of-fold".
        accuracy: of phase one and phase two.
        log_loss: of phase one and phase two; None where it is undefined.
        difference: accuracy of phase two less that of phase one.
    """

    pictures: str
    accuracy: tuple[float, float]
    log_loss: tuple[float | None, float | None]
    difference: Difference

    @property
    def sentence(self) -> str:
        """Whether the two can be told apart, with the difference in points and its interval."""
        found = self.difference
        low, high = (100 * end for end in found.interval)
        if found.p_value >= ALPHA:
            verdict = "cannot be told from the frozen head"
        else:
            verdict = f"is {'better' if found.difference > 0 else 'worse'} than the frozen head"
        losses = ""
        if self.log_loss[0] is not None and self.log_loss[1] is not None:
            losses = f"; log loss {self.log_loss[0]:.3f} before, {self.log_loss[1]:.3f} after"
        return (
            f"fine-tuning {verdict} on {self.pictures}: {100 * found.difference:+.1f} points, "
            f"interval {low:.1f} to {high:.1f}, {p_words(found.p_value)}{losses}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "pictures": self.pictures,
            "accuracy": list(self.accuracy),
            "log_loss": list(self.log_loss),
            "difference": self.difference.difference,
            "interval": list(self.difference.interval),
            "p_value": self.difference.p_value,
            "sentence": self.sentence,
        }


def advice(folds: FoldResult) -> tuple[str, ...]:
    """A line about fine-tuning, only where the folds' error is clearly above what labels are worth.

    Below an error of a tenth, nothing that was measured gained by it (docs/fine-tuning.md).
    """
    right = measure(folds.predictions).accuracy_interval
    if right is None or 1 - right[1] <= NOISE:
        return ()
    return (
        f"over the folds the error is {1 - right[1]:.3f} or more: the backbone may have to learn "
        "too; --recipe auto finds out",
    )


def compare_phases(one: Predictions, two: Predictions, noun: str, where: str = "") -> Phases:
    """Both phases' answers for the same n pictures, by the paired test; groups count as groups."""
    first, second = measure(one), measure(two)
    return Phases(
        pictures=f"{plural(len(one), noun)}{where}",
        accuracy=(float(one.correct.mean()), float(two.correct.mean())),
        log_loss=(first.log_loss, second.log_loss),
        difference=paired_difference(two.correct, one.correct, two.groups),
    )


@dataclass(frozen=True)
class Cost:
    """Seconds of a step a picture, and of what all trainings make once: the frozen part's maps."""

    a_picture: float
    once: float


@dataclass(frozen=True)
class Tuning:
    """How a model was fine-tuned.

    Attributes:
        unfreeze: what was asked to be trained.
        parts: the backbone's stages, the first one first.
        head_weights: of the last layer, all of them trained.
        views: of each picture that phase one has learnt from, besides the picture.
        phases: phase two against phase one.
    """

    unfreeze: str
    parts: tuple[TrainedPart, ...]
    head_weights: int
    views: int
    phases: Phases

    @property
    def trained(self) -> int:
        """Weights that were trained, the head's with them."""
        return self.head_weights + sum(part.trained for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "unfreeze": self.unfreeze,
            "parts": [asdict(part) for part in self.parts],
            "trained_parameters": self.trained,
            "phase_one_views": self.views,
            "phases": self.phases.to_json(),
        }


def parts_in_words(parts: Sequence[TrainedPart], head: int) -> str:
    """ "trained: blocks.6 to bn2 1,148,160 weights, head 2,562: 34% of 3,373,570"."""
    shown = [
        f"{part.name} {part.trained:,}" + (f" of {part.weights:,}" * (part.trained < part.weights))
        for part in parts
        if part.trained
    ]
    trained = head + sum(part.trained for part in parts)
    whole = head + sum(part.weights for part in parts)
    return (
        f"trained: {', '.join([*shown, f'head {head:,}'])}; {trained:,} weights, "
        f"{trained / whole:.0%} of all"
    )

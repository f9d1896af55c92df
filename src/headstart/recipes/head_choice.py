"""Which head the options ask for: an exact one, or the linear head trained by epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headstart.heads.catalogue import make_head
from headstart.heads.head import Head
from headstart.options import HeadOptions, LoopOptions
from headstart.progress import QUIET, Progress

if TYPE_CHECKING:
    from headstart.recipes.training_history import EpochRecord


def head_maker(
    head: HeadOptions, loop: LoopOptions, seed: int, progress: Progress = QUIET
) -> Callable[[], Head]:
    """A function that makes a new head for each fit.

    `progress` gets a line for each epoch, where there are epochs.
    """
    if loop.epochs is None:
        return lambda: make_head(head, seed)
    from headstart.recipes.stepped_head import SteppedHead

    return lambda: SteppedHead.from_options(
        loop, class_weight=head.class_weight, seed=seed, on_epoch=epoch_teller(progress)
    )


def epoch_teller(progress: Progress) -> Callable[[EpochRecord], None] | None:
    """Tells each epoch in a line, or nothing to nobody."""
    if progress is QUIET:
        return None
    return lambda record: progress.note(epoch_line(record))


def epoch_line(record: EpochRecord) -> str:
    """One epoch in words and figures."""
    line = (
        f"epoch {record.epoch:3d}  training loss {record.training_loss:.4f}, "
        f"accuracy {record.training_accuracy:.3f}"
    )
    if record.validation_loss is None or record.validation_accuracy is None:
        return line
    return (
        f"{line}   validation loss {record.validation_loss:.4f}, "
        f"accuracy {record.validation_accuracy:.3f}"
    )

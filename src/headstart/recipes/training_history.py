"""What the epoch loop writes down: one record an epoch. Reading it needs no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class EpochRecord:
    """Figures of one epoch.

    Attributes:
        epoch: counted from 1.
        training_loss: mean of the loss over the epoch's rows, each taken before its own step.
        training_accuracy: share of right answers over the same rows, 0 to 1.
        validation_loss: cross-entropy after the epoch, without label smoothing; None without
            validation rows.
        validation_accuracy: share of right answers after the epoch; None as above.
        seconds: time of the epoch, validation included.
        learning_rate: the largest of the epoch's last step; None where it is constant.
    """

    epoch: int
    training_loss: float
    training_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float
    learning_rate: float | None = None


@dataclass(frozen=True)
class History:
    """All epochs of a run, and the epoch whose weights were kept; 0 for those of the start."""

    records: tuple[EpochRecord, ...]
    kept_epoch: int

    @property
    def kept_accuracy(self) -> float | None:
        """The kept epoch's accuracy in training; None where the start was kept."""
        return self.records[self.kept_epoch - 1].training_accuracy if self.kept_epoch else None

    def to_rows(self) -> list[dict[str, float | int | bool | None]]:
        """One row an epoch for `history.csv`; `kept` is true in one of them at most."""
        return [{**asdict(item), "kept": item.epoch == self.kept_epoch} for item in self.records]

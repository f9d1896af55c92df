from __future__ import annotations

from headstart.recipes.training_history import EpochRecord, History


def test_rows_have_all_columns_and_mark_the_kept_epoch() -> None:
    first = EpochRecord(1, 0.9, 0.5, 0.8, 0.6, 1.5)
    second = EpochRecord(2, 0.7, 0.75, None, None, 1.25, 0.5)
    assert History((first, second), kept_epoch=2).to_rows() == [
        {
            "epoch": 1,
            "training_loss": 0.9,
            "training_accuracy": 0.5,
            "validation_loss": 0.8,
            "validation_accuracy": 0.6,
            "seconds": 1.5,
            "learning_rate": None,
            "kept": False,
        },
        {
            "epoch": 2,
            "training_loss": 0.7,
            "training_accuracy": 0.75,
            "validation_loss": None,
            "validation_accuracy": None,
            "seconds": 1.25,
            "learning_rate": 0.5,
            "kept": True,
        },
    ]

"""Hugging Face's `Trainer` for a linear layer on the frozen network."""

from __future__ import annotations

from typing import Any

import numpy as np
import timm
import torch
from benchmarks.rivals.clock import NAME, Clock, given, read_tables
from PIL import Image
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed


class Teller(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Tells the accuracy after each epoch."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_evaluate(self, _arguments: Any, state: Any, _control: Any, **more: Any) -> None:
        """Called by the trainer."""
        self.clock.tell(more["metrics"]["eval_accuracy"], epoch=round(state.epoch))


# What a user writes
class Classifier(nn.Module):
    """The frozen network and a layer."""

    def __init__(self, network: Any, classes: int) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.layer = nn.Linear(network.num_features, classes)

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Loss and logits."""
        self.network.eval()
        logits = self.layer(self.network(pixel_values))
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class Pictures(torch.utils.data.Dataset[Any]):
    """Rows of a table."""

    def __init__(self, table: Any, classes: list[str], transform: Any) -> None:
        self.table, self.classes, self.transform = table, classes, transform

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, row: int) -> dict[str, Any]:
        picture = Image.open(self.table.path.iloc[row]).convert("RGB")
        label = self.classes.index(self.table.label.iloc[row])
        return {"pixel_values": self.transform(picture), "labels": label}


# End


def main() -> None:
    """Tell the accuracy after each epoch."""
    clock = Clock("transformers", "torch")
    folder, weights, epochs = given()
    set_seed(0)
    # What a user writes
    train, test = read_tables(folder)
    classes = sorted(train.label.unique())
    file = {"file": str(weights)}
    network = timm.create_model(NAME, pretrained=True, num_classes=0, pretrained_cfg_overlay=file)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"), num_train_epochs=epochs, learning_rate=1e-3,
        per_device_train_batch_size=32, per_device_eval_batch_size=32, eval_strategy="epoch",
        save_strategy="no", report_to="none", remove_unused_columns=False, use_cpu=True,
    )  # fmt: skip
    trainer = Trainer(
        Classifier(network, len(classes)),
        arguments,
        train_dataset=Pictures(train, classes, transform),
        eval_dataset=Pictures(test, classes, transform),
        compute_metrics=lambda found: {"accuracy": np.mean(found[0].argmax(1) == found[1])},
    )
    # End
    trainer.add_callback(Teller(clock))
    # What a user writes
    trainer.train()
    # End


if __name__ == "__main__":
    main()

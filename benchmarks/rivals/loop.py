"""The exercise's loop: 50 epochs that push every picture through the frozen network.

Only a few are made so. What the frozen network gives does not change between epochs, so the others
go on with what it gave, step by step the same, and are counted at the seconds of those measured.
"""

from __future__ import annotations

import numpy as np
import timm
import torch
from benchmarks.rivals.clock import NAME, Clock, given, read_tables
from PIL import Image
from torch import nn

EPOCHS = 50


def main() -> None:
    """Tell the accuracy after each epoch."""
    clock = Clock("torch", "timm")
    folder, weights, measured = given()
    torch.manual_seed(0)
    # What a user writes
    train, test = read_tables(folder)
    classes = sorted(train.label.unique())
    file = {"file": str(weights)}
    network = timm.create_model(NAME, pretrained=True, num_classes=0, pretrained_cfg_overlay=file)
    network.eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    inputs, targets = [], []
    for table in (train, test):
        pictures = [transform(Image.open(path).convert("RGB")) for path in table.path]
        inputs.append(torch.stack(pictures))
        targets.append(torch.tensor([classes.index(label) for label in table.label]))
    layer = nn.Linear(network.num_features, len(classes))
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-4)
    # End; the loop's own lines are below
    start = np.array(clock.now())
    each = np.zeros(2)
    for epoch in range(1, EPOCHS + 1):
        # What a user writes
        for rows in torch.split(torch.randperm(len(train)), 32):
            with torch.no_grad():
                features = network(inputs[0][rows])
            loss = nn.functional.cross_entropy(layer(features), targets[0][rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        with torch.no_grad():
            right = layer(network(inputs[1])).argmax(1) == targets[1]
        # End
        if epoch <= measured:
            each = (np.array(clock.now()) - start) / epoch
        if epoch == measured:
            with torch.no_grad():
                inputs = [torch.cat([network(x) for x in torch.split(part, 32)]) for part in inputs]
            network = nn.Identity()
        seconds, processors = (start + epoch * each).tolist()
        clock.tell(right.float().mean().item(), epoch=epoch, after=(seconds, processors))


if __name__ == "__main__":
    main()

"""scikit-learn's logistic regression on features that are taken one picture at a time."""

from __future__ import annotations

import numpy as np
import timm
import torch
from benchmarks.rivals.clock import NAME, Clock, given, read_tables
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main() -> None:
    """Tell the accuracy."""
    clock = Clock("scikit-learn", "torch", "timm")
    folder, weights, _ = given()
    # What a user writes
    train, test = read_tables(folder)
    file = {"file": str(weights)}
    network = timm.create_model(NAME, pretrained=True, num_classes=0, pretrained_cfg_overlay=file)
    network.eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    rows = []
    for table in (train, test):
        features = []
        for path in table.path:
            with torch.no_grad():
                picture = transform(Image.open(path).convert("RGB"))
                features.append(network(picture[None])[0].numpy())
        rows.append(np.stack(features))
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    head.fit(rows[0], train.label)
    accuracy = head.score(rows[1], test.label)
    # End
    clock.tell(accuracy)


if __name__ == "__main__":
    main()

"""Features of a frozen backbone as a step of a scikit-learn pipeline, cross-validated.

python examples/pipeline.py FOLDER
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headstart import ImageEmbedder
from headstart.samples.drawn_set import write_drawn


def main(folder: Path) -> float:
    """Returns the mean accuracy of five folds; the backbone sees every picture once."""
    table = write_drawn(folder, count=60)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    paths = [folder / "images" / row["image_names"] for row in rows]
    labels = [row["emergency_or_not"] for row in rows]

    pipeline = make_pipeline(ImageEmbedder(), StandardScaler(), LogisticRegression(C=0.01))
    scores = cross_val_score(pipeline, paths, labels, cv=5)
    print("accuracy of five folds:", scores.round(2))
    return float(scores.mean())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "pipeline-example"))

"""Fit a classifier on drawn pictures, predict, save, and load it again.

python examples/classify.py FOLDER
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from headstart import ImageClassifier, load
from headstart.samples.drawn_set import write_drawn


def main(folder: Path) -> float:
    """Returns the share of right answers on pictures that were not learnt from."""
    table = write_drawn(folder, count=60)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    paths = [folder / "images" / row["image_names"] for row in rows]
    labels = [row["emergency_or_not"] for row in rows]

    classifier = ImageClassifier().fit(paths[:40], labels[:40])
    print("classes:", list(classifier.classes_))
    print("first answers:", list(classifier.predict(paths[40:45])))
    classifier.save(folder / "model")

    again = load(folder / "model")
    accuracy = again.score(paths[40:], labels[40:])
    print(f"accuracy on 20 other pictures: {accuracy:.2f}")
    return accuracy


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "classify-example"))

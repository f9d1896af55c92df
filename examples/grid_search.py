"""scikit-learn's grid search over the classifier's own parameters.

python examples/grid_search.py FOLDER
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from sklearn.model_selection import GridSearchCV, train_test_split

from headstart import ImageClassifier
from headstart.samples.drawn_set import write_drawn


def main(folder: Path) -> float:
    """Returns the share of right answers on pictures that the search has not seen."""
    table = write_drawn(folder, count=80)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    paths = [folder / "images" / row["image_names"] for row in rows]
    labels = [int(row["emergency_or_not"]) for row in rows]
    learnt, held_out, y_learnt, y_held_out = train_test_split(
        paths, labels, test_size=0.25, stratify=labels, random_state=0
    )

    # Eight candidates by three folds are 24 fits, and yet each picture goes through the backbone
    # once: its features are kept.
    search = GridSearchCV(
        ImageClassifier(),
        {"head": ["linear", "svm"], "C": [0.001, 0.1], "class_weight": [None, "balanced"]},
        scoring="balanced_accuracy",
        cv=3,
    ).fit(learnt, y_learnt)
    print("best:", search.best_params_)
    print(f"balanced accuracy of its folds: {search.best_score_:.2f}")

    # The best of many folds looks better than it is: the figure to report is of other pictures.
    accuracy: float = search.best_estimator_.score(held_out, y_held_out)
    print(f"accuracy on {len(held_out)} other pictures: {accuracy:.2f}")
    search.best_estimator_.save(folder / "model")
    return accuracy


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "search-example"))

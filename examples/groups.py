"""Pictures that belong together, such as frames of one film, stay together when it is measured.

python examples/groups.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from sklearn import config_context
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score

from headstart import ImageClassifier

FILMS, FRAMES = 16, 5


def film(corners: int, rng: np.random.Generator) -> list[Image.Image]:
    """Frames of one film: the same scene and colours, the sign moves and turns a little."""
    ground, sign = (tuple(rng.integers(40, 215, 3).tolist()) for _ in range(2))
    x, y = rng.integers(38, 58, 2).tolist()
    radius, turn = int(rng.integers(22, 32)), int(rng.integers(360))
    frames = []
    for _ in range(FRAMES):
        frame = Image.new("RGB", (96, 96), ground)
        dx, dy, dt = rng.integers(-5, 6, 3).tolist()
        circle = (x + dx, y + dy, radius)
        ImageDraw.Draw(frame).regular_polygon(circle, corners, rotation=turn + dt, fill=sign)
        frames.append(frame)
    return frames


def main(folder: Path) -> float:
    """Returns the accuracy on films that were not learnt from."""
    rng = np.random.default_rng(4)
    corners = [4, 6] * (FILMS // 2)  # of the sign that each film shows, which is to be told
    frames = [frame for count in corners for frame in film(count, rng)]
    labels = [count for count in corners for _ in range(FRAMES)]
    films = [number for number in range(FILMS) for _ in range(FRAMES)]

    # With frames dealt at random nearly every tested frame has a twin among those learnt from: the
    # figure says how well films are known again, not how well a new film will be understood.
    dealt = StratifiedKFold(4, shuffle=True, random_state=0)
    by_frames = cross_val_score(ImageClassifier(), frames, labels, cv=dealt).mean()

    # Whole films are held out, and within the others too, where the classifier chooses its
    # penalty: `set_fit_request` says that the groups are for its `fit` as well as for the folds.
    with config_context(enable_metadata_routing=True):
        by_films = cross_val_score(
            ImageClassifier().set_fit_request(groups=True),
            frames,
            labels,
            cv=StratifiedGroupKFold(4),
            params={"groups": films},
        ).mean()
    print(f"accuracy with frames dealt at random: {by_frames:.2f}")
    print(f"accuracy on films it has never seen:  {by_films:.2f}")

    # The model for use learns from all films.
    ImageClassifier().fit(frames, labels, groups=films).save(folder / "model")
    return float(by_films)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "groups-example"))

"""Pictures need no files: Pillow images and NumPy arrays go in as they are.

python examples/pictures_in_memory.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headstart import ImageClassifier, load


def draw(is_ripe: bool, rng: np.random.Generator) -> Image.Image:
    """A tomato on a table, red when it is ripe and green when it is not."""
    size = 96
    table = tuple(int(value) for value in rng.integers(90, 220, 3))
    picture = Image.new("RGB", (size, size), table)
    x, y = rng.integers(8, 32, 2).tolist()
    width = int(rng.integers(36, 56))
    light = int(rng.integers(-35, 35))
    skin = (205 + light, 60 + light, 50) if is_ripe else (110 + light, 165 + light, 60)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((x, y, x + width, y + width), fill=skin)
    pen.ellipse((x + width * 0.4, y, x + width * 0.6, y + width * 0.15), fill=(60, 90, 40))
    return picture


def main(folder: Path) -> float:
    """Returns the share of right answers on pictures that were not learnt from."""
    rng = np.random.default_rng(1)
    ripe = [number % 2 == 0 for number in range(60)]
    pictures = [draw(is_ripe, rng) for is_ripe in ripe]

    # Labels are text, whole numbers or, as here, bools; the answers are of the same type.
    classifier = ImageClassifier().fit(pictures[:40], ripe[:40])
    print("classes:", classifier.classes_.tolist())
    print("first answers:", classifier.predict(pictures[40:45]).tolist(), "truth:", ripe[40:45])

    # One array (n, height, width, 3) of bytes from 0 to 255 in RGB is as good as a list of images:
    # what video readers and scientific cameras give. The answers are the same.
    arrays = np.stack([np.asarray(picture) for picture in pictures[40:]])
    probabilities = classifier.predict_proba(arrays)
    same = np.array_equal(probabilities, classifier.predict_proba(pictures[40:]))
    print("images and arrays have the same answers:", same)
    print("how sure it is of the first:", probabilities[0].max().round(3))

    # The labels' type is kept with the model.
    classifier.save(folder / "model")
    accuracy = load(folder / "model").score(arrays, ripe[40:])
    print(f"accuracy on 20 other pictures: {accuracy:.2f}")
    return accuracy


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "pictures-example"))

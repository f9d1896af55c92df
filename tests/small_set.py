"""A small labelled set in files, with something in it for every option to act on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

COUNT = 26
COLOURS = {"red": (190, 80, 70), "blue": (70, 80, 190), "green": (70, 190, 80)}


def write_small_set(root: Path) -> None:
    """Folders of pictures, tables of them in several forms, fixes, and two files of weights."""
    _write_pictures(root)
    _write_tables(root)
    _write_weights(root)


def _write_pictures(root: Path) -> None:
    """Red, blue and some green pictures; the last two are near copies of the first two."""
    rng = np.random.default_rng(5)
    for folder in ("images", "others"):
        (root / folder).mkdir()
        for number in range(COUNT):
            path = root / folder / f"p{number:02d}.png"
            if number >= COUNT - 2:
                copied = Image.open(root / folder / f"p{number - COUNT + 2:02d}.png")
                copied.resize((80, 64)).save(path)
                continue
            base = np.array(COLOURS[_label_of(number)])
            squares = np.clip(base + rng.normal(0, 60, (8, 10, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(np.kron(squares, np.ones((4, 4, 1), np.uint8))).save(path)
    for number in range(2 * COUNT):  # two sites with a folder for each class
        place = root / "sites" / f"site{number % 2}" / _label_of(number // 2)
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "images" / f"p{number // 2:02d}.png", place / f"{number}.png")
    Image.new("RGB", (40, 32), (90, 20, 20)).save(root / "outside.png")


def _label_of(number: int) -> str:
    if number >= COUNT - 2:
        number -= COUNT - 2
    return "green" if number % 5 == 3 else ("red", "blue")[number % 2]


def _write_tables(root: Path) -> None:
    head = "image,label,second,other,part,patient\n"
    lines = [
        f"p{n:02d}.png,{_label_of(n)},p{COUNT - 1 - n:02d}.png,{'ab'[n % 3 == 0]},"
        f"{'test' if n % 4 == 0 or n == COUNT - 1 else 'train'},{n // 3}\n"
        for n in range(COUNT)
    ]
    plain = head + "".join(lines)
    (root / "labels.csv").write_text(plain)
    (root / "latin.csv").write_bytes(plain.replace("green", "grün").encode("latin-1"))
    (root / "gap.csv").write_text(plain + "gone.png,red,gone.png,a,train,90\n")
    (root / "outside.csv").write_text(plain + "../outside.png,red,../outside.png,a,train,91\n")
    (root / "renames.csv").write_text("old,new\nred,crimson\n")
    (root / "fixes.csv").write_text("image,fix\np05.png,red\np06.png,drop\n")


def _write_weights(root: Path) -> None:
    """Two files of weights of one architecture."""
    import safetensors.torch
    import timm
    import torch

    for seed, name in enumerate(("a", "b")):
        torch.manual_seed(seed)
        state = timm.create_model("test_resnet", pretrained=False).state_dict()
        safetensors.torch.save_file(state, root / f"{name}.safetensors")

"""Nothing is left out without a line, and nothing is found out too late."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]


def test_c38_a_lone_class_stands_in_the_list_of_all_that_is_bad(
    pets: Path, pets_table: Path, run: Call, tmp_path: Path
) -> None:
    shutil.copy(pets / "cat1.png", pets / "again.png")
    pets_table.write_text(pets_table.read_text() + "again.png,owl\n")
    ended = run("fit", pets_table, "--out", tmp_path / "run")
    assert ended.code == 1
    assert "3 bad inputs:" in ended.err
    assert "class 'owl': has 1 picture; a training and a test part need at least 2" in ended.err
    assert "--exclude owl" in ended.err


def test_evaluate_names_the_rows_that_it_goes_on_without(
    pets: Path, pets_table: Path, run: Call, colours: Path
) -> None:
    text = pets_table.read_text().replace(",cat", ",red").replace(",dog", ",blue")
    pets_table.write_text(text + "gone.png,red\n")
    ended = run("evaluate", colours, pets_table, "--skip-bad")
    assert ended.code == 0
    assert "left out: labels.csv, line 14: gone.png: not found" in ended.err


def test_c06_embed_names_animations_too(
    pets: Path, pets_table: Path, run: Call, tmp_path: Path, paint: Call
) -> None:
    from PIL import Image

    first, second = (Image.open(pets / name) for name in ("cat0.png", "cat1.png"))
    first.save(pets / "anim.gif", save_all=True, append_images=[second])
    pets_table.write_text(pets_table.read_text() + "anim.gif,cat\n")
    ended = run("embed", pets_table, "--out", tmp_path / "f.npz")
    assert ended.code == 0
    assert "anim.gif (2 frames or pages)" in ended.err


def test_out_in_a_new_folder(pets: Path, pets_table: Path, run: Call, colours: Path) -> None:
    out = pets.parent / "new"
    assert run("embed", pets_table, "--out", out / "f.npz").code == 0
    assert run("predict", colours, pets / "cat0.png", "--out", out / "more" / "a.csv").code == 0
    assert (out / "f.npz").exists()
    (out / "file").write_text("")
    for verb in (("embed", pets_table), ("predict", colours, pets / "cat0.png")):
        ended = run(*verb, "--out", out / "file" / "x")
        assert ended.code == 2
        assert "cannot be written" in ended.err


def test_c65_the_message_never_advises_to_switch_the_protection_off(
    boom: object, pets: Path, pets_table: Path, run: Call
) -> None:
    import pickle

    file = pets / "evil.pt"
    file.write_bytes(pickle.dumps(boom, protocol=2))
    ended = run("embed", pets_table, "--weights", file, "--out", pets / "f.npz")
    assert ended.code == 2
    assert "evil.pt cannot be read safely: it holds more than plain tensors" in ended.err
    assert "weights_only" not in ended.err

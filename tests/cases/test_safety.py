"""Hostile names and files with code in them: nothing runs, nothing is read or written outside."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from headstart import load
from headstart.classifier import load_folder
from headstart.data.inputs import list_pictures
from headstart.errors import HeadstartError
from headstart.images.source import LocalFile, Unavailable
from headstart.options import ReadOptions

Call = Callable[..., Any]

NAMES = (
    "../secret.png",
    "..",
    "/etc/passwd",
    "..\\secret.png",
    "C:\\Windows\\win.ini",
    "http://a.example/b.png",
    "x" * 300 + ".png",
    "<script>alert(1)</script>.png",
    "%2e%2e%2fsecret.png",
    "....//secret.png",
    "file:///etc/passwd",
    "con",
    " ",
    "inside.png/../../secret.png",
    "-rf.png",
)


@pytest.fixture
def hostile(tmp_path: Path, paint: Call) -> Path:
    """A folder with one picture, a secret beside it, and a table of hostile names."""
    paint(tmp_path / "root" / "inside.png", "red")
    paint(tmp_path / "secret.png", "blue")
    table = tmp_path / "names.csv"
    table.write_text("image,label\ninside.png,cat\n" + "".join(f'"{n}",dog\n' for n in NAMES))
    return table


def test_c62_no_name_of_a_table_leads_out_of_its_folder(
    hostile: Path, tmp_path: Path, answers: Call, run: Call
) -> None:
    root = tmp_path / "root"
    before = sorted(tmp_path.rglob("*"))
    ended = run("embed", hostile, "--images", root, "--out", tmp_path / "f.npz")
    assert ended.code == 1
    assert f"{len(NAMES)} bad inputs:" in ended.err
    assert (
        f"names.csv, line 3: ../secret.png: leads out of the pictures' folder {root}" in ended.err
    )
    for line in range(3, 3 + len(NAMES)):
        assert f"names.csv, line {line}" in ended.err
    assert sorted(p for p in tmp_path.rglob("*") if "cache" not in p.parts) == before
    rows, ended = answers(hostile, "--images", root)
    assert ended.code == 1
    assert [name for name, row in rows.items() if row["predicted"]] == ["inside.png"]
    assert "leads out of the pictures' folder" in rows["secret.png"]["error"]
    table = list_pictures([hostile], ReadOptions(images=root))
    assert table.ids == ("inside.png", *(name.strip() for name in NAMES))
    for image in table.images:
        if isinstance(image, LocalFile):
            assert image.path.resolve().is_relative_to(root.resolve())
        else:
            assert isinstance(image, Unavailable)


def test_c62_a_nul_byte_is_named(tmp_path: Path, hostile: Path, run: Call, colours: Path) -> None:
    hostile.write_text("image,label\ninside.png,cat\na\0.png,dog\n")
    ended = run("predict", colours, hostile, "--images", tmp_path / "root")
    assert ended.code == 1
    assert "names.csv, line 3: has a NUL byte" in ended.err
    row = load(colours, device="cpu").predictions(["a\0.png"])
    assert "NUL" in row.errors[0]


def test_c62_an_option_allows_it(tmp_path: Path, hostile: Path, answers: Call) -> None:
    hostile.write_text("image\ninside.png\n../secret.png\n")
    rows, ended = answers(hostile, "--images", tmp_path / "root", "--allow-outside")
    assert ended.code == 0
    assert rows["secret.png"]["predicted"] == "blue"


def test_c62_names_and_labels_are_text_on_the_page(tmp_path: Path, paint: Call, run: Call) -> None:
    script = "<script>alert(1)</script>"
    rows = ["image,label"]
    for number in range(8):
        name = f"{number}<img src=x onerror=alert(1)>.png"
        paint(tmp_path / "set" / name, ("red", "blue")[number % 2], seed=number)
        rows.append(f"{name},{(script, 'plain')[number % 2]}")
    paint(tmp_path / "set" / "wrong.png", "red", seed=90)
    (tmp_path / "set" / "t.csv").write_text("\n".join([*rows, "wrong.png,plain", ""]))
    ended = run("fit", tmp_path / "set" / "t.csv", "--out", tmp_path / "run", "--folds", "3")
    assert ended.code == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert script not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_c62_names_are_no_markup_on_the_terminal(
    tmp_path: Path, paint: Call, answers: Call
) -> None:
    path = paint(tmp_path / "[red]x[/red][bold].png", "green")
    rows, ended = answers(path)
    assert ended.code == 0
    assert rows[path.name]["predicted"] == "green"
    assert "[/red]" in ended.out.replace("\n", "")


@pytest.fixture
def evil(boom: object, tmp_path: Path) -> dict[str, Path]:
    """Files that run code when they are unpickled, bare and inside an archive."""
    bare, archive = tmp_path / "evil.pkl", tmp_path / "evil.pt"
    bare.write_bytes(pickle.dumps(boom, protocol=2))
    torch.save({"state_dict": {"x": boom}}, archive)
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as file:
        file.writestr("archive/data.pkl", bare.read_bytes())
    text = tmp_path / "text.pt"
    text.write_text("no model at all")
    return {"bare": bare, "archive": archive, "zip": tmp_path / "plain.zip", "text": text}


@pytest.mark.parametrize("kind", ["bare", "archive", "zip", "text"])
def test_c65_files_with_code_are_refused_everywhere(
    kind: str, evil: dict[str, Path], pets: Path, pets_table: Path, run: Call
) -> None:
    file, out = evil[kind], pets.parent / "out.npz"
    picture = pets / "cat0.png"
    asked = (
        ("predict", file, picture),
        ("evaluate", file, pets_table),
        ("fit", file, "--out", pets.parent / "run"),
        ("compare", file, "--out", pets.parent / "comparison"),
        ("compare", pets_table, "--models", "test_resnet", "--weights", f"test_resnet={file}"),
    )
    for arguments in asked:
        ended = run(*arguments)
        assert ended.code != 0, arguments
        assert file.name in ended.err, arguments
    ended = run("embed", pets_table, "--weights", file, "--out", out)
    assert ended.code == 2
    assert f"{file.name} cannot be read safely" in ended.err
    assert not out.exists()
    with pytest.raises(HeadstartError):
        load(file, device="cpu")


def test_c65_a_model_folder_or_a_cache_with_code_in_it(
    evil: dict[str, Path], own_cache: Path, pets: Path, pets_table: Path, run: Call
) -> None:
    content = evil["bare"].read_bytes()
    model = pets.parent / "model"
    model.mkdir()
    for name in ("headstart.json", "model.safetensors", "head.safetensors", "config.json"):
        (model / name).write_bytes(content)
    ended = run("predict", model, pets / "cat0.png")
    assert ended.code == 1
    assert "headstart.json is damaged" in ended.err
    out = pets.parent / "f.npz"
    assert run("embed", pets_table, "--out", out).code == 0
    files = [file for file in own_cache.rglob("*") if file.is_file()]
    assert len(files) >= 2
    for file in files:
        file.write_bytes(content)
    ended = run("embed", pets_table, "--out", out)
    assert ended.code == 0
    assert "12 computed now" in ended.out
    assert "set aside" in ended.err


def test_c66_nothing_in_a_run_names_a_device(
    pets_table: Path, tmp_path: Path, run: Call, pets: Path
) -> None:
    assert run("fit", pets_table, "--out", tmp_path / "run", "--folds", "0").code == 0
    files = [file for file in (tmp_path / "run").rglob("*") if file.is_file()]
    assert {file.suffix for file in (tmp_path / "run" / "model").iterdir()} == {
        ".json",
        ".md",
        ".safetensors",
    }
    for file in files:
        if file.parent.name == "model":
            assert b"cuda" not in file.read_bytes(), file
    if not torch.cuda.is_available():
        model = load_folder(tmp_path / "run" / "model", device="cuda").set_params(cache=False)
        with pytest.raises(HeadstartError, match=r"cuda.*cpu"):
            model.predict([pets / "cat0.png"])
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["options"]["embed"]["device"] == "cpu"


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_c67_seven_rows_in_seven_rows_out(
    batch: int, tmp_path: Path, paint: Call, run: Call, colours: Path, rows_of: Call
) -> None:
    kinds = {"z.png": "red", "m.png": "blue", "a.png": "green", "b.png": "white"}
    for name, colour in kinds.items():
        paint(tmp_path / "images" / name, colour, seed=ord(name[0]))
    whole = paint(tmp_path / "images" / "broken.jpg").read_bytes()
    (tmp_path / "images" / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    names = ["z.png", "m.png", "broken.jpg", "a.png", "missing.png", "b.png", "z.png"]
    table, out = tmp_path / "table.csv", tmp_path / "answers.csv"
    table.write_text("image\n" + "".join(f"{name}\n" for name in names))
    for workers in (1, 3):
        ended = run("predict", colours, table, "--images", tmp_path / "images", "--out", out,
                    "--embed-batch", batch, "--workers", workers, "--no-cache")  # fmt: skip
        assert ended.code == 1
        rows = rows_of(out)
        assert [row["image"] for row in rows] == names
        assert [row["predicted"] for row in rows] == [kinds.get(name, "") for name in names]
        assert "truncated" in rows[2]["error"]
        assert "not found" in rows[4]["error"]
        assert not any(row["error"] for row in rows if row["image"] in kinds)

"""Imports go down the layers only, and nothing but the terminal program prints."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import headstart

ROOT = Path(headstart.__file__).parent
README = Path(__file__).parents[1] / "README.md"
LAYERS = (
    {
        "wording",
        "errors",
        "extras",
        "arrays",
        "options",
        "progress",
        "outputs",
        "cache_folder",
        "thread_counts",
        "torch_random",
    },
    {"images", "samples"},
    {"data"},
    {"backbones"},
    {"features"},
    {"heads"},
    {"evaluate"},
    {"recipes"},
    {"compare", "audit", "rank", "explain"},
    {
        "model_card",
        "model_checks",
        "model_examples",
        "model_files",
        "model_dir",
        "export",
        "report",
    },
    {"inputs", "answering", "embedder", "classifier", "exported_classifier"},
    {"serve", "cluster", "cli"},
    {"__main__"},
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def room_of(module: str) -> str:
    return module.split(".")[1]


def imports_of(path: Path) -> set[str]:
    """Rooms that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headstart"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {room_of(name) for name in names}
        if isinstance(node, ast.Import):
            found |= {room_of(a.name) for a in node.names if a.name.startswith("headstart.")}
    return found


def test_imports_go_down_only() -> None:
    wrong = []
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        wrong += [
            f"{path.relative_to(ROOT)} imports {other}"
            for other in imports_of(path)
            if LEVEL[other] > LEVEL[room]
        ]
    assert not wrong


def test_every_room_has_a_level() -> None:
    rooms = {p.name.removesuffix(".py") for p in ROOT.iterdir() if p.name[0] not in "._"}
    assert rooms - {"py.typed"} <= set(LEVEL)


def file_map() -> list[str]:
    """The rooms of the source in the order of the README's file map."""
    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    first = next(i for i, row in enumerate(rows) if "src/headstart/" in row)
    rooms = []
    for row in rows[first:]:
        for place in re.findall(r"`([^`]+)`", row.split("|")[1]):
            name = place.removeprefix("src/headstart/").rstrip("/")
            assert (ROOT / name).exists() or (README.parent / name).exists(), place
            if (ROOT / name).exists():
                rooms.append(name.removesuffix(".py"))
    return rooms


def test_the_readme_maps_every_room_and_imports_run_down_the_map() -> None:
    rooms = file_map()
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert folders <= set(rooms)
    levels = [LEVEL[room] for room in rooms]
    assert levels == sorted(levels)


def test_the_import_reader_sees_all_forms(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text(
        "import headstart.cli.main\nfrom headstart.data import read\n"
        "def f():\n    from headstart import errors\n"
    )
    assert imports_of(file) == {"cli", "data", "errors"}

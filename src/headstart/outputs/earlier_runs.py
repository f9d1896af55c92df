"""Which files this program wrote into a folder before it kept a list of them there.

Certain is what the program's own JSON says together: a run has run.json with the record's keys,
metrics.json with the figures' and a model of format 1; a comparison, a check, an evaluation and a
model each have their own. Beside these, a table counts when its header is the one that was written,
and a page when it has the program's sign. Everything else belongs to the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from headstart.outputs.manifest import Entry, read_json, sha256_of
from headstart.outputs.own_files import (
    SPLIT_HEADER,
    first_line,
    is_predictions_table,
)

RECORD = {"recipe", "source", "options", "seed", "data_digest", "versions", "started", "seconds"}
FIGURES = {"backbone", "head", "classes", "n_train", "n_test", "test", "folds", "seconds"}
MODEL = {"format", "classes", "temperature", "head", "backbone", "timm", "tensors", "digest"}
MODEL_FILES = ("headstart.json", "head.safetensors", "model.safetensors", "config.json")
PAGE_SIGN = b'<p class="mark">headstart</p>'


def earlier_files(folder: Path) -> dict[str, Entry]:
    """The files of one run, comparison, check, evaluation or model; none where it is not certain.

    Their digests are those of the files as they are: whether a user changed them is not known.
    """
    by, names = earlier_names(folder)
    return {name: _entry(by, folder / name) for name in names}


def earlier_names(folder: Path) -> tuple[str, list[str]]:
    """The command that wrote there, and the names of its files; none where it is not certain."""
    for by, find in (
        ("fit", _run),
        ("compare", _comparison),
        ("check", _check),
        ("evaluate", _evaluation),
        ("save", _model),
    ):
        names = find(folder)
        if names:
            return by, names
    return "", []


def _entry(by: str, path: Path) -> Entry:
    return Entry(by, path.stat().st_size, sha256_of(path))


def _run(folder: Path) -> list[str]:
    model = [f"model/{name}" for name in _model(folder / "model")]
    if not model or not _has(folder / "run.json", RECORD):
        return []
    if not _has(folder / "metrics.json", FIGURES):
        return []
    return ["run.json", "metrics.json", *model, *_beside(folder)]


def _comparison(folder: Path) -> list[str]:
    content = read_json(folder / "comparison.json")
    if not {"rows", "sentences", "n_train", "n_test", "record"} <= content.keys():
        return []
    names = ["comparison.json", *_beside(folder)]
    rows = content["rows"] if isinstance(content["rows"], list) else []
    if first_line(folder / "comparison.csv").startswith("model,layer,head,"):
        names.append("comparison.csv")
    for row in rows:
        text = str(row.get("model")) if isinstance(row, dict) else ""
        home = "models/" + "".join(c if c.isalnum() or c in "._-" else "-" for c in text)
        model = [f"{home}/model/{name}" for name in _model(folder / home / "model")]
        if model:
            names += [*model, *(f"{home}/{name}" for name in _beside(folder / home))]
    return names


def _check(folder: Path) -> list[str]:
    content = read_json(folder / "check.json")
    if not {"findings", "record"} <= content.keys():
        return []
    found = _where(folder, ("check.html",), _is_page)
    found += _where(folder, ("check.csv",), lambda path: first_line(path).startswith("image,"))
    return ["check.json", *found]


def _evaluation(folder: Path) -> list[str]:
    content = read_json(folder / "metrics.json")
    if content.keys() != {"test"} or "confusion_matrix" not in content["test"]:
        return []
    return ["metrics.json", *_where(folder, ("predictions.csv",), is_predictions_table)]


def _model(folder: Path) -> list[str]:
    if not _has(folder / "headstart.json", MODEL):
        return []
    return _where(folder, MODEL_FILES, lambda _: True)


def _beside(folder: Path) -> list[str]:
    """What a run may have beside its figures."""
    return [
        *_where(folder, ("report.html",), _is_page),
        *_where(folder, ("predictions.csv", "fold_predictions.csv"), is_predictions_table),
        *_where(folder, ("split.csv",), lambda path: first_line(path) == SPLIT_HEADER),
        *_where(folder, ("history.csv",), lambda path: first_line(path).startswith("epoch,")),
    ]


def _where(folder: Path, names: Iterable[str], holds: Callable[[Path], bool]) -> list[str]:
    paths = ((name, folder / name) for name in names)
    return [n for n, path in paths if path.is_file() and not path.is_symlink() and holds(path)]


def _has(path: Path, keys: set[str]) -> bool:
    return not path.is_symlink() and keys <= read_json(path).keys()


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return PAGE_SIGN in file.read(100_000)

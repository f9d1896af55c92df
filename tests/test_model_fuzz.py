"""Whatever is changed in a model folder: refused as what it is, or answered as before.

Each trial changes one field or one part of one model, from a seed. Some changes are signed anew, as
somebody would who means harm: then any model may come out, but no traceback, no waiting and no
code. HEADSTART_FUZZ=20000 makes so many trials instead of the usual few.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tests.test_model_checks import fitted

from headstart.backbones.joining import join_backbones
from headstart.backbones.weights.digest import digest
from headstart.errors import ModelFolderError
from headstart.heads.fitted_heads import FittedLinear
from headstart.images.source import local_files
from headstart.model_dir import MODEL_FILES, _content_digest, load_model, save_model
from headstart.model_examples import ARRAYS_FILE, NAMES_FILE
from headstart.model_files import file_digest
from headstart.options import EmbedOptions
from headstart.recipes.trained_model import TrainedModel
from headstart.recipes.training_examples import TrainingExamples

SAVED = Path(__file__).parent / "models"
PICTURES = local_files(sorted((SAVED / "pictures").glob("*.png"))[:2])
TRIALS = int(os.environ.get("HEADSTART_FUZZ", "250"))
LONGEST = 20  # seconds for one answer, which takes some hundredths
JSON, HEAD, WEIGHTS = "headstart.json", "head.safetensors", "model.safetensors"
FAMILIAR = "familiar.safetensors"
VALUES: tuple[Any, ...] = (
    *(None, True, 0, 1, -1, 3, 7, 224, 10**15, 10**400, 0.0, -0.5, 1e308, 1e-308),
    *(float("nan"), float("inf"), "", "x", "1", "nearest", "border", "squash", "fc6", "bf16"),
    *("resnet18", "small_cnn", "hf-hub:a/b", "local-dir:/", "../../etc", "a\0b", "\ud800", "é"),
    *([], {}, [1, 2, 3], ["a", "b"], ["a"] * 3, [0.0, 0.0, 0.0], [None] * 3, [[1]], "y" * 100_000),
)


class Ran:
    """Unpickled, it makes a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.place),)


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def answers(folder: Path) -> np.ndarray:
    model = load_model(folder, device="cpu")
    if model.examples is not None:
        model.examples.get()  # what is read when it is first needed
    found = model.predict(PICTURES, options=EmbedOptions(device="cpu", cache=False))
    assert found.familiar is None or ((found.familiar > 0) & (found.familiar <= 1)).all()
    return found.probabilities


def homes(folder: Path) -> list[Path]:
    """Where the networks lie: in the folder itself, or those of joined ones below it."""
    return sorted(folder.glob("network*")) or [folder]


def files_of(folder: Path, *names: str) -> list[Path]:
    """Files of these names in the folder and below it."""
    places = dict.fromkeys([folder, *homes(folder)])
    return [place / name for place in places for name in names if (place / name).exists()]


def sign(folder: Path, described: dict[str, Any]) -> None:
    """Write the description as if it were this program's."""
    own = [digest(load_file(home / WEIGHTS)) for home in homes(folder)]
    described["tensors"] = own[0] if (folder / WEIGHTS).exists() else own
    if (folder / ARRAYS_FILE).exists() and isinstance(described.get("examples"), dict):
        described["examples"] = {
            ARRAYS_FILE: digest(load_file(folder / ARRAYS_FILE)),
            NAMES_FILE: file_digest(folder / NAMES_FILE),
        }
    if (folder / FAMILIAR).exists() and described.get("familiarity"):
        described["familiarity"] = digest(load_file(folder / FAMILIAR))
    described["digest"] = _content_digest(described, load_file(folder / HEAD))
    (folder / JSON).write_text(json.dumps(described))


def fields(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to every value inside."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    return [way for key in keys for way in [(*path, key), *fields(value[key], (*path, key))]]


def change_field(folder: Path, rng: np.random.Generator) -> bool:
    """Another value in a field of the description, or no field; True where it is signed."""
    described = json.loads((folder / JSON).read_text())
    ways = fields(described)
    *outer, last = ways[rng.integers(len(ways))]
    inside = described
    for key in outer:
        inside = inside[key]
    choice = rng.integers(len(VALUES) + 2)
    if choice == len(VALUES):
        del inside[last]
    elif choice > len(VALUES):
        inside[last] = [inside[last], inside[last]]
    else:
        inside[last] = VALUES[choice]
    if rng.random() < 0.7 and isinstance(described, dict):
        try:
            sign(folder, described)
        except UnicodeEncodeError:
            return False
        return True
    (folder / JSON).write_text(json.dumps(described), errors="backslashreplace")
    return False


def change_arrays(folder: Path, rng: np.random.Generator) -> bool:
    """One array with other numbers, of another shape or type, or gone; signed."""
    there = files_of(folder, HEAD, WEIGHTS, FAMILIAR, ARRAYS_FILE)
    path = there[rng.integers(len(there))]
    arrays = load_file(path)
    name = sorted(arrays)[rng.integers(len(arrays))]
    array = arrays[name]
    changes: list[Callable[[], Any]] = [
        lambda: array[..., None],
        lambda: np.concatenate([np.atleast_1d(array)] * 2),
        lambda: np.atleast_1d(array)[:0],
        lambda: np.atleast_1d(array)[:-1],
        lambda: array.astype(np.float16),
        lambda: array.astype(np.int64),
        lambda: array.astype(np.float64),
        lambda: array.astype(np.uint8),
        lambda: array.astype(np.complex64),
        lambda: np.full_like(array, rng.choice([0, -1, 1, 9])),
        lambda: np.full(array.shape, rng.choice([np.nan, np.inf, -np.inf, 1e38, 1e308, -1e308])),
        lambda: np.full_like(array, 127),
    ]
    choice = rng.integers(len(changes) + 2)
    if choice == len(changes):
        del arrays[name]
    elif choice > len(changes):
        arrays["more"] = array
    else:
        with np.errstate(all="ignore"):
            arrays[name] = changes[choice]()
    save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, path)
    sign(folder, json.loads((folder / JSON).read_text()))
    return True


def change_file(folder: Path, rng: np.random.Generator) -> bool:
    """One file with other bytes, of another kind, or gone."""
    there = files_of(folder, *MODEL_FILES)
    path = there[rng.integers(len(there))]
    whole = path.read_bytes()
    start = int(rng.integers(min(len(whole), 600)))

    def replaced(content: bytes) -> Callable[[], object]:
        return lambda: path.write_bytes(content)

    def other(make: Callable[[], object]) -> Callable[[], object]:
        def do() -> None:
            path.unlink()
            make()

        return do

    def sparse() -> None:
        with path.open("wb") as file:
            file.truncate(40_000_000_000)

    noise = rng.integers(0, 256, 8, dtype=np.uint8).tobytes()
    changes = [
        replaced(whole[:start]),
        replaced(b""),
        replaced(whole + noise),
        replaced(whole[:start] + noise + whole[start + 8 :]),
        replaced(whole[:start] + noise[:1] + whole[start + 1 :]),
        replaced(whole.replace(b"F32", b"F8_E4M3").replace(b"F64", b"BF16")),
        replaced(pickle.dumps(Ran(folder.parent / "RAN"))),
        replaced(b"[" * 100_000),
        replaced((folder / JSON).read_bytes() if path.name != JSON else b'"1"'),
        other(lambda: os.mkfifo(path)),
        other(path.mkdir),
        other(lambda: None),
        other(lambda: path.symlink_to("/dev/zero")),
        other(lambda: path.symlink_to(path)),
        other(sparse),
    ]
    changes[rng.integers(len(changes))]()
    return False


def joined_model() -> TrainedModel:
    """Of two networks, with a head on random numbers."""
    backbone = join_backbones([fitted("linear").backbone] * 2)
    rng = np.random.default_rng(0)
    d = backbone.info.feature_size
    head = FittedLinear.of_layer(rng.normal(size=(2, d)), np.zeros(2))
    return TrainedModel(backbone, head, ("a", "b"))


def some_examples() -> TrainingExamples:
    d = fitted("linear").backbone.info.feature_size
    units = np.eye(6, d, dtype=np.float16)
    names = tuple(f"{number}.png" for number in range(6))
    return TrainingExamples(names, np.arange(6) % 2, units, 9, (b"\xff\xd8small",) * 6)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, np.ndarray]]:
    """Models of each head, saved by this version and by an earlier one, with their answers."""
    folders = [SAVED / "format_1" / f"small_cnn_{head}" for head in ("linear", "svm", "knn", "mlp")]
    for head in ("linear", "svm", "mlp"):
        folders.append(tmp_path_factory.mktemp("models") / head)
        save_model(fitted(head), folders[-1])
    folders += [tmp_path_factory.mktemp("models") / name for name in ("joined", "examples")]
    save_model(joined_model(), folders[-2])
    save_model(replace(fitted("linear"), examples=some_examples()), folders[-1])
    return [(folder, answers(folder)) for folder in folders]


def test_a_changed_model_is_refused_or_answers_as_before(
    models: list[tuple[Path, np.ndarray]], tmp_path: Path
) -> None:
    outcomes = {"refused": 0, "right": 0, "another": 0}
    for trial in range(TRIALS):
        rng = np.random.default_rng(trial)
        saved, before = models[rng.integers(len(models))]
        folder = tmp_path / "model"
        shutil.copytree(saved, folder)
        change = (change_field, change_field, change_arrays, change_file)[rng.integers(4)]
        is_signed = change(folder, rng)
        what = f"trial {trial}: {change.__name__} in {saved.name}"
        try:
            with no_longer_than(LONGEST):
                found = answers(folder)
        except ModelFolderError as error:
            assert len(str(error)) < 5_000, what
            outcomes["refused"] += 1
        except BaseException as error:
            raise AssertionError(what) from error
        else:
            same = found.shape == before.shape and np.array_equal(found, before)
            assert same or is_signed, what
            assert np.isfinite(found).all(), what
            assert np.allclose(found.sum(axis=1), 1), what
            outcomes["right" if same else "another"] += 1
        assert not (tmp_path / "RAN").exists(), what
        shutil.rmtree(folder)
    assert outcomes["refused"] > TRIALS / 3, outcomes

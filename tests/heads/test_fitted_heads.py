"""What answers once it is fitted: with NumPy alone, and from arrays as before to the bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.heads.catalogue import HEADS, make_head, restore_head
from headstart.heads.fitted_heads import Asked, FittedHead
from headstart.options import HeadOptions

FORBIDDEN = ("torch", "timm", "sklearn", "threadpoolctl", "pandas", "PIL")

ASK = """
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class Forbid(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {forbidden!r}:
            raise ImportError(name + " is forbidden")

sys.meta_path.insert(0, Forbid())
import numpy as np
from headstart.heads.catalogue import HEADS, restore_head

folder = Path(sys.argv[1])
for name in HEADS:
    arrays = dict(np.load(folder / (name + ".npz")))
    X, classes = arrays.pop("X"), arrays.pop("classes")
    head = restore_head(name, arrays, classes)
    np.save(folder / (name + ".npy"), head.predict_proba(X))
"""


def fitted(name: str, k: int = 3, **options: Any) -> tuple[FittedHead, Any]:
    random = np.random.default_rng(5)
    codes = np.arange(90) % k
    X = (random.normal(size=(90, 70)) + random.normal(size=(k, 70))[codes]).astype(np.float32)
    head: Any = make_head(HeadOptions(head=name, **options), seed=3)  # type: ignore[arg-type]
    return head.fit(X, np.array([f"class {code}" for code in codes])).fitted_, X


def test_restored_heads_answer_without_the_libraries_that_fitted_them(tmp_path: Path) -> None:
    asked = {}
    for name in HEADS:
        head, X = fitted(name)
        stored: dict[str, Any] = {"X": X, "classes": head.classes, **head.to_arrays()}
        np.savez(tmp_path / f"{name}.npz", **stored)
        asked[name] = head.predict_proba(X)
    command = [sys.executable, "-c", ASK.format(forbidden=FORBIDDEN), str(tmp_path)]
    subprocess.run(command, check=True)
    for name, answers in asked.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), answers)


def test_the_ban_on_imports_is_felt(tmp_path: Path) -> None:
    program = ASK.format(forbidden=FORBIDDEN).replace("import numpy", "import sklearn, numpy")
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "sklearn is forbidden" in ended.stderr


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("k", [2, 4])
def test_arrays_there_and_back_are_equal_to_the_bit(name: str, k: int) -> None:
    head, X = fitted(name, k)
    arrays = head.to_arrays()
    assert {array.dtype for array in arrays.values()} <= {
        np.dtype(kind) for kind in ("float64", "float32", "int64")
    }
    again = restore_head(name, {key: array.copy() for key, array in arrays.items()}, head.classes)
    assert type(again) is HEADS[name]
    assert again.n_features == 70
    np.testing.assert_array_equal(again.predict_proba(X), head.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), head.predict(X))
    assert set(again.to_arrays()) == set(arrays)
    for key, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, arrays[key])


@pytest.mark.parametrize("name", HEADS)
def test_what_was_asked_for_is_kept(name: str) -> None:
    C = 0.5 if name in ("linear", "svm") else None
    asked = fitted(name, class_weight="balanced", C=C)[0].asked
    assert asked == Asked(C=C, class_weight="balanced", random_state=3)
    assert fitted(name)[0].asked == Asked(random_state=3)


@pytest.mark.parametrize("name", HEADS)
def test_missing_array_is_a_key_error(name: str) -> None:
    head = fitted(name)[0]
    arrays = head.to_arrays()
    del arrays["mean"]
    with pytest.raises(KeyError, match="mean"):
        restore_head(name, arrays, head.classes)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros(70), r"have the shape \(70,\); the head takes \(n, 70\)"),
        (np.zeros((4, 69)), r"have the shape \(4, 69\); the head takes \(n, 70\)"),
        (np.zeros((0, 70)), r"have the shape \(0, 70\); the head takes \(n, 70\)"),
        (np.full((3, 70), np.nan), "3 of 3 rows of features have NaN or infinite values"),
        (np.diag([0.0, np.inf] * 35), r"35 of 70 rows .*, the first is row 1;"),
        ([["a"] * 70], "could not convert"),
    ],
)
@pytest.mark.parametrize("name", HEADS)
def test_what_is_no_matrix_of_features_is_refused(name: str, rows: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(name)[0].predict_proba(rows)


@pytest.mark.parametrize("name", HEADS)
def test_whole_numbers_are_features_too(name: str) -> None:
    head, _ = fitted(name)
    rows = np.arange(140).reshape(2, 70)
    np.testing.assert_array_equal(head.predict_proba(rows), head.predict_proba(rows.astype(float)))

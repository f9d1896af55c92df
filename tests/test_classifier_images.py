"""What counts as a picture in Python: paths, bytes, arrays, Pillow images, and columns of them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import sparse
from tests.conftest import draw_pictures
from tests.tiny_classifier import LABELS, classifier, embedder

from headstart import ImageClassifier
from headstart.errors import BadInputsError, UsageError
from headstart.images.decode import decode

ON_ITS_SIDE = 6  # EXIF: turn it a quarter to the right to see it upright


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> ImageClassifier:
    """Fitted on the twelve pictures, once: no test changes it."""
    root = tmp_path_factory.mktemp("fitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        return classifier(C=1.0).fit(draw_pictures(root / "pictures"), LABELS)


class FolderEntry(os.PathLike[str]):
    """A path of a library's own, as `os.scandir` gives them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


FORMS: dict[str, Callable[[list[Path]], Iterable[Any]]] = {
    "text": lambda paths: [str(path) for path in paths],
    "path-like": lambda paths: [FolderEntry(path) for path in paths],
    "tuple": tuple,
    "generator": lambda paths: (path for path in paths),
    "glob": lambda paths: paths[0].parent.glob("*.png"),
    "bytes": lambda paths: [path.read_bytes() for path in paths],
    "memoryview": lambda paths: [memoryview(path.read_bytes()) for path in paths],
    "arrays": lambda paths: [np.asarray(Image.open(path)) for path in paths],
    "one array": lambda paths: np.stack([np.asarray(Image.open(path)) for path in paths]),
    "Fortran's order": lambda paths: [
        np.asfortranarray(np.asarray(Image.open(path))) for path in paths
    ],
    "opened": lambda paths: [Image.open(path) for path in paths],
    "opened, then loaded": lambda paths: [Image.open(path).convert("RGB") for path in paths],
    "pandas column": lambda paths: pd.Series([str(path) for path in paths], index=range(5, 17)),
    "pandas frame": lambda paths: pd.DataFrame({"path": [str(path) for path in paths]}),
    "numpy texts": lambda paths: np.array([str(path) for path in paths]),
    "numpy paths": lambda paths: np.array(paths, dtype=object),
    "numpy column": lambda paths: np.array([[str(path)] for path in paths]),
    "a mixture": lambda paths: [
        paths[0],
        str(paths[1]),
        paths[2].read_bytes(),
        np.asarray(Image.open(paths[3])),
        *map(Image.open, paths[4:]),
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_pictures_of_any_form_are_the_same_pictures(
    pictures: list[Path], fitted: ImageClassifier, form: str
) -> None:
    paths = sorted(pictures[0].parent.glob("*.png"))
    if form == "glob":  # in the order of the folder, whatever it is
        paths = list(pictures[0].parent.glob("*.png"))
    answers = fitted.predict_proba(paths)
    make = FORMS[form]
    assert np.array_equal(fitted.predict_proba(make(paths)), answers)
    assert fitted.predict(make(paths)).tolist() == fitted.predict(paths).tolist()
    labels = [LABELS[pictures.index(path)] for path in paths]
    assert fitted.score(make(paths), labels) == fitted.score(paths, labels)
    assert np.array_equal(fitted.predictions(make(paths)).probabilities, answers)
    learnt = classifier(C=1.0).fit(make(paths), labels)
    assert np.array_equal(
        learnt.predict_proba(paths), classifier(C=1.0).fit(paths, labels).predict_proba(paths)
    )
    features = embedder().fit_transform(make(paths))
    assert np.array_equal(features, embedder().fit_transform(paths))


def drawn() -> Image.Image:
    """24 x 20 pixels of many colours."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 24, 3), dtype=np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = ON_ITS_SIDE
    return exif


def with_alpha(image: Image.Image) -> Image.Image:
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.random.default_rng(2).integers(0, 65536, (20, 24), dtype=np.uint16))


FILES: dict[str, Callable[[], bytes]] = {
    "png": lambda: encoded(drawn(), "PNG"),
    "png turned": lambda: encoded(drawn(), "PNG", exif=turned()),
    "jpeg": lambda: encoded(drawn(), "JPEG"),
    "jpeg turned": lambda: encoded(drawn(), "JPEG", exif=turned()),
    "jpeg of four inks": lambda: encoded(drawn().convert("CMYK"), "JPEG"),
    "tiff turned": lambda: encoded(drawn(), "TIFF", exif=turned()),
    "webp turned": lambda: encoded(drawn(), "WEBP", lossless=True, exif=turned()),
    "transparent": lambda: encoded(with_alpha(drawn()), "PNG"),
    "transparent webp": lambda: encoded(with_alpha(drawn()), "WEBP", lossless=True),
    "transparent grey": lambda: encoded(with_alpha(drawn().convert("L")), "PNG"),
    "transparent colour": lambda: encoded(drawn(), "PNG", transparency=drawn().getpixel((3, 3))),
    "palette": lambda: encoded(drawn().quantize(16), "PNG"),
    "transparent palette": lambda: encoded(
        drawn().quantize(16), "PNG", transparency=bytes(range(0, 160, 10))
    ),
    "grey of 16 bits": lambda: encoded(sixteen_bits(), "PNG"),
    "tiff of 16 bits": lambda: encoded(sixteen_bits(), "TIFF"),
    "black and white": lambda: encoded(drawn().convert("1"), "PNG"),
    "animation": lambda: encoded(
        drawn().quantize(16), "GIF", save_all=True, append_images=[Image.new("P", (24, 20))]
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_one_picture_has_one_answer(
    tmp_path: Path, pictures: list[Path], fitted: ImageClassifier, kind: str
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(FILES[kind]())
    content = path.read_bytes()
    loaded = Image.open(io.BytesIO(content))
    loaded.load()
    before = loaded.tobytes()
    opened = Image.open(io.BytesIO(content))
    forms = [path, str(path), content, decode(path), opened, loaded, loaded.copy()]
    together = embedder().fit_transform(forms)
    lone = embedder(cache=False).fit(forms[:1])
    alone = np.concatenate([lone.transform([form]) for form in forms])
    answers = [fitted.predict_proba([form]) for form in forms]
    for row in range(len(forms)):
        assert np.array_equal(together[row], together[0])
        assert np.array_equal(alone[row], together[0])
        assert np.array_equal(answers[row], answers[0])
    assert loaded.tobytes() == before  # the caller's picture stays as it is
    assert not np.array_equal(together[0], embedder().fit_transform(pictures[:1])[0])


def test_one_pillow_image_may_stand_in_many_rows(pictures: list[Path]) -> None:
    """Drawing with replacement gives one object to several threads, which would load it at once."""
    large = encoded(drawn().resize((1200, 1000)), "PNG")
    opened = Image.open(io.BytesIO(large))
    X = [opened] * 8
    features = embedder(cache=False, workers=8).fit_transform(X)
    assert np.array_equal(features, np.repeat(embedder().fit_transform([large]), 8, axis=0))


def test_rows_of_a_frame_are_named_by_their_pictures(
    pictures: list[Path], fitted: ImageClassifier
) -> None:
    frame = pd.DataFrame({"path": [str(path) for path in pictures], "label": LABELS})
    other = classifier(C=1.0).fit(frame["path"], frame["label"])
    assert np.array_equal(other.predict_proba(pictures), fitted.predict_proba(pictures))
    names = fitted.predictions(frame["path"]).images
    assert list(names) == frame["path"].tolist()
    shown = fitted.predictions([drawn(), np.asarray(drawn()), pictures[0].read_bytes()]).images
    assert shown == ("X[0]", "X[1]", "X[2]")
    assert fitted.predictions([Image.open(pictures[0])]).images == (str(pictures[0]),)


GREY = np.zeros((4, 4), dtype=np.uint8)
WRONG: dict[str, tuple[Any, str]] = {
    "text": ("photo.jpg", "one path; put it into a list"),
    "path": (Path("photo.jpg"), "one path; put it into a list"),
    "bytes": (b"\xff\xd8\xff", "one picture; put it into a list"),
    "picture": (Image.new("RGB", (4, 4)), "one picture; put it into a list"),
    "array": (np.zeros((4, 4, 3), dtype=np.uint8), r"X is one array \(4, 4, 3\); pictures are"),
    "table of numbers": (np.zeros((4, 7)), r"X is one array \(4, 7\); pictures are"),
    "number": (7, "X is of type int; expected a list of pictures"),
    "nothing": (None, "X is of type NoneType; expected a list of pictures"),
    "sparse": (sparse.csr_array((4, 7)), r"X\[0\] is of type csr_array; a picture is"),
    "grey": ([GREY], r"X\[0\] is an array of uint8 \(4, 4\); a picture is a uint8 array"),
    "column of grey": (GREY[:, :1], r"X\[0\] is of type uint8; a picture is a path"),
    "four channels": (
        [np.zeros((4, 4, 4), dtype=np.uint8)],
        r"X\[0\] is an array of uint8 \(4, 4, 4\)",
    ),
    "channels first": (
        np.zeros((2, 3, 8, 8), dtype=np.uint8),
        r"X\[0\] is an array of uint8 \(3, 8, 8\)",
    ),
    "floats": ([np.zeros((4, 4, 3))], r"X\[0\] is an array of float64 \(4, 4, 3\)"),
    "no pixels": ([np.zeros((0, 4, 3), dtype=np.uint8)], r"X\[0\] is an array of uint8 \(0, 4, 3"),
    "numbers": (["a.png", 3], r"X\[1\] is of type int; a picture is a path, a URL, bytes"),
    "missing name": (pd.Series(["a.png", None]), r"X\[1\] is of type (NoneType|float)"),
    "lists": ([["a.png"]], r"X\[0\] is of type list; a picture is"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_things_say_what_they_are(fitted: ImageClassifier, wrong: str) -> None:
    X, message = WRONG[wrong]
    calls: list[Callable[[Any], Any]] = [
        lambda X: classifier().fit(X, ["a", "b"]),
        fitted.predict,
        fitted.predict_proba,
        fitted.predictions,
        lambda X: fitted.score(X, ["a", "b"]),
        embedder().transform,
    ]
    for call in calls:
        with pytest.raises(TypeError, match=message):
            call(X)


def test_an_empty_name_and_an_unreadable_picture(fitted: ImageClassifier) -> None:
    with pytest.raises(UsageError, match="a picture's name is empty"):
        fitted.predict([""])
    integers = Image.new("I", (4, 4))
    with pytest.raises(BadInputsError, match=r"X\[1\]: has 32-bit integer pixels") as caught:
        fitted.predict([drawn(), integers, b"no picture", Path("gone.png")])
    assert [item.where for item in caught.value.inputs] == ["X[1]", "X[2]", "gone.png"]
    rows = fitted.predictions([drawn(), integers])
    assert [bool(error) for error in rows.errors] == [False, True]

"""A small run with hostile names, and what a page's test asks of a page."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from headstart.audit.check import audit
from headstart.audit.doubts import find_doubts
from headstart.audit.findings import Audit
from headstart.audit.wrong_labels import WrongLabel
from headstart.data.image_table import ImageTable
from headstart.heads.linear import LinearHead
from headstart.images.source import LocalFile
from headstart.options import FitOptions, HeadOptions, LoopOptions, ReadOptions, SplitOptions
from headstart.recipes.data_preparation import prepare_data
from headstart.recipes.frozen import FitResult, fit_features

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone

HOSTILE = ("<script>alert('a')</script>", "b\"]]> & $x^2$ onload='x'")
EVIL = "<img src=x onerror='1'> \"{}\" ]]>.png"
VOID = {"meta", "link", "img", "br", "wbr", "input", "hr"}


@pytest.fixture
def fit(tmp_path: Path, tiny_backbone: Backbone) -> Callable[..., FitResult]:
    """Fit 24 pictures, some of them mislabelled so that answers are wrong."""

    def run(
        classes: tuple[str, ...] = HOSTILE, *, folds: int = 3, epochs: int | None = None
    ) -> FitResult:
        table = make_table(tmp_path / "set", classes)
        options = FitOptions(
            split=SplitOptions(folds=folds, test_fraction=0.25, near_duplicates=False),
            head=HeadOptions(C=0.1 if epochs is None else None),
            loop=LoopOptions(epochs=epochs, batch_size=8),
        )
        data, features = prepare_data(table, tiny_backbone, options)
        result = fit_features(data, features, tiny_backbone, options)
        record = replace(result.record, started="2026-01-01T00:00:00", seconds={"total": 1.5})
        return replace(result, record=record)

    return run


def make_table(folder: Path, classes: tuple[str, ...]) -> ImageTable:
    """24 pictures in the classes' colours, every eighth under the next class's label."""
    folder.mkdir()
    rng = np.random.default_rng(3)
    colours = rng.integers(30, 220, (len(classes), 3))
    names, labels = [], []
    for number in range(24):
        kind = number % len(classes)
        pixels = np.clip(colours[kind] + rng.normal(0, 25, (20, 24, 3)), 0, 255)
        names.append(EVIL.format(number))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / names[-1])
        labels.append(classes[(kind + (number % 8 == 0)) % len(classes)])
    return ImageTable(
        ids=tuple(names),
        images=tuple(LocalFile.at(folder / name) for name in names),
        labels=tuple(labels),
        source=folder / "<b>labels.csv",
        notes=("<i>a note</i>",),
    )


@dataclass
class Page(HTMLParser):
    """What stands on a page, by HTML's own rules."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    text: str = ""
    scripts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text += data

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each such element."""
        return [attributes for name, attributes in self.tags if name == tag]


def check_scripts(page: Page) -> None:
    """No script but the one that the page's policy names by its digest, and data as JSON."""
    policies = [m["content"] for m in page.of("meta") if "http-equiv" in m]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; img-src data:;")
    assert "unsafe-inline" not in policies[0].replace("style-src 'unsafe-inline'", "")
    for attributes, text in zip(page.of("script"), page.scripts, strict=True):
        if attributes.get("type") == "application/json":
            json.loads(text)
            continue
        assert attributes == {}
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in policies[0]


@pytest.fixture
def read_page() -> Callable[[Path], Page]:
    """Parse a page, and check what every page must keep to."""

    def read(path: Path) -> Page:
        source = path.read_text(encoding="utf-8")
        page = Page()
        page.feed(source)
        page.close()
        assert page.open == []
        assert "http:" not in source
        assert "https:" not in source
        check_scripts(page)
        assert "@import" not in source
        for tag, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on")], tag
            for name in ("src", "href", "xlink:href"):
                assert attributes.get(name, "#").startswith(("#", "data:")), attributes
        assert all(picture["alt"].strip() for picture in page.of("img"))
        assert all(s["role"] == "img" and s["aria-label"].strip() for s in page.of("svg"))
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        referred = [a["href"][1:] for _, a in page.tags if a.get("href", "").startswith("#")]
        assert set(referred) <= set(ids)
        return page

    return read


@pytest.fixture
def comparison_rows() -> list[dict[str, Any]]:
    """Rows as in comparison.json, the last one of a model that was not run."""
    usual: dict[str, Any] = {
        "layer": "pooled", "head": "linear", "macro_f1": 0.9, "log_loss": 0.2, "folds_mean": 0.91,
        "folds_standard_error": 0.02, "difference_to_best": None, "test_p": 1.0,
        "difference_interval": None, "test_ahead": None, "folds_ahead": None, "is_candidate": True,
        "folds_p": None, "verdict": "", "trainable_parameters": 2562,
        "total_parameters": 3_400_000, "seconds_embed": 3.2, "seconds_train": 0.23,
        "pictures_per_second": 246.4, "bytes_on_disk": 13_500_000, "missing": None,
    }  # fmt: skip
    second = {
        "model": "a<b>", "layer": "fc7", "head": "svm", "accuracy": 0.921,
        "accuracy_interval": [0.87, 0.95], "difference_to_best": -0.031, "test_p": 0.27,
        "folds_p": 0.0004, "difference_interval": [-0.08, 0.02], "is_candidate": False,
        "test_ahead": "tf_lite0", "folds_ahead": "tf_lite0",
        "verdict": "no: 165 test pictures cannot tell 0.952 from 0.921",
    }  # fmt: skip
    nothing: dict[str, Any] = dict.fromkeys(usual) | {"accuracy": None, "accuracy_interval": None}
    return [
        {
            **usual,
            "model": "tf_lite0",
            "accuracy": 0.952,
            "accuracy_interval": [0.908, 0.975],
            "train_accuracy": 0.998,
            "verdict": "the best here",
            "is_best": True,
        },
        {**usual, **second},
        {
            **nothing,
            "model": "vgg16",
            "missing": "no weights <here>",
            "verdict": "not run: no weights",
        },
    ]


def paint(path: Path, kind: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    squares = np.clip(np.array([(200, 60, 50), (50, 60, 200)][kind]) + rng.normal(0, 40, (8, 8, 1)),
                      0, 255)  # fmt: skip
    Image.fromarray(np.kron(squares.astype(np.uint8), np.ones((5, 5, 1), np.uint8))).save(path)


@pytest.fixture
def found(tmp_path: Path, tiny_backbone: Backbone) -> Audit:
    """26 pictures, among them a copy under another label and a blank one; a broken one; doubts."""
    folder = tmp_path / "checked"
    folder.mkdir()
    names, labels = [], []
    for number in range(24):
        names.append(EVIL.format(number))
        labels.append(HOSTILE[number * 7 // 3 % 2])
        paint(folder / names[-1], HOSTILE.index(labels[-1]), number)
    with Image.open(folder / names[2]) as picture:
        picture.resize((44, 44), Image.Resampling.BICUBIC).save(folder / "copy.png")
    Image.new("RGB", (40, 40), (90, 90, 90)).save(folder / "blank.png")
    (folder / "broken<b>.png").write_bytes((folder / names[0]).read_bytes()[:100])
    other = HOSTILE[1 - HOSTILE.index(labels[2])]
    names += ["copy.png", "blank.png", "broken<b>.png"]
    labels += [other, HOSTILE[0], HOSTILE[0]]
    table = ImageTable(
        ids=tuple(names),
        images=tuple(LocalFile.at(folder / name) for name in names),
        labels=tuple(labels),
        source=folder / "<b>labels.csv",
        lines=tuple(range(2, len(names) + 2)),
    )
    options = FitOptions(read=ReadOptions(skip_bad=True))
    data, features = prepare_data(table, tiny_backbone, options)
    whole = audit(data, features, make=partial(LinearHead, C=0.1))
    doubts = tuple(
        WrongLabel(row, names[row], labels[row], HOSTILE[0], 0.05, 0.95 - row / 100, 0.05)
        for row in (1, 3)
    )
    kinds = [f for f in whole.findings if f.kind != "wrong-label"]
    doubt = replace(kinds[0], kind="wrong-label", level="warning", title="2 labels in doubt: x",
                    meaning="Doubt.", advice="Look.", rows=(1, 3))  # fmt: skip
    findings = (*kinds, doubt)
    doubtful = find_doubts(findings, data, features.values, None, whole.contradictions)
    return replace(whole, wrong_labels=doubts, findings=findings, doubts=doubtful)

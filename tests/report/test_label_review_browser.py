"""Labels put right in a real browser, by a person with a keyboard, and used by fit."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.program import run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

BACKBONE = ["--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device",
            "cpu"]  # fmt: skip
SWITCHED = ("p01.png", "p13.png", "p20.png")
OTHER = {"red car": "blue car", "blue car": "red car"}


def paint(path: Path, label: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = np.array((200, 60, 50) if label == "red car" else (50, 60, 200))
    squares = np.clip(base + rng.normal(0, 40, (8, 8, 1)), 0, 255).astype(np.uint8)
    Image.fromarray(np.kron(squares, np.ones((5, 5, 1), np.uint8))).save(path)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with labels.csv, images/ and check/: three labels switched, one picture blank."""
    folder = tmp_path_factory.mktemp("labels")
    (folder / "images").mkdir()
    rows = []
    for number in range(24):
        name, label = f"p{number:02d}.png", ("red car", "blue car")[number * 7 // 3 % 2]
        paint(folder / "images" / name, label, number)
        rows.append((name, OTHER[label] if name in SWITCHED else label))
    Image.new("RGB", (40, 40), (9, 9, 9)).save(folder / "images" / "blank.png")
    rows.append(("blank.png", "red car"))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(folder / "cache"))
        ask = [folder / "labels.csv", "--images", folder / "images", *BACKBONE]
        assert run("check", *ask, "--out", folder / "check") == 0
    yield folder


class Person:
    """Sees what the page shows and presses keys; nothing else."""

    def __init__(self, browser: Chrome, page: Path, downloads: Path) -> None:
        self.browser = browser
        self.saved = downloads / "fixes.csv"
        behaviour = {"behavior": "allow", "downloadPath": str(downloads)}
        browser.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.get(page.as_uri())
        browser.execute_script("localStorage.clear()")
        self.reload()

    def reload(self) -> None:
        for kind in ("browser", "performance"):
            self.browser.get_log(kind)  # type: ignore[no-untyped-call]
        self.browser.refresh()
        self.enter()

    def enter(self) -> None:
        """Tab to the link to the labels, and follow it."""
        from selenium.webdriver.common.keys import Keys

        for _ in range(5):
            self.press(Keys.TAB)
            if self.look("return document.activeElement.hash") == "#labels":
                break
        self.press(Keys.ENTER)
        assert self.look("return document.activeElement.id") == "labels"

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def look(self, script: str) -> Any:
        return self.browser.execute_script(script)

    def text(self, name: str) -> str:
        return str(
            self.look(f"return document.getElementById('labels-{name}').textContent")
        ).strip()

    def go_to(self, image: str) -> None:
        from selenium.webdriver.common.keys import Keys

        while self.text("name") != image:
            before = self.text("name")
            self.press(Keys.ARROW_LEFT)
            if self.text("name") == before:  # the first
                while self.text("name") != image:
                    self.press(Keys.ARROW_RIGHT)

    def save(self) -> dict[str, str]:
        """Image to fix, of the file that the browser saved."""
        self.saved.unlink(missing_ok=True)
        self.press("s")
        for _ in range(100):
            if self.saved.exists():
                with self.saved.open(newline="", encoding="utf-8") as file:
                    return {row["image"]: row["fix"] for row in csv.DictReader(file)}
            time.sleep(0.05)
        raise AssertionError("nothing was saved")


@pytest.fixture
def person(browser: Chrome, checked: Path, tmp_path: Path) -> Person:
    return Person(browser, checked / "check" / "check.html", tmp_path)


def test_decided_by_keyboard_saved_and_used_by_fit(
    person: Person, checked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = person.look("return [...document.querySelectorAll('#labels-strip button')]"
                         ".map(e => e.ariaLabel.split(',')[0])")  # fmt: skip
    assert {*SWITCHED, "blank.png"} <= set(listed)
    total = len(listed)
    assert person.text("count") == f"0 of {total} decided"
    for name, key, told in (("p01.png", "r", "is really"), ("p13.png", "l", "left out"),
                            ("blank.png", "k", "kept as red car")):  # fmt: skip
        person.go_to(name)
        person.press(key)
        assert person.text("said").startswith(f"{name}: {told}")
        assert person.text("name") != name  # the next one is shown
    assert person.text("count") == f"3 of {total} decided"
    assert person.text("parts") == "1 kept, 1 changed, 1 left out"
    with (checked / "labels.csv").open(newline="") as file:
        was = {row["image"]: row["label"] for row in csv.DictReader(file)}
    decided = person.save()
    assert decided == {"p01.png": OTHER[was["p01.png"]], "p13.png": "drop", "blank.png": "red car"}
    assert person.browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    ask = [checked / "labels.csv", "--images", checked / "images", *BACKBONE]
    more = ["--fixes", person.saved, "--folds", "0", "--out", tmp_path / "run"]
    assert run("fit", *ask, *more, "--test-fraction", "0.25") == 0
    note = (
        "fixes: 1 label changed, 1 picture left out, 1 of the fixes give the label that was there"
    )
    assert note in capsys.readouterr().err
    with (tmp_path / "run" / "split.csv").open(newline="") as file:
        used = {row["image"]: row["label"] for row in csv.DictReader(file)}
    assert used == {n: decided.get(n, c) for n, c in was.items() if n != "p13.png"}
    # Checked again with the fixes, the page knows them and saves them with what is new.
    assert run("check", *ask, "--fixes", person.saved, "--out", tmp_path / "check") == 0
    again = Person(person.browser, tmp_path / "check" / "check.html", tmp_path)
    again.go_to("p20.png")
    again.press("r")
    assert again.save() == {**decided, "p20.png": OTHER[was["p20.png"]]}


def test_a_reload_keeps_and_undo_takes_back(person: Person) -> None:
    person.go_to("p13.png")
    person.press("r")
    person.go_to("p01.png")
    person.press("l")
    person.reload()
    assert person.text("count").startswith("2 of ")
    assert person.text("parts") == "0 kept, 1 changed, 1 left out"
    person.press("u")
    assert person.text("name") == "p01.png"
    assert person.text("decision") == "not decided"
    person.press("u", "u")
    assert person.text("count").startswith("0 of ")
    assert person.text("said") == "Nothing to undo."
    person.press("s")
    assert person.text("said") == "Nothing is decided yet."
    person.reload()
    assert person.text("count").startswith("0 of ")


def test_without_storage_the_page_works_and_says_so(person: Person) -> None:
    refused = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})"
    command = "Page.addScriptToEvaluateOnNewDocument"
    found = person.browser.execute_cdp_cmd(command, {"source": refused})
    person.reload()
    person.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", found)
    hidden = "return document.getElementById('labels-storage').hidden"
    assert person.look(hidden) is False
    person.press("k")
    assert person.text("count").startswith("1 of ")
    assert list(person.save().values()) != []
    person.reload()
    assert person.look(hidden) is True
    assert person.text("count").startswith("0 of ")


def test_filters_show_a_part_and_keys_rest_outside(person: Person) -> None:
    person.look("const s = document.getElementById('labels-code'); s.value = 'HS501';"
                "s.dispatchEvent(new Event('change'))")  # fmt: skip
    assert person.text("name") == "blank.png"
    shown = "return document.querySelectorAll('#labels-strip li:not([hidden])').length"
    assert person.look(shown) == 1
    assert person.look("return document.querySelector('#labels-picture img').naturalWidth") == 40
    person.press("z")
    assert person.look("return document.getElementById('labels-large').open")
    person.press("k")  # decides in the large view too
    assert person.text("said") == (
        "blank.png: kept as red car. All that are shown are decided: save fixes.csv."
    )
    person.press("z")
    assert not person.look("return document.getElementById('labels-large').open")
    person.look("document.activeElement.blur()")
    person.press("u")
    assert person.text("count").startswith("1 of ")

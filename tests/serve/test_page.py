"""The page in a real browser: what is dropped, pasted or chosen is answered, by keyboard too."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.page_checks import CONTRAST, NAMELESS, WIDTH, requests, show
from tests.served import (
    PATIENCE,
    ExplainingPredictor,
    RedPredictor,
    Served,
    picture_bytes,
    served,
)
from tests.tiny_classifier import LABELS, classifier

from headstart.evaluate.predictions import Predictions
from headstart.images.source import ImageSource
from headstart.options import EmbedOptions
from headstart.recipes.training_examples import Neighbour
from headstart.serve.predictor import Computing, open_predictor
from headstart.serve.static_files import static_files

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

RED, BLUE = picture_bytes(side=200), picture_bytes((30, 40, 200), "JPEG", 300)
EVIL = "<img src=x onerror='1'> & \u202e.png"
# Files as a page gets them from the outside, by an event.
GIVE = """
const [kind, files] = arguments;
const data = new DataTransfer();
for (const [name, content] of files) {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  data.items.add(new File([bytes], name, {type: 'image/png'}));
}
const options = {bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data};
const target = kind === 'paste' ? document.body : document.getElementById('drop');
if (kind === 'drop') target.dispatchEvent(new DragEvent('dragover', options));
const event = kind === 'paste' ? new ClipboardEvent(kind, options) : new DragEvent(kind, options);
return !target.dispatchEvent(event);
"""
CARDS = """
return [...document.querySelectorAll('.answer')].map((card) => ({
  state: card.dataset.state,
  name: card.querySelector('.name').textContent,
  predicted: card.querySelector('.verdict').textContent.trim(),
  problem: card.querySelector('.problem').textContent,
  shares: [...card.querySelectorAll('.shares li')].map((row) => row.textContent),
  shown: !card.querySelector('img').hidden,
  why: !card.querySelector('.why').hidden,
  unfamiliar: card.querySelector('.unfamiliar').checkVisibility(),
}))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(ExplainingPredictor()) as running:
        yield running


@pytest.fixture
def open_page(browser: Chrome) -> Callable[..., Person]:
    def opened(server: Served, path: str = "/", width: int = 1280, scheme: str = "light") -> Person:
        show(browser, str(server.http.base_url) + path, width, scheme)
        return Person(browser, server)

    return opened


class Person:
    """Looks at the page and gives it pictures."""

    def __init__(self, browser: Chrome, server: Served) -> None:
        self.browser = browser
        self.server = server
        self.until(lambda: "being asked" not in self.text("lead"))

    def until(self, holds: Callable[[], Any]) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, (self.cards(), self.text("status"))
            time.sleep(0.02)

    def text(self, name: str) -> str:
        return str(self.browser.find_element("id", name).text)

    def cards(self) -> list[dict[str, Any]]:
        return list(self.browser.execute_script(CARDS))

    def give(self, kind: str, *files: tuple[str, bytes]) -> list[dict[str, Any]]:
        """Drop or paste pictures, and wait until each has an answer or a reason."""
        before = len(self.cards())
        encoded = [(name, base64.b64encode(content).decode()) for name, content in files]
        assert self.browser.execute_script(GIVE, kind, encoded) or kind == "paste"
        self.until(lambda: len(self.cards()) == before + len(files) and self.is_still())
        return self.cards()

    def is_still(self) -> bool:
        return all(card["state"] != "waiting" for card in self.cards())

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def focus(self) -> str:
        """What the keyboard is on: its words, its label or its name."""
        return str(
            self.browser.execute_script(
                "const e = document.activeElement;"
                "return e.getAttribute('aria-label') || e.closest('label')?.textContent.trim()"
                " || e.textContent.trim() || e.id"
            )
        )

    def is_quiet(self) -> None:
        """No message of the console, and nothing asked of anybody else."""
        assert self.browser.get_log("browser") == []  # type: ignore[no-untyped-call]
        asked = [address for address in requests(self.browser) if not address.startswith("blob:")]
        assert asked
        own = str(self.server.http.base_url)
        assert [address for address in asked if not address.startswith(own)] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_three_dropped_pictures_one_of_them_broken(
    server: Served, open_page: Callable[..., Person], width: int, scheme: str
) -> None:
    person = open_page(server, width=width, scheme=scheme)
    assert "other and red" in person.text("lead")
    first, broken, last = person.give(
        "drop", (EVIL, RED), ("broken.png", RED[:60]), ("blue.jpg", BLUE)
    )
    assert first["predicted"] == "red"
    assert first["shown"]
    assert "<img src=x" in first["name"]
    assert [row[:3] for row in first["shares"]] == ["red", "oth"]
    assert broken["state"] == "failed"
    assert "cannot be read: truncated" in broken["problem"]
    assert not broken["predicted"]
    assert last["predicted"] == "other"
    assert person.text("status") == "2 pictures answered, 1 without an answer"
    browser = person.browser
    assert browser.execute_script(WIDTH) <= width
    assert browser.execute_script(NAMELESS.replace("'img, svg'", "'img:not([hidden])'")) == 0
    ratio, where = browser.execute_script(CONTRAST)
    assert ratio >= 4.5, where
    person.is_quiet()


class FamiliarPredictor(RedPredictor):
    """Of the pictures only red ones are familiar."""

    def predict(self, images: Sequence[ImageSource]) -> Predictions:
        answers = super().predict(images)
        return replace(answers, familiar=np.where(answers.probabilities[:, 1] > 0.5, 0.05, 0.049))

    def familiarity(self) -> dict[str, Any] | None:
        return {
            "method": "share of red",
            "unfamiliar_below": 0.05,
            "held_out": 276,
            "share_kept": 0.9528,
        }


def test_an_unfamiliar_picture_says_so(open_page: Callable[..., Person]) -> None:
    with served(FamiliarPredictor()) as running:
        person = open_page(running, width=390)
        cards = person.give("drop", ("a.png", RED), ("b.png", BLUE), ("c.png", RED[:60]))
        assert [card["unfamiliar"] for card in cards] == [False, True, False]
        words = person.browser.find_elements("css selector", ".unfamiliar")[1].text
        assert words.startswith("Unlike what the model has learnt from")
        person.browser.find_element("css selector", "#model summary").click()
        assert (
            "marked below 0.05, by the share of red; of 276 held-out training pictures 0.953"
            in person.text("facts")
        )
        ratio, where = person.browser.execute_script(CONTRAST)
        assert ratio >= 4.5, where
        assert person.browser.execute_script(WIDTH) <= 390
        person.is_quiet()


def test_pasted_and_chosen_pictures(
    server: Served, open_page: Callable[..., Person], tmp_path: Path
) -> None:
    person = open_page(server)
    assert person.give("paste", ("image.png", RED))[0]["predicted"] == "red"
    (tmp_path / "a.jpg").write_bytes(BLUE)
    for field in ("choose", "photo"):
        person.browser.find_element("id", field).send_keys(str(tmp_path / "a.jpg"))
        person.until(lambda: person.cards()[0]["name"] == "a.jpg" and person.is_still())
    assert [card["predicted"] for card in person.cards()] == ["other", "other", "red"]
    photo = person.browser.find_element("id", "photo")
    assert photo.get_attribute("capture") == "environment"
    person.is_quiet()


def test_with_the_keyboard_alone(server: Served, open_page: Callable[..., Person]) -> None:
    from selenium.webdriver.common.keys import Keys

    person = open_page(server)
    person.give("drop", ("one.png", RED), ("two.png", BLUE))
    person.press(Keys.TAB)
    assert person.focus() == "Choose pictures"
    person.press(Keys.TAB)
    assert person.focus() == "Clear all"
    person.press(Keys.TAB)
    assert person.focus() == "Why? What the answer for one.png rests on"
    image = person.browser.find_element("css selector", ".answer img")
    before = image.get_attribute("src")
    person.press(Keys.ENTER)
    person.until(lambda: image.get_attribute("src") != before)
    assert "what speaks for the answer" in str(image.get_attribute("alt"))
    assert person.focus().startswith("Why?")  # where it was
    person.press(Keys.SPACE)
    person.until(lambda: image.get_attribute("src") == before)
    person.press(Keys.TAB)
    assert person.focus() == "Remove one.png"
    person.press(Keys.ENTER)
    assert [card["name"] for card in person.cards()] == ["two.png"]
    assert person.focus() == "Remove two.png"
    person.is_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "least"), [(390, 300), (1280, 600)])
def test_an_explanation_names_the_training_pictures_most_like_it(
    open_page: Callable[..., Person], width: int, least: int, scheme: str
) -> None:
    predictor = ExplainingPredictor()
    predictor.nearest = (
        Neighbour(EVIL, "<b>red</b>", 0.987, picture_bytes(kind="JPEG")),
        Neighbour("folder/" + "x" * 90 + ".png", "other", 0.5),
    )
    with served(predictor) as running:
        person = open_page(running, width=width, scheme=scheme)
        person.give("drop", ("one.png", RED), ("two.png", BLUE))
        browser = person.browser
        first = browser.find_element("css selector", ".answer")
        near = first.find_element("css selector", ".near")
        frame = first.find_element("css selector", ".frame")
        assert not near.is_displayed()
        before = frame.rect["width"]
        button = first.find_element("css selector", ".why")
        button.click()
        person.until(near.is_displayed)
        one, two = near.find_elements("css selector", "li")
        assert [part.text for part in one.find_elements("css selector", "bdi")] == [
            "<b>red</b>",
            EVIL.strip(),
        ]
        assert one.text.endswith("0.987")
        assert len(near.find_elements("css selector", "img")) == 1
        assert two.text.startswith("other\nfolder/xxx")
        assert frame.rect["width"] >= max(least, before)  # the picture has the width that there is
        assert browser.execute_script(WIDTH) <= width
        ratio, where = browser.execute_script(CONTRAST)
        assert ratio >= 4.5, where
        button.click()
        person.until(lambda: not near.is_displayed())
        assert frame.rect["width"] == before
        person.is_quiet()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_a_models_own_explanation_opens_with_the_keyboard(
    open_page: Callable[..., Person],
    pictures: list[Path],
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    from selenium.webdriver.common.keys import Keys

    classifier(C=1.0, keep_examples=True).fit(pictures, LABELS).save(tmp_path / "model")
    predictor = open_predictor(tmp_path / "model", Computing(EmbedOptions(device="cpu")))
    with served(predictor, tmp_path / "model") as server:
        person = open_page(server, width=width, scheme=scheme)
        person.give("drop", ("one.png", pictures[0].read_bytes()))
        image = person.browser.find_element("css selector", ".answer img")
        while not person.focus().startswith("Why?"):
            person.press(Keys.TAB)
        person.press(Keys.ENTER)
        person.until(lambda: "what speaks for" in str(image.get_attribute("alt")))
        person.until(lambda: image.get_property("naturalWidth") == 24)  # the picture's own
        button = person.browser.switch_to.active_element
        assert button.get_attribute("aria-expanded") == "true"
        assert button.text == "Only the picture"
        near = person.browser.find_elements("css selector", ".near li")
        assert near[0].text.splitlines()[:2] == ["red", "p00.png"]
        assert len(near) == len(person.browser.find_elements("css selector", ".near img")) == 3
        assert person.browser.execute_script(WIDTH) <= width
        person.is_quiet()


def test_what_changes_is_said_to_a_screen_reader(
    server: Served, open_page: Callable[..., Person]
) -> None:
    person = open_page(server)
    status = person.browser.find_element("id", "status")
    assert status.get_attribute("role") == "status"
    person.give("drop", ("one.png", RED))
    assert status.text == "1 picture answered"
    assert person.browser.execute_script("return document.documentElement.lang") == "en"


def test_a_model_without_explanations_shows_no_button(open_page: Callable[..., Person]) -> None:
    with served() as server:
        (card,) = open_page(server).give("drop", ("one.png", RED))
    assert card["predicted"] == "red"
    assert not card["why"]


def test_a_token_is_asked_for_in_words(open_page: Callable[..., Person]) -> None:
    from selenium.webdriver.common.keys import Keys

    with served(token="secret") as server:
        person = open_page(server)
        assert "behind a token" in person.text("lead")
        person.is_quiet()
        person.press("wrong", Keys.ENTER)
        person.until(lambda: person.text("token-problem") == "That is not the token.")
        person.press("secret", Keys.ENTER)
        person.until(lambda: "tells apart" in person.text("lead"))
        assert person.give("drop", ("one.png", RED))[0]["predicted"] == "red"


def test_a_busy_server_is_asked_again(open_page: Callable[..., Person]) -> None:
    predictor = RedPredictor()
    with served(predictor, queue=1, max_pictures=1) as server:
        person = open_page(server)
        predictor.gate.clear()
        encoded = base64.b64encode(RED).decode()
        person.browser.execute_script(GIVE, "drop", [(f"{n}.png", encoded) for n in range(4)])
        person.until(lambda: any("is busy" in card["problem"] for card in person.cards()))
        predictor.gate.set()
        person.until(person.is_still)
        assert {card["predicted"] for card in person.cards()} == {"red"}


def test_too_large_a_picture_is_told_without_sending_it(open_page: Callable[..., Person]) -> None:
    with served(max_picture_bytes=100) as server:
        (card,) = open_page(server).give("drop", ("large.png", RED))
        assert card["problem"].endswith("; the server takes up to 0.1 kB.")
        assert not [line for line in server.log() if line["path"] == "/predict"]


def test_a_server_that_has_gone_is_told(open_page: Callable[..., Person]) -> None:
    with served() as server:
        person = open_page(server)
    (card,) = person.give("drop", ("one.png", RED))
    assert "cannot be reached" in card["problem"]
    assert person.browser.find_element("css selector", ".again").is_displayed()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_interfaces_page(server: Served, open_page: Callable[..., Person], width: int) -> None:
    show((person := open_page(server)).browser, f"{server.http.base_url}/docs", width, "dark")
    person.until(lambda: "PictureAnswer" in person.text("schemas"))
    assert "POST /predict" in person.text("operations")
    assert f"curl {str(server.http.base_url).rstrip('/')}/predict" in person.text("examples")
    assert person.browser.execute_script(WIDTH) <= width
    person.is_quiet()


def test_the_files_name_nothing_outside_and_have_no_script_inside() -> None:
    for path, file in static_files().items():
        text = file.content.decode("utf-8")
        outside = [
            name for name in re.findall(r"https?://[^\s\"'`]+", text) if "w3.org" not in name
        ]
        assert outside == [], path
        if file.media_type.startswith("text/html"):
            assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text) == [], path

"""Drawings: valid, in the page's colours, with ids of their own, and true to their numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib
import pytest

from headstart.report.plots import (
    Dot,
    Frame,
    Line,
    bars,
    dot_plot,
    histogram,
    interval_plot,
    line_plot,
)
from headstart.report.svg import VARIABLES, shortened

FRAME = Frame(x_label="x", y_label="y")


def texts(drawing: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter("text")]


def test_an_interval_plot_names_its_rows_and_places_them_to_scale() -> None:
    rows = [("one <a> $b$", 0.5, (0.4, 0.6)), ("two", 0.8, None), ("none", None, None)]
    drawing = interval_plot(rows, name="p", alt='what "it" <shows>', reference=0.4)
    root = ElementTree.fromstring(drawing)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'what "it" <shows>'
    shown = texts(drawing)
    assert {"one <a> $b$", "0.500 [0.400, 0.600]", "two", "0.800", "undefined"} <= set(shown)
    dots = [float(u.attrib["x"]) for u in root.iter("use") if "var(--accent)" in u.attrib["style"]]
    labels = [t for t in root.iter("text") if re.fullmatch(r"0\.\d\d?", t.text or "")]
    (low, left), *_, (high, right) = [(float(t.text or ""), float(t.attrib["x"])) for t in labels]
    assert dots[1] - dots[0] == pytest.approx(0.3 * (right - left) / (high - low), rel=1e-3)


def test_drawings_take_colours_and_letters_from_the_page_and_share_no_id() -> None:
    drawings = [
        line_plot([Line("a", [0, 1], [0, 1], [0, 0.5], [0.5, 1.5]), Line("b", [0, 1], [1, 0])],
                  FRAME, name="lines", alt="lines", marked_x=1.0, diagonal=True),
        histogram([1.0, 2.0, 2.0], FRAME, name="counts", alt="counts"),
        bars([("cat", 3.0), ("dog", 1200.0)], name="bars", alt="bars", label="pictures"),
        interval_plot([("a", 0.5, (0.4, 0.6))], name="intervals", alt="intervals"),
    ]  # fmt: skip
    ids: list[str] = []
    for drawing in drawings:
        assert not re.search("#[0-9a-f]{6}", drawing.replace("url(#", "")), "a colour of its own"
        assert "font-family" not in drawing
        assert "xmlns" not in drawing
        assert any(variable in drawing for variable in VARIABLES.values())
        own = [e.attrib["id"] for e in ElementTree.fromstring(drawing).iter() if "id" in e.attrib]
        used = re.findall(r"url\(#([^)]*)\)", drawing) + re.findall('href="#([^"]*)"', drawing)
        assert set(used) == set(own)
        ids += own
    assert len(ids) == len(set(ids))
    assert "1,200" in texts(drawings[2])


def test_dots_stand_to_a_logarithmic_scale_and_are_named_below() -> None:
    dots = [Dot("a <b>", 0.5, 0.9, (0.8, 0.95)), Dot("two", 50.0, 0.8, hollow=True)]
    drawing = dot_plot(dots, FRAME, name="d", alt="dots")
    shown = texts(drawing)
    assert {"1  a <b>", "0.900, 0.50 s", "2  two", "0.800, 50 s", "1", "10"} <= set(shown)
    root = ElementTree.fromstring(drawing)
    one, two = (float(use.attrib["x"]) for use in root.iter("use") if
                "stroke: var(--accent)" in use.attrib["style"])  # fmt: skip
    ticks = {t.text: float(t.attrib["x"]) for t in root.iter("text") if t.text in ("1", "10")}
    # "1" is a dot's number too; the axis has it at the height of "10".
    heights = [(t.text, float(t.attrib["y"]), float(t.attrib["x"])) for t in root.iter("text")]
    level = next(y for text, y, _ in heights if text == "10")
    ticks["1"] = next(x for text, y, x in heights if text == "1" and abs(y - level) < 1)
    assert two - one == pytest.approx(2 * (ticks["10"] - ticks["1"]), rel=1e-3)


def test_numbers_and_names_have_room_beside_the_axes() -> None:
    many = [Line(f"line {i}", [0, 1], [0, 12_000 * i]) for i in range(1, 6)]
    frame = Frame(x_label="epochs", y_label="loss", x_limits=(0, 1), height=280)
    for drawing in (
        line_plot(many, frame, name="many", alt="many"),
        histogram([0.0, 0.5, 1.0], frame, name="counts", alt="counts"),
        bars([("cat", 3.0), ("dog", 1200.0)], name="bars", alt="bars", label="pictures"),
    ):
        root = ElementTree.fromstring(drawing)
        width, height = (float(end) for end in root.attrib["viewBox"].split()[2:])
        for text in root.iter("text"):
            if "x" in text.attrib and "-90" not in text.attrib.get("transform", ""):
                half = 0.3 * 12 * len(text.text or "") * ("middle" in text.attrib["style"])
                assert half <= float(text.attrib["x"]) <= width - half
                assert 8 <= float(text.attrib["y"]) <= height


def test_a_drawing_leaves_matplotlib_as_it_was_and_bears_any_letters() -> None:
    before = dict(matplotlib.rcParams)
    drawing = interval_plot([("日本 \x00\udcff", 0.5, None)], name="p", alt="\x00")
    assert "日本 \\x00\\udcff" in texts(drawing)
    assert dict(matplotlib.rcParams) == before


def test_more_lines_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="10 lines, at most 9"):
        line_plot([Line("a", [0], [0])] * 10, FRAME, name="p", alt="p")


def test_a_long_name_loses_its_middle() -> None:
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abcde", 5) == "abcde"


def test_epochs_have_no_halves() -> None:
    drawing = line_plot([Line("a", [1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])], FRAME, name="p", alt="p")
    shown = [text for text in texts(drawing) if re.fullmatch(r"\d(\.\d+)?", text)]
    assert {"1", "2", "3", "4"} <= set(shown)
    assert "1.5" not in shown

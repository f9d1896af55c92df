"""A drawing by matplotlib as SVG inside a page, in the page's own colours and letters."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from headstart.wording import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Colours of a drawing. Each stands for a variable of page.css, which has a light and a dark value.
INK = "#101112"
MUTED = "#202122"
LINE = "#303132"
ACCENT = "#404142"
SECOND = "#505152"
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    ACCENT: "var(--accent)",
    SECOND: "var(--second)",
}

LETTER = 12  # units; the size of letters
LINE_HEIGHT, GAP, PAD = 15, 4, 3  # units: of a line of text, between it and the axes, at the edges
WIDTH = 380  # units of a drawing; a phone shows it at about nine tenths of that in pixels
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # letters stay text, which scales and can be found
    "svg.hashsalt": "headstart",  # the same drawing gives the same bytes
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.size": LETTER,
    "axes.linewidth": 1,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": LETTER,
}
_EMPTY = {"Creator": None, "Date": None, "Format": None, "Type": None}
_FONT = re.compile(r"font-family:[^;]*;?\s*")
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_XLINK = "{http://www.w3.org/1999/xlink}href"


def svg(
    draw: Callable[[Figure], None],
    *,
    name: str,
    alt: str,
    height: int,
    width: int = WIDTH,
    above: int = 0,
    below: int = 0,
) -> Markup:
    """What `draw` puts on an empty figure, as an `<svg role="img">` element.

    Args:
        draw: gets the figure; it may use the colours above, and no others.
        name: made part of every id, so it must be the only one of its kind on its page.
        alt: what the drawing shows, in words.
        height, width: of the drawing in units; the page scales it.
        above, below: units of it that are left free over the axes, and under all.
    """
    written = io.StringIO()
    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        # The letters are the browser's; that matplotlib's own font has none of them is no matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)  # becomes the figure's: its letters are measured as they are drawn
        figure.subplots_adjust(left=0.1, right=0.98, bottom=0.15, top=0.98)  # for the first ticks
        draw(figure)
        _lay_out(figure, above, below)
        figure.savefig(written, format="svg", metadata=_EMPTY)
    root = ElementTree.fromstring(written.getvalue())
    _adopt(root, name)
    for key in ("version", "width", "height"):
        root.attrib.pop(key, None)
    root.attrib |= {"role": "img", "aria-label": printable(alt)}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _lay_out(figure: Figure, above: int, below: int) -> None:
    """Give the axes, one below the other, all that their numbers and names leave.

    How wide these get is up to the browser's letters, so it is not measured in matplotlib's, which
    would take as long as all the rest.
    """
    width, height = figure.bbox.width, figure.bbox.height
    rooms = [_Room.around(axes, width) for axes in figure.axes]
    left, right = max(room.left for room in rooms), max(room.right for room in rooms)
    free = height - above - below - sum(room.above + room.below for room in rooms)
    place = figure.axes[0].get_subplotspec()
    grid: Any = None if place is None else place.get_gridspec()  # `subplots` gives one
    shares: list[float] = list(grid.get_height_ratios())
    top = height - above
    for axes, room, share in zip(figure.axes, rooms, shares, strict=True):
        tall = free * share / sum(shares)
        bottom = top - room.above - tall
        axes.set_position(
            (left / width, bottom / height, 1 - (left + right) / width, tall / height)
        )
        top = bottom - room.below


class _Room(NamedTuple):
    """Units that the numbers and names of some axes take on each side of them."""

    left: float
    right: float
    above: float
    below: float

    @classmethod
    def around(cls, axes: Axes, width: float) -> _Room:
        if not axes.axison:
            return cls(PAD, PAD, PAD, PAD)
        numbers, heights = _numbers(axes.xaxis), _numbers(axes.yaxis)
        before = [_length(text) / 2 - place * width for place, text in numbers]
        after = [_length(text) / 2 - (1 - place) * width for place, text in numbers]
        beside = max((_length(text) for _, text in heights), default=0)
        return cls(
            left=PAD + max(beside + GAP * bool(heights) + LINE_HEIGHT * bool(axes.get_ylabel()),
                           *before, 0),
            right=PAD + max(*after, 0, 0),
            above=PAD + LETTER / 2 * bool(heights),
            below=PAD + (LINE_HEIGHT + GAP) * bool(numbers) + LINE_HEIGHT * bool(axes.get_xlabel()),
        )  # fmt: skip


def _numbers(axis: Axis) -> list[tuple[float, str]]:
    """Where along an axis its numbers stand, from 0 to 1, and what they say."""
    places = axis.get_majorticklocs()
    ends = axis.get_transform().transform(axis.get_view_interval())
    shares = (axis.get_transform().transform(places) - ends[0]) / (ends[1] - ends[0])
    texts = axis.get_major_formatter().format_ticks(list(places))
    return [(s, t) for s, t in zip(shares, texts, strict=True) if 0 <= s <= 1]


def _length(text: str) -> float:
    """Units that a text takes in most fonts."""
    return LETTER * 0.62 * len(text)


def labelled_axes(axes: Axes, x_label: str, y_label: str) -> None:
    """Names for both axes, and a quiet grid."""
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def shortened(text: str, most: int) -> str:
    """At most so many characters, with the middle left out; the page has the whole elsewhere."""
    text = printable(text)
    if len(text) <= most:
        return text
    front = (most - 1) // 2
    return f"{text[:front]}…{text[len(text) - (most - 1 - front) :]}"


def _adopt(root: ElementTree.Element, name: str) -> None:
    """Ids of their own, the page's colours and font, and no namespaces, which HTML has built in."""
    used = set()
    for element in root.iter():
        used |= {value for text in element.attrib.values() for value in _REFERENCE.findall(text)}
        used.add(element.attrib.get(_XLINK, "").removeprefix("#"))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith("}style"):
                parent.remove(child)  # a rule for the whole page; page.css has it for drawings only
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = dict(_attributes(element.attrib, used, name))


def _attributes(attributes: dict[str, str], used: set[str], name: str) -> list[tuple[str, str]]:
    kept = []
    for key, value in attributes.items():
        if key == "id":
            if value in used:
                kept.append((key, f"{name}-{value}"))
        elif key == _XLINK:
            kept.append(("href", f"#{name}-{value.removeprefix('#')}"))
        elif key == "style":
            kept.append((key, _style(value)))
        else:
            kept.append((key, _REFERENCE.sub(rf"url(#{name}-\1)", value)))
    return kept


def _style(style: str) -> str:
    for colour, variable in VARIABLES.items():
        style = style.replace(colour, variable)
    return _FONT.sub("", style)

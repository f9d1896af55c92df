"""Answers as a picture: one photograph under its class and score, or many on a contact sheet."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from PIL import Image

from headstart.arrays import ByteImage
from headstart.errors import ImageError, UsageError
from headstart.evaluate.predictions import Predictions
from headstart.images.decode import decode
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS
from headstart.outputs import disk
from headstart.outputs.own_files import SHEET_SIGN
from headstart.report.svg import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SHOWN = 60
MOST_COLUMNS = 6
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg")
INK, MUTED, BAD, EMPTY = "#1c2026", "#565d68", "#b42318", "#f3f3ef"

SOFTWARE = 0x0131  # of Exif
DPI = 150
CELL, CAPTION, GAP, MARGIN = 1.9, 0.5, 0.18, 0.25  # inches
ALONE = 6.0  # inches of the longer side of a picture alone
LEAST_ASPECT = 0.25  # a narrower picture stands in the middle of a frame of this shape

# Letters that matplotlib's own font lacks are taken from these where the machine has them.
OTHER_FONTS = (
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "PingFang SC",
    "Microsoft YaHei",
    "Arial Unicode MS",
)


def check_sheet_name(out: Path | None) -> None:
    """Find out before long work that no such file can be made. Raises UsageError."""
    if out is not None and out.suffix.lower() not in ENDINGS:
        allowed = ", ".join(ENDINGS)
        raise UsageError(f"--show {out}: the name ends in {out.suffix!r}; allowed are {allowed}")


def write_contact_sheet(
    predictions: Predictions,
    images: Sequence[ImageSource],
    out: Path,
    *,
    total: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Draw pictures with their answers; the first sixty, and how many more there are.

    A picture without an answer, and one that cannot be read any more, is a field with the cause.

    Args:
        predictions: the answers, at least one.
        images: the pictures in the same order, (n,).
        out: the new file; its ending chooses the format.
        total: how many pictures there are, where these are the first of them; default: n.
        max_pixels: limit for a picture's size.

    Raises OSError, UsageError for an ending that no picture has, and ValueError without pictures
    or for unequal lengths.
    """
    if len(images) != len(predictions) or not images:
        raise ValueError(
            f"{len(images)} pictures for {len(predictions)} answers; at least 1 is needed"
        )
    check_sheet_name(out)
    settings: dict[Any, Any] = {
        "text.parse_math": False,
        "font.family": ["DejaVu Sans", *_present(OTHER_FONTS)],
        "svg.hashsalt": "headstart",
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        if len(images) == 1:
            figure = _draw_one(predictions, images, max_pixels)
        else:
            figure = _draw_many(predictions, images, max_pixels, total or len(images))
        _save(figure, out)


def _present(names: Sequence[str]) -> list[str]:
    known = {font.name for font in fontManager.ttflist}
    return [name for name in names if name in known]


def _save(figure: Figure, out: Path) -> None:
    ending = out.suffix.lower().removeprefix(".")
    ending = "jpg" if ending == "jpeg" else ending
    with disk.create(out) as file:
        figure.savefig(file, format=ending, dpi=DPI, facecolor="white", **_sign(ending))


def _sign(ending: str) -> dict[str, Any]:
    """The sign by which the picture is known as ours, where its format keeps notes."""
    if ending in ("jpg", "webp"):
        exif = Image.Exif()
        exif[SOFTWARE] = SHEET_SIGN
        return {"pil_kwargs": {"exif": exif}}
    return {"metadata": {"Software" if ending == "png" else "Creator": SHEET_SIGN}}


def _draw_one(predictions: Predictions, images: Sequence[ImageSource], max_pixels: int) -> Figure:
    picture, error = _picture(predictions, images, 0, int(ALONE * DPI), max_pixels)
    width = height = ALONE
    if picture is not None:
        aspect = picture.shape[1] / picture.shape[0]
        width = ALONE * max(LEAST_ASPECT, min(1.0, aspect))
        height = ALONE * max(LEAST_ASPECT, min(1.0, 1 / aspect))
    page = max(width, ALONE / 2) + 2 * MARGIN
    title = 0.75
    figure = Figure(figsize=(page, height + title + 2 * MARGIN))
    total = height + title + 2 * MARGIN
    axes = figure.add_axes((MARGIN / page, MARGIN / total, 1 - 2 * MARGIN / page, height / total))
    _show(axes, picture, error)
    room = int(page * 10)  # letters of the title that fit
    found, score = _words(predictions, 0)
    figure.text(0.5, 1 - 0.2 / total, shortened(f"{found}  {score}".strip(), room), ha="center",
                va="top", size=15, weight="bold", color=INK if score else BAD)  # fmt: skip
    name = shortened(predictions.images[0], int(room * 1.6))
    figure.text(0.5, 1 - 0.58 / total, name, ha="center", va="top", size=9, color=MUTED)
    return figure


def _draw_many(
    predictions: Predictions, images: Sequence[ImageSource], max_pixels: int, total: int
) -> Figure:
    shown = min(len(images), MOST_SHOWN)
    columns = min(MOST_COLUMNS, math.ceil(math.sqrt(shown)))
    rows = math.ceil(shown / columns)
    left_out = total - shown
    top = MARGIN + (0.35 if left_out else 0)
    width = 2 * MARGIN + columns * CELL + (columns - 1) * GAP
    height = top + MARGIN + rows * (CELL + CAPTION) + (rows - 1) * GAP
    figure = Figure(figsize=(width, height))
    if left_out:
        line = f"The first {shown} of {total:,} pictures; {left_out:,} are not shown."
        figure.text(MARGIN / width, 1 - MARGIN / height, line, va="top", size=10, color=MUTED)
    for place in range(shown):
        row, column = divmod(place, columns)
        left = MARGIN + column * (CELL + GAP)
        foot = height - top - row * (CELL + CAPTION + GAP) - CELL
        axes = figure.add_axes((left / width, foot / height, CELL / width, CELL / height))
        picture, error = _picture(predictions, images, place, int(CELL * DPI), max_pixels)
        _show(axes, picture, error)
        found, score = _words(predictions, place)
        under: dict[str, Any] = {"transform": axes.transAxes, "va": "top", "clip_on": False}
        axes.text(0, -0.03, shortened(found, 18), size=9, weight="bold",
                  color=INK if score else BAD, **under)  # fmt: skip
        axes.text(1, -0.03, score, size=9, ha="right", color=INK, **under)
        axes.text(0, -0.14, shortened(predictions.images[place], 30), size=7, color=MUTED, **under)
    return figure


def _words(predictions: Predictions, row: int) -> tuple[str, str]:
    """Class and score of an answer; "no answer" and nothing where there is none."""
    if predictions.errors[row]:
        return "no answer", ""
    return predictions.predicted[row], f"{predictions.probability[row]:.3f}"


def _picture(
    predictions: Predictions, images: Sequence[ImageSource], row: int, side: int, max_pixels: int
) -> tuple[ByteImage | None, str]:
    """The pixels at about the size they are shown at, or None with the cause."""
    if predictions.errors[row]:
        return None, predictions.errors[row]
    try:
        rgb = decode(images[row], minimum_side=side, max_pixels=max_pixels)
    except ImageError as error:
        return None, f"cannot be shown: {error}"
    if max(rgb.shape) > side:
        small = Image.fromarray(rgb)
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        rgb = np.asarray(small)
    return rgb, ""


def _show(axes: Axes, picture: ByteImage | None, error: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if picture is not None:
        axes.imshow(picture, interpolation="auto")
        return
    axes.set_facecolor(EMPTY)
    axes.text(0.5, 0.5, _broken(error), transform=axes.transAxes, ha="center", va="center",
              size=8, color=BAD)  # fmt: skip


def _broken(text: str) -> str:
    """Lines short enough for a field of the sheet, eight at most."""
    return "\n".join(textwrap.wrap(shortened(text, 200), 26, max_lines=8, placeholder=" …"))

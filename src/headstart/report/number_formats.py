"""Numbers and names as a reader meets them on a page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

UNDEFINED = "undefined"


def number(value: float | None, digits: int = 3) -> str:
    """0.9428 as "0.943", None as "undefined"."""
    return UNDEFINED if value is None else f"{value:.{digits}f}"


def interval(ends: Sequence[float] | None) -> str:
    """ "[0.814, 0.984]", or nothing when there is no interval."""
    return "" if ends is None else f"[{ends[0]:.3f}, {ends[1]:.3f}]"


def plus_minus(mean: float | None, error: float | None) -> str:
    """ "0.948 ± 0.013", or what of it is defined."""
    return number(mean) if mean is None or error is None else f"{mean:.3f} ± {error:.3f}"


def signed(value: float | None) -> str:
    """A difference with its sign, "+0.028" or "−0.028"; a dash when there is none."""
    return "–" if value is None else f"{value:+.3f}".replace("-", "−")


def breakable(name: str) -> Markup:
    """A name that may break its line behind an underscore, a colon or a plus."""
    return Markup(re.sub("([_:+])", r"\1<wbr>", str(escape(name))))


def count(n: int, one: str, many: str | None = None) -> str:
    """ "1 picture", "1,646 pictures"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """ "0.23 s", "12 s", "3 min 20 s"."""
    if value < 10:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def file_size(n: float | None) -> str:
    """13_530_000 as "13.5 MB"."""
    if n is None:
        return UNDEFINED
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} GB"

"""Templates to one file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from headstart.evaluate.significance import p_text
from headstart.outputs.text_files import write_text
from headstart.report import number_formats
from headstart.wording import printable


def write_page(template: str, path: Path, context: Mapping[str, Any]) -> None:
    """Fill a template of this package and write it as a new file. Raises OSError."""
    text = _templates().get_template(template).render(context)
    write_text(path, printable(text))


@cache
def _templates() -> Environment:
    # Everything is escaped but what is Markup already: drawings, and names with places to break.
    made = Environment(
        loader=PackageLoader("headstart", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number_formats.number,
        "interval": number_formats.interval,
        "plus_minus": number_formats.plus_minus,
        "file_size": number_formats.file_size,
        "seconds": number_formats.seconds,
        "signed": number_formats.signed,
        "p_value": p_text,
        "breakable": number_formats.breakable,
    }
    return made

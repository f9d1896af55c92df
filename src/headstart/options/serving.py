"""The options of the server: where it listens, who may ask, and how much of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headstart.options.definition import NOT_EMPTY, SERVER, Rule, number, option, text, whole

LARGEST_PORT = 65_535
_ORIGIN = re.compile(r"https?://[^/\s?#@]+")
ORIGINS = Rule(
    "the origins of pages, such as https://example.org, without a path",
    lambda value: (
        isinstance(value, tuple)
        and all(isinstance(one, str) and _ORIGIN.fullmatch(one) for one in value)
    ),
)


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Where the server listens, who may ask it, and its limits."""

    host: str = option(
        "127.0.0.1",
        SERVER,
        "Address to listen on; the default is this machine alone, 0.0.0.0 is every network.",
        rule=NOT_EMPTY,
        most_used=True,
    )
    port: int = option(
        8000,
        SERVER,
        "Port to listen on; 0 takes a free one, which is printed.",
        rule=whole(0, LARGEST_PORT),
        most_used=True,
    )
    token: str | None = option(
        None,
        SERVER,
        "What a request must carry as Authorization: Bearer TEXT; default: the environment's "
        "HEADSTART_TOKEN, or none.",
        rule=text("from 1 to 500 visible ASCII characters, without blanks", r"[!-~]{1,500}"),
        most_used=True,
    )
    allow_origin: tuple[str, ...] = option(
        (),
        SERVER,
        "Site, such as https://example.org, whose pages may ask (CORS); repeat for more.",
        rule=ORIGINS,
    )
    max_picture_bytes: int = option(
        20_000_000, SERVER, "Largest picture file in bytes; larger ones get 413.", rule=whole(1)
    )
    max_request_bytes: int = option(
        100_000_000, SERVER, "Largest request in bytes; larger ones get 413.", rule=whole(1)
    )
    max_pictures: int = option(
        64, SERVER, "Most pictures in one request; more get 413.", rule=whole(1)
    )
    queue: int = option(
        256,
        SERVER,
        "Most pictures that wait for the model; a request beyond gets 503 and when to come back.",
        rule=whole(1),
    )
    seconds: float = option(
        30.0,
        SERVER,
        "Longest time for a request, its upload and its waiting together.",
        rule=number("above 0 and finite", lambda value: value > 0),
    )
    access_log: bool = option(
        True, SERVER, "Print one line of JSON for each request (never its content), or not."
    )

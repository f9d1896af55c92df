"""headstart serve: a page and an HTTP interface that answer pictures."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

from headstart.cli import parser
from headstart.cli.terminal import tell
from headstart.options import FitOptions, ServeOptions
from headstart.options.checks import check_server

TOKEN = "HEADSTART_TOKEN"


def serve(model: parser.Model, /, *, options: FitOptions) -> int:
    """Answer pictures over HTTP, on a page and for programs, until Ctrl-C or SIGTERM.

    The page is at the address that is printed, the interface's description at /docs. Pictures are
    kept in memory while they are answered, and nowhere else.

    Examples:

        headstart serve run/model --port 8000
        headstart serve run/model --host 0.0.0.0 --token a-long-secret
        headstart serve run/model --max-pictures 8 --max-picture-bytes 5000000
    """
    from headstart.serve import check_packages

    check_packages()
    from headstart.serve.app import Service
    from headstart.serve.model_facts import model_facts
    from headstart.serve.predictor import Computing, open_predictor
    from headstart.serve.server import address_of, listen, warm_up
    from headstart.serve.server import serve as serve_on

    asked = _with_token(options.serve)
    predictor = open_predictor(model, Computing(options.embed, options.read.max_pixels))
    with listen(asked.host, asked.port) as bound:
        warm_up(predictor)
        card = model_facts(predictor, model, asked, options.read.max_pixels)
        service = Service(predictor, card, asked, _log if asked.access_log else None)
        address = address_of(bound, asked.host)
        serve_on(service, bound, lambda: _greet(address, asked))
    tell("stopped; everything that was asked is answered")
    return 0


def _with_token(options: ServeOptions) -> ServeOptions:
    """The options with the environment's token, where none is given. Raises UsageError."""
    chosen = replace(options, token=options.token or os.environ.get(TOKEN) or None)
    check_server(chosen)
    return chosen


def _greet(address: str, options: ServeOptions) -> None:
    from headstart.serve.guards import LOCAL_NAMES

    tell(f"answering on {address} (Ctrl-C stops)")
    if options.host not in LOCAL_NAMES and options.token is None:
        tell(
            "everybody who reaches this machine may ask; --token TEXT asks for a secret, and "
            "--host 127.0.0.1 keeps it to this machine"
        )


def _log(line: str) -> None:
    """A line of the access log; where nobody reads it any more the server goes on."""
    with suppress(OSError, ValueError):
        print(line, flush=True)

"""Each option of the server does something, and bad values are told before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.program import run
from tests.served import RedPredictor, picture_bytes, served
from tests.tiny_classifier import LABELS, classifier

from headstart.options import ServeOptions
from headstart.options.every_option import options_of
from headstart.serve.predictor import Computing, Predictor

RED = picture_bytes()
# What else differs where an option differs is looked at beside the file that is named.
ELSEWHERE = {
    "device": "test_predictor.py", "runtime": "test_predictor.py", "workers": "test_predictor.py",
    "embed_batch": "test_predictor.py", "max_pixels": "test_predictor.py",
    "memory_limit": "test_predictor.py",
    "queue": "test_limits.py", "seconds": "test_limits.py",
    "max_picture_bytes": "test_limits.py", "max_request_bytes": "test_limits.py",
    "max_pictures": "test_limits.py", "token": "test_guards.py", "allow_origin": "test_guards.py",
    "host": "test_guards.py", "port": "test_server.py", "access_log": "",
}  # fmt: skip


def test_every_option_of_the_verb_is_tried() -> None:
    assert {option.name for option in options_of("serve")} == set(ELSEWHERE)
    for name, file in ELSEWHERE.items():
        text = (Path(__file__).parent / (file or Path(__file__).name)).read_text(encoding="utf-8")
        assert name in text


@pytest.fixture
def started(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Run the verb as far as to the socket; what it would have served, and with what."""
    classifier().fit(pictures, LABELS).save(tmp_path / "model")
    seen: dict[str, Any] = {}

    def open_predictor(place: Path, computing: Computing) -> Predictor:
        seen["computing"] = computing
        return RedPredictor()

    def serve(service: Any, bound: Any, told: Callable[[], None]) -> None:
        seen.update(options=service.options, log=service.write_log, card=service.card)
        told()
        service.queue.close()

    monkeypatch.setattr("headstart.serve.predictor.open_predictor", open_predictor)
    monkeypatch.setattr("headstart.serve.server.listen", lambda host, port: nullcontext(Bound()))
    monkeypatch.setattr("headstart.serve.server.serve", serve)

    def start(*flags: object) -> dict[str, Any]:
        assert run("serve", tmp_path / "model", *flags) == 0
        return seen

    return start


class Bound:
    """A socket that listens to nobody."""

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 8000


def test_the_flags_reach_the_server(
    started: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    usual = started()
    assert usual["options"] == ServeOptions()
    assert usual["log"] is not None
    shown = capsys.readouterr().err
    assert "answering on http://127.0.0.1:8000/" in shown
    assert "--token" not in shown
    seen = started("--no-access-log", "--max-pixels", "5000", "--workers", "3", "--host", "0.0.0.0")
    assert seen["log"] is None
    assert seen["computing"].max_pixels == seen["card"]["limits"]["pixels"] == 5000
    assert seen["computing"].embed.workers == 3
    assert "--token TEXT asks for a secret" in capsys.readouterr().err


def test_the_token_may_stand_in_the_environment(
    started: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HEADSTART_TOKEN", "from-there")
    assert started()["options"].token == "from-there"
    assert started("--token", "typed")["options"].token == "typed"
    assert "typed" not in capsys.readouterr().err
    monkeypatch.setenv("HEADSTART_TOKEN", "")
    assert started()["options"].token is None
    monkeypatch.setenv("HEADSTART_TOKEN", "two words")
    assert run("serve", "no-model") == 2
    assert "visible ASCII characters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--port", "70000"), "--port is 70000; it must be a whole number from 0 to 65535"),
        (("--queue", "0"), "--queue is 0"),
        (("--seconds", "0"), "--seconds is 0.0; it must be a number above 0"),
        (("--seconds", "nan"), "--seconds is nan"),
        (("--token", "a b"), "--token is 'a b'; it must be from 1 to 500 visible"),
        (("--max-pictures", "-1"), "--max-pictures is -1"),
        (("--queue", "3", "--max-pictures", "4"), "--max-pictures is 4 and --queue 3"),
        (("--max-picture-bytes", "9", "--max-request-bytes", "8"), "--max-picture-bytes is 9 and"),
        (("--allow-origin", "good.example"), "--allow-origin is ('good.example',); it must be"),
        (("--allow-origin", "https://good.example/"), "--allow-origin is"),
    ],
)
def test_what_cannot_be_is_told(
    flags: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("serve", "no-model", *flags) == 2
    assert words in capsys.readouterr().err


def test_an_answer_says_nothing_of_the_servers_place() -> None:
    with served(host="127.0.0.1") as server:
        assert server.http.get("/model").json()["name"] == "run/model"
        assert server.http.post("/predict", content=RED).status_code == 200

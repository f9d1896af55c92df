"""What each path answers, in which order, under which names."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.served import (
    ExplainingPredictor,
    RedPredictor,
    Served,
    eventually,
    picture_bytes,
    served,
)

from headstart.errors import UsageError
from headstart.evaluate.predictions import Predictions
from headstart.images.source import ImageSource
from headstart.recipes.training_examples import Neighbour

RED, BLUE, BROKEN = picture_bytes(), picture_bytes((30, 40, 200)), picture_bytes()[:40]
HOSTILE = (
    "../../x.png", "/etc/passwd", "..\\..\\x.png", "C:\\x.png", "a\x00b.png", "x" * 300,
    "<script>alert(1)</script>.png", "%2e%2e%2fx.png", "\u202egnp.exe", "", "a\nb.png", ".",
    "CON", "-rf", "a;b='\"c.png",
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(ExplainingPredictor()) as running:
        yield running


def test_a_raw_body_is_one_picture(server: Served) -> None:
    reply = server.http.post("/predict?name=a.png", content=RED)
    assert reply.status_code == 200
    (answer,) = reply.json()["answers"]
    assert answer["name"] == "a.png"
    assert answer["predicted"] == "red"
    assert answer["probability"] == answer["probabilities"]["red"]
    assert list(answer["probabilities"]) == ["other", "red"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    typed = server.http.post("/predict", content=BLUE, headers={"content-type": "image/png"})
    assert typed.json()["answers"][0]["predicted"] == "other"
    assert typed.json()["answers"][0]["name"] == "picture 1"


def test_a_raw_body_that_is_no_picture_is_422(server: Served) -> None:
    reply = server.http.post("/predict", content=b"<html>no</html>")
    assert reply.status_code == 422
    assert "not a picture" in reply.json()["answers"][0]["error"]


def test_many_pictures_in_their_order_with_errors_in_their_rows(server: Served) -> None:
    """C67: z, m, broken, a, empty, b, z."""
    sent = [("z", RED), ("m", BLUE), ("broken", BROKEN), ("a", RED), ("empty", b""), ("b", BLUE),
            ("z", RED)]  # fmt: skip
    for _ in range(3):
        reply = server.post(*sent)
        assert reply.status_code == 200
        answers = reply.json()["answers"]
        assert [answer["name"] for answer in answers] == [name for name, _ in sent]
        found = [answer.get("predicted") for answer in answers]
        assert found == ["red", "other", None, "red", None, "other", "red"]
        assert "truncated" in answers[2]["error"]
        assert answers[4]["error"] == "empty (0 bytes)"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(
    server: Served, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C62: the name comes back on one line, nothing is written, no other file is read."""
    monkeypatch.chdir(tmp_path)
    form = b'--x\r\nContent-Disposition: form-data; name="p"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
    reply = server.http.post(
        "/predict",
        content=form % (name.encode(), RED),
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    assert reply.status_code in (200, 400)
    assert reply.headers["content-type"] == "application/json"
    assert not any(character in reply.text for character in "\n\x00\u202e")
    if reply.status_code == 200:
        assert reply.json()["answers"][0]["predicted"] == "red"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/", "/x"])
def test_no_path_reads_another_file(server: Served, path: str) -> None:
    assert b" 404 " in server.raw(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())


def test_what_is_no_upload_is_told(server: Served) -> None:
    def refused(status: int, words: str, content: bytes, kind: str) -> None:
        reply = server.http.post("/predict", content=content, headers={"content-type": kind})
        assert reply.status_code == status
        assert words in reply.json()["error"]

    form = "multipart/form-data"
    refused(415, "'application/json'", b"{}", "application/json")
    refused(415, "x-www-form-urlencoded", b"a=b", "application/x-www-form-urlencoded")
    refused(400, "lacks its boundary", b"--x--\r\n", form)
    refused(400, "has no picture", b"--x--\r\n", f"{form}; boundary=x")
    refused(400, "damaged", b"no form at all", f"{form}; boundary=x")
    refused(400, "ends too early", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nabc',
            f"{form}; boundary=x")  # fmt: skip
    refused(400, "boundary is wrong", b"", f"{form}; boundary={'x' * 500}")
    refused(400, "the request is empty", b"", "image/png")
    assert server.http.get("/predict").status_code == 405
    assert server.http.get("/nowhere").json() == {"error": "Not Found"}
    assert server.http.post("/predict/", content=RED).status_code == 404  # leads nowhere else


def test_the_model_tells_of_itself(server: Served) -> None:
    card = server.http.get("/model").json()
    assert card["classes"] == ["other", "red"]
    assert card["made_of"]["backbone"] == "mean colour"
    assert card["figures"] is None
    assert card["familiarity"] is None
    assert card["explains"] is True
    assert card["limits"]["pictures"] == 64


def test_health_and_metrics(server: Served) -> None:
    assert server.http.get("/healthz").json() == {"status": "ok", "needs_token": False}
    server.post(("a", RED), ("b", BROKEN))
    text = server.http.get("/metrics").text
    assert 'headstart_requests_total{path="/predict",status="200"}' in text
    assert "headstart_held_bytes 0.0" in text
    assert "headstart_waiting_pictures 0.0" in text
    bad = next(line for line in text.splitlines() if line.startswith("headstart_pictures_total{"
               'result="unreadable"}'))  # fmt: skip
    assert float(bad.split()[-1]) >= 1


def test_the_interface_is_described_offline(server: Served) -> None:
    described = server.http.get("/openapi.json").json()
    assert set(described["paths"]) == {"/predict", "/explain", "/model", "/healthz", "/metrics"}
    body = described["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/octet-stream"}
    assert "//" not in server.http.get("/docs").text.replace("http-equiv", "")


def test_an_explanation_is_a_picture(server: Served) -> None:
    reply = server.http.post("/explain", content=RED)
    assert reply.headers["content-type"] == "image/png"
    other = server.http.post("/explain?class=other", content=RED)
    assert other.content != reply.content
    assert server.http.post("/explain?class=no", content=RED).status_code == 422
    assert server.http.post("/explain", content=BROKEN).status_code == 422
    assert server.post(("a", RED), ("b", RED), path="/explain").status_code == 413


def test_an_explanation_as_json_names_the_training_pictures_most_like_it() -> None:
    predictor = ExplainingPredictor()
    small = picture_bytes(kind="JPEG")
    predictor.nearest = (Neighbour("a.png", "red", 0.9, small), Neighbour("b.png", "other", 0.5))
    with served(predictor) as running:
        wanted = {"accept": "application/json"}
        found = running.http.post("/explain", content=RED, headers=wanted).json()
        picture = running.http.post("/explain", content=RED)
    assert base64.b64decode(found.pop("picture").removeprefix("data:image/png;base64,")) == (
        picture.content
    )
    first, second = found.pop("nearest")
    assert base64.b64decode(first.pop("small").removeprefix("data:image/jpeg;base64,")) == small
    assert first == {"name": "a.png", "label": "red", "likeness": 0.9}
    assert second == {"name": "b.png", "label": "other", "likeness": 0.5}
    assert found == {"class_name": "red", "probability": 0.75, "method": "cam"}


def test_a_model_without_explanations_says_so() -> None:
    with served() as server:
        assert server.http.get("/model").json()["explains"] is False
        assert server.http.post("/explain", content=RED).status_code == 404
        assert "/explain" not in server.http.get("/openapi.json").json()["paths"]


class FailingPredictor(RedPredictor):
    """Fails as a model does whose memory ends, or by a mistake of ours."""

    error: Exception = UsageError("not enough memory")

    def predict(self, images: Sequence[ImageSource]) -> Predictions:
        raise self.error


def test_a_model_that_fails_is_told_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    predictor = FailingPredictor()
    with served(predictor) as server:
        reply = server.http.post("/predict", content=RED)
        assert reply.status_code == 500
        assert "not enough memory" in reply.json()["error"]
        predictor.error = RuntimeError("secret")
        reply = server.http.post("/predict", content=RED)
        assert reply.status_code == 500
        assert "secret" not in reply.text
        assert reply.headers["connection"] == "close"
        assert server.http.get("/healthz").status_code == 200


def test_the_log_has_a_line_a_request_and_no_picture(server: Served) -> None:
    server.http.get("/healthz")
    eventually(lambda: "/healthz" in server.lines[-1])
    before = len(server.lines)
    server.post(("secret-name.png", RED), ("b", BLUE))
    eventually(lambda: len(server.lines) > before)
    (line,) = server.lines[before:]
    entry = json.loads(line)
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/predict", 200)
    assert entry["pictures"] == 2
    assert entry["bytes"] > len(RED)
    assert entry["client"] == "127.0.0.1"
    assert "secret" not in line

"""Who may ask, and the headers of every answer."""

from __future__ import annotations

import hmac

import pytest
from tests.served import picture_bytes, served

TOKEN = "a-secret"
RED = picture_bytes()
GOOD = {"authorization": f"Bearer {TOKEN}"}


def test_a_token_is_asked_for_by_all_but_the_page_itself() -> None:
    with served(token=TOKEN) as server:
        for path in ("/", "/docs", "/openapi.json", "/healthz", "/static/main.js"):
            assert server.http.get(path).status_code == 200, path
        assert server.http.get("/healthz").json()["needs_token"] is True
        for path in ("/model", "/metrics", "/nowhere"):
            reply = server.http.get(path)
            assert reply.status_code == 401, path
            assert reply.headers["www-authenticate"] == "Bearer"
        assert server.http.post("/predict", content=RED).status_code == 401
        assert server.http.post("/explain", content=RED).status_code == 401
        assert server.http.post("/predict", content=RED, headers=GOOD).status_code == 200
        assert server.http.get("/model", headers=GOOD).status_code == 200


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe9"]
)
def test_a_wrong_token_is_refused(given: str) -> None:
    with served(token=TOKEN) as server:
        reply = server.http.get("/model", headers={b"authorization": given.encode("latin-1")})
        assert reply.status_code == 401


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a function made for it, on digests of one length."""
    lengths: list[tuple[int, int]] = []
    whole = hmac.compare_digest

    def compare(a: bytes, b: bytes) -> bool:
        lengths.append((len(a), len(b)))
        return whole(a, b)

    monkeypatch.setattr("headstart.serve.guards.hmac.compare_digest", compare)
    with served(token=TOKEN) as server:
        for given in ("x", TOKEN, "y" * 300):
            server.http.get("/model", headers={"authorization": f"Bearer {given}"})
    assert lengths == [(32, 32)] * 3


@pytest.mark.parametrize("path", ["/", "/healthz", "/model", "/nowhere", "/static/serve.css"])
def test_every_answer_has_the_security_headers(path: str) -> None:
    with served() as server:
        headers = server.http.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers
    assert headers["cache-control"] == ("no-cache" if path in ("/", "/static/serve.css") else
                                        "no-store")  # fmt: skip


def test_refusals_have_them_too() -> None:
    with served(token=TOKEN) as server:
        assert "content-security-policy" in server.http.get("/model").headers
        assert "content-security-policy" in server.http.get("/x", headers=GOOD).headers


def test_a_page_of_another_site_is_refused() -> None:
    with served() as server:
        own = str(server.http.base_url)
        assert server.http.get("/model", headers={"origin": own}).status_code == 200
        for origin in ("https://evil.example", "null", "http://[", own + "1"):
            reply = server.http.post("/predict", content=RED, headers={"origin": origin})
            assert reply.status_code == 403
            assert "--allow-origin" in reply.json()["error"]


def test_an_allowed_site_may_ask() -> None:
    site = "https://good.example"
    with served(allow_origin=(site,), token=TOKEN) as server:
        asked = {"origin": site, "access-control-request-method": "POST",
                 "access-control-request-headers": "authorization"}  # fmt: skip
        reply = server.http.options("/predict", headers=asked)
        assert reply.status_code == 200
        assert reply.headers["access-control-allow-origin"] == site
        reply = server.http.post("/predict", content=RED, headers={"origin": site, **GOOD})
        assert reply.status_code == 200
        assert reply.headers["access-control-allow-origin"] == site
        evil = {**asked, "origin": "https://evil.example"}
        assert "access-control-allow-origin" not in server.http.options("/x", headers=evil).headers
        assert server.http.get("/model", headers={"origin": site}).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "[", "127.0.0.1.evil"])
def test_another_name_for_this_machine_is_refused(host: str) -> None:
    with served() as server:
        assert server.http.get("/model", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:80", "LOCALHOST"])
def test_this_machine_has_several_names(host: str) -> None:
    with served() as server:
        assert server.http.get("/model", headers={"host": host}).status_code == 200


def test_on_a_network_and_behind_a_token_any_name_will_do() -> None:
    with served(host="0.0.0.0") as server:
        assert server.http.get("/model", headers={"host": "vehicles.example"}).status_code == 200
    with served(token=TOKEN) as server:
        headers = {"host": "vehicles.example", **GOOD}
        assert server.http.get("/model", headers=headers).status_code == 200

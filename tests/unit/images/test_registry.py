"""Which registry an image name points to, and whether it answers."""

from __future__ import annotations

import pytest

from rofecare_infra import http
from rofecare_infra.images import registry
from rofecare_infra.images.names import HUB


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("postgres:17", HUB),
        ("confluentinc/cp-kafka:7.9.8", HUB),
        ("ghcr.io/rofecare/x:1", "ghcr.io"),
        ("mirror:5000/a/b:1", "mirror:5000"),
        ("localhost/a:1", "localhost"),
        ("127.0.0.1:5000/postgres:17.11-trixie", "127.0.0.1:5000"),
    ],
)
def test_the_host_of_an_image(image: str, host: str) -> None:
    assert registry.host_of(image) == host


@pytest.mark.parametrize(("code", "answers"), [(200, True), (401, True), (403, False), (404, False), (503, False)])
def test_being_asked_for_a_password_counts(monkeypatch: pytest.MonkeyPatch, code: int, *, answers: bool) -> None:
    asked: list[tuple[str, float, bool]] = []

    def get(_method: str, address: str, *, timeout: float, connect_timeout: float, outside: bool) -> http.Response:
        assert timeout == connect_timeout
        asked.append((address, timeout, outside))
        return http.Response(code, {}, b"")

    monkeypatch.setattr(http, "request", get)
    assert registry.answers("ghcr.io") is answers
    assert asked == [("https://ghcr.io/v2/", registry.PATIENCE, True)]


@pytest.mark.parametrize(
    ("host", "schemes"),
    [("mirror:5000", ["https"]), ("localhost:5000", ["http", "https"]), ("127.0.0.1", ["http", "https"])],
)
def test_plain_http_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch, host: str, schemes: list[str]) -> None:
    asked = []

    def get(_method: str, address: str, *, timeout: float, connect_timeout: float, outside: bool) -> http.Response:
        assert timeout
        assert connect_timeout
        assert outside is (host == "mirror:5000")
        asked.append(address.partition(":")[0])
        raise http.NoResponseError("connection refused")

    monkeypatch.setattr(http, "request", get)
    assert not registry.answers(host)
    assert asked == schemes

"""The HTTP client, down to what it hands to the connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from rofecare_infra import http

HERE = "http://127.0.0.1:9200/_search"
Sent = tuple[requests.PreparedRequest, dict[str, Any]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """What would go over the network, on a machine with a proxy; each request gets a 503 with JSON."""
    found: list[Sent] = []

    def send(_self: HTTPAdapter, prepared: requests.PreparedRequest, **options: Any) -> requests.Response:
        found.append((prepared, options))
        response = requests.Response()
        response.status_code = 503
        response.headers["Retry-After"] = "10"
        response._content = b'{"status": "DOWN"}'
        return response

    monkeypatch.setattr(HTTPAdapter, "send", send)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    return found


def failing(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(_self: HTTPAdapter, _prepared: requests.PreparedRequest, **_options: Any) -> requests.Response:
        raise error

    monkeypatch.setattr(HTTPAdapter, "send", send)


def proxies(options: Mapping[str, Any]) -> set[str]:
    return {value for value in options["proxies"].values() if value}


def test_a_request_to_this_machine_never_goes_to_a_proxy(sent: list[Sent]) -> None:
    http.request("GET", HERE, timeout=10)
    assert proxies(sent[0][1]) == set()


def test_a_request_to_the_outside_uses_the_proxy(sent: list[Sent]) -> None:
    http.request("GET", "https://ghcr.io/v2/", timeout=10, outside=True)
    assert proxies(sent[0][1]) == {"http://proxy.example:3128"}


def test_a_request_carries_its_body_headers_and_timeouts(sent: list[Sent]) -> None:
    answer = http.request("POST", HERE, timeout=30, connect_timeout=2, body={"size": 1}, headers={"X-Run": "1"})
    prepared, options = sent[0]
    assert (prepared.method, prepared.url, prepared.body) == ("POST", HERE, b'{"size": 1}')
    assert prepared.headers["X-Run"] == "1"
    assert prepared.headers["Content-Type"] == "application/json"
    assert options["timeout"] == (2, 30)
    assert (answer.status, answer.ok, answer.headers) == (503, False, {"retry-after": "10"})
    assert (answer.text, answer.json()) == ('{"status": "DOWN"}', {"status": "DOWN"})


def test_a_body_that_is_not_json() -> None:
    assert http.Response(200, {}, b"<html>\xff").json() is None
    assert http.Response(200, {}, b"<html>\xff").text == "<html>\N{REPLACEMENT CHARACTER}"
    assert http.Response(302, {}, b"").ok


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.ReadTimeout(), "no answer"),
        (requests.ConnectTimeout(), "no answer"),
        (requests.ConnectionError("[Errno 111] Connection refused"), "connection refused"),
        (requests.ConnectionError("RemoteDisconnected"), "the connection broke before an answer came"),
        (requests.exceptions.InvalidHeader(), "InvalidHeader"),
    ],
)
def test_no_response_has_a_reason(error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(error, monkeypatch)
    with pytest.raises(http.NoResponseError) as caught:
        http.request("GET", HERE, timeout=10)
    assert str(caught.value) == reason

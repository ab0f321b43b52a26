"""Queries the stores of log lines and traces at the ports that they publish on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rofecare_infra import http
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.monitoring import page_of
from rofecare_infra.platform import Platform
from rofecare_infra.search.query import Wanted, checked, query
from rofecare_infra.search.results import LogLine, Span, lines_of, spans_of, total_of

# A store is identified by the port on which it listens in its container, whatever its name.
_LINES_PORT = 9200
_TRACES_PORT = 9411
_PATIENCE = 30.0
_NOT_FOUND = 404


@dataclass(frozen=True)
class Found:
    """The result of a search; `total` also counts the matching lines beyond the limit."""

    lines: tuple[LogLine, ...]
    total: int
    spans: tuple[Span, ...] = ()


class Stores:
    """The two stores of a platform. Every query raises ServiceFailedError if its store does not answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def lines(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a query of log lines."""
        answer = self._ask(_LINES_PORT, "POST", "/logs-*/_search?ignore_unavailable=true", question)
        return answer if isinstance(answer, Mapping) else {}

    def trace(self, identifier: str) -> tuple[Span, ...]:
        """The spans of a trace; none if it was not recorded, or not yet."""
        answer = self._ask(_TRACES_PORT, "GET", f"/api/v2/trace/{identifier}", None)
        return spans_of(answer) if isinstance(answer, list) else ()

    def _ask(self, port: int, method: str, path: str, body: Mapping[str, Any] | None) -> object:
        page = page_of(self._platform, port)
        if page is None:
            raise _no_answer("the monitoring", f"none of its services publishes port {port}")
        name, address = page.service, page.port.url
        try:
            response = http.request(method, address + path, body=body, timeout=_PATIENCE, headers=page.headers())
        except http.NoResponseError as error:
            raise _no_answer(name, f"{error} at {address}") from error
        if response.status == _NOT_FOUND:
            return None
        answer: object = response.json()
        if not response.ok or answer is None:
            raise _no_answer(name, f"{response.status} {response.text[:200]}")
        return answer


def search(stores: Stores, wanted: Wanted) -> Found:
    """The matching log lines and, if a trace is given, its spans."""
    exact = checked(wanted)
    answer = stores.lines(query(exact))
    return Found(lines_of(answer), total_of(answer), stores.trace(exact.trace) if exact.trace else ())


def _no_answer(name: str, seen: str) -> ServiceFailedError:
    return ServiceFailedError(
        f"{name} does not answer",
        seen=seen,
        expected="the monitoring running: it collects log lines and traces",
        next_step="inv start-monitoring; without it, inv logs shows the logs of the existing containers",
    )

"""Requests, their answers, and which link of the platform an answer proves or breaks: the input of the diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rofecare_infra.platform import short
from rofecare_infra.smoke.plan import Application

# The dependency that a service reports as missing -> what the service then cannot do.
_CANNOT = {"database": "cannot write to {}", "redis": "cannot use {}", "kafka": "cannot publish to {}"}
_UNREACHABLE = frozenset({502, 503, 504})
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_MANY = 429


@dataclass(frozen=True)
class Answer:
    """The answer to one request; without one, the status is 0 and `error` is set."""

    # Method and path: `POST /api/patients/records`.
    asked: str
    status: int = 0
    # The parsed body; None if it is not JSON.
    body: Any = None
    # Header names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""

    @property
    def dependency(self) -> str:
        """The dependency that the service reports as missing (`database`, `redis`, `kafka`), or an empty string."""
        return self.text("dependency")

    @property
    def came(self) -> bool:
        """Whether there was an answer."""
        return self.status != 0

    def text(self, key: str) -> str:
        """A field of the body as text; empty if there is none."""
        value = self.body.get(key) if isinstance(self.body, dict) else None
        return "" if value is None else str(value)

    def __str__(self) -> str:
        """For an error message: the request, the answer, and how long it took."""
        result = self.error or f"{self.status} {self.text('detail') or self.text('error')}".strip()
        return f"{self.asked}: {result} ({self.seconds:.1f} s)"


@dataclass(frozen=True)
class Check:
    """One link of the platform, and whether it carried traffic."""

    # The service that acts, and the one that it needs; `target` is empty for what a service does alone.
    subject: str
    target: str
    # What was tried, as the report shows it.
    what: str
    seconds: float = 0.0
    # What is wrong, with {} for the target: `cannot write to {}`. Empty if the link works.
    fault: str = ""
    # The evidence: an answer or a message.
    seen: str = ""
    # The next command, if the check knows a better one than the state of the containers suggests.
    remedy: str = ""
    # Why nothing was tried: the service does not declare this link. Empty if it was tried.
    skipped: str = ""

    @property
    def ok(self) -> bool:
        """Whether the link carried traffic."""
        return not self.fault

    def sentence(self, known: str = "") -> str:
        """The fault as a sentence, in which the service `known` is called "it"."""
        subject = "it" if self.subject == known else self.subject
        return f"{subject} {self.fault.format('it' if self.target == known else self.target)}"


def blame(gateway: str, app: Application, answer: Answer, what: str) -> Check:
    """The broken link behind an unexpected or missing answer of the application, asked through the gateway."""
    link: tuple[str, str, str]
    remedy = ""
    if answer.dependency:
        fault = _CANNOT.get(answer.dependency, "cannot use {}")
        if answer.asked.startswith("GET"):
            fault = fault.replace("write to", "read from")
        link = (app.name, app.need(answer.dependency), fault)
    elif not answer.came or answer.status in _UNREACHABLE:
        link = (gateway, app.name, "gets no answer from {}")
        # The log of the application explains more than that of the gateway.
        remedy = f"inv logs {short(app.name)}"
    elif answer.status == _UNAUTHORIZED:
        link = (gateway, app.name, "refuses a valid token for {}")
    elif answer.status == _NOT_FOUND and not routed(answer):
        link = (gateway, app.name, "has no route to {}")
    elif answer.status == _TOO_MANY:
        link = (gateway, app.name, "limits the rate of requests too strictly for {}")
    else:
        link = (app.name, "", f"answers {answer.status} to {answer.asked}")
    return Check(*link[:2], what, answer.seconds, link[2], str(answer), remedy)


def may_recover(answer: Answer) -> bool:
    """Whether a retry may help if all containers are ready: a service that has just started is not registered yet."""
    return not answer.came or answer.status in _UNREACHABLE


def routed(answer: Answer) -> bool:
    """Whether the gateway has a route for the request: its rate limiter adds a header to every routed answer."""
    return answer.status != _NOT_FOUND or any(name.startswith("x-ratelimit-") for name in answer.headers)

"""What was asked of the platform and what it answered: the records that the diagnosis rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """The answer to one request; status 0 and `error` where there was none."""

    # The request, in words: `POST /api/patients/records`.
    asked: str
    status: int = 0
    # The JSON of the body; None where it is none.
    body: Any = None
    # Header names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""

    @property
    def dependency(self) -> str:
        """What a service says that it lacks (`database`, `redis`, `kafka`); empty when it says nothing."""
        return self.text("dependency")

    @property
    def came(self) -> bool:
        """Whether there was any answer at all."""
        return self.status != 0

    def text(self, key: str) -> str:
        """A field of the body as text; empty where there is none."""
        value = self.body.get(key) if isinstance(self.body, dict) else None
        return "" if value is None else str(value)

    def __str__(self) -> str:
        """For an error message: what was asked, what came back, after how long."""
        said = self.error or f"{self.status} {self.text('detail') or self.text('error')}".strip()
        return f"{self.asked}: {said} ({self.seconds:.1f} s)"


@dataclass(frozen=True)
class Check:
    """One link of the platform that was tried with traffic."""

    # Who does something, and with whom; the second is empty for what a service does alone.
    subject: str
    target: str
    # What was tried, as the table of a good run says it.
    what: str
    seconds: float = 0.0
    # What is wrong, with {} for the target: `cannot write to {}`. Empty when the link works.
    fault: str = ""
    # The evidence: an answer, a message.
    seen: str = ""
    # What would mend it, where that is better known here than from the state of a container.
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether the link carried traffic."""
        return not self.fault

    def sentence(self, known: str = "") -> str:
        """The fault as a sentence; the service `known`, which it follows, is called "it"."""
        subject = "it" if self.subject == known else self.subject
        return f"{subject} {self.fault.format('it' if self.target == known else self.target)}"

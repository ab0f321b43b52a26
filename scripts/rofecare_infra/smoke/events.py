"""What was published by writing a record arrives at every service that consumes its topic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rofecare_infra.smoke.blame import blame
from rofecare_infra.smoke.checks import Answer, Check
from rofecare_infra.smoke.gateway import path_of
from rofecare_infra.smoke.plan import Application
from rofecare_infra.smoke.served import NOTHING, Configuration
from rofecare_infra.smoke.talk import Talk

# A consumer that has just started is given its partitions first; after that an event takes milliseconds. Seconds.
ARRIVAL = 20.0
_OK = 200


@dataclass(frozen=True, order=True)
class Expected:
    """An event of one topic by one service."""

    publisher: str
    topic: str


def expected(
    apps: Iterable[Application], served: Mapping[str, Configuration], wrote: Collection[str]
) -> dict[str, frozenset[Expected]]:
    """Consumer -> what should arrive there. Both sides are reference services whose routes work: they `wrote`."""
    known = [(app.name, served.get(app.name, NOTHING)) for app in apps if app.reference and app.name in wrote]
    sent = [Expected(name, topic) for name, settings in known for topic in settings.published]
    due = {name: frozenset(one for one in sent if one.topic in settings.consumed) for name, settings in known}
    return {name: events for name, events in due.items() if events}


def arrive(talk: Talk, app: Application, due: frozenset[Expected]) -> tuple[Check, ...]:
    """Wait for the events at one consumer: a link a publisher."""
    gateway = talk.plan.gateway.name if talk.plan.gateway else ""
    path = f"{path_of(talk, app)}/events?correlationId={talk.run}"
    began = talk.clock.monotonic()
    answer = talk.until(
        lambda: talk.ask("GET", path), lambda one: one.status != _OK or not due - arrived(one), seconds=ARRIVAL
    )
    waited = talk.clock.monotonic() - began
    if answer.status != _OK:
        return (blame(gateway, app, answer, "tells its events"),)
    here = arrived(answer)
    return tuple(
        _check(app, publisher, [one for one in sorted(due) if one.publisher == publisher], here, waited)
        for publisher in sorted({one.publisher for one in due})
    )


def arrived(answer: Answer) -> frozenset[Expected]:
    """The events that a consumer says it got."""
    listed = answer.body if isinstance(answer.body, list) else ()
    return frozenset(
        Expected(str(one.get("service")), str(one.get("topic"))) for one in listed if isinstance(one, dict)
    )


def _check(app: Application, publisher: str, due: list[Expected], here: Collection[Expected], waited: float) -> Check:
    what = f"receives what {publisher} publishes"
    missing = [one.topic for one in due if one not in here]
    if not missing:
        return Check(app.name, app.need("kafka"), what, waited)
    fault = f"did not receive {', '.join(missing)} of {publisher} through {{}}"
    return Check(app.name, app.need("kafka"), what, waited, fault, f"nothing arrived within {waited:.0f} s")

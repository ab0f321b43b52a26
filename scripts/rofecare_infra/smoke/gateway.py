"""What passes through the gateway: refusals, tokens, records that are written and read, and their events."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rofecare_infra.secrets import signed
from rofecare_infra.smoke.checks import Answer, Check, blame, may_recover, routed
from rofecare_infra.smoke.direct import health
from rofecare_infra.smoke.plan import Application, prefixes
from rofecare_infra.smoke.served import NOTHING, Configuration
from rofecare_infra.smoke.talk import Talk
from rofecare_infra.smoke.wire import DIRECT

# Seconds. A consumer that has just started gets its partitions first; after that an event takes milliseconds.
ARRIVAL = 20.0
# The check after whose failure nothing more is tried through the gateway.
NO_ANSWER = "answers"
_WRITES = "writes"
_OK, _CREATED, _UNAUTHORIZED = 200, 201, 401
_REFUSED = frozenset({401, 502, 503, 504})
_IDENTIFIERS = ("X-Correlation-Id", "X-Trace-Id")


@dataclass(frozen=True, order=True)
class Expected:
    """An event of one topic, published by one service."""

    publisher: str
    topic: str


def refuses_without_token(talk: Talk) -> tuple[Check, ...]:
    """Whether each route refuses a request without a token, with the identifiers that find the refusal in the logs."""
    name, address = (talk.plan.gateway.name, talk.plan.gateway.address) if talk.plan.gateway else ("", None)
    checks: list[Check] = []
    for app in talk.plan.business:
        if talk.has_route(app) is False:
            continue
        answer = talk.ask("GET", path_of(talk, app), token="", timeout=DIRECT)
        if not answer.came:
            # The other routes lead through the same gateway: waiting for each of them would prove nothing more.
            return (*checks, Check(name, "", NO_ANSWER, answer.seconds, f"does not answer on {address}", str(answer)))
        if not talk.paths(app) and not routed(answer):
            continue
        what = "401 without a token"
        refused = answer.status == _UNAUTHORIZED
        fault = "" if refused else "does not refuse a request without a token to {}"
        checks.append(Check(name, app.name, what, answer.seconds, fault, "" if refused else str(answer)))
        checks.extend(identified(talk, answer))
    return tuple(checks)


def identified(talk: Talk, answer: Answer) -> tuple[Check, ...]:
    """Whether an answer carries both identifiers, and the correlation identifier of the request."""
    name = talk.plan.gateway.name if talk.plan.gateway else ""
    missing = [header for header in _IDENTIFIERS if not answer.headers.get(header.lower())]
    if missing:
        return (Check(name, "", "identifiers", fault=f"answers without {', '.join(missing)}", seen=str(answer)),)
    if answer.headers[_IDENTIFIERS[0].lower()] != talk.run:
        fault = f"answers with another {_IDENTIFIERS[0]} than that of the request"
        return (Check(name, "", "identifiers", fault=fault, seen=str(answer)),)
    return (Check(name, "", f"answers carry {' and '.join(_IDENTIFIERS)}"),)


def sign_in(talk: Talk, accounts: Application) -> tuple[str, tuple[Check, ...]]:
    """Register a user and sign in; return the token, or an empty one with the reason."""
    name = talk.plan.gateway.name if talk.plan.gateway else ""
    prefix = path_of(talk, accounts)
    user = {"username": talk.run, "password": secrets.token_urlsafe(24)}
    answer = patiently(talk, accounts, "POST", f"{prefix}/register", user)
    if answer.status != _CREATED:
        return "", (blame(name, accounts, answer, "registers"),)
    registered = Check(accounts.name, accounts.need("database"), "registers and signs in", answer.seconds)
    answer = talk.ask("POST", f"{prefix}/login", body=user, token="")
    token = answer.text("token")
    if answer.status != _OK or not token:
        return "", (blame(name, accounts, answer, "signs in"),)
    return token, (registered,)


def own_token(talk: Talk, now: float) -> tuple[str, tuple[Check, ...]]:
    """A token signed here, with the secret that gateway and identity service share; `now` is Unix time."""
    file = talk.plan.jwt_secret
    name = talk.plan.gateway.name if talk.plan.gateway else ""
    try:
        secret = file.read_bytes() if file is not None else b""
    except OSError:
        secret = b""
    if not secret:
        return "", (Check(name, "", "token", fault="has a token secret that cannot be read", seen=str(file)),)
    return signed(secret.strip(), subject=talk.run, now=now), ()


def exercise(talk: Talk, app: Application) -> tuple[Check, ...]:
    """Try the links of one application: all of those of a reference service, of others what the contract promises."""
    if not app.reference:
        return (*health(talk, app), *_foreign(talk, app))
    # Without a known path, only the existence of a route can be shown.
    return _reference(talk, app) if talk.configuration(app).prefix else _foreign(talk, app)


def has_written(checks: Iterable[Check]) -> bool:
    """Whether a record was written, so that its events are to be expected."""
    return any(check.ok and check.what == _WRITES for check in checks)


def patiently(talk: Talk, app: Application, method: str, path: str, body: dict[str, str] | None = None) -> Answer:
    """Send a request; repeat it for some seconds if the service is unreachable although all containers are ready."""
    return talk.until(
        lambda: talk.ask(method, path, body=body), lambda one: not may_recover(one), seconds=talk.patience(app)
    )


def path_of(talk: Talk, app: Application) -> str:
    """The path of an application's route: the one that the settings declare, else a likely one."""
    return (talk.paths(app) or prefixes(app.name))[0]


def expected(
    apps: Iterable[Application], served: Mapping[str, Configuration], wrote: Collection[str]
) -> dict[str, frozenset[Expected]]:
    """Consumer -> the events that must arrive there. Both ends are reference services that wrote a record."""
    known = [(app.name, served.get(app.name, NOTHING)) for app in apps if app.reference and app.name in wrote]
    sent = [Expected(name, topic) for name, settings in known for topic in settings.published]
    due = {name: frozenset(one for one in sent if one.topic in settings.consumed) for name, settings in known}
    return {name: events for name, events in due.items() if events}


def arrive(talk: Talk, app: Application, due: frozenset[Expected]) -> tuple[Check, ...]:
    """Wait for the events at one consumer; one check for each publisher."""
    gateway = talk.plan.gateway.name if talk.plan.gateway else ""
    path = f"{path_of(talk, app)}/events?correlationId={talk.run}"
    began = talk.clock.monotonic()
    answer = talk.until(
        lambda: talk.ask("GET", path), lambda one: one.status != _OK or not due - arrived(one), seconds=ARRIVAL
    )
    waited = talk.clock.monotonic() - began
    if answer.status != _OK:
        return (blame(gateway, app, answer, "lists its events"),)
    here = arrived(answer)
    return tuple(
        _received(app, publisher, [one for one in sorted(due) if one.publisher == publisher], here, waited)
        for publisher in sorted({one.publisher for one in due})
    )


def arrived(answer: Answer) -> frozenset[Expected]:
    """The events that a consumer lists as received."""
    listed = answer.body if isinstance(answer.body, list) else ()
    return frozenset(
        Expected(str(one.get("service")), str(one.get("topic"))) for one in listed if isinstance(one, dict)
    )


def _received(
    app: Application, publisher: str, due: list[Expected], here: Collection[Expected], waited: float
) -> Check:
    what = f"receives what {publisher} publishes"
    missing = [one.topic for one in due if one not in here]
    if not missing:
        return Check(app.name, app.need("kafka"), what, waited)
    fault = f"did not receive {', '.join(missing)} of {publisher} through {{}}"
    return Check(app.name, app.need("kafka"), what, waited, fault, f"nothing arrived within {waited:.0f} s")


def _reference(talk: Talk, app: Application) -> tuple[Check, ...]:
    """Write a record, read it from the database and then from Redis, and compare the settings in use."""
    gateway = talk.plan.gateway.name if talk.plan.gateway else ""
    prefix = path_of(talk, app)
    database, redis = app.need("database"), app.need("redis")
    written = patiently(talk, app, "POST", f"{prefix}/records", {"name": talk.run})
    if written.status != _CREATED:
        return (blame(gateway, app, written, _WRITES),)
    checks = [Check(app.name, database, _WRITES, written.seconds), *identified(talk, written)]
    record = written.text("id")
    for source, target in (("database", database), ("redis", redis)):
        answer = _read(talk, app, f"{prefix}/records/{record}", source)
        if answer.status != _OK:
            return (*checks, blame(gateway, app, answer, "reads"))
        if answer.text("source") == source and answer.text("name") == talk.run:
            checks.append(Check(app.name, target, f"reads from {source}", answer.seconds))
        else:
            checks.append(_read_elsewhere(app, target, answer))
            break
    return (*checks, _about(talk, app, gateway, prefix))


def _read(talk: Talk, app: Application, path: str, source: str) -> Answer:
    """Read a record; repeat the read from Redis while a circuit breaker may be open."""
    return talk.until(
        lambda: talk.ask("GET", path),
        lambda one: one.status != _OK or source != "redis" or one.text("source") == source,
        seconds=talk.patience(app),
    )


def _read_elsewhere(app: Application, target: str, answer: Answer) -> Check:
    origin = f"the record came from {answer.text('source') or 'nowhere'}"
    remedy = "docker restart {container}  (it reads its password when it starts)" if target == app.need("redis") else ""
    return Check(app.name, target, "reads", answer.seconds, "cannot read from {}", f"{answer}: {origin}", remedy)


def _about(talk: Talk, app: Application, gateway: str, prefix: str) -> Check:
    answer = talk.ask("GET", f"{prefix}/about")
    if answer.status != _OK:
        return blame(gateway, app, answer, "shows its settings")
    served, used = talk.configuration(app).own, answer.text("configuration")
    config = app.need("config")
    what = "uses the settings served"
    if not served or served == used:
        return Check(app.name, config, what, answer.seconds)
    return Check(
        app.name,
        config,
        what,
        answer.seconds,
        "does not use the settings that {} serves",
        f"in use: {used!r}, served: {served!r}",
        "docker restart {container}, or docker exec {container} bash /etc/rofecare/ready.sh /actuator/refresh POST",
    )


def _foreign(talk: Talk, app: Application) -> tuple[Check, ...]:
    """Whether a request with a token reaches the application; what it answers is not part of the contract."""
    gateway = talk.plan.gateway.name if talk.plan.gateway else ""
    if talk.has_route(app) is False:
        return (Check(gateway, app.name, "the route", skipped="the settings of the gateway contain none"),)
    paths = talk.paths(app)
    answers: list[Answer] = []
    for prefix in paths or prefixes(app.name):
        answer = patiently(talk, app, "GET", prefix)
        if answer.came and answer.status not in _REFUSED and routed(answer):
            return (Check(gateway, app.name, f"routes to {prefix}", answer.seconds),)
        answers.append(answer)
    # An answer of the application is better evidence than the gateway's 404 for an unknown path.
    best = next((one for one in answers if routed(one)), answers[0])
    if not paths and best.came and not routed(best):
        return (Check(gateway, app.name, "the route", skipped=f"no settings declare its path, and {best}"),)
    return (blame(gateway, app, best, "routes"),)

"""One route: what is written through it is read again, from the database first and then from Redis."""

from __future__ import annotations

from collections.abc import Iterable

from rofecare_infra.smoke.blame import blame, routed
from rofecare_infra.smoke.checks import Answer, Check
from rofecare_infra.smoke.direct import health
from rofecare_infra.smoke.gateway import identified, path_of, patiently
from rofecare_infra.smoke.plan import Application, prefixes
from rofecare_infra.smoke.talk import Talk

_OK, _CREATED = 200, 201
_WRITES = "writes"
_REFUSED = frozenset({401, 502, 503, 504})


def exercise(talk: Talk, app: Application) -> tuple[Check, ...]:
    """Every link of one application: all that a reference service can show, of others what the contract promises."""
    if not app.reference:
        return (*health(talk, app), *_foreign(talk, app))
    # Where nobody tells its path, all that can be shown is that there is one.
    return _reference(talk, app) if talk.configuration(app).prefix else _foreign(talk, app)


def has_written(checks: Iterable[Check]) -> bool:
    """Whether a record was written: its events are under way."""
    return any(check.ok and check.what == _WRITES for check in checks)


def _reference(talk: Talk, app: Application) -> tuple[Check, ...]:
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
    """Read a record; the one that Redis should have is asked for again while a circuit breaker may still be open."""
    return talk.until(
        lambda: talk.ask("GET", path),
        lambda one: one.status != _OK or source != "redis" or one.text("source") == source,
        seconds=talk.patience(app),
    )


def _read_elsewhere(app: Application, target: str, answer: Answer) -> Check:
    came = f"the record came from {answer.text('source') or 'nowhere'}"
    remedy = "docker restart {container}  (it reads its password when it starts)" if target == app.need("redis") else ""
    return Check(app.name, target, "reads", answer.seconds, "cannot read from {}", f"{answer}: {came}", remedy)


def _about(talk: Talk, app: Application, gateway: str, prefix: str) -> Check:
    answer = talk.ask("GET", f"{prefix}/about")
    if answer.status != _OK:
        return blame(gateway, app, answer, "tells about itself")
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
        f"it has {used!r}, served is {served!r}",
        "docker restart {container}, or POST /actuator/refresh to it",
    )


def _foreign(talk: Talk, app: Application) -> tuple[Check, ...]:
    """With a token the route leads somewhere; what is there is not ours to judge."""
    gateway = talk.plan.gateway.name if talk.plan.gateway else ""
    told = talk.configuration(app).prefix
    answers: list[Answer] = []
    for prefix in (told,) if told else prefixes(app.name):
        answer = patiently(talk, app, "GET", prefix)
        if answer.came and answer.status not in _REFUSED and routed(answer):
            return (Check(gateway, app.name, f"knows the way to {prefix}", answer.seconds),)
        answers.append(answer)
    # A path that exists and fails says more than one that does not exist.
    return (blame(gateway, app, next((one for one in answers if routed(one)), answers[0]), "knows the way"),)

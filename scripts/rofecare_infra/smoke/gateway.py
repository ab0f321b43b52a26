"""The gateway by itself: whom it refuses, what it adds to its answers, whose token it takes."""

from __future__ import annotations

import secrets

from rofecare_infra.secrets import signed
from rofecare_infra.smoke.blame import blame, may_settle
from rofecare_infra.smoke.checks import Answer, Check
from rofecare_infra.smoke.plan import Application, prefixes
from rofecare_infra.smoke.talk import Talk
from rofecare_infra.smoke.wire import DIRECT

_OK, _CREATED, _UNAUTHORIZED = 200, 201, 401
# What the one check is called after which nothing more is asked through the gateway.
NO_ANSWER = "answers"
_IDENTIFIERS = ("X-Correlation-Id", "X-Trace-Id")


def refuses_without_token(talk: Talk) -> tuple[Check, ...]:
    """Whether each route is closed without a token, and the refusal can be found again in the logs."""
    name, address = (talk.plan.gateway.name, talk.plan.gateway.address) if talk.plan.gateway else ("", None)
    checks: list[Check] = []
    for app in talk.plan.business:
        answer = talk.ask("GET", path_of(talk, app), token="", timeout=DIRECT)
        if not answer.came:
            # What does not answer to one does not answer to eight; waiting eight times would prove nothing more.
            return (*checks, Check(name, "", NO_ANSWER, answer.seconds, f"does not answer on {address}", str(answer)))
        what = "401 without a token"
        closed = answer.status == _UNAUTHORIZED
        fault = "" if closed else "does not refuse a request without a token to {}"
        checks.append(Check(name, app.name, what, answer.seconds, fault, "" if closed else str(answer)))
        checks.extend(identified(talk, answer))
    return tuple(checks)


def identified(talk: Talk, answer: Answer) -> tuple[Check, ...]:
    """Whether an answer carries the two identifiers, the first of them ours."""
    name = talk.plan.gateway.name if talk.plan.gateway else ""
    missing = [header for header in _IDENTIFIERS if not answer.headers.get(header.lower())]
    if missing:
        return (Check(name, "", "identifiers", fault=f"answers without {', '.join(missing)}", seen=str(answer)),)
    if answer.headers[_IDENTIFIERS[0].lower()] != talk.run:
        fault = f"answers with another {_IDENTIFIERS[0]} than it was given"
        return (Check(name, "", "identifiers", fault=fault, seen=str(answer)),)
    return (Check(name, "", f"answers carry {' and '.join(_IDENTIFIERS)}"),)


def sign_in(talk: Talk, accounts: Application) -> tuple[str, tuple[Check, ...]]:
    """Register somebody and sign in: the token, or an empty one and why there is none."""
    name = talk.plan.gateway.name if talk.plan.gateway else ""
    prefix = path_of(talk, accounts)
    somebody = {"username": talk.run, "password": secrets.token_urlsafe(24)}
    answer = patiently(talk, accounts, "POST", f"{prefix}/register", somebody)
    if answer.status != _CREATED:
        return "", (blame(name, accounts, answer, "registers"),)
    registered = Check(accounts.name, accounts.need("database"), "registers and signs in", answer.seconds)
    answer = talk.ask("POST", f"{prefix}/login", body=somebody, token="")
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
        return "", (Check(name, "", "token", fault="has a secret that nobody can read", seen=str(file)),)
    return signed(secret.strip(), subject=talk.run, now=now), ()


def patiently(talk: Talk, app: Application, method: str, path: str, body: dict[str, str] | None = None) -> Answer:
    """Ask; where there is no way to the service and no container explains it, ask again for some seconds."""
    return talk.until(
        lambda: talk.ask(method, path, body=body), lambda one: not may_settle(one), seconds=talk.patience(app)
    )


def path_of(talk: Talk, app: Application) -> str:
    """The path of an application's route; a likely one where the config server does not tell."""
    return talk.configuration(app).prefix or prefixes(app.name)[0]

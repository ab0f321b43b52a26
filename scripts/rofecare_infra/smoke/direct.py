"""Checks that bypass the gateway: config server, Eureka, Redis, Kafka, and the health of applications."""

from __future__ import annotations

from rofecare_infra.smoke.checks import Answer, Check
from rofecare_infra.smoke.plan import Application, Plan
from rofecare_infra.smoke.served import Configuration, components_down, configuration_of, instances_up
from rofecare_infra.smoke.talk import SETTLE, Talk
from rofecare_infra.smoke.wire import Wire

_OK = 200
# Where an application has its health whose port is unknown inside.
_HEALTH = "/actuator/health"
# What the engine answers where an image lacks the program that is to be run.
_NO_PROGRAM = "executable file not found"
# Component of Spring Boot's health -> kind of a dependency.
_PARTS = {"db": "database", "redis": "redis", "kafka": "kafka", "discoveryComposite": "discovery"}


def fetch_configuration(plan: Plan, wire: Wire, app: Application) -> tuple[Configuration | None, Check]:
    """The settings that the config server serves for an application, and the check of that."""
    config = plan.config
    what = "serves settings"
    if config is None or config.address is None:
        return None, Check(config.name if config else "", "", what)
    answer = wire.http("GET", config.address.url, f"/{app.registered_as or app.name}/docker", headers=config.headers)
    served = configuration_of(answer.body) if answer.status == _OK else None
    if served is not None:
        return served, Check(config.name, "", what, answer.seconds)
    fault = f"serves no settings for {app.name}" if answer.came else f"does not answer on {config.address}"
    return None, Check(config.name, "", what, answer.seconds, fault, str(answer))


def registered(talk: Talk) -> tuple[Check, ...]:
    """Whether Eureka lists all replicas of each application that declares a registration.

    Waits for the registrations of applications that are ready.
    """
    server = talk.plan.discovery
    if server is None or server.address is None:
        return ()
    others = [app for app in talk.plan.applications if app.name != server.name]
    expected = [app for app in others if "discovery" in app.needs and app.registered_as]
    skipped = tuple(
        Check(app.name, server.name, "the registration", skipped="SPRING_APPLICATION_NAME is not set")
        if "discovery" in app.needs
        else Check(app.name, server.name, "the registration", skipped="no Eureka client is configured")
        for app in others
        if app not in expected and app in talk.plan.business
    )
    url = server.address.url

    def listed(answer: Answer) -> bool:
        up = instances_up(answer.body)
        return all(up.get(app.registered_as.lower(), 0) >= app.replicas for app in expected if app.name in talk.healthy)

    answer = talk.until(
        lambda: talk.wire.http("GET", url, "/eureka/apps", headers=server.headers),
        lambda one: one.status != _OK or listed(one),
        seconds=SETTLE,
    )
    what = "registered, UP"
    if answer.status != _OK:
        fault = f"answers {answer.status} to {answer.asked}" if answer.came else f"does not answer on {server.address}"
        return (Check(server.name, "", what, answer.seconds, fault, str(answer)), *skipped)
    up = instances_up(answer.body)
    checks: list[Check] = []
    for app in expected:
        count = up.get(app.registered_as.lower(), 0)
        fault = "" if count >= app.replicas else "is not listed as UP by {}"
        seen = f"{count} of {app.replicas} instances UP" if fault else ""
        checks.append(Check(app.name, server.name, what, answer.seconds, fault, seen))
    return (*checks, *skipped)


def redis_accepts(talk: Talk) -> Check | None:
    """Whether Redis accepts the password of the secrets folder on a new connection; None if Redis is not published.

    Connections that were opened with an old password stay open: traffic alone would not show that it has changed.
    """
    if talk.plan.redis is None or talk.plan.redis_password is None:
        return None
    (name, address), file = talk.plan.redis, talk.plan.redis_password
    what = "accepts the password of the secrets folder"
    try:
        password = file.read_bytes().rstrip(b"\n")
    except OSError as unreadable:
        fault = f"has a password file that cannot be read: {file}"
        return Check(name, "", what, fault=fault, seen=str(unreadable.strerror))
    began = talk.clock.monotonic()
    error = talk.wire.redis(address, password)
    seconds = talk.clock.monotonic() - began
    if not error:
        return Check(name, "", what, seconds)
    if error.startswith("does not answer"):
        return Check(name, "", what, seconds, error, error)
    return Check(
        name,
        "",
        what,
        seconds,
        f"refuses the password of {file.name}",
        f"AUTH with the content of {file}: {error}",
        # It reads the file when it starts.
        "docker restart {container}  (if the password was changed at run time); else restore the previous file",
    )


def kafka_answers(talk: Talk) -> Check | None:
    """Whether the broker answers; None if it is not published."""
    if talk.plan.kafka is None:
        return None
    name, address = talk.plan.kafka
    began = talk.clock.monotonic()
    error = talk.wire.kafka(address)
    return Check(name, "", "answers as a broker", talk.clock.monotonic() - began, error, error)


def health(talk: Talk, app: Application) -> tuple[Check, ...]:
    """The health that an application reports: part of the contract, so it holds for every application."""
    what, path = "its own health is UP", app.health.whole if app.health is not None else _HEALTH
    address = app.health_address if app.health is not None else app.address
    if address is not None:
        answer = talk.wire.http("GET", address.url, path)
    elif app.health is not None and app.container is not None:
        answer = talk.wire.inside(app.container, app.health.port, path)
    else:
        return ()
    if _NO_PROGRAM in answer.error:
        reason = "its image has no bash, and the port of its health is not published"
        return (Check(app.name, "", "the health", skipped=reason),)
    # At a path of another kind, the status is the answer.
    if answer.status == _OK and answer.text("status") in {"UP", ""}:
        return (Check(app.name, "", what, answer.seconds),)
    down = [part for part in components_down(answer.body) if _PARTS.get(part) in app.needs]
    if down:
        return tuple(
            Check(app.name, app.need(_PARTS[part]), what, answer.seconds, "cannot use {}", str(answer)) for part in down
        )
    fault = f"reports the health {answer.text('status') or answer.status}" if answer.came else "does not answer"
    return (Check(app.name, "", what, answer.seconds, fault, str(answer)),)

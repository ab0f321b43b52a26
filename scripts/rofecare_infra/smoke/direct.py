"""What is asked directly and not through the gateway: config server, Eureka, Redis, Kafka, others' health."""

from __future__ import annotations

from rofecare_infra.smoke.checks import Answer, Check
from rofecare_infra.smoke.plan import Application, Plan
from rofecare_infra.smoke.served import Configuration, components_down, configuration_of, instances_up
from rofecare_infra.smoke.talk import SETTLE, Talk
from rofecare_infra.smoke.wire import Wire

_OK = 200
# What Spring Boot calls the parts of its health -> what the plan calls them.
_PARTS = {"db": "database", "redis": "redis", "kafka": "kafka", "discoveryComposite": "discovery"}


def fetch_configuration(plan: Plan, wire: Wire, app: Application) -> tuple[Configuration | None, Check]:
    """What the config server serves for an application, and whether it does."""
    config = plan.config
    what = "serves settings"
    if config is None or config.address is None:
        return None, Check(config.name if config else "", "", what)
    answer = wire.http("GET", config.address.url, f"/{app.name}/docker")
    served = configuration_of(answer.body) if answer.status == _OK else None
    if served is not None:
        return served, Check(config.name, "", what, answer.seconds)
    fault = f"gives no settings for {app.name}" if answer.came else f"does not answer on {config.address}"
    return None, Check(config.name, "", what, answer.seconds, fault, str(answer))


def registered(talk: Talk) -> tuple[Check, ...]:
    """Whether Eureka lists every application that registers, with every replica; waits for those that may yet come."""
    server = talk.plan.discovery
    if server is None or server.address is None:
        return ()
    expected = [app for app in talk.plan.applications if "discovery" in app.needs and app.name != server.name]
    url = server.address.url

    def listed(answer: Answer) -> bool:
        up = instances_up(answer.body)
        return all(up.get(app.name, 0) >= app.replicas for app in expected if app.name in talk.healthy)

    answer = talk.until(
        lambda: talk.wire.http("GET", url, "/eureka/apps"), lambda one: one.status != _OK or listed(one), seconds=SETTLE
    )
    what = "registered, UP"
    if answer.status != _OK:
        fault = f"answers {answer.status} to {answer.asked}" if answer.came else f"does not answer on {server.address}"
        return (Check(server.name, "", what, answer.seconds, fault, str(answer)),)
    up = instances_up(answer.body)
    return tuple(
        Check(app.name, server.name, what, answer.seconds)
        if up.get(app.name, 0) >= app.replicas
        else Check(
            app.name,
            server.name,
            what,
            answer.seconds,
            "is not listed as UP by {}",
            f"{up.get(app.name, 0)} of {app.replicas} instances UP",
        )
        for app in expected
    )


def redis_accepts(talk: Talk) -> Check | None:
    """Whether Redis accepts the password of the secrets folder on a new connection; None when nothing can be asked.

    Connections that were opened with an old password stay open, so traffic alone would not show a new one.
    """
    if talk.plan.redis is None or talk.plan.redis_password is None:
        return None
    (name, address), file = talk.plan.redis, talk.plan.redis_password
    what = "accepts the password of the secrets folder"
    try:
        password = file.read_bytes().rstrip(b"\n")
    except OSError as error:
        return Check(name, "", what, fault=f"has a password that nobody can read: {file}", seen=str(error.strerror))
    began = talk.clock.monotonic()
    said = talk.wire.redis(address, password)
    seconds = talk.clock.monotonic() - began
    if not said:
        return Check(name, "", what, seconds)
    if said.startswith("does not answer"):
        return Check(name, "", what, seconds, said, said)
    return Check(
        name,
        "",
        what,
        seconds,
        f"refuses the password of {file.name}",
        f"AUTH with the content of {file}: {said}",
        # It reads the file when it starts.
        "docker restart {container}, where somebody changed it at run time; else put the old file back",
    )


def kafka_answers(talk: Talk) -> Check | None:
    """Whether the broker speaks; None when it is not published."""
    if talk.plan.kafka is None:
        return None
    name, address = talk.plan.kafka
    began = talk.clock.monotonic()
    said = talk.wire.kafka(address)
    return Check(name, "", "answers as a broker", talk.clock.monotonic() - began, said, said)


def health(talk: Talk, app: Application) -> tuple[Check, ...]:
    """What an application says of its own health: part of the contract, so it is asked of other people's, too."""
    if app.address is None:
        return ()
    answer = talk.wire.http("GET", app.address.url, "/actuator/health")
    what = "its own health is UP"
    if answer.status == _OK and answer.text("status") == "UP":
        return (Check(app.name, "", what, answer.seconds),)
    down = [part for part in components_down(answer.body) if _PARTS.get(part) in app.needs]
    if down:
        return tuple(
            Check(app.name, app.need(_PARTS[part]), what, answer.seconds, "cannot use {}", str(answer)) for part in down
        )
    fault = f"says of itself: {answer.text('status') or answer.status}" if answer.came else "does not answer"
    return (Check(app.name, "", what, answer.seconds, fault, str(answer)),)

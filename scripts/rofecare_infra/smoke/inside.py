"""Asks applications from inside their containers, which needs no published port: whether they require a password."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rofecare_infra.engine import Container
from rofecare_infra.platform import Platform, Service
from rofecare_infra.process import Reachable, Result, Shell
from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.plan import PASSWORD, Application, Plan, requires

_OK = 200
_ASK = """
exec timeout 10 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat >&3 && head -n 1 <&3' bash "$1"
"""


def ask(
    container: Reachable, service: Service, path: str, shell: Shell, headers: Mapping[str, str] | None = None
) -> tuple[int, Result]:
    """The status of the answer to a GET, 0 without one, and what the command in the container printed."""
    sent = {"Host": "localhost", **(headers or {})}
    lines = [f"GET {path} HTTP/1.0", *(f"{name}: {value}" for name, value in sent.items())]
    result = shell(container, _ASK, service.environment.get("SERVER_PORT", "8080"), stdin="\r\n".join([*lines, "", ""]))
    words = result.stdout.split()
    return (int(words[1]) if words[1:] and words[1].isdigit() else 0), result


def refuse_without_password(
    platform: Platform, plan: Plan, containers: Sequence[Container], shell: Shell
) -> Iterator[Check]:
    """Whether the config server and Eureka refuse a client without the password that the compose files give them."""
    what = "refuses clients without its password"
    for app, path, setting in (
        (plan.config, "/application/default", "CONFIG_AUTHENTICATION"),
        (plan.discovery, "/eureka/apps", "REGISTRY_AUTHENTICATION"),
    ):
        service = _with_password(platform, app)
        if service is None:
            continue
        if service.environment.get("ROFECARE_AUTHENTICATION") == "off":
            yield Check(service.name, "", what, skipped=f"{setting}=off")
            continue
        for one in containers:
            if one.service == service.name and one.status == "running":
                status, _ = ask(one, service, path, shell)
                fault = "requires no password" if status == _OK else ""
                seen = f"GET {path} without a password: {status}; image {one.image}" if fault else ""
                remedy = f"use an image that requires {PASSWORD}, or set {setting}=off" if fault else ""
                yield Check(service.name, "", what, fault=fault, seen=seen, remedy=remedy)


def _with_password(platform: Platform, app: Application | None) -> Service | None:
    found = [one for one in platform.services if app is not None and one.name == app.name]
    return next((one for one in found if any(requires(one, name) for name in one.secrets)), None)

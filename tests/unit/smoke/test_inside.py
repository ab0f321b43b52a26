"""Whether the config server and Eureka require the password that they are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rofecare_infra import http
from rofecare_infra.platform import Platform
from rofecare_infra.process import Reachable, Result
from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.inside import ask, refuse_without_password
from rofecare_infra.smoke.plan import plan_of, user_of
from tests.support.fakes import container, service

ASKED: dict[str, Any] = {
    "secrets": ("registry_password",),
    "secret_files": {"registry_password": "spring.security.user.password"},
}
CLIENT = {"EUREKA_CLIENT_SERVICEURL_DEFAULTZONE": "http://user:${registry.password}@registry:8761/eureka/"}


class Server:
    """Answers every request with the same first line."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.received: list[str] = []

    def __call__(self, container: Reachable, script: str, *arguments: str, stdin: str) -> Result:
        assert "Basic" not in " ".join((container.name, script, *arguments))
        self.received.append(stdin)
        return Result(("docker",), 0, self.answer, "")


def checks(server: Server, *, authentication: str = "on", asked: dict[str, Any] = ASKED) -> list[Check]:
    environment = {"SERVER_PORT": "8761", "ROFECARE_AUTHENTICATION": authentication}
    registry = service("registry", "spring-cloud", checkout="registry", environment=environment, **asked)
    web = service("web", "business", checkout="web", environment=CLIENT)
    platform = Platform("p", (registry, web))
    there = [container("registry", image="site/registry:1"), container("web")]
    return [*refuse_without_password(platform, plan_of(platform, {}), there, server)]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "302 Found"])
def test_a_refusal_is_right(status: str) -> None:
    server = Server(f"HTTP/1.1 {status}\r\n")
    assert [check.ok for check in checks(server)] == [True]
    assert server.received[0].startswith("GET /eureka/apps HTTP/1.0\r\n")
    assert "Authorization" not in server.received[0]


def test_an_image_that_answers_is_named() -> None:
    (check,) = checks(Server("HTTP/1.1 200 OK\r\n"))
    assert (check.ok, check.sentence()) == (False, "registry requires no password")
    assert "image site/registry:1" in check.seen
    assert "REGISTRY_AUTHENTICATION=off" in check.remedy


def test_what_is_turned_off_or_has_no_password_is_not_asked() -> None:
    (check,) = checks(Server(""), authentication="off")
    assert check.skipped == "REGISTRY_AUTHENTICATION=off"
    assert checks(Server(""), asked={}) == []


def test_the_password_is_sent_on_the_standard_input() -> None:
    server = Server("HTTP/1.1 200 OK\r\n")
    one = service("registry", environment={"SPRING_SECURITY_USER_NAME": "u"})
    assert ask(container("registry"), one, "/", server, http.basic(user_of(one), "p"))[0] == 200
    assert "Authorization: Basic dTpw\r\n" in server.received[0]


def test_checks_that_ask_a_published_port_send_the_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    registry = service(
        "registry",
        "spring-cloud",
        checkout="registry",
        environment={"SPRING_SECURITY_USER_NAME": "u"},
        **ASKED,
    )
    web = service("web", "business", checkout="web", environment=CLIENT)
    plan = plan_of(Platform("p", (registry, web), {"registry_password": file}), {})
    assert plan.discovery is not None
    assert plan.discovery.headers == {}, "unreadable"
    file.write_text("p\n")
    assert plan.discovery.headers == {"Authorization": "Basic dTpw"}
    assert plan.business[0].headers == {}

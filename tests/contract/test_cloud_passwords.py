"""The config server and Eureka in production: what they require of their clients, and who can give it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rofecare_infra.platform import parse
from tests.support.documented import APPLICATIONS

Json = dict[str, Any]
MakeModel = Callable[..., Json]

_FILES = ("docker-compose.yml", "docker-compose.prod.yml")


def test_the_config_server_and_eureka_require_a_password_that_every_client_has(model_of: MakeModel) -> None:
    """As files and by the properties of Spring; no value of the environment contains one."""
    services = parse(model_of(*_FILES)).services
    asked = {
        "rofecare-config-server": "config_server_password",
        "rofecare-discovery-server": "discovery_server_password",
    }
    sent = {
        "config_server_password": "spring.cloud.config.password",
        "discovery_server_password": "rofecare.registry.password",
    }
    for one in services:
        if one.name not in APPLICATIONS:
            assert not {*sent} & {*one.secrets}, one.name
            continue
        files = {name: file.rpartition("/")[2] for name, file in one.secret_files.items() if name in sent}
        own = asked.get(one.name)
        expected = {name: "spring.security.user.password" if name == own else file for name, file in sent.items()}
        if one.name == "rofecare-config-server":
            del expected["discovery_server_password"]
        assert files == expected, one.name
        environment = one.environment
        if own is not None:
            assert (environment["SPRING_SECURITY_USER_NAME"], environment["ROFECARE_AUTHENTICATION"]) == (
                "rofecare",
                "on",
            )
            assert one.labels["com.rofecare.secrets"] == "not in the data"
        else:
            url = environment["EUREKA_CLIENT_SERVICEURL_DEFAULTZONE"].replace("$$", "$")
            assert url == "http://${rofecare.registry.user}@rofecare-discovery-server:8761/eureka/"
        if one.name != "rofecare-config-server":
            assert environment["SPRING_CLOUD_CONFIG_USERNAME"] == "rofecare"


def test_authentication_can_be_turned_off(model_of: MakeModel) -> None:
    off = parse(model_of(*_FILES, CONFIG_AUTHENTICATION="off"))
    assert off.service("rofecare-config-server").environment["ROFECARE_AUTHENTICATION"] == "off"
    assert off.service("rofecare-discovery-server").environment["ROFECARE_AUTHENTICATION"] == "on"

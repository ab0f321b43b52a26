"""The roles of services, the parsed answers of the config server and Eureka, and the token signed here."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from rofecare_infra.platform import LABEL_INGRESS, Port, Service
from rofecare_infra.secrets.token import LIFETIME, signed
from rofecare_infra.smoke.plan import Address, plan_of, prefixes
from rofecare_infra.smoke.served import Configuration, components_down, configuration_of, instances_up
from tests.support.smoke import CONFIG, EUREKA, GATEWAY, IDENTITY, PATIENT, business, plan, platform


def test_the_roles_follow_from_the_model() -> None:
    found = plan()
    assert found.gateway is not None
    assert (found.gateway.name, found.gateway.address) == (GATEWAY, Address("127.0.0.1", 8080))
    assert found.config is not None
    assert found.config.name == CONFIG
    assert found.discovery is not None
    assert found.discovery.name == EUREKA
    assert found.redis == ("redis", Address("127.0.0.1", 6379))
    assert found.kafka == ("kafka", Address("127.0.0.1", 9092))
    assert found.redis_password == Path("/secrets/redis_password")
    assert found.jwt_secret == Path("/secrets/jwt_secret")
    assert [app.name for app in found.business] == [IDENTITY, PATIENT]


def test_the_dependencies_of_an_application() -> None:
    patient = plan().business[1]
    assert patient.needs == {
        "database": "patient-db",
        "redis": "redis",
        "kafka": "kafka",
        "config": CONFIG,
        "discovery": EUREKA,
    }
    assert patient.need("mail") == "mail"


def test_a_ninth_service_is_found_without_a_change_here() -> None:
    model = platform()
    ninth = business("hospital-laboratory", 8099, "patient-db")
    model = dataclasses.replace(model, services=(*model.services, ninth))
    assert plan_of(model, {}).business[-1].name == "hospital-laboratory"


@pytest.mark.parametrize("phase", ["spring-cloud", "other"])
def test_an_added_service_of_another_phase_is_not_the_gateway(phase: str) -> None:
    model = platform()
    gateway = dataclasses.replace(model.service(GATEWAY), labels={LABEL_INGRESS: "true"})
    added = dataclasses.replace(business("hospital-laboratory", 8099, "patient-db"), phase=phase)
    others = [one for one in model.services if one.name != GATEWAY]
    found = plan_of(dataclasses.replace(model, services=(added, *others, gateway)), {})
    assert found.gateway is not None
    assert found.gateway.name == GATEWAY
    assert "hospital-laboratory" in {app.name for app in found.business}


def test_the_gateway_behind_a_front_is_reached_at_the_ports_of_the_front() -> None:
    model = platform()
    gateway = dataclasses.replace(model.service(GATEWAY), ports=())
    front = Service("front", "business", "caddy", ports=(Port("127.0.0.1", 80, 8080),), labels={LABEL_INGRESS: "true"})
    others = [one for one in model.services if one.name != GATEWAY]
    found = plan_of(dataclasses.replace(model, services=(*others, gateway, front)), {}).gateway
    assert found is not None
    assert (found.name, found.address) == (GATEWAY, Address("127.0.0.1", 80))
    with_tls = dataclasses.replace(front, environment={"TLS_HOST": "his.example"})
    found = plan_of(dataclasses.replace(model, services=(*others, gateway, with_tls)), {}).gateway
    assert found is not None
    assert found.address is None


@pytest.mark.parametrize(
    "switch", ["EUREKA_CLIENT_ENABLED", "EUREKA_CLIENT_REGISTERWITHEUREKA", "EUREKA_CLIENT_REGISTER_WITH_EUREKA"]
)
def test_a_registration_that_is_switched_off_is_not_declared(switch: str) -> None:
    model = platform()
    patient = model.service(PATIENT)
    off = dataclasses.replace(patient, environment={**patient.environment, switch: "false"})
    found = plan_of(dataclasses.replace(model, services=(*model.services[:-1], off)), {})
    assert "discovery" not in found.business[1].needs
    assert "discovery" in found.business[0].needs


def test_the_origin_of_the_image_distinguishes_reference_services() -> None:
    assert [app.reference for app in plan(PATIENT).business] == [True, False]


def test_a_port_published_on_every_address_is_reached_on_this_machine() -> None:
    model = platform()
    open_port = [
        dataclasses.replace(one, ports=(Port("0.0.0.0", 28080, 8080),)) if one.name == GATEWAY else one  # noqa: S104
        for one in model.services
    ]
    gateway = plan_of(dataclasses.replace(model, services=tuple(open_port)), {}).gateway
    assert gateway is not None
    assert gateway.address is not None
    assert gateway.address.url == "http://127.0.0.1:28080"


def test_an_unpublished_service_has_no_address() -> None:
    model = platform()
    closed = tuple(dataclasses.replace(one, ports=()) for one in model.services)
    found = plan_of(dataclasses.replace(model, services=closed), {})
    assert (found.redis, found.kafka) == (None, None)
    assert all(app.address is None for app in found.applications)


def test_an_unknown_route_is_the_name_or_its_plural() -> None:
    assert prefixes(PATIENT) == ("/api/patient", "/api/patients")


def test_the_first_property_source_overrides_the_others() -> None:
    document = {
        "propertySources": [
            {
                "name": "own",
                "source": {
                    "rofecare.prefix": "/api/patients",
                    "rofecare.accounts": True,
                    "rofecare.topics.consumed[1]": "b",
                    "rofecare.topics.consumed[0]": "a",
                    "rofecare.topics.published": "",
                },
            },
            {"name": "shared", "source": {"rofecare.prefix": "/api/other", "rofecare.configuration": "shared"}},
        ]
    }
    found = configuration_of(document)
    assert found is not None
    assert (found.prefix, found.own, found.has_accounts) == ("/api/patients", "shared", True)
    assert (found.consumed, found.published) == (("a", "b"), ())


@pytest.mark.parametrize("prefix", ["spring.cloud.gateway", "spring.cloud.gateway.server.webflux"])
def test_the_routes_of_a_gateway(prefix: str) -> None:
    routes = Configuration(
        {
            f"{prefix}.routes[0].uri": "lb://Orders",
            f"{prefix}.routes[0].predicates[0]": "Path=/api/orders/**, /api/order/{id}",
            f"{prefix}.routes[0].filters[0]": "StripPrefix=1",
            f"{prefix}.routes[1].uri": "http://billing:8090/",
            f"{prefix}.routes[1].predicates[0].name": "Path",
            f"{prefix}.default-filters[0].name": "Retry",
        }
    ).routes
    assert routes == {"orders": ("/api/orders", "/api/order"), "billing": ()}
    assert Configuration({"rofecare.prefix": "/api/x"}).routes == {}


@pytest.mark.parametrize("document", [None, [], {"status": 404}, "text"])
def test_other_documents_are_not_settings(document: object) -> None:
    assert configuration_of(document) is None


def test_only_instances_that_are_up_are_counted() -> None:
    one = {"name": "ROFECARE-GATEWAY", "instance": {"status": "UP"}}
    two = {"name": IDENTITY.upper(), "instance": [{"status": "UP"}, {"status": "DOWN"}, {"status": "UP"}]}
    assert instances_up({"applications": {"application": [one, two]}}) == {GATEWAY: 1, IDENTITY: 2}
    assert instances_up({"applications": {"application": one}}) == {GATEWAY: 1}
    assert instances_up({"applications": {"application": []}}) == {}
    assert instances_up(None) == {}


def test_a_component_that_is_up_in_a_health_that_is_down() -> None:
    health = {"status": "DOWN", "components": {"db": {"status": "DOWN"}, "redis": {"status": "UP"}}}
    assert components_down(health) == ("db",)
    assert components_down({"status": "DOWN"}) == ()


def test_a_signed_token_has_the_claims_of_the_contract_and_a_valid_signature() -> None:
    token = signed(b"0123456789abcdef" * 4, subject="smoke-1", now=1000.7)
    header, claims, signature = token.split(".")
    assert json.loads(_decoded(header)) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(_decoded(claims)) == {
        "sub": "smoke-1",
        "iss": "rofecare",
        "iat": 1000,
        "exp": 1000 + LIFETIME,
        "roles": ["USER"],
    }
    expected = hmac.new(b"0123456789abcdef" * 4, f"{header}.{claims}".encode(), hashlib.sha256).digest()
    assert _decoded(signature) == expected
    assert "=" not in token


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

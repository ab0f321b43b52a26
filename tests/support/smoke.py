"""A small platform: one database, Redis, Kafka, the three Spring Cloud applications and two business services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.engine import Container
from rofecare_infra.platform import Platform, Port, Service
from rofecare_infra.process import Reachable
from rofecare_infra.smoke.checks import Answer
from rofecare_infra.smoke.plan import Address, Plan, plan_of
from rofecare_infra.smoke.served import Configuration
from rofecare_infra.smoke.talk import Talk
from tests.support.fakes import FakeClock

IDENTITY, PATIENT = "rofecare-service-identity", "rofecare-service-patient"
GATEWAY, CONFIG, EUREKA = "rofecare-gateway", "rofecare-config-server", "rofecare-discovery-server"
ALL = ("identity-db", "patient-db", "redis", "zookeeper", "kafka", CONFIG, EUREKA, GATEWAY, IDENTITY, PATIENT)

CLOUD = {
    "SPRING_CLOUD_CONFIG_URI": f"http://{CONFIG}:8888",
    "EUREKA_CLIENT_SERVICEURL_DEFAULTZONE": f"http://{EUREKA}:8761/eureka/",
}
REDIS = {"SPRING_DATA_REDIS_HOST": "redis", "SPRING_DATA_REDIS_PORT": "6379"}


def application(name: str, phase: str, port: int, needs: tuple[str, ...], **environment: str) -> Service:
    return Service(
        name=name,
        phase=phase,
        image=f"rofecare/{name}:reference",
        checkout=name,
        depends_on=needs,
        ports=(Port("127.0.0.1", port, port),),
        environment={"SERVER_PORT": str(port), "SPRING_APPLICATION_NAME": name, **environment},
        secrets=("redis_password", "jwt_secret") if name != CONFIG else (),
    )


def business(name: str, port: int, database: str) -> Service:
    return application(
        name,
        "business",
        port,
        (CONFIG, EUREKA, "redis", "kafka", database),
        **CLOUD,
        **REDIS,
        SPRING_KAFKA_BOOTSTRAP_SERVERS="kafka:29092",
        SPRING_DATASOURCE_URL=f"jdbc:postgresql://{database}:5432/rofecare",
    )


def platform(folder: Path = Path("/secrets")) -> Platform:
    def infrastructure(name: str, port: int, *needs: str) -> Service:
        secrets = ("redis_password",) if name == "redis" else ()
        ports = (Port("127.0.0.1", port, port),)
        return Service(name, "infrastructure", "image", depends_on=needs, ports=ports, secrets=secrets)

    services = (
        infrastructure("identity-db", 5432),
        infrastructure("patient-db", 5433),
        infrastructure("redis", 6379),
        infrastructure("zookeeper", 2181),
        infrastructure("kafka", 9092, "zookeeper"),
        application(CONFIG, "spring-cloud", 8888, ()),
        application(EUREKA, "spring-cloud", 8761, (CONFIG,), **CLOUD),
        application(GATEWAY, "spring-cloud", 8080, (CONFIG, EUREKA, "redis"), **CLOUD, **REDIS),
        business(IDENTITY, 8081, "identity-db"),
        business(PATIENT, 8082, "patient-db"),
    )
    return Platform(
        "rofecare",
        services,
        secrets={"redis_password": folder / "redis_password", "jwt_secret": folder / "jwt_secret"},
    )


def containers(**changes: Mapping[str, object]) -> tuple[Container, ...]:
    """All containers, ready; `identity_db={"status": "exited"}` changes the one of that service."""
    return tuple(_container(name, changes.get(name.replace("-", "_"), {})) for name in ALL)


def _container(name: str, changes: Mapping[str, object]) -> Container:
    record: dict[str, object] = {
        "id": name,
        "name": f"rofecare-{name}-1",
        "service": name,
        "status": "running",
        "health": "healthy",
        "image_id": f"image of {name}",
        **changes,
    }
    return Container(**record)  # type: ignore[arg-type]


def plan(*foreign: str, folder: Path = Path("/secrets")) -> Plan:
    return plan_of(platform(folder), {name: "source" if name in foreign else "reference" for name in ALL})


SERVED = {
    IDENTITY: Configuration(
        {
            "rofecare.prefix": "/api/identity",
            "rofecare.accounts": "true",
            "rofecare.configuration": "for identity",
            "rofecare.topics.published[0]": "user-events",
        }
    ),
    PATIENT: Configuration(
        {
            "rofecare.prefix": "/api/patients",
            "rofecare.configuration": "for patient",
            "rofecare.topics.published[0]": "patient-events",
            "rofecare.topics.consumed[0]": "user-events",
        }
    ),
}


@dataclass
class FakeWire:
    """Answers HTTP with a function, Redis and Kafka with fixed texts."""

    answer: Callable[[str, str, Mapping[str, str], Mapping[str, object]], Answer]
    redis_error: str = ""
    kafka_error: str = ""

    def http(
        self,
        method: str,
        base: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 0.0,
    ) -> Answer:
        assert timeout >= 0
        return self.answer(method, base + path, headers or {}, body or {})

    def inside(self, container: Reachable, port: int, path: str) -> Answer:
        assert container.name
        return self.answer("GET", f"http://127.0.0.1:{port}{path}", {}, {})

    def redis(self, address: Address, password: bytes) -> str:
        assert address
        assert password
        return self.redis_error

    def kafka(self, address: Address) -> str:
        assert address
        return self.kafka_error


def talk(wire: FakeWire, time: FakeClock | None = None, *, used: Plan | None = None) -> Talk:
    now = time or FakeClock()
    healthy = frozenset(ALL)
    return Talk(used or plan(), wire, "smoke-1", now.clock, SERVED, healthy, "a token")

"""The roles of the services, derived from the compose model: no name, port or path of a service is written here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rofecare_infra import http
from rofecare_infra.platform import Health, Platform, Port, Service, health_of, is_ingress, short
from rofecare_infra.process import Reachable

_BUSINESS = "business"
_LABEL_ORIGIN = "com.rofecare.origin"
_REFERENCE = "reference"

# Kind of a dependency -> the variables whose value contains its host.
_ADDRESSES = {
    "database": ("SPRING_DATASOURCE_URL",),
    "redis": ("SPRING_DATA_REDIS_HOST",),
    "kafka": ("SPRING_KAFKA_BOOTSTRAP_SERVERS",),
    "config": ("SPRING_CLOUD_CONFIG_URI", "SPRING_CONFIG_IMPORT"),
    "discovery": ("EUREKA_CLIENT_SERVICEURL_DEFAULTZONE",),
}
# Variables that switch the registration off.
_EUREKA_SWITCHES = ("EUREKA_CLIENT_ENABLED", "EUREKA_CLIENT_REGISTERWITHEUREKA", "EUREKA_CLIENT_REGISTER_WITH_EUREKA")
# The property of Spring with the password that an application requires of its clients; the name of a file.
PASSWORD = "spring.security.user.password"  # noqa: S105 - the name of a property
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Address:
    """The address at which this machine reaches a service."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for HTTP."""
        return f"http://{self}"

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True)
class Application:
    """An application: its name, dependencies and address."""

    name: str
    # Whether it is one of the reference services, whose interface is known beyond the contract.
    reference: bool
    address: Address | None
    replicas: int = 1
    # database, redis, kafka, config, discovery -> the service in this role.
    needs: Mapping[str, str] = field(default_factory=dict)
    # The name under which it registers with Eureka, from SPRING_APPLICATION_NAME; empty if the model has none.
    registered_as: str = ""
    # Where its health is inside its containers, one of those that run, and the address if the port is published.
    health: Health | None = None
    container: Reachable | None = None
    health_address: Address | None = None
    # What it requires of its clients: the user, and the file of the password. None if it requires nothing.
    login: tuple[str, Path] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What a client sends; nothing if the file cannot be read."""
        if self.login is None:
            return {}
        user, file = self.login
        try:
            return http.basic(user, file.read_text(encoding="utf-8").rstrip("\r\n"))
        except OSError:
            return {}

    def need(self, kind: str) -> str:
        """The service that is this application's database, redis, ...; the kind itself if the model has none."""
        return self.needs.get(kind, kind)


@dataclass(frozen=True)
class Plan:
    """The parts of the platform that carry traffic; None if the model does not contain or publish one."""

    applications: tuple[Application, ...]
    gateway: Application | None = None
    config: Application | None = None
    discovery: Application | None = None
    redis: tuple[str, Address] | None = None
    kafka: tuple[str, Address] | None = None
    redis_password: Path | None = None
    jwt_secret: Path | None = None

    @property
    def business(self) -> tuple[Application, ...]:
        """The applications behind the gateway."""
        front = (self.gateway, self.config, self.discovery)
        return tuple(app for app in self.applications if app not in front)


def plan_of(platform: Platform, origins: Mapping[str, str], running: Mapping[str, Reachable] | None = None) -> Plan:
    """The plan of a platform.

    `origins` maps an application to the origin of its running image, `running` to one of its running containers.
    """
    services = {service.name: service for service in platform.services}
    there = running or {}
    members = [service for service in platform.services if service.checkout is not None and service.replicas]
    apps = {
        one.name: replace(
            _application(one, services, origins.get(one.name, "")),
            container=there.get(one.name),
            login=_login(platform, one),
        )
        for one in members
    }
    config = _first(app.needs.get("config") for app in apps.values())
    discovery = _first(app.needs.get("discovery") for app in apps.values())
    redis = _first(app.needs.get("redis") for app in apps.values())
    kafka = _first(app.needs.get("kafka") for app in apps.values())
    # Without an ingress label: the remaining application that starts before the business services.
    gateway = _first(one.name for one in members if is_ingress(one.labels)) or _first(
        one.name for one in members if one.phase != _BUSINESS and one.name not in {config, discovery}
    )
    entrance = platform.http_port
    if gateway in apps and apps[gateway].address is None and entrance is not None:
        # Behind a front, which passes requests on.
        apps[gateway] = replace(apps[gateway], address=_address(entrance))
    return Plan(
        applications=tuple(apps.values()),
        gateway=apps.get(gateway),
        config=apps.get(config),
        discovery=apps.get(discovery),
        redis=_published(services.get(redis), None),
        kafka=_published(services.get(kafka), None),
        redis_password=_secret(platform, services.get(redis), ""),
        jwt_secret=_secret(platform, services.get(gateway), "jwt"),
    )


def origin_of(labels: Mapping[str, str]) -> str:
    """The origin of an image according to its label; empty without one."""
    return labels.get(_LABEL_ORIGIN, "")


def requires(service: Service, secret: str) -> bool:
    """Whether this secret is the password that the application requires of its clients."""
    return service.secret_files.get(secret, "").rpartition("/")[2] == PASSWORD


def user_of(service: Service) -> str:
    """The user that the application requires."""
    return service.environment.get("SPRING_SECURITY_USER_NAME", "user")


def prefixes(name: str) -> tuple[str, ...]:
    """The likely paths of a route whose path is unknown: the service's name, or its plural."""
    return (f"/api/{short(name)}", f"/api/{short(name)}s")


def _application(service: Service, services: Mapping[str, Service], origin: str) -> Application:
    environment = service.environment
    if any(environment.get(name, "").lower() == "false" for name in _EUREKA_SWITCHES):
        environment = {name: value for name, value in environment.items() if name not in _ADDRESSES["discovery"]}
    own = environment.get("SERVER_PORT", "")
    found = _published(service, int(own) if own.isdigit() else None)
    health = health_of(service)
    at_health = _published(service, health.port) if health is not None else None
    needs = {
        kind: _first(_host(environment.get(variable, ""), services) for variable in variables)
        for kind, variables in _ADDRESSES.items()
    }
    return Application(
        name=service.name,
        reference=origin == _REFERENCE,
        address=found[1] if found is not None else None,
        replicas=service.replicas,
        needs={kind: host for kind, host in needs.items() if host},
        registered_as=environment.get("SPRING_APPLICATION_NAME", ""),
        health=health,
        health_address=at_health[1] if at_health is not None else None,
    )


def _host(value: str, services: Mapping[str, Service]) -> str:
    """The first service of the model that an address contains: `jdbc:postgresql://x-db:5432/y` -> `x-db`."""
    return _first(word for word in _HOST.findall(value) if word in services)


def _published(service: Service | None, target: int | None) -> tuple[str, Address] | None:
    if service is None:
        return None
    for port in service.ports:
        if target in {None, port.target}:
            return service.name, _address(port)
    return None


def _address(port: Port) -> Address:
    return Address(port.host, port.published)


def _login(platform: Platform, service: Service) -> tuple[str, Path] | None:
    names = [name for name in service.secrets if requires(service, name)]
    return next(((user_of(service), platform.secrets[name]) for name in names if name in platform.secrets), None)


def _secret(platform: Platform, service: Service | None, part: str) -> Path | None:
    names = [] if service is None else [name for name in service.secrets if part in name.lower()]
    return next((platform.secrets[name] for name in names if name in platform.secrets), None)


def _first(names: Iterable[str | None]) -> str:
    return next((name for name in names if name), "")

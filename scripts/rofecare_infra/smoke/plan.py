"""Who is who on this platform, read off the compose model: no name, port or path of a service stands here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra.platform import Platform, Service, short

_BUSINESS = "business"
_LABEL_ORIGIN = "com.rofecare.origin"
_REFERENCE = "reference"

# What an application calls its dependency -> the variables whose value names its host.
_ADDRESSES = {
    "database": ("SPRING_DATASOURCE_URL",),
    "redis": ("SPRING_DATA_REDIS_HOST",),
    "kafka": ("SPRING_KAFKA_BOOTSTRAP_SERVERS",),
    "config": ("SPRING_CLOUD_CONFIG_URI", "SPRING_CONFIG_IMPORT"),
    "discovery": ("EUREKA_CLIENT_SERVICEURL_DEFAULTZONE",),
}
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - what compose says, not what we bind


@dataclass(frozen=True)
class Address:
    """Where this machine reaches a service."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for HTTP."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Application:
    """One of the applications: what it is called, what it needs, where it answers."""

    name: str
    # Whether it is one of the reference services, whose interface we know beyond the contract.
    reference: bool
    address: Address | None
    business: bool
    replicas: int = 1
    # database, redis, kafka, config, discovery -> the service that is it.
    needs: Mapping[str, str] = field(default_factory=dict)

    def need(self, kind: str) -> str:
        """The service that is this application's database, redis, ...; the kind itself where the model does not say."""
        return self.needs.get(kind, kind)


@dataclass(frozen=True)
class Plan:
    """The platform as far as traffic goes through it; None is what this model does not have or publish."""

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
        return tuple(app for app in self.applications if app.business)


def plan_of(platform: Platform, origins: Mapping[str, str]) -> Plan:
    """The plan of a platform; `origins` says where the running image of an application came from."""
    services = {service.name: service for service in platform.services}
    members = [service for service in platform.services if service.checkout is not None and service.replicas]
    apps = {one.name: _application(one, services, origins.get(one.name, "")) for one in members}
    config = _first(app.needs.get("config") for app in apps.values())
    discovery = _first(app.needs.get("discovery") for app in apps.values())
    redis = _first(app.needs.get("redis") for app in apps.values())
    kafka = _first(app.needs.get("kafka") for app in apps.values())
    # What is left of the applications that start before the business services is the door to them.
    gateway = _first(name for name, app in apps.items() if not app.business and name not in {config, discovery})
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
    """Where an image says that it came from; empty when it does not."""
    return labels.get(_LABEL_ORIGIN, "")


def prefixes(name: str) -> tuple[str, ...]:
    """Where a route may be whose path nobody tells: the service's name, or its plural."""
    return (f"/api/{short(name)}", f"/api/{short(name)}s")


def _application(service: Service, services: Mapping[str, Service], origin: str) -> Application:
    environment = service.environment
    own = environment.get("SERVER_PORT", "")
    found = _published(service, int(own) if own.isdigit() else None)
    needs = {
        kind: _first(_host(environment.get(variable, ""), services) for variable in variables)
        for kind, variables in _ADDRESSES.items()
    }
    return Application(
        name=service.name,
        reference=origin == _REFERENCE,
        address=found[1] if found is not None else None,
        business=service.phase == _BUSINESS,
        replicas=service.replicas,
        needs={kind: host for kind, host in needs.items() if host},
    )


def _host(value: str, services: Mapping[str, Service]) -> str:
    """The first word of an address that is a service of the model: `jdbc:postgresql://x-db:5432/y` -> `x-db`."""
    return _first(word for word in _HOST.findall(value) if word in services)


def _published(service: Service | None, target: int | None) -> tuple[str, Address] | None:
    if service is None:
        return None
    for port in service.ports:
        if target in {None, port.target}:
            host = "127.0.0.1" if port.address in _EVERYWHERE else port.address
            return service.name, Address(host, port.published)
    return None


def _secret(platform: Platform, service: Service | None, part: str) -> Path | None:
    names = [] if service is None else [name for name in service.secrets if part in name.lower()]
    return next((platform.secrets[name] for name in names if name in platform.secrets), None)


def _first(names: Iterable[str | None]) -> str:
    return next((name for name in names if name), "")

"""The addresses at which programs on this machine reach the platform."""

from __future__ import annotations

from dataclasses import dataclass

from rofecare_infra.platform import Platform, Port, Service, application_role, application_secret


@dataclass(frozen=True)
class Connection:
    """An address in the form that clients expect, and the file with its password."""

    service: str
    address: str
    user: str
    password_file: str


def connections(platform: Platform) -> tuple[Connection, ...]:
    """The addresses of the infrastructure services, in start order."""
    services = [service for stage in platform.stages(["infrastructure"]) for service in stage.services]
    return tuple(_connection(platform, service, port) for service in services for port in service.ports)


def gateway_url(platform: Platform) -> str:
    """The address that leads to the gateway without TLS; empty where there is none."""
    port = platform.http_port
    return f"http://{host_of(port)}" if port is not None else ""


def host_of(port: Port) -> str:
    """Host and port, as people write them."""
    return port.url.removeprefix("http://").replace("127.0.0.1:", "localhost:", 1)


def _connection(platform: Platform, service: Service, port: Port) -> Connection:
    host = host_of(port)
    environment = service.environment
    if "POSTGRES_DB" in environment:
        address = f"jdbc:postgresql://{host}/{environment['POSTGRES_DB']}"
    elif "KAFKA_ADVERTISED_LISTENERS" in environment:
        address = f"bootstrap.servers={host}"
    elif service.name.startswith("redis"):
        address = f"redis://{host}"
    else:
        address = host
    # The login of the service that uses the database: a developer starts that service in the IDE.
    user = application_role(service) or environment.get("POSTGRES_USER", "")
    wanted = [application_secret(service)] if application_secret(service) else service.secrets
    files = [str(platform.secrets[secret]) for secret in wanted if secret in platform.secrets]
    return Connection(service.name, address, user, files[0] if files else "")

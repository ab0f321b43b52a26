"""The services of the platform with their ports, as the documents list them."""

from __future__ import annotations

# Service -> the port on this machine, the port inside.
INFRASTRUCTURE = {
    "identity-db": (5432, 5432),
    "patient-db": (5433, 5432),
    "clinical-db": (5434, 5432),
    "medical-technology-db": (5435, 5432),
    "pharmacy-db": (5436, 5432),
    "finance-db": (5437, 5432),
    "platform-db": (5438, 5432),
    "interoperability-db": (5439, 5432),
    "redis": (6379, 6379),
    "zookeeper": (2181, 2181),
    "kafka": (9092, 9092),
}
CLOUD = {
    "rofecare-config-server": (8888, 8888),
    "rofecare-discovery-server": (8761, 8761),
    "rofecare-gateway": (8080, 8080),
}
BUSINESS = {
    "rofecare-service-identity": (8081, 8081),
    "rofecare-service-patient": (8082, 8082),
    "rofecare-service-clinical": (8083, 8083),
    "rofecare-service-medical-technology": (8084, 8084),
    "rofecare-service-pharmacy": (8085, 8085),
    "rofecare-service-finance": (8086, 8086),
    "rofecare-service-platform": (8087, 8087),
    "rofecare-service-interoperability": (8088, 8088),
}
APPLICATIONS = {**CLOUD, **BUSINESS}
# The port of the management endpoints inside each of them.
MANAGEMENT_PORT = 9000
EVERYTHING = {**INFRASTRUCTURE, **APPLICATIONS}
DATABASES = tuple(name for name in INFRASTRUCTURE if name.endswith("-db"))

# Service -> the port on this machine (0: none), the port inside.
MONITORING = {
    "prometheus": (9090, 9090),
    "alertmanager": (9093, 9093),
    "postgres-exporter": (0, 0),
    "redis-exporter": (0, 0),
    "node-exporter": (0, 0),
    "consumer-lag": (0, 0),
    "blackbox-exporter": (0, 0),
    "elasticsearch": (9200, 9200),
    "log-keeper": (0, 0),
    "log-shipper": (0, 0),
    "zipkin": (9411, 9411),
    "elasticsearch-exporter": (0, 0),
    "grafana": (3001, 3000),
    "kibana": (5601, 5601),
    "kafka-ui": (8180, 8080),
}


def database_of(service: str) -> str:
    """The database of an application."""
    return service.removeprefix("rofecare-service-") + "-db"


def database_name(database: str) -> str:
    """The name of the database in the server of this service."""
    return "rofecare_" + database.removesuffix("-db").replace("-", "_")

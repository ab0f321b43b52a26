"""The applications that Prometheus watches in addition to those that its configuration lists."""

from __future__ import annotations

from rofecare_infra.monitoring import further_applications
from rofecare_infra.platform import Platform, Service
from tests.support.fakes import service

LISTED = """
          - http://patient:9000/actuator/health/readiness
          - http://finance:9000/actuator/health/readiness
"""


def app(name: str, variable: str, /, **labels: str) -> Service:
    marks = {f"com.rofecare.health.{key}": value for key, value in labels.items()}
    return service(name, "business", environment={"MANAGEMENT_SERVER_PORT": variable}, labels=marks)


def added(*services: Service) -> str:
    return further_applications(Platform("rofecare", services), LISTED)


def test_what_is_listed_where_it_is_needs_no_addition() -> None:
    assert added(app("patient", "9000"), app("finance", "9000", port="9000"), service("db")) == ""


def test_what_is_listed_elsewhere_is_moved() -> None:
    assert added(app("patient", "9081"), app("finance", "9000")) == (
        "patient:9081,/actuator/health/readiness,/actuator/prometheus"
    )
    assert added(app("patient", "9000", path="/manage/health/readiness")) == (
        "patient:9000,/manage/health/readiness,/manage/prometheus"
    )


def test_further_ones_have_the_label_of_the_port() -> None:
    laboratory = app("laboratory", "1", port="9091", path="/up")
    assert added(app("other", "9000"), laboratory, app("patient", "9081")) == (
        "laboratory:9091,/up,/actuator/prometheus patient:9081,/actuator/health/readiness,/actuator/prometheus"
    )


def test_a_service_without_containers_is_not_watched() -> None:
    assert added(service("laboratory", "business", replicas=0, labels={"com.rofecare.health.port": "1"})) == ""

"""The whole run against a simulated platform: the requests, their order, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from rofecare_infra.engine import Container, Engine, Image
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import Platform
from rofecare_infra.progress import Event, Working
from rofecare_infra.smoke import Report, error_of, run, shown
from rofecare_infra.smoke.checks import Answer
from rofecare_infra.smoke.gateway import ARRIVAL
from tests.support.fakes import FakeClock
from tests.support.smoke import (
    CLOUD,
    CONFIG,
    EUREKA,
    GATEWAY,
    IDENTITY,
    PATIENT,
    SERVED,
    FakeWire,
    application,
    containers,
    platform,
)

GATEWAY_URL = "http://127.0.0.1:8080"
NAMES = {"/api/identity": IDENTITY, "/api/patients": PATIENT}


@dataclass
class FakeEngine:
    """An engine whose images are reference services, except those named."""

    seen: tuple[Container, ...]
    foreign: tuple[str, ...] = ()

    def containers(self, project: str) -> tuple[Container, ...]:
        assert project == "rofecare"
        return self.seen

    def image(self, name: str) -> Image:
        origin = "source" if name.removeprefix("image of ") in self.foreign else "reference"
        return Image(name, {"com.rofecare.origin": origin})


@dataclass
class Simulated:
    """A platform that works, except for `broken`: request -> its answer."""

    broken: Mapping[str, Answer] = field(default_factory=dict)
    reads: dict[str, int] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, object]) -> Answer:
        path = url.split("/", 3)[3]
        asked = f"{method} /{path.partition('?')[0]}"
        if asked in self.broken:
            return self.broken[asked]
        if url.startswith(GATEWAY_URL):
            return self._gateway(asked, f"/{path}", headers, body)
        if "/eureka/apps" in url:
            up = [{"name": name.upper(), "instance": [{"status": "UP"}]} for name in (GATEWAY, IDENTITY, PATIENT)]
            return Answer(asked, 200, {"applications": {"application": up}})
        if "/actuator/health" in url:
            return Answer(asked, 200, {"status": "UP"})
        values = SERVED[path.split("/")[0]].values if path.split("/")[0] in SERVED else {}
        return Answer(asked, 200, {"propertySources": [{"source": dict(values)}]})

    def _gateway(self, asked: str, path: str, headers: Mapping[str, str], body: Mapping[str, object]) -> Answer:
        run_id = headers["X-Correlation-Id"]
        marks = {"x-correlation-id": run_id, "x-trace-id": "1", "x-ratelimit-remaining": "1"}
        prefix = "/".join(path.split("/")[:3])
        if path.endswith("/register"):
            return Answer(asked, 201, {"username": body["username"]}, marks)
        if path.endswith("/login"):
            return Answer(asked, 200, {"token": "of identity"}, marks)
        if "Authorization" not in headers:
            return Answer(asked, 401, {}, marks)
        self.tokens.add(headers["Authorization"])
        if asked.startswith("POST") and path.endswith("/records"):
            return Answer(asked, 201, {"id": "1", "name": body["name"]}, marks)
        if "/records/" in path:
            self.reads[prefix] = self.reads.get(prefix, 0) + 1
            source = "database" if self.reads[prefix] == 1 else "redis"
            return Answer(asked, 200, {"name": run_id, "source": source}, marks)
        if path.endswith("/about"):
            return Answer(asked, 200, {"configuration": SERVED[NAMES[prefix]].own}, marks)
        if "/events?" in path:
            return Answer(asked, 200, [{"service": IDENTITY, "topic": "user-events"}], marks)
        return Answer(asked, 404, {}, marks)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "redis_password").write_text("right\n")
    (tmp_path / "jwt_secret").write_text("0123456789abcdef" * 4)
    return tmp_path


def smoke(
    folder: Path,
    simulated: Simulated,
    seen: tuple[Container, ...] | None = None,
    *,
    foreign: tuple[str, ...] = (),
    redis_error: str = "",
    site: tuple[Platform, tuple[Container, ...]] | None = None,
) -> tuple[Report, FakeClock, list[Event]]:
    time = FakeClock()
    model, present = site or (platform(folder), containers() if seen is None else seen)
    engine = cast("Engine", FakeEngine(present, foreign))
    wire = FakeWire(simulated.answer, redis_error=redis_error)
    running = run(model, engine, wire=wire, clock=time.clock)
    events: list[Event] = []
    while True:
        try:
            events.append(next(running))
        except StopIteration as end:
            return end.value, time, events


def test_a_platform_that_works(folder: Path) -> None:
    report, time, events = smoke(folder, Simulated())
    assert report.ok
    assert time.slept == []
    assert all(isinstance(event, Working) for event in events)
    tried = {(check.subject, check.target, check.what) for check in report.checks}
    assert (IDENTITY, "identity-db", "registers and signs in") in tried
    assert (PATIENT, "patient-db", "reads from database") in tried
    assert (PATIENT, "redis", "reads from redis") in tried
    assert (PATIENT, "kafka", f"receives what {IDENTITY} publishes") in tried
    assert (PATIENT, CONFIG, "uses the settings served") in tried
    assert (PATIENT, EUREKA, "registered, UP") in tried
    assert "401 without a token" in shown(report)
    assert report.summary.startswith(f"smoke: {len(report.checks)} links carried traffic")


def test_the_token_comes_from_the_identity_service(folder: Path) -> None:
    simulated = Simulated()
    smoke(folder, simulated)
    assert simulated.tokens == {"Bearer of identity"}


def test_foreign_services_are_checked_by_the_contract_alone(folder: Path) -> None:
    simulated = Simulated()
    report, _, _ = smoke(folder, simulated, foreign=(IDENTITY, PATIENT))
    assert report.ok
    # No account to sign in with: a token signed here.
    assert all(token.startswith("Bearer ey") for token in simulated.tokens)
    tried = {(check.subject, check.target, check.what) for check in report.checks}
    assert (GATEWAY, PATIENT, "routes to /api/patients") in tried
    assert (PATIENT, "", "its own health is UP") in tried
    assert not any(check.what.startswith("reads") for check in report.checks)
    assert report.summary.endswith("by the contract alone: identity, patient")


def test_one_foreign_service_among_reference_services(folder: Path) -> None:
    report, _, _ = smoke(folder, Simulated(), foreign=(PATIENT,))
    assert report.ok
    assert {check.subject for check in report.checks if check.what == "writes"} == {IDENTITY}


def test_a_stopped_database_is_reported_and_the_other_services_are_still_tried(folder: Path) -> None:
    problem = Answer("POST /api/identity/register", 503, {"dependency": "database"}, seconds=5.0)
    stopped = containers(identity_db={"status": "exited", "health": "unhealthy"})
    report, time, _ = smoke(folder, Simulated({problem.asked: problem}), stopped)
    error = error_of(report)
    assert error.what == f"identity-db is stopped: {IDENTITY} cannot write to it"
    assert error.exit_code == 7
    assert time.slept == []
    assert (PATIENT, "writes") in {(check.subject, check.what) for check in report.checks if check.ok}


def test_a_wrong_redis_password_is_reported_although_old_connections_work(folder: Path) -> None:
    report, time, _ = smoke(folder, Simulated(), redis_error="WRONGPASS invalid username-password pair")
    assert error_of(report).what == "redis refuses the password of redis_password"
    assert "right" not in str(error_of(report).details) + error_of(report).seen
    assert time.slept == []


def test_a_gateway_without_an_answer_is_asked_once(folder: Path) -> None:
    silent = Answer("GET /api/identity", error="no answer", seconds=6.0)
    paused = containers(rofecare_gateway={"status": "paused"})
    report, _, _ = smoke(folder, Simulated({silent.asked: silent}), paused)
    assert error_of(report).what == f"{GATEWAY} is paused: it does not answer on 127.0.0.1:8080"
    assert not any(check.target == "patient-db" for check in report.checks)


def test_a_missing_event_is_waited_for_and_reported(folder: Path) -> None:
    nothing = Answer("GET /api/patients/events", 200, [])
    report, time, _ = smoke(folder, Simulated({nothing.asked: nothing}))
    assert error_of(report).what == f"{PATIENT} did not receive user-events of {IDENTITY} through kafka"
    assert 0 < sum(time.slept) <= ARRIVAL


def test_without_a_known_cause_requests_are_repeated_for_some_time(folder: Path) -> None:
    unknown = Answer("POST /api/patients/records", 503, {"detail": "not registered"})
    report, time, _ = smoke(folder, Simulated({unknown.asked: unknown}))
    assert error_of(report).what == f"{GATEWAY} gets no answer from {PATIENT}"
    assert error_of(report).next_step == "inv logs patient"
    assert 15 < sum(time.slept) <= 20


def test_settings_in_use_that_differ_from_those_served(folder: Path) -> None:
    other = Answer("GET /api/patients/about", 200, {"configuration": "of last week"})
    report, _, _ = smoke(folder, Simulated({other.asked: other}))
    assert error_of(report).what == f"{PATIENT} does not use the settings that {CONFIG} serves"
    assert error_of(report).next_step.startswith(f"docker restart rofecare-{PATIENT}-1")


def test_a_route_that_needs_no_token_is_reported(folder: Path) -> None:
    # The same answer with and without a token: 200.
    leak = Answer("GET /api/patients", 200, {}, {"x-correlation-id": "1", "x-trace-id": "1"})
    report, _, _ = smoke(folder, Simulated({leak.asked: leak}))
    headlines = [finding.headline for finding in report.findings]
    assert f"{GATEWAY} does not refuse a request without a token to {PATIENT}" in headlines
    assert f"{GATEWAY} answers with another X-Correlation-Id than that of the request" in headlines


def test_a_stopped_platform_is_not_asked(folder: Path) -> None:
    with pytest.raises(ServiceFailedError, match="the platform is not started"):
        smoke(folder, Simulated(), ())


LABORATORY = "hospital-laboratory"
ROUTES = {
    "spring.cloud.gateway.routes[0].uri": f"lb://{PATIENT}",
    "spring.cloud.gateway.routes[0].predicates[0]": "Path=/api/patients/**",
}
LABORATORY_ROUTE = {
    "spring.cloud.gateway.routes[1].uri": "lb://Lab",
    "spring.cloud.gateway.routes[1].predicates[0]": "Path=/api/lab/**",
}
UNROUTED = Answer("", 404, {}, {"x-correlation-id": "1", "x-trace-id": "1"})


def with_laboratory(folder: Path, **environment: str) -> tuple[Platform, tuple[Container, ...]]:
    """The platform with an added service that declares only its port and `environment`."""
    model = platform(folder)
    added = replace(
        application(LABORATORY, "business", 8099, ()), environment={"SERVER_PORT": "8099", **environment}, secrets=()
    )
    seen = replace(containers()[-1], id=LABORATORY, service=LABORATORY, image_id=f"image of {LABORATORY}")
    return replace(model, services=(*model.services, added)), (*containers(), seen)


def test_the_images_of_replicas_are_known_by_their_names(folder: Path) -> None:
    # What the record of a replica has where its service does not record the name of its image.
    replicas = [replace(one, image=one.image_id) for one in containers()]
    report, _, _ = smoke(folder, Simulated(), site=(platform(folder), tuple(replicas)))
    assert report.ok
    assert all(app.reference for app in report.plan.applications)


def served(values: Mapping[str, str]) -> Answer:
    return Answer("", 200, {"propertySources": [{"source": dict(values)}]})


def test_only_what_an_added_service_declares_is_expected_of_it(folder: Path) -> None:
    simulated = Simulated({f"GET /{GATEWAY}/docker": served(ROUTES), "GET /api/hospital-laboratory": UNROUTED})
    report, _, _ = smoke(folder, simulated, foreign=(LABORATORY,), site=with_laboratory(folder))
    assert report.ok
    assert [
        (one.subject, one.target, one.what) for one in report.checks if LABORATORY in {one.subject, one.target}
    ] == [(LABORATORY, "", "its own health is UP")]
    assert set(report.summary.splitlines()[1].removeprefix("not checked: ").split("; ")) == {
        "the route of hospital-laboratory (the settings of the gateway contain none)",
        "the registration of hospital-laboratory (no Eureka client is configured)",
    }


def test_what_an_added_service_declares_is_checked(folder: Path) -> None:
    environment = {**CLOUD, "SPRING_APPLICATION_NAME": "Lab"}
    simulated = Simulated({f"GET /{GATEWAY}/docker": served(ROUTES | LABORATORY_ROUTE)})
    report, _, _ = smoke(folder, simulated, foreign=(LABORATORY,), site=with_laboratory(folder, **environment))
    tried = {(one.subject, one.target, one.what): one for one in report.checks}
    assert tried[GATEWAY, LABORATORY, "routes to /api/lab"].ok
    assert tried[GATEWAY, LABORATORY, "401 without a token"].ok
    assert tried[LABORATORY, EUREKA, "registered, UP"].fault == "is not listed as UP by {}"
    assert report.skipped == ()


def test_a_declared_route_that_the_gateway_does_not_have_is_reported(folder: Path) -> None:
    simulated = Simulated({f"GET /{GATEWAY}/docker": served(ROUTES | LABORATORY_ROUTE), "GET /api/lab": UNROUTED})
    site = with_laboratory(folder, SPRING_APPLICATION_NAME="lab")
    report, _, _ = smoke(folder, simulated, foreign=(LABORATORY,), site=site)
    assert (GATEWAY, LABORATORY, "has no route to {}") in {
        (check.subject, check.target, check.fault) for check in report.checks
    }


def test_a_registration_without_a_declared_name_is_not_expected(folder: Path) -> None:
    simulated = Simulated({f"GET /{GATEWAY}/docker": served(ROUTES)})
    report, _, _ = smoke(folder, simulated, foreign=(LABORATORY,), site=with_laboratory(folder, **CLOUD))
    assert report.ok
    assert "the registration of hospital-laboratory (SPRING_APPLICATION_NAME is not set)" in report.summary


def test_a_route_whose_path_is_unknown_is_expected_only_if_the_gateway_has_it(folder: Path) -> None:
    absent = Simulated({"GET /api/hospital-laboratory": UNROUTED, "GET /api/hospital-laboratorys": UNROUTED})
    report, _, _ = smoke(folder, absent, foreign=(LABORATORY,), site=with_laboratory(folder))
    assert report.ok
    assert "the route of hospital-laboratory (no settings declare its path" in report.summary
    report, _, _ = smoke(folder, Simulated(), foreign=(LABORATORY,), site=with_laboratory(folder))
    assert (GATEWAY, LABORATORY, "routes to /api/hospital-laboratory") in {
        (check.subject, check.target, check.what) for check in report.checks
    }

"""The causes found for broken links and container states."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.diagnosis import diagnose
from tests.support.smoke import CONFIG, EUREKA, GATEWAY, IDENTITY, PATIENT, containers, platform

GOOD = Check(PATIENT, "patient-db", "writes")
NO_WRITE = Check(IDENTITY, "identity-db", "writes", 5.0, "cannot write to {}", "503")
NO_KAFKA = (
    Check(IDENTITY, "kafka", "writes", 5.0, "cannot publish to {}"),
    Check(PATIENT, "kafka", "writes", 5.0, "cannot publish to {}"),
)
NO_PATIENT = Check(GATEWAY, PATIENT, "writes", 12.0, "gets no answer from {}", "504")
REFUSED = Check(
    "redis", "", "accepts", 0.0, "refuses the password of redis_password", "WRONGPASS", "docker restart {container}"
)
NO_CACHE = (
    Check(IDENTITY, "redis", "reads", 0.1, "cannot read from {}"),
    Check(PATIENT, "redis", "reads", 0.1, "cannot read from {}"),
)
STOPPED = {"status": "exited", "health": "unhealthy", "exit_code": 0}

Changes = Mapping[str, Mapping[str, object]]


def first(changes: Changes, *checks: Check) -> str:
    return diagnose(platform(), containers(**changes), (GOOD, *checks))[0].headline


def test_a_platform_that_works_has_no_findings() -> None:
    assert diagnose(platform(), containers(), (GOOD,)) == ()


@pytest.mark.parametrize(
    ("changes", "checks", "headline"),
    [
        ({"identity_db": STOPPED}, (NO_WRITE,), f"identity-db is stopped: {IDENTITY} cannot write to it"),
        ({"kafka": STOPPED}, NO_KAFKA, f"kafka is stopped: {IDENTITY} cannot publish to it"),
        ({"identity_db": {"status": "paused"}}, (NO_WRITE,), f"identity-db is paused: {IDENTITY} cannot write to it"),
        (
            {"rofecare_service_patient": {"status": "paused"}},
            (NO_PATIENT,),
            f"{PATIENT} is paused: {GATEWAY} gets no answer from it",
        ),
        # The password was changed at run time: open connections continue, new ones are refused.
        ({}, (REFUSED,), "redis refuses the password of redis_password"),
        (
            {"redis": {"health": "unhealthy"}},
            (REFUSED, *NO_CACHE),
            f"redis refuses the password of redis_password: {IDENTITY} cannot read from it",
        ),
        # One client has another password than Redis and the file.
        ({}, NO_CACHE[1:], f"{PATIENT} cannot read from redis"),
        # Both ends look ready.
        ({}, (NO_WRITE,), f"{IDENTITY} cannot write to identity-db"),
        # A failed health check explains what nothing else explains.
        (
            {"identity_db": {"health": "unhealthy"}},
            (NO_WRITE,),
            f"identity-db is unhealthy: {IDENTITY} cannot write to it",
        ),
        # Reported although traffic passes.
        ({"zookeeper": STOPPED}, (), "zookeeper is stopped: kafka needs it"),
        ({"patient_db": STOPPED}, (), f"patient-db is stopped: traffic still passes, but {PATIENT} needs it"),
        (
            {"rofecare_gateway": {"status": "paused"}},
            (Check(GATEWAY, "", "answers", 6.0, "does not answer on 127.0.0.1:8080"),),
            f"{GATEWAY} is paused: it does not answer on 127.0.0.1:8080",
        ),
        (
            {"rofecare_config_server": STOPPED},
            (Check(CONFIG, "", "serves", 0.0, "does not answer on 127.0.0.1:8888"),) * 2,
            f"{CONFIG} is stopped: it does not answer on 127.0.0.1:8888",
        ),
        (
            {},
            (Check(PATIENT, EUREKA, "registered", 0.1, "is not listed as UP by {}"),),
            f"{PATIENT} is not listed as UP by {EUREKA}",
        ),
    ],
)
def test_the_headline_names_the_broken_link(changes: Changes, checks: tuple[Check, ...], headline: str) -> None:
    assert first(changes, *checks) == headline


def test_a_cause_precedes_its_consequences() -> None:
    sick = {"health": "unhealthy", "probe": "HTTP/1.1 503"}
    findings = diagnose(
        platform(), containers(identity_db=STOPPED, rofecare_service_identity=sick), (NO_WRITE, NO_CACHE[0])
    )
    assert [finding.headline for finding in findings] == [
        f"identity-db is stopped: {IDENTITY} cannot write to it",
        # The health check of a service explains what its database does not.
        f"{IDENTITY} is unhealthy: it cannot read from redis",
    ]


def test_several_services_that_cannot_reach_another_are_one_finding() -> None:
    (finding,) = diagnose(platform(), containers(kafka=STOPPED), NO_KAFKA)
    assert finding.consequences == (f"{PATIENT} cannot publish to kafka",)
    assert finding.remedy.startswith("inv start-all")
    assert "exited, exit code 0" in finding.seen


def test_a_replica_of_a_stack_that_is_down_is_deployed_again() -> None:
    (finding,) = diagnose(platform(), containers(kafka=STOPPED, redis={"node": "node1"}), NO_KAFKA)
    assert finding.remedy.startswith("inv nodes; inv deploy")


def test_an_independent_fault_is_a_finding_of_its_own() -> None:
    findings = diagnose(platform(), containers(kafka=STOPPED), (*NO_KAFKA, NO_WRITE))
    assert [finding.headline.partition(":")[0] for finding in findings] == [
        "kafka is stopped",
        f"{IDENTITY} cannot write to identity-db",
    ]


def test_a_dependency_precedes_its_dependent() -> None:
    findings = diagnose(platform(), containers(kafka=STOPPED, zookeeper=STOPPED), NO_KAFKA)
    assert [finding.headline.partition(" ")[0] for finding in findings] == ["zookeeper", "kafka"]


def test_a_failed_health_check_alone_is_not_a_finding() -> None:
    assert diagnose(platform(), containers(redis={"health": "unhealthy"}), (GOOD,)) == ()


@pytest.mark.parametrize(
    ("changes", "checks", "remedy"),
    [
        ({"redis": {"status": "paused"}}, (), "docker unpause rofecare-redis-1"),
        ({}, (REFUSED,), "docker restart rofecare-redis-1"),
        ({}, (NO_WRITE,), "inv logs identity"),
    ],
)
def test_the_next_command_fits_the_cause(changes: Changes, checks: tuple[Check, ...], remedy: str) -> None:
    assert diagnose(platform(), containers(**changes), checks)[0].remedy == remedy

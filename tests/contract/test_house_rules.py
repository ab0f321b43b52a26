"""What holds for every container: how it is checked, stopped, confined and logged."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.platform import Health, health_of, parse
from tests.support.documented import APPLICATIONS, DATABASES, EVERYTHING, MANAGEMENT_PORT

Json = dict[str, Any]
MakeModel = Callable[..., Json]

# Their upstream images write their configuration into the image when they start.
WRITABLE = {"kafka", "zookeeper"}


def seconds(text: str) -> float:
    """A duration as compose prints it: 1m30s, 500ms."""
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", text)
    assert "".join(number + unit for number, unit in parts) == text
    return sum(float(number) * units[unit] for number, unit in parts)


def script_of(model: Json, name: str, words: list[str]) -> str:
    """The text of the mounted file that these words run with a shell."""
    mounted = {
        one["target"]: Path(model["configs"][one["source"]]["file"]) for one in model["services"][name]["configs"]
    }
    return mounted[words[-1]].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EVERYTHING)
def test_health_checks(model: Json, name: str) -> None:
    check = model["services"][name]["healthcheck"]
    start, first, steady = (seconds(check[key]) for key in ("start_period", "start_interval", "interval"))
    assert 30 <= start <= 180
    # `start_interval` acts inside `start_period` alone.
    assert first <= 5 < start
    assert 10 <= steady <= 30
    assert seconds(check["timeout"]) < steady
    assert check["retries"] >= 2


@pytest.mark.parametrize("name", DATABASES)
def test_a_database_is_asked_over_tcp(model: Json, name: str) -> None:
    script = script_of(model, name, model["services"][name]["healthcheck"]["test"])
    assert "exec pg_isready -h 127.0.0.1" in script


@pytest.mark.parametrize("name", DATABASES)
def test_no_database_is_the_first_process_of_its_container(model: Json, name: str) -> None:
    """It would take the end of a probe that ran out of time for a crash of its own, and restart as after one."""
    service = model["services"][name]
    assert service["init"] is True
    assert script_of(model, name, service["healthcheck"]["test"]).splitlines()[-1].startswith("exec ")
    assert script_of(model, name, service["entrypoint"]).splitlines()[-1] == 'exec docker-entrypoint.sh "$@"'


def test_redis_has_to_say_pong(model: Json) -> None:
    test = " ".join(model["services"]["redis"]["healthcheck"]["test"])
    assert "grep -qx PONG" in test


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_is_asked_for_its_readiness(model: Json, name: str) -> None:
    """On the port of its management endpoints, which is not published."""
    assert "health/readiness" in script_of(model, name, model["services"][name]["healthcheck"]["test"])
    health = health_of(parse(model).service(name))
    assert health == Health(MANAGEMENT_PORT, "/actuator/health/readiness")
    assert MANAGEMENT_PORT not in [port["target"] for port in model["services"][name]["ports"]]


def test_a_complex_service_gets_more_time_than_a_simple_one(model: Json) -> None:
    def start(name: str) -> float:
        return seconds(model["services"][name]["healthcheck"]["start_period"])

    assert start("redis") < start("identity-db") <= start("rofecare-config-server")
    assert start("rofecare-config-server") < start("rofecare-service-clinical")


GRACE = {**dict.fromkeys(DATABASES, 120), "kafka": 60, "zookeeper": 30, "redis": 30, **dict.fromkeys(APPLICATIONS, 45)}


@pytest.mark.parametrize("name", EVERYTHING)
def test_time_to_stop_by_itself(model: Json, name: str) -> None:
    assert seconds(model["services"][name]["stop_grace_period"]) == GRACE[name]


@pytest.mark.parametrize("name", EVERYTHING)
def test_confined(model: Json, name: str) -> None:
    service = model["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("cap_add")
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert "/tmp" in {mount.partition(":")[0] for mount in service["tmpfs"]}  # noqa: S108 - inside the container
    assert service.get("read_only", False) is (name not in WRITABLE)


def test_whoever_may_write_into_its_image_says_why(root: Path) -> None:
    lines = (root / "docker" / "docker-compose.yml").read_text().splitlines()
    where = [number for number, line in enumerate(lines) if line.strip() == "read_only: false"]
    assert len(where) == len(WRITABLE)
    assert all(lines[number - 1].strip().startswith("#") for number in where)


@pytest.mark.parametrize("name", EVERYTHING)
def test_restarted_and_logged(model: Json, name: str) -> None:
    service = model["services"][name]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["driver"] == "json-file"
    assert set(service["logging"]["options"]) == {"max-size", "max-file", "labels"}
    # By these the log shipper knows whose line it is.
    assert service["logging"]["options"]["labels"] == "com.docker.compose.project,com.docker.compose.service"


@pytest.mark.parametrize("name", EVERYTHING)
def test_can_be_replicated_or_renamed(model: Json, name: str) -> None:
    assert "container_name" not in model["services"][name]


@pytest.mark.parametrize("name", EVERYTHING)
def test_no_password_is_in_the_environment_or_the_arguments(model: Json, name: str) -> None:
    service = model["services"][name]
    words = [*service.get("environment", {}), *(service.get("command") or [])]
    telling = [word for word in words if re.search(r"(PASSWORD|SECRET|TOKEN)(?!_FILE)$", word)]
    assert telling == []


def test_secrets_are_files_in_one_folder(model: Json) -> None:
    ours = {name: secret for name, secret in model["secrets"].items() if name != "ca-bundle"}
    assert {Path(secret["file"]).parent.name for secret in ours.values()} == {"secrets"}
    assert all(Path(secret["file"]).name == name for name, secret in ours.items())
    assert len(ours) == 2 * len(DATABASES) + 2


def test_the_passwords_of_two_databases_are_two(model: Json) -> None:
    used = [secret["source"] for name in DATABASES for secret in model["services"][name]["secrets"]]
    # That of the administrator and that of the application.
    assert len(set(used)) == len(used) == 2 * len(DATABASES)


# What belongs to the machine or the site: the engine's log files, the certificates, the metrics of the tasks, and the
# secrets, whose folder test_secrets_are_files_in_one_folder checks.
_FROM_ELSEWHERE = {"/containers", "/run/tls/certificate.pem", "/run/tls/key.pem", "/metrics"}
_ALL_FILES = (
    "docker-compose.yml",
    "docker-compose.prod.yml",
    "docker-compose.tls.yml",
    "docker-compose.small.yml",
    "docker-compose.monitoring.yml",
    "docker-compose.monitoring.prod.yml",
)


def test_mounted_files_lie_in_one_folder_and_are_used(model_of: MakeModel, root: Path) -> None:
    merged = model_of(*_ALL_FILES)
    mounts = [mount for one in merged["services"].values() for mount in one.get("volumes") or ()]
    ours = [Path(one["source"]) for one in mounts if one["type"] == "bind" and one["target"] not in _FROM_ELSEWHERE]
    ours += [Path(one["file"]) for one in merged["configs"].values()]
    assert [path for path in ours if not path.exists() or not path.is_relative_to(root / "docker" / "config")] == []
    files = [path for path in (root / "docker" / "config").rglob("*") if path.is_file()]
    assert [path for path in files if not any(path.is_relative_to(mounted) for mounted in ours)] == []


def test_confinement_and_logging_are_written_once(root: Path) -> None:
    """The other files refer to them, and change one of them with a reason beside it."""
    for path in (root / "docker").glob("docker-compose*.yml"):
        if path.name != "docker-compose.override.yml":
            found = re.findall(
                r"^\s*(?:cap_drop|security_opt|logging|driver|restart):.*$", path.read_text(), re.MULTILINE
            )
            assert [line.strip() for line in found if line.strip() != 'restart: "no"'] == [], path.name


def test_no_compose_file_contains_a_script(model_of: MakeModel) -> None:
    """Scripts of more than one line are files, which shellcheck reads."""
    for name, service in model_of(*_ALL_FILES)["services"].items():
        words = [
            *(service.get("command") or ()),
            *(service.get("entrypoint") or ()),
            *service.get("healthcheck", {}).get("test", ()),
        ]
        assert [word for word in words if "\n" in word.strip()] == [], name

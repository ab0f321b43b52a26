"""The production files: what is limited, closed, kept and published; and what production refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rofecare_infra.lifecycle import hold
from rofecare_infra.platform import defects, parse
from rofecare_infra.settings import COMBINED, load
from tests.support.documented import APPLICATIONS, BUSINESS, DATABASES, EVERYTHING

Json = dict[str, Any]
MakeModel = Callable[..., Json]

_FILES = ("docker-compose.yml", "docker-compose.prod.yml")
_TLS = (*_FILES, "docker-compose.tls.yml")
_MEBIBYTE = 1024 * 1024
# As the owner documents them: CPUs and MiB.
LIMITS: dict[str, tuple[float, int]] = {
    **dict.fromkeys(BUSINESS, (1, 1024)),
    "rofecare-service-clinical": (1.5, 1536),
    "rofecare-config-server": (0.5, 512),
    "rofecare-discovery-server": (0.5, 512),
    "rofecare-gateway": (1, 1024),
    "redis": (0.5, 512),
    "kafka": (1, 2048),
    "zookeeper": (0.5, 512),
}
FRONT = {"front", "front-data"}
_CLOSED = "/data/closed"


@pytest.fixture(scope="module")
def production(model_of: MakeModel) -> Json:
    """Production with plain HTTP."""
    return model_of(*_FILES)


@pytest.fixture(scope="module")
def tls(model_of: MakeModel) -> Json:
    """Production with TLS."""
    return model_of(*_TLS, TLS_HOST="his.example")


@pytest.fixture(scope="module")
def small(model_of: MakeModel) -> Json:
    """Production on a small server."""
    return model_of(*_TLS, "docker-compose.small.yml", TLS_HOST="his.example")


@pytest.mark.parametrize(("written", "address"), [("::1", "::1"), ("[::]", "::")])
def test_ipv6_addresses_with_and_without_brackets(root: Path, model_of: MakeModel, written: str, address: str) -> None:
    settings, problems = load(root, {"GATEWAY_ADDRESS": written, "TLS_ADDRESS": written})
    assert problems == ()
    variables = {name: settings.get(name) for name in COMBINED}
    for files in (_FILES, _TLS):
        front = parse(model_of(*files, **variables, TLS_HOST="his.example")).service("front")
        assert {port.address for port in front.ports} == {address}
        assert front.ports[0].url.startswith("http://[::1]:")


def limits_of(service: Json) -> tuple[float, int, int]:
    limits = service["deploy"]["resources"]["limits"]
    return float(limits["cpus"]), int(limits["memory"]) // _MEBIBYTE, int(limits["pids"])


@pytest.mark.parametrize("name", EVERYTHING)
def test_limits_as_documented(production: Json, name: str) -> None:
    cpus, memory, pids = limits_of(production["services"][name])
    if name in DATABASES:
        assert 0.5 <= cpus <= 1
        assert 512 <= memory <= 1024
    else:
        assert (cpus, memory) == LIMITS[name]
    assert 0 < pids <= 500


def test_everything_carries_the_mode(tls: Json) -> None:
    assert {one["labels"]["com.rofecare.mode"] for one in tls["services"].values()} == {"production"}
    assert set(tls["services"]) == {*EVERYTHING, *FRONT}


# On this machine alone without TLS, everywhere with it.
_PUBLISHED = {
    "production": {("127.0.0.1", "8080")},
    "tls": {("0.0.0.0", "80"), ("0.0.0.0", "443")},  # noqa: S104 - the address of a web site
}


@pytest.mark.parametrize("files", _PUBLISHED)
def test_the_front_alone_lets_requests_in(request: pytest.FixtureRequest, files: str) -> None:
    services: Json = request.getfixturevalue(files)["services"]
    published = {name: one["ports"] for name, one in services.items() if one.get("ports")}
    assert list(published) == ["front"]
    assert {(port["host_ip"], port["published"]) for port in published["front"]} == _PUBLISHED[files]
    # Services on the network with external access, alone or with another one, are counted here.
    assert {name for name, one in services.items() if "edge" in (one.get("networks") or {})} == {"front"}
    assert set(services["rofecare-gateway"]["networks"]) == {"backend", "front"}
    assert {name for name, one in services.items() if one["labels"].get("com.rofecare.entry")} == {"front"}
    assert services["rofecare-gateway"]["labels"]["com.rofecare.tokens"] == "checked"


def test_the_front_is_closed_by_a_file_that_outlives_its_container(production: Json, root: Path) -> None:
    front = production["services"]["front"]
    assert front["labels"]["com.rofecare.hold"] == _CLOSED
    folder, _, name = _CLOSED.rpartition("/")
    assert [one["source"] for one in front["volumes"] if one["target"] == folder] == ["front-data"]
    caddyfile = (root / "docker/config/caddy/Caddyfile").read_text()
    assert f"root {folder}\n" in caddyfile
    assert f"try_files /{name}\n" in caddyfile
    inside = urlsplit(hold.METRICS)
    assert f"http://:{inside.port} {{\n\tbind {inside.hostname}\n\tmetrics {inside.path}\n" in caddyfile


def test_the_site_of_the_front_is_one_of_its_files(production: Json, tls: Json, root: Path) -> None:
    (default,) = re.findall(r"import \{\$FRONT:(\w+)\}", (root / "docker/config/caddy/Caddyfile").read_text())
    chosen = [model["services"]["front"]["environment"].get("FRONT", default) for model in (production, tls)]
    assert chosen == ["plain", "tls"]
    assert all((root / "docker/config/caddy" / name).exists() for name in chosen)


def test_networks_without_a_way_out(tls: Json) -> None:
    open_ones = {name for name, network in tls["networks"].items() if not network.get("internal")}
    assert open_ones == {"edge", "outbound"}
    closed = [network for name, network in tls["networks"].items() if name not in open_ones]
    assert {network["driver_opts"]["com.docker.network.bridge.inhibit_ipv4"] for network in closed} == {"true"}
    ways_out = {name for name, one in tls["services"].items() if open_ones & {*(one.get("networks") or {})}}
    assert ways_out == {"front", "rofecare-service-platform"}


@pytest.mark.parametrize("name", DATABASES)
def test_a_database_is_on_its_own_network_alone(tls: Json, name: str) -> None:
    assert set(tls["services"][name]["networks"]) == {name}
    members = {other for other, one in tls["services"].items() if name in (one.get("networks") or {})}
    assert members == {name, "rofecare-service-" + name.removesuffix("-db")}


def test_every_volume_is_kept(tls: Json) -> None:
    mounts = [mount for one in tls["services"].values() for mount in one.get("volumes") or ()]
    used = {mount["source"] for mount in mounts if mount["type"] == "volume"}
    assert set(tls["volumes"]) == used
    for name, volume in tls["volumes"].items():
        assert volume["external"] is True
        # The marker is not data. In a checkout, its place is taken by a volume that no release leaves there.
        key = "checkout" if name == "production-marker" else name
        assert volume["name"] == f"rofecare_production_{key}"
    assert len(parse(tls).kept_volumes) == len(used)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_jvm_lives_by_its_containers_limit(production: Json, name: str) -> None:
    flags = production["services"][name]["environment"]["JAVA_TOOL_OPTIONS"]
    # The limit is lifted while it starts, when it sizes its pools.
    assert f"-XX:ActiveProcessorCount={ceil(limits_of(production['services'][name])[0])}" in flags
    assert "-XX:MaxRAMPercentage=" in flags
    assert "-XX:+ExitOnOutOfMemoryError" in flags
    # These two have few requests; of all others, hot code is compiled by both compilers.
    assert ("TieredStopAtLevel" in flags) == (name in {"rofecare-config-server", "rofecare-discovery-server"})
    assert "-Xmx" not in flags


def postgresql_settings(model: Json, name: str) -> dict[str, str]:
    """The settings that the server reads from the files in its container; a later one wins."""
    service = model["services"][name]
    mounted = {one["target"]: Path(model["configs"][one["source"]]["file"]) for one in service["configs"]}
    program, option, config_file = service["command"]
    assert (program, option) == ("postgres", "-c")

    def read(target: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in mounted[target].read_text(encoding="utf-8").splitlines():
            if included := re.fullmatch(r"include '(.+)'", line):
                found |= read(str(Path(target).parent / included[1]))
            elif setting := re.fullmatch(r"(\w+) = (\S+)", line):
                found[setting[1]] = setting[2]
            else:
                assert not line or line.startswith(("#", "include_if_exists '/var/lib/postgresql/data/"))
        return found

    return read(config_file.removeprefix("config_file="))


@pytest.mark.parametrize("files", ["production", "small"])
@pytest.mark.parametrize("name", DATABASES)
def test_a_database_lives_by_its_containers_limit(request: pytest.FixtureRequest, files: str, name: str) -> None:
    service = request.getfixturevalue(files)["services"][name]
    given = postgresql_settings(request.getfixturevalue(files), name)
    _, memory, _ = limits_of(service)
    shared = int(given["shared_buffers"].removesuffix("MB"))
    assert memory / 8 <= shared <= memory / 4
    assert shared + int(given["max_connections"]) * int(given["work_mem"].removesuffix("MB")) < memory
    assert {given["fsync"], given["synchronous_commit"], given["full_page_writes"]} == {"on"}
    assert given["client_connection_check_interval"] == "5s"
    # Three replicas of its service with 10 connections each, or one.
    reserved = int(given["reserved_connections"]) + int(given["superuser_reserved_connections"])
    assert int(given["max_connections"]) - reserved >= (20 if files == "small" else 30)


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("files", ["production", "small"])
def test_an_administrator_logs_in_from_the_container_alone(
    request: pytest.FixtureRequest, files: str, name: str
) -> None:
    model = request.getfixturevalue(files)
    service = model["services"][name]
    mounted = {one["target"]: Path(model["configs"][one["source"]]["file"]) for one in service["configs"]}
    place = "/etc/postgresql/production-hba.conf"
    assert f"-c hba_file={place}" in mounted[service["entrypoint"][-1]].read_text(encoding="utf-8")
    text = mounted[place].read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    user = service["environment"]["POSTGRES_USER"]
    assert lines[:3] == [
        "local all all trust",
        f"host all {user} samehost scram-sha-256",
        f"host all {user} all reject",
    ]


@pytest.mark.parametrize("files", ["production", "small"])
def test_redis_and_kafka_live_by_their_limits(request: pytest.FixtureRequest, files: str) -> None:
    services = request.getfixturevalue(files)["services"]
    _, memory, _ = limits_of(services["redis"])
    assert int(services["redis"]["environment"]["REDIS_MAXMEMORY"].removesuffix("mb")) <= memory / 2
    for name in ("kafka", "zookeeper"):
        heap = re.search(r"-Xmx(\d+)([mg])", services[name]["environment"]["KAFKA_HEAP_OPTS"])
        assert heap is not None
        assert int(heap[1]) * (1024 if heap[2] == "g" else 1) <= limits_of(services[name])[1] / 2
    assert services["kafka"]["environment"]["KAFKA_LOG_FLUSH_INTERVAL_MESSAGES"] == "1"
    assert "--appendonly yes" in Path(request.getfixturevalue(files)["configs"]["redis-start"]["file"]).read_text()


def test_the_small_one_fits_into_8_gb_with_room_for_the_server(small: Json) -> None:
    assert set(small["services"]) == {*EVERYTHING, *FRONT}
    assert sum(limits_of(one)[1] for one in small["services"].values()) <= 7.5 * 1024


def test_replicas_by_setting(model_of: MakeModel) -> None:
    settings = {
        "REPLICAS_" + name.removeprefix("rofecare-service-").upper().replace("-", "_"): "3" for name in BUSINESS
    }
    model = model_of(*_FILES, **settings)
    assert {model["services"][name]["deploy"]["replicas"] for name in BUSINESS} == {3}
    assert list(defects(parse(model))) == []


def test_the_packaged_front_differs_in_image_and_build_alone(model_of: MakeModel, tls: Json) -> None:
    twins = ("docker-compose.prod.packages.yml", "docker-compose.tls.packages.yml")
    files = (*_TLS, "docker-compose.packages.yml", *twins)
    packaged = model_of(*files, TLS_HOST="his.example")
    for name in FRONT:
        theirs, ours = (
            {k: v for k, v in one["services"][name].items() if k not in {"image", "build"}} for one in (tls, packaged)
        )
        assert ours == theirs


def test_every_finding_of_compose_lint_is_explained(root: Path, model_of: MakeModel, tmp_path: Path) -> None:
    """With the monitoring; the documents have a row for each."""
    model = model_of(_FILES[0], "docker-compose.monitoring.yml", *_TLS[1:], TLS_HOST="his.example")
    file = tmp_path / "docker-compose.yml"
    file.write_text(json.dumps(model))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("compose-lint")), "check", "--no-env", "--format", "json", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert report["errors"] == []
    found = {(one["rule_id"], one["service"]) for one in report["findings"]}
    everywhere = {
        rule for rule, _ in found if {service for other, service in found if other == rule} == {*model["services"]}
    }
    expected = {(rule, "all") for rule in everywhere} | {pair for pair in found if pair[0] not in everywhere}
    for name in ("docs/production.md", "docs/fr/production.md"):
        rows = re.findall(
            r"^\| `(CL-\d+)` \| (?:\w+) \| (?:`([\w-]+)`|all|tous) \|", (root / name).read_text(), re.MULTILINE
        )
        assert {(rule, service or "all") for rule, service in rows} == expected, name


@pytest.mark.parametrize("name", APPLICATIONS)
def test_eureka_is_told_an_address_that_all_others_reach(tls: Json, name: str) -> None:
    """The engine numbers the interfaces: first the networks with a way out, each kind in the order of the names."""
    service = tls["services"][name]
    ignored = service["environment"].get("SPRING_CLOUD_INETUTILS_IGNORED_INTERFACES", "").split(",")
    order = sorted(service["networks"], key=lambda network: (tls["networks"][network].get("internal", False), network))
    seen = [
        network for number, network in enumerate(order) if not any(re.fullmatch(one, f"eth{number}") for one in ignored)
    ]
    assert seen[:1] == ["backend"], order

"""The compose files of the monitoring, and its targets."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

from rofecare_infra.platform import defects, health_of, parse, short
from rofecare_infra.search import Wanted, query
from tests.support.documented import APPLICATIONS, DATABASES, EVERYTHING, MONITORING, database_name
from tests.support.limits import limits_of

Json = dict[str, Any]
MakeModel = Callable[..., Json]

ALONE = ("docker-compose.monitoring.yml",)
ON_TOP = ("docker-compose.yml", *ALONE)
TWIN = "docker-compose.monitoring.packages.yml"

# What has an upstream image alone.
REGISTRY_ONLY = {"grafana", "kibana", "kafka-ui"}
# Services without metrics of their own: the exporter of the store counts their documents. Services that one of the
# modes omits are not scraped, so that their absence raises no alert.
SILENT = {"consumer-lag", "log-keeper", "log-shipper", "elasticsearch", *REGISTRY_ONLY}
# What no registry has: built here on either kind of base.
BUILT_HERE = {"log-keeper", "log-shipper"}
# The upstream image writes a key store beside its settings.
WRITABLE = {"elasticsearch"}
# The files of the logs are root's; the files of the upstream image belong to the group 0.
USERS = {"log-shipper": "0:0", "elasticsearch": "1000:0", "kibana": "1000:0"}


@pytest.fixture(scope="module")
def alone(model_of: MakeModel) -> Json:
    return model_of(*ALONE)


@pytest.fixture(scope="module")
def on_top(model_of: MakeModel) -> Json:
    return model_of(*ON_TOP)


@pytest.fixture(scope="module")
def prometheus(root: Path) -> Json:
    text = (root / "docker" / "config" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    parsed: Json = yaml.safe_load(text)
    return parsed


def test_the_services(alone: Json, on_top: Json) -> None:
    assert alone["name"] == "rofecare"
    assert set(alone["services"]) == set(MONITORING)
    assert set(on_top["services"]) == {*EVERYTHING, *MONITORING}


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_platform_is_the_same_with_it(model: Json, on_top: Json, name: str) -> None:
    assert on_top["services"][name] == model["services"][name]


@pytest.mark.parametrize("name", MONITORING)
def test_a_phase_of_its_own_that_starts_last(on_top: Json, name: str) -> None:
    assert on_top["services"][name]["labels"]["com.rofecare.phase"] == "monitoring"
    assert list(defects(parse(on_top))) == []


@pytest.mark.parametrize("name", MONITORING)
def test_nothing_of_the_platform_is_waited_for(on_top: Json, name: str) -> None:
    assert set(on_top["services"][name].get("depends_on", {})) <= set(MONITORING)


@pytest.mark.parametrize(("name", "ports"), [*MONITORING.items()], ids=MONITORING)
def test_ports(alone: Json, name: str, ports: tuple[int, int]) -> None:
    found = [
        (port["host_ip"], int(port["published"]), port["target"]) for port in alone["services"][name].get("ports", [])
    ]
    assert found == ([("127.0.0.1", *ports)] if ports[0] else [])


@pytest.mark.parametrize("name", MONITORING)
def test_the_house_rules(alone: Json, name: str) -> None:
    service = alone["services"][name]
    assert service.get("read_only", False) is (name not in WRITABLE)
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("cap_add")
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["user"] == USERS[name] if name in USERS else re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["restart"] == "unless-stopped"
    assert set(service["logging"]["options"]) == {"max-size", "max-file", "labels"}
    limits = limits_of(service)
    assert min(limits.cpus, limits.memory, limits.pids) > 0
    assert re.search(r":(?!latest)[\w.-]+$", service["image"])
    assert not any("docker.sock" in str(mount) for mount in service.get("volumes", []))
    check = service["healthcheck"]
    assert {"test", "interval", "timeout", "retries", "start_period", "start_interval"} <= set(check)


def test_its_memory_fits(alone: Json) -> None:
    limits = {name: limits_of(one).memory for name, one in alone["services"].items() if name not in REGISTRY_ONLY}
    assert sum(limits.values()) <= 2048, limits


@pytest.mark.parametrize("below", [ALONE, ON_TOP], ids=["alone", "on top"])
def test_packages_mode_changes_image_and_build_alone(model_of: MakeModel, below: tuple[str, ...]) -> None:
    upstream, packaged = model_of(*below)["services"], model_of(*below, TWIN)["services"]
    assert set(upstream) - set(packaged) == REGISTRY_ONLY

    def rest(service: Json) -> Json:
        return {key: value for key, value in service.items() if key not in {"image", "build"}}

    for name in set(MONITORING) - REGISTRY_ONLY:
        assert packaged[name]["image"].startswith("rofecare/")
        assert rest(packaged[name]) == rest(upstream[name])


def test_what_a_mirror_is_asked_for(model_of: MakeModel) -> None:
    mirrored = model_of(*ALONE, IMAGE_PREFIX="mirror.example:5000/")
    assert {name for name, one in mirrored["services"].items() if not one["image"].startswith("mirror.")} == BUILT_HERE
    for name in BUILT_HERE:
        assert mirrored["services"][name]["build"]["args"]["BASE_IMAGE"].startswith("mirror.")


def test_the_shipper_opens_log_files_alone(root: Path) -> None:
    settings = (root / "docker" / "config" / "logs" / "rsyslog.conf").read_text(encoding="utf-8")
    files = re.findall(r'^input\(type="imfile" File="(.+?)"', settings, re.MULTILINE)
    assert [one for one in files if not one.startswith("/spool/")] == ["/containers/*/*-json.log*"]
    assert settings.count("/containers") == 1


def test_the_shipper_reads_the_logs_and_can_change_nothing(alone: Json) -> None:
    shipper = alone["services"]["log-shipper"]
    mounts = {one["target"]: one for one in shipper["volumes"]}
    assert mounts["/containers"]["source"] == "/var/lib/docker/containers"
    assert [target for target, one in mounts.items() if not one.get("read_only")] == ["/spool", "/metrics"]
    assert set(shipper["networks"]) == {"monitoring"}


def test_what_the_shipper_counts_is_read_and_not_written(alone: Json) -> None:
    exporter = alone["services"]["node-exporter"]
    mounts = {one["target"]: one for one in exporter["volumes"]}
    assert mounts["/log-metrics"]["source"] == "log-metrics"
    assert all(one["read_only"] for one in mounts.values())
    assert {f"--collector.textfile.directory={target}" for target in mounts} <= set(exporter["command"])


def test_words_are_looked_for_in_text_alone(root: Path) -> None:
    """The store refuses a search for the beginning of a word in a field of another kind."""
    template = json.loads((root / "docker" / "config" / "logs" / "template.json").read_text(encoding="utf-8"))
    wanted = query(Wanted("words"))["query"]["bool"]["filter"][0]["multi_match"]["fields"]
    assert wanted
    for field in wanted:
        found = template["template"]["mappings"]
        for name in field.split("."):
            found = found["properties"][name]
        assert found["type"] == "text", field


def test_kibana_is_of_the_version_of_the_store(alone: Json) -> None:
    tags = {alone["services"][name]["image"].rpartition(":")[2] for name in ("kibana", "elasticsearch")}
    assert len(tags) == 1


def test_kibana_finds_its_data_view_and_two_searches(alone: Json, root: Path) -> None:
    """Each object that another refers to is there, and each field that one shows is one that the store has."""
    lines = (root / "docker" / "config" / "kibana" / "logs.ndjson").read_text(encoding="utf-8").splitlines()
    objects = [json.loads(line) for line in lines]
    assert [one["type"] for one in objects] == ["index-pattern", "search", "search"]
    known = {(one["type"], one["id"]) for one in objects}
    assert {(to["type"], to["id"]) for one in objects for to in one["references"]} <= known
    template = json.loads((root / "docker" / "config" / "logs" / "template.json").read_text(encoding="utf-8"))
    assert objects[0]["attributes"]["title"] in template["index_patterns"]
    for one in objects[1:]:
        source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
        used = [*one["attributes"]["columns"], *re.findall(r"([\w.]+):", source["query"]["query"])]
        for field in used:
            found = template["template"]["mappings"]
            for name in field.split("."):
                found = found["properties"][name]
    keeper = alone["services"]["log-keeper"]
    assert keeper["environment"]["KIBANA"] == "http://kibana:5601"
    assert "/etc/kibana" in [mount["target"] for mount in keeper["volumes"]]


def test_nothing_is_shipped_into_an_index_without_its_template(alone: Json) -> None:
    needs = alone["services"]["log-shipper"]["depends_on"]
    assert {name: one["condition"] for name, one in needs.items()} == {
        "elasticsearch": "service_healthy",
        "log-keeper": "service_healthy",
    }


def job(prometheus: Json, name: str) -> Json:
    found: Json = next(one for one in prometheus["scrape_configs"] if one["job_name"] == name)
    return found


def test_every_application_is_scraped_and_asked_whether_it_is_ready(prometheus: Json, model: Json) -> None:
    applications = job(prometheus, "applications")
    assert applications["metrics_path"] == "/actuator/prometheus"
    assert "authorization" not in applications
    found = {one["names"][0]: one["port"] for one in applications["dns_sd_configs"]}
    where = {one.name: health for one in parse(model).services if one.checkout and (health := health_of(one))}
    assert found == {name: where[name].port for name in APPLICATIONS}
    targets = job(prometheus, "readiness")["static_configs"][0]["targets"]
    assert targets == [f"http://{name}:{where[name].port}{where[name].path}" for name in APPLICATIONS]


def test_a_part_is_the_short_name(prometheus: Json) -> None:
    for name in ("applications", "readiness"):
        rule = next(one for one in job(prometheus, name)["relabel_configs"] if one["target_label"] == "part")
        for service in APPLICATIONS:
            assert re.sub(rule["regex"], r"\1", service) == short(service)


def test_every_database_is_asked_and_can_be_reached(prometheus: Json, on_top: Json) -> None:
    targets = job(prometheus, "postgresql")["static_configs"][0]["targets"]
    assert targets == [f"{name}:5432/{database_name(name)}" for name in DATABASES]
    assert set(DATABASES) <= set(on_top["services"]["postgres-exporter"]["networks"])


def test_every_exporter_is_asked_where_it_listens(prometheus: Json) -> None:
    text = str(prometheus)
    assert [name for name in MONITORING if name not in SILENT | {"prometheus"} and f"{name}:" not in text] == []


@pytest.mark.parametrize("name", ["kafka", "zookeeper"])
def test_an_image_without_the_agent_starts_all_the_same(model: Json, name: str, tmp_path: Path) -> None:
    """The start is run as it stands, with the agent's folder and the image's own start in a place of the test's."""
    configs = {
        one["target"]: Path(model["configs"][one["source"]]["file"]) for one in model["services"][name]["configs"]
    }
    shell, target = model["services"][name]["command"]
    script = configs[target].read_text(encoding="utf-8").replace("/usr/share/java/cp-base-new", f"{tmp_path}")
    script = script.replace("/etc/confluent/docker/run", f"{tmp_path}/run")
    own = tmp_path / "run"
    own.write_text('#!/bin/bash\necho "options: ${KAFKA_OPTS:-none}"\n')
    own.chmod(0o755)

    def start(**more: str) -> str:
        environment = {"PATH": "/usr/bin:/bin", **more}
        return subprocess.run([shell, "-c", script], env=environment, capture_output=True, text=True, check=True).stdout

    assert start() == "options: none\n"
    (tmp_path / "jmx_prometheus_javaagent-1.0.1.jar").touch()
    assert start(KAFKA_OPTS="-Da=b") == (
        f"options: -javaagent:{tmp_path}/jmx_prometheus_javaagent-1.0.1.jar=9404:/etc/metrics.yml -Da=b\n"
    )
    assert "/etc/metrics.yml" in configs


def configured(root: Path, tmp_path: Path, applications: str) -> tuple[list[str], Json]:
    """The command line and the configuration with which the start script starts Prometheus."""
    folder = root / "docker" / "config" / "prometheus"
    script = (folder / "start.sh").read_text(encoding="utf-8").replace("/etc/prometheus", str(folder))
    script = script.replace("/tmp/prometheus.yml", f"{tmp_path}/prometheus.yml")  # noqa: S108 - of the container
    script = script.replace("/bin/prometheus", "printf '%s\\n'")
    environment = {"PATH": "/usr/bin:/bin", "MONITORED_APPLICATIONS": applications}
    argv = ["sh", "-c", script, "start.sh", "--flag"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    words = done.stdout.split()
    parsed: Json = yaml.safe_load(Path(words[0].partition("=")[2]).read_text(encoding="utf-8"))
    return words, parsed


def test_prometheus_is_started_with_what_is_listed(root: Path, tmp_path: Path, prometheus: Json) -> None:
    words, parsed = configured(root, tmp_path, "")
    assert words == [f"--config.file={root}/docker/config/prometheus/prometheus.yml", "--flag"]
    assert parsed == prometheus


def test_further_applications_are_watched_like_the_others(root: Path, tmp_path: Path, prometheus: Json) -> None:
    _, parsed = configured(
        root,
        tmp_path,
        "rofecare-service-laboratory:9091,/manage/health/readiness,/manage/prometheus "
        "rofecare-service-patient:9081,/actuator/health/readiness,/actuator/prometheus",
    )
    before, after = job(prometheus, "applications"), job(parsed, "applications")
    names = {"rofecare-service-laboratory": 9091, "rofecare-service-patient": 9081}
    for name, port in names.items():
        found = [one for one in after["dns_sd_configs"] if one["names"] == [name]]
        assert found == [{"names": [name], "type": "A", "port": port, "refresh_interval": "15s"}]
    unchanged = [one for one in before["dns_sd_configs"] if one["names"][0] not in names]
    assert [one for one in after["dns_sd_configs"] if one["names"][0] not in names] == unchanged
    paths = {one["regex"]: one["replacement"] for one in after["relabel_configs"] if "replacement" in one}
    assert paths == {
        "rofecare-service-laboratory": "/manage/prometheus",
        "rofecare-service-patient": "/actuator/prometheus",
    }
    targets = job(parsed, "readiness")["static_configs"][0]["targets"]
    assert len(targets) == len(APPLICATIONS) + 1
    assert {one for one in targets if ":9000/" not in one} == {
        "http://rofecare-service-patient:9081/actuator/health/readiness",
        "http://rofecare-service-laboratory:9091/manage/health/readiness",
    }
    others = [one for one in prometheus["scrape_configs"] if one["job_name"] not in {"applications", "readiness"}]
    assert [one for one in parsed["scrape_configs"] if one["job_name"] not in {"applications", "readiness"}] == others

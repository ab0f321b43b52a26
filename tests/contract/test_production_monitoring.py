"""The monitoring in production: limits, networks, the proxy of its pages; and the tables of the documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.monitoring import USER, pages
from rofecare_infra.platform import defects, parse
from tests.support.documented import EVERYTHING, MONITORING
from tests.support.limits import limits_of, sum_of
from tests.support.reach_table import documented

Json = dict[str, Any]
MakeModel = Callable[..., Json]

_PLATFORM = ("docker-compose.yml", "docker-compose.prod.yml", "docker-compose.tls.yml")
_MONITORING = ("docker-compose.monitoring.yml", "docker-compose.monitoring.prod.yml")
_PACKAGED = ("docker-compose.monitoring.packages.yml", "docker-compose.monitoring.prod.packages.yml")
_SMALL = "docker-compose.small.yml"
_PROXY = "monitoring-proxy"
_DOCUMENTS = ("docs/production.md", "docs/fr/production.md")
_WAYS_OUT = {"edge", "outbound", "pages", "notifications"}
# The label of a row in both languages -> the files whose limits are added.
_SUMS = {
    ("`SIZE=standard`",) * 2: _PLATFORM,
    ("`SIZE=standard` with monitoring", "`SIZE=standard` avec supervision"): (*_PLATFORM, *_MONITORING),
    ("`SIZE=small`",) * 2: (*_PLATFORM, _SMALL),
    ("`SIZE=small` with monitoring", "`SIZE=small` avec supervision"): (*_PLATFORM, _SMALL, *_MONITORING),
}


@pytest.fixture(scope="module")
def whole(model_of: MakeModel) -> Json:
    """Production with TLS and monitoring."""
    return model_of(*_PLATFORM, *_MONITORING, TLS_HOST="his.example")


@pytest.fixture(scope="module")
def services(whole: Json) -> dict[str, Json]:
    """Those of the monitoring."""
    found = {name: one for name, one in whole["services"].items() if name in MONITORING or name == _PROXY}
    assert set(found) == {*MONITORING, _PROXY}
    return found


def networks_of(service: Json) -> set[str]:
    return set(service.get("networks") or ())


def test_the_platform_is_the_same_with_it(model_of: MakeModel, whole: Json) -> None:
    without = model_of(*_PLATFORM, TLS_HOST="his.example")
    assert {name: whole["services"][name] for name in without["services"]} == without["services"]
    assert {name: whole["networks"][name] for name in without["networks"]} == without["networks"]
    assert list(defects(parse(whole))) == []


def test_every_container_has_limits_and_carries_the_mode(services: dict[str, Json]) -> None:
    for name, one in services.items():
        limits = limits_of(one)
        assert 0 < limits.cpus <= 1, name
        assert 0 < limits.memory <= 1024, name
        assert 0 < limits.pids <= 500, name
        assert one["labels"]["com.rofecare.mode"] == "production"
        assert one["labels"]["com.rofecare.phase"] == "monitoring"


def test_heaps_fit_into_the_limits(services: dict[str, Json]) -> None:
    heaps = {}
    for name, one in services.items():
        words = " ".join(map(str, (one.get("environment") or {}).values()))
        if found := re.search(r"(?:-Xmx|max-old-space-size=)(\d+)", words):
            heaps[name] = int(found[1])
    assert set(heaps) == {"consumer-lag", "elasticsearch", "zipkin", "kibana", "kafka-ui"}
    assert {name: size for name, size in heaps.items() if size > 0.6 * limits_of(services[name]).memory} == {}


def test_two_containers_have_a_way_out_and_neither_is_on_the_backend(whole: Json, services: dict[str, Json]) -> None:
    assert {name for name, one in whole["networks"].items() if not one.get("internal")} == _WAYS_OUT
    closed = [one for name, one in whole["networks"].items() if name not in _WAYS_OUT]
    assert {one["driver_opts"]["com.docker.network.bridge.inhibit_ipv4"] for one in closed} == {"true"}
    out = {name: networks_of(one) for name, one in services.items() if networks_of(one) & _WAYS_OUT}
    assert out == {_PROXY: {"monitoring", "pages"}, "alertmanager": {"monitoring", "notifications"}}


def test_its_network_is_not_that_of_development(model_of: MakeModel, whole: Json) -> None:
    """Compose does not change the options of a network that exists."""
    development = model_of("docker-compose.monitoring.yml")["networks"]["monitoring"]
    assert whole["networks"]["monitoring"]["name"] != development["name"]


def test_by_hand_it_also_starts_alone(model_of: MakeModel, whole: Json, services: dict[str, Json]) -> None:
    alone = model_of(*_MONITORING, TLS_HOST="his.example")
    assert alone["services"] == services
    assert {name: whole["networks"][name] for name in alone["networks"]} == alone["networks"]


def test_the_proxy_publishes_every_page_on_the_port_of_development(
    model_of: MakeModel, whole: Json, services: dict[str, Json]
) -> None:
    published = {name: one["ports"] for name, one in whole["services"].items() if one.get("ports")}
    assert set(published) == {"front", _PROXY}
    assert {port["host_ip"] for port in published[_PROXY]} == {"127.0.0.1"}
    before = pages(parse(model_of("docker-compose.yml", "docker-compose.monitoring.yml")))
    found = pages(parse(whole))
    assert [(one.service, one.port) for one in found] == [(one.service, one.port) for one in before]
    assert {one.password_file for one in before} == {None}
    assert None not in {one.password_file for one in found}
    assert services[_PROXY]["secrets"][0]["source"] == "monitoring_password"


def test_the_proxy_requires_the_password_on_every_port(root: Path, whole: Json, services: dict[str, Json]) -> None:
    text = (root / "docker" / "config" / "monitoring-proxy" / "Caddyfile").read_text(encoding="utf-8")
    assert "respond @unknown 401" in text
    assert f"'{USER}:%s'" in (root / "docker/config/monitoring-proxy/start.sh").read_text(encoding="utf-8")
    sites = re.findall(r"^http://:(\d+) \{\n\timport page\n\treverse_proxy ([\w-]+):(\d+)\n\}", text, re.MULTILINE)
    assert {port for port, _, _ in sites} == {str(one["target"]) for one in services[_PROXY]["ports"]}
    assert {name: [port] for _, name, port in sites} == {
        name: one["expose"] for name, one in whole["services"].items() if one.get("expose")
    }
    others = set(re.findall(r"^http://:(\d+) \{(?!\n\timport page)", text, re.MULTILINE))
    assert others == {"2015"}
    assert "http://:2015 {\n\tbind 127.0.0.1\n" in text


def test_the_proxy_is_confined_like_the_front(whole: Json, services: dict[str, Json]) -> None:
    front = whole["services"]["front"]
    for key in ("read_only", "cap_drop", "cap_add", "security_opt", "user", "restart", "logging", "image"):
        assert services[_PROXY][key] == front[key], key


def test_the_packaged_one_differs_in_image_and_build_alone(model_of: MakeModel) -> None:
    upstream = model_of(*_MONITORING)["services"]
    packaged = model_of(*_MONITORING, *_PACKAGED)["services"]

    def rest(service: Json) -> Json:
        return {key: value for key, value in service.items() if key not in {"image", "build"}}

    assert {name: rest(one) for name, one in packaged.items()} == {name: rest(upstream[name]) for name in packaged}


@pytest.mark.parametrize("language", [0, 1])
def test_the_sums_of_the_limits(root: Path, model_of: MakeModel, language: int) -> None:
    text = (root / _DOCUMENTS[language]).read_text(encoding="utf-8")
    rows = {labels[language]: sum_of(model_of(*files)).row(labels[language]) for labels, files in _SUMS.items()}
    assert [row for row in rows.values() if row not in text] == []


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_the_networks_of_every_container(root: Path, whole: Json, document: str) -> None:
    """Which ports are open is tried on running containers, in tests/e2e."""
    rows = documented(root / document)
    assert {name: set(row.networks) for name, row in rows.items()} == {
        name: networks_of(one) for name, one in whole["services"].items()
    }
    for name, (_, inside) in {**EVERYTHING, **MONITORING}.items():
        port = 29092 if name == "kafka" else inside
        assert not port or port in rows[name].ports, name

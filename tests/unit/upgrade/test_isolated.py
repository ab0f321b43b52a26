"""The copy of a rehearsal shares nothing with the running platform, and reaches nothing outside."""

from __future__ import annotations

import copy
import socket
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.errors import SettingsError
from rofecare_infra.upgrade.isolated import copied, has_socket

Json = dict[str, Any]

CLOSED = {"internal": True, "driver_opts": {"com.docker.network.bridge.inhibit_ipv4": "true"}}

MODEL: Json = {
    "name": "rofecare",
    "services": {
        "db": {
            "image": "postgres:17",
            "container_name": "the-db",
            "ports": [{"target": 5432, "published": "5432"}],
            "volumes": [
                {"type": "volume", "source": "data", "target": "/data"},
                {"type": "bind", "source": "/srv/files", "target": "/files"},
            ],
            "networks": {"inside": {"ipv4_address": "10.0.0.9", "priority": 1000, "aliases": ["database"]}},
            "depends_on": {"metrics": {"condition": "service_healthy"}},
        },
        "metrics": {"image": "prometheus:1", "labels": {"com.rofecare.phase": "monitoring"}},
    },
    "volumes": {"data": {"name": "rofecare_production_data", "external": True, "driver_opts": {"device": "/srv"}}},
    "networks": {
        "inside": {"name": "rofecare_inside", "internal": True, "ipam": {"config": [{"subnet": "10.0.0.0/24"}]}}
    },
}


def with_service(**settings: object) -> Json:
    """The model with these settings of the service db."""
    model = copy.deepcopy(MODEL)
    model["services"]["db"].update(settings)
    return model


def db_of(model: Json) -> Json:
    service: Json = copied(model, {})["services"]["db"]
    return service


def test_the_copy_has_its_own_name_networks_and_volumes() -> None:
    new = copied(MODEL, {})
    assert new["name"] == "rofecare-rehearsal"
    assert new["volumes"] == {"data": {"name": "rofecare-rehearsal_data"}}
    assert new["networks"] == {
        "inside": {"name": "rofecare-rehearsal_inside", **CLOSED},
        "default": {"name": "rofecare-rehearsal_.default", **CLOSED},
    }


@pytest.mark.parametrize(
    "network",
    [
        None,
        {"name": "rofecare_out"},
        {"name": "hospital_lan", "external": True},
        {"name": "rofecare_out", "driver": "macvlan", "driver_opts": {"parent": "eth0"}},
        {"name": "rofecare_out", "enable_ipv6": True, "attachable": True},
    ],
)
def test_no_network_of_the_copy_has_a_way_out(network: Json | None) -> None:
    model = with_service(networks={"out": None})
    model["networks"]["out"] = network
    new = copied(model, {})
    assert new["networks"]["out"] == {"name": "rofecare-rehearsal_.out", **CLOSED}
    assert new["services"]["db"]["networks"] == {"out": {}}


def test_networks_that_had_a_way_out_come_first() -> None:
    """The engine sorts them like this in the original, which determines the names of the interfaces."""
    model = copy.deepcopy(MODEL)
    model["networks"]["outbound"] = {"name": "rofecare_outbound"}
    names = sorted(one["name"] for one in copied(model, {})["networks"].values())
    assert names[:2] == ["rofecare-rehearsal_.default", "rofecare-rehearsal_.outbound"]


def test_the_copy_publishes_no_port_and_mounts_folders_read_only() -> None:
    db = db_of(MODEL)
    assert "ports" not in db
    assert "container_name" not in db
    assert db["networks"] == {"inside": {"priority": 1000, "aliases": ["database"]}}
    assert [mount.get("read_only", False) for mount in db["volumes"]] == [False, True]


@pytest.mark.parametrize(
    "setting",
    [
        {"extra_hosts": ["mail:10.0.0.7", "host.docker.internal:host-gateway"]},
        {"dns": ["10.0.0.1"], "dns_search": ["hospital.example"], "dns_opt": ["use-vc"]},
        {"external_links": ["rofecare-db-1:real"]},
        {"mac_address": "02:42:ac:11:65:43"},
    ],
)
def test_the_copy_knows_no_address_outside(setting: Json) -> None:
    assert not set(setting) & set(db_of(with_service(**setting)))


def test_the_copy_has_no_monitoring() -> None:
    services = copied(with_service(links=["metrics", "metrics:m", "db:self"]), {})["services"]
    assert list(services) == ["db"]
    assert services["db"]["depends_on"] == {}
    assert services["db"]["links"] == ["db:self"]


def test_settings_that_lead_outside_are_empty() -> None:
    environment = {"SMTP_HOST": "mail.example", "S3_BUCKET": "files", "SMTP_PORT": "587"}
    labels = {"com.rofecare.outside": "SMTP_HOST S3_BUCKET"}
    db = db_of(with_service(environment=environment, labels=labels))
    assert db["environment"] == {"SMTP_HOST": "", "S3_BUCKET": "", "SMTP_PORT": "587"}


@pytest.mark.parametrize(("issuer", "then"), [("automatic", "internal"), ("internal", "internal"), ("files", "files")])
def test_the_copy_asks_no_public_authority_for_a_certificate(issuer: str, then: str) -> None:
    assert db_of(with_service(environment={"TLS_ISSUER": issuer}))["environment"] == {"TLS_ISSUER": then}


@pytest.mark.parametrize(
    ("logging", "then"),
    [
        (None, {"driver": "local"}),
        ({"driver": "gelf", "options": {"gelf-address": "udp://10.0.0.8:12201"}}, {"driver": "local"}),
        (
            {"driver": "json-file", "options": {"max-size": "10m"}},
            {"driver": "json-file", "options": {"max-size": "10m"}},
        ),
    ],
)
def test_the_copy_sends_no_log_lines_elsewhere(logging: Json | None, then: Json) -> None:
    assert db_of(with_service(**({"logging": logging} if logging else {})))["logging"] == then


def test_the_copy_can_run_the_old_images() -> None:
    assert copied(MODEL, {"db": "kept:db"})["services"]["db"]["image"] == "kept:db"
    assert MODEL["services"]["db"]["image"] == "postgres:17", "the original is not touched"


@pytest.mark.parametrize(
    "setting",
    [
        {"network_mode": "host"},
        {"network_mode": "bridge"},
        {"network_mode": "container:rofecare-db-1"},
        {"network_mode": "hospital_lan"},
        {"pid": "host"},
        {"ipc": "container:rofecare-db-1"},
        {"privileged": True},
        {"volumes_from": ["container:rofecare-db-1:rw"]},
        {"volumes": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"}]},
    ],
    ids=str,
)
def test_a_service_that_cannot_be_isolated_is_refused(setting: Json) -> None:
    with pytest.raises(SettingsError, match="db cannot be rehearsed"):
        copied(with_service(**setting), {}, leads_out=lambda path: path.name == "docker.sock")


@pytest.mark.parametrize("setting", [{"network_mode": "none"}, {"network_mode": "service:db"}, {"ipc": "shareable"}])
def test_a_namespace_of_its_own_or_of_the_copy_is_copied(setting: Json) -> None:
    (key,) = setting
    assert db_of(with_service(**setting))[key] == setting[key]


def test_a_refused_service_of_the_monitoring_is_left_out() -> None:
    model = copy.deepcopy(MODEL)
    model["services"]["metrics"]["pid"] = "host"
    assert list(copied(model, {})["services"]) == ["db"]


def test_a_folder_with_the_socket_of_the_engine(tmp_path: Path) -> None:
    run = tmp_path / "var" / "run"
    run.mkdir(parents=True)
    assert not has_socket(run)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(run / "docker.sock"))
        assert has_socket(run / "docker.sock")
        assert has_socket(run)
        assert has_socket(tmp_path)
    assert not has_socket(tmp_path / "missing")

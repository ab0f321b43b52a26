"""The copy of a rehearsal shares nothing writable with the running platform."""

from __future__ import annotations

from typing import Any

import pytest

from rofecare_infra.errors import SettingsError
from rofecare_infra.upgrade.rehearse import copied

Json = dict[str, Any]

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
            "networks": {"inside": {"ipv4_address": "10.0.0.9", "priority": 1000}},
            "depends_on": {"metrics": {"condition": "service_healthy"}},
        },
        "metrics": {"image": "prometheus:1", "labels": {"com.rofecare.phase": "monitoring"}},
    },
    "volumes": {"data": {"name": "rofecare_production_data", "external": True, "driver_opts": {"device": "/srv"}}},
    "networks": {
        "inside": {"name": "rofecare_inside", "internal": True, "ipam": {"config": [{"subnet": "10.0.0.0/24"}]}}
    },
}


def test_the_copy_has_its_own_name_networks_and_volumes() -> None:
    new = copied(MODEL, {})
    assert new["name"] == "rofecare-rehearsal"
    assert new["volumes"] == {"data": {"name": "rofecare-rehearsal_data"}}
    assert new["networks"] == {"inside": {"name": "rofecare-rehearsal_inside", "internal": True}}


def test_the_copy_publishes_no_port_and_mounts_folders_read_only() -> None:
    db = copied(MODEL, {})["services"]["db"]
    assert "ports" not in db
    assert "container_name" not in db
    assert db["networks"] == {"inside": {"priority": 1000}}
    assert [mount.get("read_only", False) for mount in db["volumes"]] == [False, True]


def test_the_copy_has_no_monitoring() -> None:
    services = copied(MODEL, {})["services"]
    assert list(services) == ["db"]
    assert services["db"]["depends_on"] == {}


def test_the_copy_can_run_the_old_images() -> None:
    assert copied(MODEL, {"db": "kept:db"})["services"]["db"]["image"] == "kept:db"
    assert MODEL["services"]["db"]["image"] == "postgres:17", "the original is not touched"


def test_a_service_on_the_network_of_the_machine_is_refused() -> None:
    model = {**MODEL, "services": {"probe": {"image": "x", "network_mode": "host"}}}
    with pytest.raises(SettingsError, match="probe"):
        copied(model, {})

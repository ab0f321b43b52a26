"""The copy of a rehearsal on the real files, in every combination: nothing in it reaches anything outside."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.upgrade.isolated import copied

Json = dict[str, Any]
MakeModel = Callable[..., Json]

DOCKER = Path(__file__).resolve().parents[2] / "docker"
# What a site sets for servers outside of the platform.
OUTSIDE = {
    "SMTP_HOST": "mail.hospital.example",
    "SMTP_USERNAME": "rofecare@hospital.example",
    "S3_BUCKET": "hospital-files",
    "S3_REGION": "eu-west-3",
    "ALERT_EMAIL": "ops@hospital.example",
    "ALERT_WEBHOOK": "https://hooks.hospital.example/x",
}
TLS = {"TLS_HOST": "rofecare.hospital.example", "TLS_ISSUER": "automatic"}


def files(*, production: bool, tls: bool, small: bool, monitoring: bool, packages: bool) -> tuple[str, ...]:
    chosen = ["docker-compose.yml"]
    chosen += ["docker-compose.prod.yml"] if production else []
    chosen += ["docker-compose.tls.yml"] if production and tls else []
    chosen += ["docker-compose.small.yml"] if production and small else []
    chosen += ["docker-compose.monitoring.yml"] if monitoring else []
    chosen += ["docker-compose.monitoring.prod.yml"] if monitoring and production else []
    chosen += ["docker-compose.packages.yml"] if packages else []
    return tuple(name for name in chosen if (DOCKER / name).exists())


COMBINATIONS = sorted(
    {
        files(production=one, tls=two, small=three, monitoring=four, packages=five)
        for one, two, three, four, five in product([True, False], repeat=5)
    }
)


@pytest.mark.parametrize("chosen", COMBINATIONS, ids=lambda files: " ".join(files).replace("docker-compose.", ""))
def test_the_copy_reaches_nothing_outside(model_of: MakeModel, chosen: tuple[str, ...]) -> None:
    model = model_of(*chosen, **OUTSIDE, **TLS)
    new = copied(model, {}, leads_out=lambda _path: False)
    assert all(one["internal"] and one["driver_opts"] for one in new["networks"].values())
    assert {one["name"] for one in new["networks"].values()}.isdisjoint(
        one["name"] for one in model["networks"].values()
    )
    for name, service in new["services"].items():
        assert "ports" not in service, name
        assert set(service.get("networks") or {}) <= set(new["networks"]), name
        assert service.get("network_mode", "none") == "none", name
        named = {value for value in (service.get("environment") or {}).values() if value in OUTSIDE.values()}
        assert not named, f"{name} knows {named}: its label com.rofecare.outside is to name the variables"
        assert (service.get("environment") or {}).get("TLS_ISSUER") != "automatic", name
    assert {"prometheus", "alertmanager"}.isdisjoint(new["services"])

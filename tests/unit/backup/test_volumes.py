"""Which volumes belong to a backup, why others do not, and when an archive may lack what was replaced meanwhile."""

from __future__ import annotations

import pytest

from rofecare_infra.backup.archives import replaced
from rofecare_infra.backup.parts import Part, omitted_of, parts_of
from rofecare_infra.backup.volumes import is_compressed
from rofecare_infra.platform import Platform, Service


def labelled(name: str, labels: dict[str, str], *volumes: str, needs: tuple[str, ...] = ()) -> Service:
    mounts = {volume: f"/{volume}" for volume in volumes}
    return Service(name, "other", "i", labels=labels, volumes=volumes, mount_points=mounts, depends_on=needs)


KAFKA = {"com.rofecare.backup": "kafka"}
PLATFORM = Platform(
    "p",
    (
        Service("db", "other", "i", environment={"POSTGRES_DB": "x"}, volumes=("rows",), mount_points={"rows": "/"}),
        labelled("kafka", KAFKA, "messages", needs=("zookeeper",)),
        labelled("zookeeper", KAFKA, "snapshots", "log"),
        labelled("front", {"com.rofecare.backup": "certificates", "com.rofecare.hold": "/data/closed"}, "data"),
        labelled("redis", {"com.rofecare.no-backup": "caches"}, "cache"),
        labelled("own", {}, "unknown"),
        Service("reader", "other", "i", volumes=("marker",)),
    ),
    volumes={name: name for name in ("rows", "messages", "snapshots", "log", "data", "cache", "unknown", "marker")},
)


def test_a_part_is_read_before_what_it_refers_to() -> None:
    certificates, kafka = parts_of(PLATFORM)
    assert kafka == Part("kafka", ("zookeeper", "kafka"), ("messages", "snapshots", "log"), {})
    assert certificates.kept == {"data": ("/closed",)}, "whether the ingress is closed is not part of a backup"


def test_what_is_left_out_is_named_with_the_reason() -> None:
    assert omitted_of(PLATFORM) == {
        "cache": "caches",
        "unknown": "no service that uses it has the label com.rofecare.backup",
    }


BEFORE = {
    "/v/t-0/000.log": "1 a",
    "/v/t-0/100.log": "2 a",
    "/v/t-0/200.log": "3 a",
    "/v/t-0/partition.metadata": "4 a",
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"/v/t-0/300.log": "9 a", "/v/u-0/000.log": "8 a"}, []),  # a new segment and a new topic
        ({"/v/t-0/000.log": ""}, []),  # retention
        ({"/v/t-0/000.log": "", "/v/t-0/100.log": ""}, []),
        ({"/v/t-0/100.log": ""}, ["/v/t-0/100.log"]),  # merged into the one before
        ({"/v/t-0/000.log": "7 b"}, ["/v/t-0/000.log"]),  # compacted
        ({"/v/t-0/000.log": "1 b"}, ["/v/t-0/000.log"]),  # compacted twice: the number of the file was used again
        ({"/v/t-0/200.log": ""}, ["/v/t-0/200.log"]),
        (dict.fromkeys(BEFORE, ""), sorted(BEFORE)),  # a removed topic
        ({"/v/t-0/partition.metadata": "5 b"}, ["/v/t-0/partition.metadata"]),
    ],
)
def test_files_that_were_replaced(change: dict[str, str], expected: list[str]) -> None:
    after = {path: mark for path, mark in {**BEFORE, **change}.items() if mark}
    assert replaced(BEFORE, after) == expected


def test_archives_of_earlier_versions_are_not_compressed() -> None:
    assert is_compressed("kafka-data.volume.tar.gz.age")
    assert not is_compressed("kafka-data.volume.tar")

"""Room is judged for each file system, for everything that will be written there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.backup import room
from rofecare_infra.backup.room import FileSystem, Planned, require, shortages
from rofecare_infra.backup.server import Server
from rofecare_infra.errors import VerificationError
from rofecare_infra.process import Result

GIB = 1 << 30
DISK = FileSystem("2049", "the data of one-db", 500 * GIB, 25 * GIB)


def test_servers_on_one_disk_share_its_room() -> None:
    """Room for one of eight is no room for eight."""
    planned = [
        Planned(f"db-{number}", replace(DISK, place=f"the data of db-{number}"), 20 * GIB) for number in range(8)
    ]
    assert shortages(planned[:1]) == []
    [shortage] = shortages(planned)
    assert shortage.needed == 160 * GIB + 2 * GIB
    assert shortages([replace(one, where=replace(DISK, device=str(n))) for n, one in enumerate(planned)]) == []


def test_the_folder_of_backups_may_be_on_the_same_disk() -> None:
    data = Planned("the restored databases", DISK, 15 * GIB)
    backup = Planned("the safety backup", replace(DISK, place="/srv/backups"), 15 * GIB)
    assert shortages([data]) == shortages([backup]) == []
    with pytest.raises(VerificationError, match="no room") as caught:
        require([data, backup], "no room")
    assert "25600 MiB free on the file system of the data of one-db" in caught.value.seen
    assert "32768 MiB there, with a reserve of 2048 MiB" in caught.value.expected
    assert caught.value.details == ("15360 MiB: the restored databases", "15360 MiB: the safety backup")


def test_a_reserve_stays_free() -> None:
    small = FileSystem("7", "/mnt/usb", 100, 50)
    assert shortages([Planned("a dump", small, 45)]) == []
    assert len(shortages([Planned("a dump", small, 46)])) == 1


def test_the_same_device_number_in_a_virtual_machine_is_another_disk() -> None:
    other = replace(DISK, size=64 * GIB)
    assert shortages([Planned("one", DISK, 20 * GIB), Planned("two", other, 20 * GIB)]) == []


def test_an_unknown_file_system_passes() -> None:
    assert shortages([Planned("one", None, 1 << 60)]) == []


def test_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    found = room.of_folder(tmp_path / "a" / "b")
    assert found.key == room.of_folder(tmp_path).key
    assert found.place.endswith("b")
    assert 0 < found.free <= found.size


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("2049\n4096 1000 250\n", FileSystem("2049", "the data of db", 4096000, 1024000)),
        ("stat: unknown\n", None),
        ("", None),
    ],
)
def test_what_a_server_reports(monkeypatch: pytest.MonkeyPatch, output: str, expected: FileSystem | None) -> None:
    monkeypatch.setattr(room, "run", lambda *_, **__: Result((), 0, output, ""))
    assert room.of_server(Server("db", "p-db-1")) == expected


def test_disks_of_two_nodes_are_not_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "run", lambda *_, **__: Result((), 0, "2049\n4096 1000 250\n", ""))
    servers = [Server("db", "c", docker=("docker", "--context", node)) for node in ("node2", "node3")]
    keys = {found.key for one in servers if (found := room.of_server(one)) is not None}
    assert len(keys) == len(servers)

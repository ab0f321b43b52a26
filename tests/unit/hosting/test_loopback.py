"""Ports on 127.0.0.1: which case holds, the rules, and who loads them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rofecare_infra.engine import Bridge, Machine
from rofecare_infra.hosting import Systemd, loopback
from rofecare_infra.hosting.loopback import close, commands, reopen, undone, unit_of
from rofecare_infra.lifecycle.loopback import Case, case_of
from rofecare_infra.platform import Platform, Port
from tests.support.fakes import FakeEngine, drain, service

LOCAL = Platform("rofecare", (service("grafana", ports=(Port("127.0.0.1", 3000, 3000),)),))
OPEN = Platform("rofecare", (service("front", ports=(Port("0.0.0.0", 443, 8443), Port("", 80, 8080))),))  # noqa: S104
BRIDGES = (Bridge("br-+", ("172.20.0.0/16", "fd00:20::/64")), Bridge("site0", ("10.9.0.0/24",)))


def machine(version: str, *, rootless: bool = False, folder: str = "/") -> Machine:
    return Machine(version, 2, 1, folder, (), rootless)


class OldEngine(FakeEngine):
    folder_of_data = "/"

    def machine(self) -> Machine:
        return machine("26.1.5+dfsg1", folder=self.folder_of_data)

    def bridges(self, project: str) -> tuple[Bridge, ...]:
        assert project == "rofecare"
        return BRIDGES


@pytest.mark.parametrize(
    ("version", "case"),
    [
        ("20.10.24", Case.OPEN),
        ("26.1.5+dfsg1", Case.OPEN),
        ("27.5.1", Case.OPEN),
        ("28.0.0", Case.ENGINE),
        ("29.1.0-rc.1", Case.ENGINE),
        ("", Case.OPEN),
    ],
)
def test_the_version_decides(version: str, case: Case) -> None:
    assert case_of(LOCAL, machine(version)) is case
    assert case_of(OPEN, machine(version)) is Case.NONE


def test_no_other_machine_has_a_route_to_a_rootless_engine() -> None:
    assert case_of(LOCAL, machine("26.1.5", rootless=True)) is Case.ENGINE


def test_rules_close_an_older_engine() -> None:
    assert case_of(LOCAL, machine("26.1.5"), ruled=True) is Case.RULES


def test_the_chain_is_full_before_it_is_used() -> None:
    lines = [" ".join(one.argv) for one in commands("rofecare", BRIDGES) if one.argv[0] == "iptables"]
    chain = lines[0].rpartition(" ")[2]
    assert len(chain) <= 28
    assert lines == [
        f"iptables -w -t raw -N {chain}",
        f"iptables -w -t raw -F {chain}",
        f"iptables -w -t raw -A {chain} -s 172.20.0.0/16 -d 172.20.0.0/16 -i br-+ -j RETURN",
        f"iptables -w -t raw -A {chain} -d 172.20.0.0/16 -j DROP",
        f"iptables -w -t raw -A {chain} -s 10.9.0.0/24 -d 10.9.0.0/24 -i site0 -j RETURN",
        f"iptables -w -t raw -A {chain} -d 10.9.0.0/24 -j DROP",
        f"iptables -w -t raw -A {chain} -d 127.0.0.0/8 ! -i lo -j DROP",
        f"iptables -w -t raw -D PREROUTING -j {chain}",
        f"iptables -w -t raw -I PREROUTING -j {chain}",
    ]
    assert any(one.argv[0] == "ip6tables" and "fd00:20::/64" in one.argv for one in commands("rofecare", BRIDGES))
    assert not any(one.argv[0] == "ip6tables" for one in commands("rofecare", BRIDGES[1:]))


def test_two_projects_have_their_own_chains() -> None:
    assert {one.argv for one in undone("rofecare")}.isdisjoint(one.argv for one in undone("other"))


def test_the_unit_runs_before_the_engine_and_removes_its_rules(tmp_path: Path) -> None:
    unit = unit_of("rofecare", BRIDGES)
    lines = unit.text.splitlines()
    assert unit.name == "rofecare-loopback.service"
    assert "Before=docker.service" in lines
    started = [line for line in lines if line.startswith("ExecStart=")]
    assert len(started) == len(commands("rofecare", BRIDGES))
    assert sum(line.startswith("ExecStop=-") for line in lines) == len(undone("rofecare"))
    if shutil.which("systemd-analyze"):
        assert Systemd(tmp_path).complaints(unit) == ()


def test_without_root_the_commands_are_returned(tmp_path: Path) -> None:
    events, (case, wanted) = drain(close(LOCAL, OldEngine(), Systemd(tmp_path, tmp_path / "none"), "", root=False))
    assert (case, wanted) == (Case.OPEN, commands("rofecare", BRIDGES))
    assert events == []
    assert list(tmp_path.iterdir()) == []


def test_the_rules_of_another_machine_are_not_installed_here(tmp_path: Path) -> None:
    engine = OldEngine()
    engine.folder_of_data = str(tmp_path / "nowhere")
    _, (case, wanted) = drain(close(LOCAL, engine, Systemd(tmp_path, tmp_path / "none"), "", root=True))
    assert case is Case.OPEN
    assert wanted


def test_root_installs_the_unit_and_loads_it(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    said: list[tuple[str, ...]] = []

    class Recorded(Systemd):
        def control(self, *words: str) -> None:
            said.append(words)

        def complaints(self, unit: object, *, beside: object = None) -> tuple[str, ...]:
            assert unit is not beside
            return ()

    systemd = Recorded(tmp_path, tmp_path / "run")
    _, (case, wanted) = drain(close(LOCAL, OldEngine(), systemd, "", root=True))
    assert (case, wanted) == (Case.RULES, ())
    assert (tmp_path / "rofecare-loopback.service").read_text() == unit_of("rofecare", BRIDGES).text
    assert said[-1] == ("restart", "rofecare-loopback.service")


def test_rules_without_a_unit_are_removed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, ...]] = []
    monkeypatch.setattr(loopback, "run", lambda argv, **_options: done.append(argv))
    monkeypatch.setattr(shutil, "which", lambda program: program if program == "iptables" else None)
    systemd = Systemd(tmp_path, tmp_path / "none")
    assert drain(reopen("rofecare", systemd, "", root=False)) == ([], False)
    assert done == []
    assert drain(reopen("rofecare", systemd, "", root=True)) == ([], False)
    assert done == [one.argv for one in undone("rofecare") if one.argv[0] == "iptables"]


def test_an_engine_that_closes_them_needs_nothing(tmp_path: Path) -> None:
    _, (case, wanted) = drain(close(LOCAL, FakeEngine(), Systemd(tmp_path, tmp_path), "", root=True))
    assert (case, wanted) == (Case.ENGINE, ())
    assert list(tmp_path.iterdir()) == []

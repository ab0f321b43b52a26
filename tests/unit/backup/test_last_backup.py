"""The last backup before a change: behind the closed ingress, read back, and restored where its structure differs."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rofecare_infra import backup
from rofecare_infra.backup import integrity
from rofecare_infra.backup.facts import structure
from rofecare_infra.backup.manifest import Content, DatabaseRecord, Facts, Manifest, Position, ServerRecord
from rofecare_infra.errors import VerificationError
from rofecare_infra.process import to_end
from tests.support.decisions import Stage

routine = importlib.import_module("rofecare_infra.backup.routine")
FACTS = Facts({"t": Content(1, "1:1")}, {"s": Position((1, True), (1, True))}, objects={"index i": {}})
MANIFEST = Manifest(
    id="20261126T223000Z",
    project="rofecare",
    created="",
    reason="",
    versions={},
    servers={"db": ServerRecord("17", "image", "sha256:1", "", ("shop",), "roles.sql")},
    databases=(DatabaseRecord("db", "shop", "db.shop.dump.age", create=("CREATE DATABASE {name}",), facts=FACTS),),
    files={},
)


def with_facts(facts: Facts) -> Manifest:
    return replace(MANIFEST, id="20261126T223100Z", databases=(replace(MANIFEST.databases[0], facts=facts),))


MORE_ROWS = with_facts(replace(FACTS, tables={"t": Content(2, "2:2")}, sequences={"s": Position((9, True), (9, True))}))
MORE_TABLES = with_facts(replace(FACTS, tables={**FACTS.tables, "u": Content(0, "0:0")}))
MORE_INDEXES = with_facts(replace(FACTS, objects={"index i": {}, "index j": {}}))
OTHER_SERVER = replace(MORE_ROWS, servers={"db": replace(MANIFEST.servers["db"], preload="timescaledb")})


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("manifest", "verified"),
    [(MORE_ROWS, False), (MORE_TABLES, True), (MORE_INDEXES, True), (OTHER_SERVER, True)],
    ids=["more rows", "more tables", "more indexes", "other server"],
)
def test_the_last_one_is_restored_where_its_structure_differs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, manifest: Manifest, *, verified: bool
) -> None:
    done: list[str] = []

    def step(name: str) -> Any:
        def run(*_: Any, **__: Any) -> Generator[Any, None, Any]:
            yield from ()
            done.append(name)
            return SimpleNamespace(id=manifest.id, folder=Path("/backups") / manifest.id, manifest=manifest)

        return run

    monkeypatch.setattr(routine, "take", step("take"))
    monkeypatch.setattr(routine, "verify", step("verify"))
    monkeypatch.setattr(integrity, "check", step("read back"))
    monkeypatch.setattr(routine, "key_of", lambda *_: None)
    proven: Any = SimpleNamespace(id=MANIFEST.id, manifest=MANIFEST)
    to_end(backup.take_last(stage.world.project, proven, "a test"))
    assert done == ["take", "read back", *(["verify"] if verified else [])]
    assert (structure(manifest) != structure(MANIFEST)) == verified


def test_before_a_removal_the_ingress_closes_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    up: list[str] = []

    def taken(project: Any, _reason: str) -> Generator[Any, None, str]:
        yield from ()
        up.extend(one.service for one in project.engine.containers("rofecare") if one.is_up)
        return "verified"

    monkeypatch.setattr(routine, "take_verified", taken)
    to_end(backup.take_before_removal(stage.world.project, clock=stage.world.clock.clock))
    assert up == ["db"]


@pytest.mark.parametrize("error", [VerificationError("no backup was taken"), KeyboardInterrupt()])
def test_what_ran_is_started_again_where_the_backup_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def refused(*_: Any) -> Generator[Any, None, None]:
        yield from ()
        raise error

    monkeypatch.setattr(routine, "take_verified", refused)
    with pytest.raises(type(error)):
        to_end(backup.take_before_removal(stage.world.project, clock=stage.world.clock.clock))
    stage.world.check("a refused removal")


def test_what_did_not_run_stays_stopped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Generator[Any, None, None]:
        yield from ()
        raise VerificationError("no backup was taken")

    stage.world.engine.present = []
    monkeypatch.setattr(routine, "take_verified", refused)
    with pytest.raises(VerificationError):
        to_end(backup.take_before_removal(stage.world.project, clock=stage.world.clock.clock))
    assert stage.world.engine.present == []

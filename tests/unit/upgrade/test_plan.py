"""The plan of an upgrade, the refusal where a service is not ready, the journal and the tag."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.engine import Image
from rofecare_infra.errors import CommandError, RofecareError, ServiceFailedError, VerificationError
from rofecare_infra.progress import Event, Note
from rofecare_infra.upgrade.journal import Entry, journal_of
from rofecare_infra.upgrade.plan import fetch, plan_of
from rofecare_infra.upgrade.rollback import keep_images, restore_names
from rofecare_infra.upgrade.run import downtime
from rofecare_infra.upgrade.tag import line_of, restore_tag, write_tag
from tests.support.fakes import FakeClock, FakeEngine, container, drain, project_of, service, settings

SERVICES = (service("db"), service("app", "business"))


def running(**more: object) -> FakeEngine:
    return FakeEngine([container("db", image="image/db:1"), container("app", image="image/app:1", **more)])


def test_nothing_differs() -> None:
    plan = plan_of(project_of(SERVICES, running()))
    assert plan.differing == ()


def test_another_image_under_the_same_name() -> None:
    engine = running()
    work = project_of(SERVICES, engine)
    engine.images["image/app:1"] = Image("sha256:2222222222222222")
    plan = plan_of(work)
    assert plan.differing == ("app",)
    assert plan.changes[1].row == ("app", "image/app:1 1", "image/app:1 222222222222", "")


def test_another_configuration() -> None:
    plan = plan_of(project_of(SERVICES, running(config_hash="of yesterday")))
    assert plan.changes[1].row == ("app", "image/app:1 1", "the same", "changed")


@pytest.mark.parametrize("state", [{"health": "unhealthy"}, {"status": "exited", "health": None, "exit_code": 1}])
def test_a_service_that_is_not_ready_refuses_the_upgrade(state: dict[str, object]) -> None:
    with pytest.raises(ServiceFailedError, match="while app is not ready"):
        plan_of(project_of(SERVICES, running(**state)))


def test_a_platform_that_is_not_started_is_not_upgraded() -> None:
    with pytest.raises(ServiceFailedError, match="the platform is not ready"):
        plan_of(project_of(SERVICES, FakeEngine()))


def test_image_names_refer_to_the_old_images_again() -> None:
    engine = running()
    entry = keep_images(project_of(SERVICES, engine))
    assert entry.services == {"db": "image/db:1", "app": "image/app:1"}
    assert engine.images["rofecare-before-upgrade:app"] == Image("sha256:1")
    engine.images["image/app:1"] = Image("sha256:2")
    restore_names(engine, entry)
    assert engine.images["image/app:1"] == Image("sha256:1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"# why\nSERVICES_TAG=v1.0.0\nGATE_TIMEOUT=9\n", b"# why\nSERVICES_TAG=v2\nGATE_TIMEOUT=9\n"),
        (
            b"# R\xe9glages\r\n  export SERVICES_TAG = v1 # p\xe9rim\xe9\r\nA=\x85b\r\n",
            b"# R\xe9glages\r\nSERVICES_TAG=v2\r\nA=\x85b\r\n",
        ),
        (b"GATE_TIMEOUT=9\n", b"GATE_TIMEOUT=9\nSERVICES_TAG=v2\n"),
        (b"SERVICES_TAG=v1", b"SERVICES_TAG=v2"),
        (b"", b"SERVICES_TAG=v2\n"),
    ],
)
def test_the_tag_is_replaced_and_every_other_byte_kept(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "settings"
    path.write_bytes(before)
    path.chmod(0o640)
    (tmp_path / ".env").symlink_to("settings")
    line = line_of(settings(tmp_path))
    write_tag(settings(tmp_path), "v2")
    assert path.read_bytes() == after
    assert path.stat().st_mode & 0o777 == 0o640
    restore_tag(settings(tmp_path), "v2", line)
    assert path.read_bytes() == before


def test_a_tag_that_was_changed_since_is_not_restored(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SERVICES_TAG=v3\n")
    restore_tag(settings(tmp_path), "v2", "SERVICES_TAG=v1")
    restore_tag(settings(tmp_path), "", "")
    assert path.read_text() == "SERVICES_TAG=v3\n"


def test_the_journal_contains_what_a_rollback_needs(tmp_path: Path) -> None:
    journal = journal_of(settings(tmp_path))
    assert journal.read() is None
    entry = Entry(
        {"app": "a:1"},
        {"a:1": "sha256:1"},
        "20261124T223000Z",
        ("app",),
        12.5,
        "v2",
        "SERVICES_TAG=v\udce9",
        decided=True,
    )
    journal.write(entry)
    assert journal.read() == entry
    journal.clear()
    assert journal.read() is None


def test_an_unreadable_journal_is_an_error(tmp_path: Path) -> None:
    journal = journal_of(settings(tmp_path))
    journal.write(Entry())
    (tmp_path / ".rofecare/upgrade-rofecare.json").write_text("{")
    with pytest.raises(CommandError, match="cannot be read"):
        journal.read()


def test_a_downtime_in_words() -> None:
    said = downtime(1_000_000.0, 1_000_030.25)
    assert said.startswith("30.2 s, from ")


def newer_images(monkeypatch: pytest.MonkeyPatch, error: RofecareError) -> list[Event]:
    """Fetch images for an upgrade whose registries answer with this error."""
    work = project_of(SERVICES, running())

    def refuse(*_: object) -> list[Event]:
        raise error

    monkeypatch.setattr("rofecare_infra.images.fetch", refuse)
    monkeypatch.setattr("rofecare_infra.images.registry.answers", lambda _: True)
    events, _ = drain(fetch(work, FakeClock().clock))
    return events


def test_an_image_that_cannot_be_pulled_again_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    events = newer_images(monkeypatch, CommandError("no", seen="denied"))
    assert events == [
        Note("image/db:1 stays as it is on this machine: denied"),
        Note("image/app:1 stays as it is on this machine: denied"),
    ]


def test_an_image_that_is_not_the_recorded_one_ends_the_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VerificationError, match="another one"):
        newer_images(monkeypatch, VerificationError("another one"))

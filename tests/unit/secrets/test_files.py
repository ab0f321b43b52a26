"""Secret files: made once, whole or not at all, closed to others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rofecare_infra import secrets
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import Platform
from rofecare_infra.secrets import Inventory
from tests.support.fakes import service


def platform(folder: Path) -> Platform:
    return Platform(
        "rofecare",
        (
            service("db", volumes=("db-data",), secrets=("db_password",)),
            service("redis", volumes=("redis-data",), secrets=("redis_password",)),
            service("app", "business", secrets=("db_password", "jwt_secret", "ca-bundle")),
        ),
        secrets={
            "db_password": folder / "db_password",
            "redis_password": folder / "redis_password",
            "jwt_secret": folder / "jwt_secret",
            "unused": folder / "unused",
            "ca-bundle": folder.parent / "elsewhere" / "bundle.crt",
        },
        volumes={"db-data": "rofecare_db-data", "redis-data": "rofecare_redis-data"},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundle = tmp_path / "docker" / "elsewhere" / "bundle.crt"
    bundle.parent.mkdir(parents=True)
    bundle.touch()
    return tmp_path / "docker" / "secrets"


def found(folder: Path) -> Inventory:
    return secrets.inventory(platform(folder), folder)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_ours_are_those_that_a_service_uses_and_that_lie_in_the_folder(folder: Path) -> None:
    assert set(found(folder).missing) == {"db_password", "redis_password", "jwt_secret"}
    assert found(folder).fresh


def test_made_once(folder: Path) -> None:
    before = found(folder)
    made = secrets.create(before, before.missing)
    assert {path.name for path in made} == {"db_password", "redis_password", "jwt_secret"}
    texts = [path.read_text() for path in made]
    assert len(set(texts)) == 3
    assert all(len(text) == 64 and int(text, 16) for text in texts)
    assert not found(folder).missing
    assert not found(folder).fresh


def test_the_folder_is_closed_and_the_files_are_readable_inside(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o755)
    before = found(folder)
    made = secrets.create(before, before.missing)
    assert mode(folder) == 0o700
    assert {mode(path) for path in made} == {0o444}
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in made)


def test_only_what_is_missing_is_made(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "db_password").write_text("kept")
    before = found(folder)
    secrets.create(before, before.missing)
    assert (folder / "db_password").read_text() == "kept"
    assert not found(folder).missing


@pytest.mark.parametrize("rest", [b"", b"half"], ids=["empty", "half"])
def test_what_was_half_written_is_not_there(folder: Path, rest: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "db_password").touch()
    draft = folder / ".db_password.new"
    draft.write_bytes(rest)
    draft.chmod(0o444)
    os.utime(draft, (0, 0))
    before = found(folder)
    assert "db_password" in before.missing
    secrets.create(before, before.missing)
    assert len((folder / "db_password").read_text()) == 64
    assert not draft.exists()


def test_a_first_run_has_no_problem(folder: Path) -> None:
    assert secrets.problems(found(folder)) == ()


def test_missing_while_others_are_there(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    (folder / "db_password").write_text("x")
    (folder / "jwt_secret").touch()
    reported = secrets.problems(found(folder))
    assert {Path(one.where).name for one in reported} == {"redis_password", "jwt_secret"}
    assert all("inv init" in one.expected for one in reported)


def test_what_no_data_was_created_with_is_made_later(folder: Path) -> None:
    """As after an upgrade to a release with another secret."""
    asking = service(
        "registry",
        secrets=("registry_password", "db_password"),
        labels={"com.rofecare.secrets": "not in the data"},
    )
    database = service("db", secrets=("db_password",), volumes=("data",))
    web = service("web", secrets=("other",))
    names = ("registry_password", "db_password", "other")
    model = Platform("p", (asking, database, web), {name: folder / name for name in names})
    secrets.create(secrets.inventory(model, folder), ["other"])
    found = secrets.inventory(model, folder)
    assert found.later == {"registry_password"}
    assert [one.where for one in secrets.problems(found)] == [str(folder / "db_password")]
    assert secrets.tied_to_data(model, {"p_data"}) == {"db_password"}


def test_what_only_the_monitoring_uses_is_made_later(folder: Path) -> None:
    watcher = service("exporter", "monitoring", volumes=("recorded",), secrets=("b_password", "exporter_password"))
    paths = {name: folder / name for name in ("a_password", "b_password", "exporter_password")}
    model = Platform("rofecare", (*(service(name, secrets=(f"{name}_password",)) for name in "ab"), watcher), paths)
    found = secrets.inventory(model, folder)
    secrets.create(found, ["a_password", "b_password"])
    assert secrets.problems(secrets.inventory(model, folder)) == ()
    assert set(secrets.inventory(model, folder).missing) == {"exporter_password"}
    assert secrets.tied_to_data(model, ["recorded"]) == frozenset()


def test_what_no_data_was_created_with_is_made_at_a_start(folder: Path) -> None:
    """As the passwords that a new release brings along."""
    names = ("db_password", "ward_password", "broker_password")
    label = {"com.rofecare.secrets": "not in the data"}
    services = (
        service("db", volumes=("data",), secrets=("db_password",)),
        service("broker", volumes=("data",), secrets=("ward_password", "broker_password", "db_password"), labels=label),
        service("ward", "business", secrets=("ward_password",)),
    )
    model = Platform("rofecare", services, {name: folder / name for name in names}, {"data": "rofecare_data"})
    secrets.create(secrets.inventory(model, folder), ["db_password"])
    assert secrets.problems(secrets.inventory(model, folder)) == ()
    (folder / "db_password").unlink()
    secrets.create(secrets.inventory(model, folder), ["ward_password"])
    assert [Path(one.where).name for one in secrets.problems(secrets.inventory(model, folder))] == ["db_password"]
    assert secrets.tied_to_data(model, ["rofecare_data"]) == {"db_password"}


def test_the_password_of_an_application_is_made_for_data_of_an_earlier_version(folder: Path) -> None:
    files = {"a_password": "/run/secrets/postgres", "a_application_password": "/run/secrets/application"}
    role = {"POSTGRES_APPLICATION_USER": "a", "POSTGRES_APPLICATION_PASSWORD_FILE": "/run/secrets/application"}
    database = service("a", volumes=("data",), secrets=tuple(files), secret_files=files, environment=role)
    user = service("app", "business", volumes=("mine",), secrets=("a_application_password",))
    model = Platform("rofecare", (database, user), {name: folder / name for name in files})
    secrets.create(secrets.inventory(model, folder), ["a_password"])
    found = secrets.inventory(model, folder)
    assert set(found.missing) == {"a_application_password"}
    assert secrets.problems(found) == ()
    assert secrets.tied_to_data(model, ["rofecare_data", "rofecare_mine"]) == {"a_password"}
    (folder / "a_password").unlink()
    secrets.create(found, found.missing)
    assert len(secrets.problems(secrets.inventory(model, folder))) == 1, "data depends on the other one"


@pytest.mark.parametrize(("open_to", "expected"), [(0o700, 0), (0o711, 1), (0o750, 1), (0o701, 1), (0o755, 1)])
def test_a_folder_that_others_can_enter(folder: Path, open_to: int, expected: int) -> None:
    folder.mkdir(parents=True)
    folder.chmod(open_to)
    problems = secrets.problems(found(folder))
    assert len(problems) == expected
    assert all(f"chmod 700 {folder}" in one.expected for one in problems)


@pytest.mark.parametrize(
    ("volumes", "tied"),
    [
        ([], set()),
        (["rofecare_db-data"], {"db_password"}),
        (["rofecare_redis-data", "rofecare_db-data"], {"db_password", "redis_password"}),
        (["other_db-data"], set()),
    ],
)
def test_secrets_that_are_written_into_data(folder: Path, volumes: list[str], tied: set[str]) -> None:
    assert secrets.tied_to_data(platform(folder), volumes) == tied


def test_removed_with_the_folder_unless_something_else_is_in_it(folder: Path) -> None:
    before = found(folder)
    secrets.create(before, before.missing)
    assert len(secrets.remove(found(folder))) == 3
    assert not folder.exists()
    secrets.create(before, before.missing)
    (folder / "somebody's own").touch()
    secrets.remove(found(folder))
    assert [path.name for path in folder.iterdir()] == ["somebody's own"]
    assert secrets.remove(found(folder)) == ()


def test_a_folder_behind_a_link_is_the_same_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "real")
    assert len(secrets.inventory(platform(folder), tmp_path / "real").missing) == 3
    assert len(secrets.inventory(platform(tmp_path / "real"), folder).missing) == 3


def test_somebody_elses_secret_that_is_not_there(folder: Path) -> None:
    bundle = folder.parent / "elsewhere" / "bundle.crt"
    bundle.unlink()
    assert [one.where for one in secrets.problems(found(folder))] == [str(bundle)]
    bundle.mkdir()
    assert [one.where for one in secrets.problems(found(folder))] == [str(bundle)]


def test_an_empty_folder_in_the_place_of_a_file_is_replaced(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "db_password").mkdir()
    before = found(folder)
    assert secrets.problems(before) == ()
    secrets.create(before, before.missing)
    assert (folder / "db_password").is_file()


def test_a_folder_with_something_in_it_in_the_place_of_a_file_is_kept(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "db_password").mkdir()
    (folder / "db_password" / "mine").touch()
    before = found(folder)
    assert "a folder is in place of" in secrets.problems(before)[0].what
    with pytest.raises(SettingsError, match="cannot be generated"):
        secrets.create(before, before.missing)
    assert (folder / "db_password" / "mine").exists()


def test_a_file_in_the_place_of_the_folder(folder: Path) -> None:
    folder.touch()
    before = found(folder)
    assert "SECRETS_DIR is not a folder" in secrets.problems(before)[0].what
    with pytest.raises(SettingsError, match="cannot be generated"):
        secrets.create(before, before.missing)


def test_a_folder_that_this_user_may_not_enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> bool:
        raise PermissionError(13, "Permission denied")

    folder.mkdir(mode=0o700)
    monkeypatch.setattr("os.access", lambda *_arguments: False)
    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setattr(Path, "chmod", refuse)
    before = found(folder)
    assert "can enter" in secrets.problems(before)[0].what
    with pytest.raises(SettingsError) as caught:
        secrets.create(before, before.missing)
    assert "Permission denied" in caught.value.seen


def test_a_folder_for_something_else_is_not_closed(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "somebody's own").touch()
    before = found(folder)
    assert "contains only secrets" in secrets.problems(before)[0].expected
    with pytest.raises(SettingsError, match="contains other files"):
        secrets.create(before, before.missing)
    assert mode(folder) == 0o755


def test_secrets_that_may_not_be_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    before = found(folder)
    secrets.create(before, before.missing)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(SettingsError, match="cannot be removed"):
        secrets.remove(found(folder))

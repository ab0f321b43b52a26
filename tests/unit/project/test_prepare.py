"""Everything is checked, and reported at once, before anything is changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra import secrets
from rofecare_infra.errors import CommandError, SettingsError
from rofecare_infra.progress import Note
from rofecare_infra.project import Project, ensure_images, initialise, open_for_stop, open_project, prepare
from tests.support.checkout import FILE, Checkout
from tests.support.fakes import FakeClock, FakeEngine, drain, project_of, service, settings


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path, monkeypatch)


def opened(checkout: Checkout, engine: FakeEngine | None = None) -> Project:
    mine = engine or checkout.engine
    return replace(open_project(checkout.root), connect=lambda: mine)


def refused(checkout: Checkout) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        open_project(checkout.root)
    return caught.value


def test_a_good_checkout(checkout: Checkout) -> None:
    project = open_project(checkout.root)
    assert project.platform.project == "rofecare"
    assert project.compose.folder == checkout.folder
    assert checkout.env["COMPOSE_PROJECT_NAME"] == "rofecare"


def test_every_problem_of_settings_files_and_secrets_in_one_message(checkout: Checkout) -> None:
    checkout.write("A_PORT=abc\nB_PORT=80\nGATE_TIMOUT=5\n")
    folder = checkout.folder / "secrets"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    (folder / "a_password").write_text("x")
    error = refused(checkout)
    told = "\n".join(error.details)
    assert error.what == "the settings cannot be used: nothing was started"
    assert error.seen == "5 problems"
    assert ".env line 1: A_PORT is 'abc'" in told
    assert ".env line 3: GATE_TIMOUT is not a setting; expected a setting, such as GATE_TIMEOUT" in told
    assert ".env line 2 (B_PORT)" in told
    assert "port 80 is also used by a" in told
    assert "b_password: the secret is missing or empty" in told
    assert "other users can enter the secrets folder (mode 0755)" in told


def test_two_override_files_are_one_too_many(checkout: Checkout) -> None:
    for name in ("docker-compose.override.yml", "docker-compose.override.yaml"):
        (checkout.folder / name).write_text("services: {}")
    (found,) = refused(checkout).details
    assert "docker-compose.override.yaml: compose reads only one of them; expected one override file" in found


def test_what_makes_or_removes_secrets_does_not_ask_for_them(checkout: Checkout) -> None:
    folder = checkout.folder / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "a_password").write_text("x")
    assert refused(checkout).seen == "1 problem"
    assert open_project(checkout.root, secrets_checked=False)


def test_files_that_compose_cannot_read(checkout: Checkout) -> None:
    checkout.refusal = "services.a.ports must be a list"
    assert refused(checkout).seen == "services.a.ports must be a list"


def test_files_that_compose_cannot_read_beside_other_problems(checkout: Checkout) -> None:
    checkout.refusal = "services.a.ports must be a list"
    checkout.write("A_PORT=abc\n")
    error = refused(checkout)
    assert error.seen == "2 problems"
    assert "services.a.ports must be a list" in error.details[1]


def test_what_starts_nothing_does_not_speak_of_starting_alone(checkout: Checkout) -> None:
    checkout.write("A_PORT=abc\n")
    with pytest.raises(SettingsError) as caught:
        open_project(checkout.root, secrets_checked=False)
    assert caught.value.what == "the settings cannot be used: nothing was started or changed"


def test_compose_gets_the_secrets_folder_spelt_out(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout.root / "real").mkdir(mode=0o700)
    (checkout.root / "link").symlink_to(checkout.root / "real")
    monkeypatch.setenv("HOME", str(checkout.root))
    (checkout.folder / "docker-compose.yml").write_text(FILE + " # ${SECRETS_DIR:-./secrets}")
    checkout.write("SECRETS_DIR=~/link\n")
    assert len(initialise(opened(checkout))) == 2
    assert checkout.env["SECRETS_DIR"] == str(checkout.root / "real")
    assert {path.name for path in (checkout.root / "real").glob("[!.]*")} == {"a_password", "b_password"}


def test_stopping_needs_no_more_than_the_name(checkout: Checkout) -> None:
    checkout.refusal = "services.a.ports must be a list"
    checkout.write("COMPOSE_PROJECT_NAME=ward\nA_PORT=abc\n")
    project = open_for_stop(checkout.root)
    assert (project.platform.project, project.platform.services) == ("ward", ())
    assert project.unusable is not None
    assert project.unusable.seen == "2 problems"
    checkout.write("COMPOSE_PROJECT_NAME=Ward 7\n")
    assert open_for_stop(checkout.root).platform.project == "rofecare"


def test_data_is_not_given_up_on_a_guess(checkout: Checkout) -> None:
    checkout.refusal = "services.a.ports must be a list"
    with pytest.raises(SettingsError):
        open_for_stop(checkout.root, volumes=True)


def test_stopping_knows_the_whole_model_where_it_can_be_read(checkout: Checkout) -> None:
    project = open_for_stop(checkout.root, volumes=True)
    assert (project.unusable, len(project.platform.services)) == (None, 2)


def test_the_first_run_makes_the_secrets_and_says_so(checkout: Checkout) -> None:
    (checkout.root / ".env").write_text("IMAGES=registry\n")
    events, work = drain(prepare(opened(checkout)))
    assert Note(f"2 secrets created in {checkout.folder / 'secrets'}") in events
    assert work.sources.infrastructure == "registry"
    events, _ = drain(prepare(opened(checkout)))
    assert not [event for event in events if isinstance(event, Note) and "secrets" in event.text]


def test_a_secret_that_existing_data_was_made_with_is_not_made_anew(checkout: Checkout) -> None:
    engine = FakeEngine()
    engine.volume_names = ["rofecare_a-data"]
    with pytest.raises(SettingsError) as caught:
        initialise(opened(checkout, engine))
    assert "no a_password in" in caught.value.seen
    assert "b_password" not in caught.value.seen
    assert not (checkout.folder / "secrets").exists()


def test_data_of_another_project_ties_nothing(checkout: Checkout) -> None:
    engine = FakeEngine()
    engine.volume_names = ["other_a-data"]
    assert len(initialise(opened(checkout, engine))) == 2
    assert secrets.problems(secrets.inventory(open_project(checkout.root).platform, checkout.folder / "secrets")) == ()


def test_an_image_that_cannot_be_had_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    work = project_of([service("db")], engine)
    engine.images.clear()

    def fetch(image: str, whose: str, *_: object) -> list[Note]:
        raise CommandError(f"image {image} cannot be pulled for {whose}")

    monkeypatch.setattr("rofecare_infra.images.fetch", fetch)
    with pytest.raises(CommandError, match="image/db:1 cannot be pulled for db"):
        drain(ensure_images(work, work.platform.services, FakeClock().clock))


def test_services_that_share_an_image_pull_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    services = [service("a", image="postgres:17"), service("b", image="postgres:17")]
    work = project_of(services, engine)
    engine.images.clear()
    pulled: list[tuple[str, str]] = []

    def fetch(image: str, whose: str, *_: object) -> list[Note]:
        pulled.append((image, whose))
        return []

    monkeypatch.setattr("rofecare_infra.images.fetch", fetch)
    drain(ensure_images(work, services, FakeClock().clock))
    assert pulled == [("postgres:17", "a, b")]


def test_pulled_images_that_were_not_compared_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = FakeEngine()
    services = [service("a", image="mirror/postgres:17"), service("b", image="mine:1"), service("c")]
    work = replace(project_of(services, engine), settings=settings(tmp_path, IMAGE_PREFIX="mirror/"))
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "images.lock").write_text('{"postgres:17": null}')
    del engine.images["mirror/postgres:17"], engine.images["mine:1"]
    monkeypatch.setattr("rofecare_infra.images.fetch", lambda *_: [])
    events, _ = drain(ensure_images(work, services, FakeClock().clock))
    digest = "docker/images.lock has no digest yet: inv outdated --write"
    assert events == [
        Note(f"not compared after the pull: mirror/postgres:17 ({digest})"),
        Note("not compared after the pull: mine:1 (not in docker/images.lock)"),
    ]

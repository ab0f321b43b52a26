"""What becomes an argv list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.compose import PACKAGES, Compose, command, overrides_in
from rofecare_infra.errors import EngineError, SettingsError
from rofecare_infra.platform import Platform
from rofecare_infra.process import Result
from tests.support.fakes import service

FILES = ["docker", "compose", "--project-directory", "/srv/docker", "-f", "/srv/docker/docker-compose.yml"]


class Door:
    """Replaces the process room: records what was run."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.argv: list[str] = []
        self.env: Mapping[str, str] = {}
        self.cwd: Path | None = None
        self.without: tuple[str, ...] = ()
        self.stdin = ""

    def run(self, argv: list[str], **options: Any) -> Result:
        self.argv, self.env, self.cwd = argv, options.get("env") or {}, options.get("cwd")
        self.without = options.get("without", ())
        return self.result

    def stream(self, argv: list[str], **options: Any) -> str:
        self.argv, self.env, self.stdin = argv, options.get("env") or {}, options.get("stdin", "")
        return "a stream"


def door(monkeypatch: pytest.MonkeyPatch, stdout: str = "", stderr: str = "", code: int = 0) -> Door:
    made = Door(Result((), code, stdout, stderr))
    monkeypatch.setattr(command, "run", made.run)
    monkeypatch.setattr(command, "stream", made.stream)
    return made


COMPOSE = Compose(Path("/srv/docker"), variables={"A": "b"})


def test_the_base_alone() -> None:
    assert COMPOSE.argv("ps", "--all") == [*FILES, "ps", "--all"]


def test_overlays_follow_in_order_and_the_users_own_comes_last(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.override.yml").touch()
    words = Compose(tmp_path).with_files(PACKAGES).argv("config")
    assert [Path(word).name for word in words if word.endswith(".yml")] == [
        "docker-compose.yml",
        "docker-compose.packages.yml",
        "docker-compose.override.yml",
    ]


@pytest.mark.parametrize("name", ["docker-compose.override.yaml", "compose.override.yml", "compose.override.yaml"])
def test_every_name_of_an_override_file_that_compose_reads_by_itself(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert Compose(tmp_path).argv("config")[-2:] == [str(tmp_path / name), "config"]
    assert overrides_in(tmp_path) == (name,)


def test_the_warnings_of_compose_are_part_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = r'time="2026-01-01T00:00:00Z" level=warning msg="The \"WARD\" variable is not set."'
    door(monkeypatch, stdout='{"name": "p"}', stderr=f"{unset}\n{unset}\n")
    assert COMPOSE.model().warnings == ('The "WARD" variable is not set.',)


def test_variables_are_added_never_put_into_the_argv(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = door(monkeypatch)
    COMPOSE.with_variables({"C": "d"}).run("ps")
    assert seen.env == {"A": "b", "C": "d"}
    assert seen.argv == [*FILES, "ps"]
    assert COMPOSE.variables == {"A": "b"}


def test_up_starts_the_named_services_alone_and_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = door(monkeypatch)
    COMPOSE.up(["redis", "kafka"])
    flags = ["--progress", "plain", "up", "--detach", "--no-deps", "--no-build", "--pull", "never"]
    assert seen.argv == [*FILES, *flags, "redis", "kafka"]


def test_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/docker.sock")
    seen = door(monkeypatch)
    images = {"redis": "own/redis:8", "app": "own/app:source"}
    COMPOSE.build(images, profiles=["images"], arguments={"app": {"ORIGIN": "source", "PRICE": "$5"}})
    words = ["--profile", "images", "--progress", "plain", "build", "redis", "app"]
    # The engine's own, whatever the default is.
    assert seen.env["BUILDX_BUILDER"] == "default"
    # A project of its own, independent of the platform's name, and the explicit name of the image.
    assert seen.argv == [*FILES, "--project-name", "rofecare-images", "-f", "-", *words]
    assert json.loads(seen.stdin) == {
        "services": {
            "redis": {"image": "own/redis:8"},
            # Compose reads $$ as a dollar.
            "app": {"image": "own/app:source", "build": {"args": {"ORIGIN": "source", "PRICE": "$$5"}}},
        }
    }


def test_down_goes_by_labels_wherever_the_containers_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = door(monkeypatch)
    COMPOSE.down("mine")
    assert seen.argv == [
        *["docker", "compose", "--project-name", "mine", "--progress", "plain"],
        *["down", "--remove-orphans"],
    ]
    assert "-f" not in seen.argv
    assert "--volumes" not in seen.argv
    assert seen.cwd == Path("/")
    assert {"COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES"} <= set(seen.without)


def test_both_hashes_that_a_container_may_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], str]] = []

    def run(argv: list[str], **options: Any) -> Result:
        overlay = options.get("stdin", "")
        asked.append((argv, overlay))
        return Result((), 0, "kafka 56ef\nredis 34cd\n" if overlay else "kafka 12ab\nredis 34cd\n", "")

    monkeypatch.setattr(command, "run", run)
    platform = Platform("p", (service("kafka", depends_on=("zookeeper",)), service("redis")))
    assert COMPOSE.hashes(platform, ["12ab"]) == {"kafka": {"12ab", "56ef"}, "redis": {"34cd"}}
    assert asked[0][0][-5:] == ["-f", "-", "config", "--hash", "*"]
    assert asked[0][1] == "services:\n  kafka: {depends_on: !reset {}}"
    assert len(asked) == 2
    # What was started stage by stage carries the one kind alone.
    assert COMPOSE.hashes(platform, ["56ef", "34cd"]) == {"kafka": {"56ef"}, "redis": {"34cd"}}
    assert len(asked) == 3
    assert COMPOSE.hashes(platform, ()) == {}
    assert len(asked) == 3


def test_one_question_is_enough_where_nothing_depends_on_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    door(monkeypatch, stdout="redis 34cd\n")
    assert COMPOSE.hashes(Platform("p", (service("redis"),)), ["34cd"]) == {"redis": {"34cd"}}


def test_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = door(monkeypatch, stdout='{"name": "p", "services": {"x": {"image": "i"}}}')
    assert COMPOSE.model(profiles=["images"]).service("x").image == "i"
    assert seen.argv[-5:] == ["--profile", "images", "config", "--format", "json"]


def test_files_that_compose_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    door(monkeypatch, stderr="time=... level=warning\nservices.x.ports must be a list\n", code=15)
    with pytest.raises(SettingsError) as caught:
        COMPOSE.model()
    assert caught.value.seen == "services.x.ports must be a list"
    assert caught.value.expected.endswith(": docker-compose.yml")


def test_the_users_own_file_is_named_among_those_that_compose_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker-compose.override.yml").touch()
    door(monkeypatch, stderr="yaml: line 3: mapping values are not allowed\n", code=15)
    with pytest.raises(SettingsError) as caught:
        Compose(tmp_path).model()
    assert caught.value.expected.endswith(": docker-compose.yml, docker-compose.override.yml")


def test_dollars_that_compose_doubles_are_single_again(monkeypatch: pytest.MonkeyPatch) -> None:
    door(monkeypatch, stdout='{"name": "p", "secrets": {"x": {"file": "/srv/a$$b/x"}}}')
    assert COMPOSE.model().secrets == {"x": Path("/srv/a$b/x")}


def test_a_context_that_does_not_exist_is_no_fault_of_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    door(monkeypatch, stderr='unable to resolve docker endpoint: context "x": context not found\n', code=1)
    with pytest.raises(EngineError) as caught:
        COMPOSE.model()
    assert "context not found" in caught.value.seen

"""What is asked of the SDK, what becomes of its answers, and of its faults."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import docker.errors
import pytest
import requests

from rofecare_infra.engine import Death, Engine, connect
from rofecare_infra.errors import CommandError, EngineError

RECORDED = Path(__file__).parent / "recorded"
LABELS = {"com.docker.compose.config-hash": "1", "com.docker.compose.oneoff": "False"}


def api(**answers: Any) -> tuple[Engine, SimpleNamespace]:
    """An engine whose SDK has these methods, and no other."""
    fake = SimpleNamespace(**answers)
    return Engine(SimpleNamespace(api=fake)), fake  # type: ignore[arg-type]


def recorded(name: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return answer


def missing(*_arguments: object, **_options: object) -> None:
    raise docker.errors.NotFound("no such container")


def refused(*_arguments: object, **_options: object) -> None:
    raise requests.ConnectionError("Connection refused")


def status(code: int) -> requests.Response:
    response = requests.Response()
    response.status_code = code
    return response


def test_containers_are_those_that_compose_created_by_name() -> None:
    rows = [
        {"Id": "oom", "Labels": LABELS},
        {"Id": "done", "Labels": LABELS},
        {"Id": "gone", "Labels": LABELS},
        {"Id": "one-off", "Labels": {**LABELS, "com.docker.compose.oneoff": "True"}},
        {"Id": "inherited", "Labels": {"com.docker.compose.project": "rofecare"}},
    ]
    asked: list[dict[str, Any]] = []

    def containers(**options: Any) -> list[dict[str, Any]]:
        asked.append(options)
        return rows

    engine, _ = api(
        containers=containers, inspect_container=lambda name: missing() if name == "gone" else recorded(name)
    )
    assert [one.name for one in engine.containers("rofecare")] == ["recorded-done-1", "recorded-oom-1"]
    assert asked == [{"all": True, "filters": {"label": "com.docker.compose.project=rofecare"}}]


def test_what_is_gone_is_none() -> None:
    engine, _ = api(inspect_container=missing, inspect_image=missing, logs=missing, stats=missing)
    assert engine.inspect("x") is None
    assert engine.image("x") is None
    assert engine.log_tail("x", 5) == ()
    assert engine.past_log("x", since=None, tail=None) == []
    assert list(engine.follow_log("x", since=None, tail=None)) == []
    assert engine.memory("x") is None
    engine.stop("x")


def test_one_that_is_just_being_removed_is_gone() -> None:
    def conflict(*_arguments: object, **_options: object) -> None:
        raise docker.errors.APIError("removal is in progress", response=status(409))

    engine, _ = api(logs=conflict)
    assert engine.log_tail("x", 5) == ()


def test_an_engine_that_does_not_answer() -> None:
    engine, _ = api(containers=refused)
    with pytest.raises(EngineError) as caught:
        engine.containers("rofecare")
    assert caught.value.seen.startswith("ConnectionError: Connection refused, at ")


def test_the_innermost_cause_is_the_one_that_is_told() -> None:
    def wrapped(**_options: object) -> None:
        try:
            Path("/no/such.sock").read_bytes()
        except FileNotFoundError as error:
            raise docker.errors.DockerException("Error while fetching server API version") from error

    engine, _ = api(containers=wrapped)
    with pytest.raises(EngineError) as caught:
        engine.containers("rofecare")
    assert caught.value.seen.startswith("FileNotFoundError: [Errno 2] No such file or directory: '/no/such.sock', at ")


def test_a_request_that_is_refused_is_no_missing_engine() -> None:
    def refuse(_name: str) -> None:
        raise docker.errors.APIError("500", response=status(500), explanation="volume is in use")

    engine, _ = api(remove_volume=refuse)
    with pytest.raises(CommandError) as caught:
        engine.remove_volume("x")
    assert caught.value.seen == "volume is in use"


@pytest.mark.parametrize(
    ("events", "death"),
    [
        ([], None),
        ([("die", "1")], Death(1, oom_killed=False)),
        ([("die", "1"), ("die", "3")], Death(3, oom_killed=False)),
        ([("oom", ""), ("die", "137")], Death(137, oom_killed=True)),
    ],
)
def test_how_a_container_ended_last(events: list[tuple[str, str]], death: Death | None) -> None:
    told = [{"Action": action, "Actor": {"Attributes": {"exitCode": code}}} for action, code in events]
    engine, _ = api(events=lambda **_options: iter(told))
    assert engine.last_death("x") == death


def test_the_tail_of_a_log_leaves_out_empty_lines() -> None:
    engine, _ = api(logs=lambda _name, tail: b"one\n\n  \ntwo \xff\n" if tail == 4 else b"")
    assert engine.log_tail("x", 4) == ("one", "two \N{REPLACEMENT CHARACTER}")


def test_a_log_with_its_times() -> None:
    text = b"2026-01-01T00:00:00.1Z one two\n2026-01-01T00:00:01.2Z \n2026-01-01T00:00:02.3Z 10%\r 20%\r\n"
    asked: list[dict[str, Any]] = []

    def logs(_name: str, **options: Any) -> bytes:
        asked.append(options)
        return text

    engine, _ = api(logs=logs)
    assert engine.past_log("x", since=1.5, tail=10) == [
        ("2026-01-01T00:00:00.1Z", "one two"),
        ("2026-01-01T00:00:01.2Z", ""),
        ("2026-01-01T00:00:02.3Z", "10%\r 20%"),
    ]
    engine.past_log("x", since=None, tail=None)
    assert asked == [{"timestamps": True, "since": 1.5, "tail": 10}, {"timestamps": True, "tail": "all"}]


def test_a_live_log_comes_in_pieces_that_are_no_lines() -> None:
    pieces = [b"2026-01-01T00:00:00Z on", b"e\n2026-01-01T00:00:01Z two\n2026-", b"01-01T00:00:02Z three"]
    engine, _ = api(logs=lambda _name, **_options: iter(pieces))
    assert [text for _, text in engine.follow_log("x", since=None, tail=None)] == ["one", "two", "three"]


def test_a_live_log_that_breaks_off() -> None:
    def broken(_name: str, **_options: Any) -> Any:
        yield b"2026-01-01T00:00:00Z one\n"
        raise requests.ConnectionError("Connection broken")

    engine, _ = api(logs=broken)
    lines = engine.follow_log("x", since=None, tail=None)
    assert next(lines)[1] == "one"
    with pytest.raises(EngineError):
        next(lines)


@pytest.mark.parametrize(
    ("stats", "used"),
    [
        ({}, None),
        ({"memory_stats": {}}, None),
        ({"memory_stats": {"usage": 100}}, 100),
        ({"memory_stats": {"usage": 100, "stats": {"inactive_file": 30}}}, 70),
    ],
)
def test_memory_without_the_file_cache(stats: dict[str, Any], used: int | None) -> None:
    engine, _ = api(stats=lambda _name, **_options: stats)
    assert engine.memory("x") == used


@pytest.mark.parametrize(("own", "grace"), [(120, 120), (None, 10), (0, 10)])
def test_a_container_gets_its_own_time_to_stop(own: int | None, grace: int) -> None:
    asked: list[tuple[str, int]] = []
    engine, _ = api(
        inspect_container=lambda _name: {"State": {"Paused": False}, "Config": {"StopTimeout": own}},
        stop=lambda name, timeout: asked.append((name, timeout)),
    )
    engine.stop("x")
    assert asked == [("x", grace)]


def test_a_paused_one_is_woken_before_it_is_stopped() -> None:
    asked: list[str] = []
    engine, _ = api(
        inspect_container=lambda _name: {"State": {"Paused": True}},
        unpause=lambda _name: asked.append("unpause"),
        stop=lambda _name, **_options: asked.append("stop"),
    )
    engine.stop("x")
    assert asked == ["unpause", "stop"]


def test_volumes_and_publishers() -> None:
    engine, fake = api(
        volumes=lambda **_options: {"Volumes": [{"Name": "b"}, {"Name": "a"}]},
        containers=lambda **_options: [{"Id": "healthy"}],
        inspect_container=recorded,
    )
    assert engine.volumes("rofecare") == ("a", "b")
    found = engine.publisher(80)
    assert found is not None
    assert found.name == "recorded-healthy-1"
    fake.volumes = lambda **_options: {"Volumes": None}
    fake.containers = lambda **_options: []
    assert engine.volumes("rofecare") == ()
    assert engine.publisher(80) is None


@pytest.mark.parametrize(
    ("version", "good"),
    [("26.1.5", True), ("25.0.0", True), ("24.0.9", False), ("20.10.24+dfsg1", False), ("dev", True)],
)
def test_an_engine_that_is_too_old(monkeypatch: pytest.MonkeyPatch, version: str, *, good: bool) -> None:
    client = SimpleNamespace(api=SimpleNamespace(), version=lambda: {"Version": version})
    monkeypatch.setattr(docker, "from_env", lambda **_options: client)
    if good:
        assert isinstance(connect(), Engine)
        return
    with pytest.raises(EngineError) as caught:
        connect()
    assert (caught.value.seen, caught.value.expected) == (f"Docker Engine {version}", "Docker Engine 25 or newer")


def test_no_engine_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "from_env", refused)
    with pytest.raises(EngineError, match="does not answer"):
        connect()


def test_labels_and_sizes_of_volumes() -> None:
    asked: list[object] = []

    def get(url: str, **options: object) -> SimpleNamespace:
        asked.append((url, options["params"]))
        volumes = [{"Name": "a", "UsageData": {"Size": 7}}, {"Name": "b", "UsageData": None}, {"Name": "c"}]
        return SimpleNamespace(raise_for_status=lambda: None, json=lambda: {"Volumes": volumes})

    engine, _ = api(
        volumes=lambda filters: {"Volumes": [{"Name": filters["label"], "Labels": None}]},
        base_url="http+docker://localhost",
        api_version="1.45",
        get=get,
    )
    assert engine.volume_labels("x", "y=z") == {"x": {}, "y=z": {}}
    assert engine.volume_sizes() == {"a": 7, "b": -1, "c": -1}
    assert asked == [("http+docker://localhost/v1.45/system/df", {"type": "volume"})]


def test_a_volume_that_is_gone_is_removed_and_one_in_use_is_not() -> None:
    engine, _ = api(remove_volume=missing)
    engine.remove_volume("x")

    def in_use(_name: str) -> None:
        raise docker.errors.APIError("volume is in use", response=status(409))

    engine, _ = api(remove_volume=in_use)
    with pytest.raises(CommandError):
        engine.remove_volume("x")

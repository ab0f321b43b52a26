"""What is measured, in which order, and what the report makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rofecare_dev.bench import Benchmark, Measure, Sample, as_table, chosen, content, costs, measure, scenario
from rofecare_dev.bench.measures import order
from rofecare_dev.bench.run import Contender, _images, _name_images, _remove, _samples, in_phases
from rofecare_infra import process
from rofecare_infra.errors import CommandError, UsageError
from rofecare_infra.platform import Platform
from rofecare_infra.progress import Event
from rofecare_infra.state import Clock
from tests.support.fakes import service


def names(measures: Sequence[Measure]) -> list[str]:
    return [one.name for one in measures]


SAMPLES = [
    Sample("cold", "this", 10.0),
    Sample("cold", "against", 20.0),
    Sample("cold", "compose", 8.0),
    Sample("backup", "this", 3.0),
    Sample("cold", "this", 14.0),
    Sample("cold", "against", 20.0),
    Sample("cold", "compose", 8.0),
    Sample("backup", "this", 5.0),
]


def test_the_infrastructure_or_the_whole_platform() -> None:
    small = {one.name: one for one in scenario(whole=False, infrastructure=["redis", "kafka"])}
    whole = {one.name: one for one in scenario(whole=True, infrastructure=["redis", "kafka"])}
    assert small["cold"].inv == ("start-infra",)
    assert small["cold"].compose[-2:] == ("redis", "kafka")
    assert whole["cold"].inv == ("start-all",)
    assert "redis" not in whole["cold"].compose
    for measures in (small, whole):
        # Nothing is built or pulled while the clock runs.
        assert {"--wait", "--no-build", "never"} <= set(measures["cold"].compose)
        assert (measures["stop"].inv, measures["backup"].compose) == (("stop-all",), ())


@pytest.mark.parametrize(
    ("only", "run"),
    [
        ([], ["cold", "floor", "no-op", "idle", "backup", "stop", "warm", "fill", "full-backup", "restore"]),
        (["cold"], ["cold"]),
        (["no-op"], ["cold", "no-op"]),
        # What is not selected runs only if a later measure needs what it does.
        (["warm"], ["cold", "stop", "warm"]),
        (["stop", "backup"], ["cold", "backup", "stop"]),
    ],
)
def test_the_steps_before_a_measure_run_too(only: list[str], run: list[str]) -> None:
    assert names(chosen(scenario(whole=False), only)) == run


def test_a_measure_that_does_not_exist_is_reported_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no measure 'hot'"):
        list(measure(tmp_path, "", runs=1, whole=False, only=["cold", "hot"]))


@pytest.mark.parametrize("runs", [0, -1])
def test_at_least_one_run(tmp_path: Path, runs: int) -> None:
    with pytest.raises(UsageError, match="at least one run"):
        list(measure(tmp_path, "", runs=runs, whole=False))


def test_contenders_alternate() -> None:
    assert [order(["a", "b"], number) for number in range(3)] == [("a", "b"), ("b", "a"), ("a", "b")]


def test_the_table() -> None:
    assert [line.split("  ")[0] for line in as_table(SAMPLES).splitlines()] == ["MEASURE", "cold", "backup"]
    cold, backup = as_table(SAMPLES).splitlines()[1:]
    assert "12.0 s (10.0-14.0)" in cold
    assert cold.split()[-1] == "1.50"
    assert " 0.60 " in cold
    assert backup.split()[-4:] == ["-"] * 4


def test_only_those_who_took_part_have_a_column() -> None:
    assert "AGAINST" not in as_table([one for one in SAMPLES if one.contender != "against"])


def test_the_document_has_every_sample() -> None:
    found = json.loads(json.dumps(asdict(Benchmark.of(SAMPLES, {"this": "HEAD"}))))
    assert found["commits"] == {"this": "HEAD"}
    assert found["measures"]["cold"]["ratios"] == {"against": 0.6, "compose": 1.5}
    assert found["measures"]["cold"]["contenders"]["this"] == {
        "seconds": [10.0, 14.0],
        "median": 12.0,
        "min": 10.0,
        "max": 14.0,
    }
    assert found["measures"]["backup"]["ratios"] == {}


class Recorder:
    """Replaces `process.run`: records the commands and takes a second for each."""

    def __init__(self) -> None:
        self.argvs: list[tuple[str, ...]] = []
        self.found: dict[str, str] = {}

    def __call__(self, argv: Sequence[str], **_options: Any) -> process.Result:
        self.argvs.append(tuple(argv))
        listed = next((text for kind, text in self.found.items() if argv[1:3] == [kind, "ls"]), "")
        return process.Result(tuple(argv), 0, listed, "")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    replacement = Recorder()
    monkeypatch.setattr(process, "run", replacement)
    return replacement


def test_a_command_is_timed_only_if_it_is_selected(recorder: Recorder, tmp_path: Path) -> None:
    clock = Clock(lambda: float(len(recorder.argvs)), lambda _seconds: None, lambda: 0.0)
    measures = chosen(scenario(whole=False), ["warm"])
    for name, words in (("this", ["start-infra", "stop-all"]), ("compose", ["up", "down"])):
        contender = Contender(name, ("tool",), tmp_path, {"COMPOSE_PROJECT_NAME": "p"})
        recorder.argvs.clear()
        assert list(_samples(contender, measures, ["warm"], clock)) == [Sample("warm", name, 1.0)]
        assert [argv[1] for argv in recorder.argvs if argv[0] == "tool"] == [words[0], words[1], words[0]]


def test_a_measure_without_an_equivalent_is_left_out(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[object] = []
    monkeypatch.setattr(content, "fill", lambda *words: done.append(words))
    monkeypatch.setattr(content, "dump", done.append)
    monkeypatch.setattr(costs, "read", lambda what, project, _clock: float(len(what) + len(project)))
    clock = Clock(lambda: 0.0, lambda _seconds: None, lambda: 0.0)
    contender = Contender("compose", ("tool",), tmp_path, {"COMPOSE_PROJECT_NAME": "p"})
    samples = list(_samples(contender, scenario(whole=False), [], clock, 350))
    assert recorder.argvs
    # A full backup is compared with dumps and checksums alone.
    assert [one.measure for one in samples] == ["cold", "floor", "no-op", "idle", "stop", "warm", "full-backup"]
    assert done == [("p", 350), "p"]


def test_each_commit_gets_the_names_of_its_images_back(recorder: Recorder) -> None:
    recorder.found = {
        "image": "rofecare/kafka:3 sha256:new\nrofecare/redis:8 sha256:same\nrofecare/x:<none> sha256:old\n"
    }
    assert _images() == {"rofecare/kafka:3": "sha256:new", "rofecare/redis:8": "sha256:same"}
    _name_images({"rofecare/kafka:3": "sha256:old", "rofecare/redis:8": "sha256:same"})
    tags = [argv for argv in recorder.argvs if "tag" in argv]
    assert tags == [("docker", "image", "tag", "sha256:old", "rofecare/kafka:3")]


def test_production_has_no_equivalent_of_compose() -> None:
    measures = scenario(whole=True, production=True)
    assert [one.inv for one in measures if one.name == "cold"] == [("start-all", "--prod")]
    assert all(one.compose == () for one in measures)


def test_the_floor_is_the_processor_time_of_the_containers_on_all_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(costs, "run", lambda argv: process.Result(tuple(argv), 0, "a\nb\n", ""))
    monkeypatch.setattr("psutil.cpu_count", lambda: 4)
    monkeypatch.setattr(costs, "cpu_seconds", {"a": 10.0, "b": 30.0}.get)
    clock = Clock(lambda: 0.0, lambda _seconds: None, lambda: 0.0)
    assert costs.read("floor", "p", clock) == 10.0
    monkeypatch.setattr(costs, "cpu_seconds", {"a": 10.0}.get)
    with pytest.raises(CommandError, match="cannot be read"):
        costs.read("floor", "p", clock)


def test_the_idle_cost_is_that_of_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(costs, "_busy", lambda: 100.0 + sum(slept) / 10)
    clock = Clock(lambda: 0.0, slept.append, lambda: 0.0)
    assert costs.read("idle", "p", clock) == pytest.approx(6.0)
    assert slept == [30.0, 60.0]


def test_only_what_carries_the_projects_name_is_removed(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    reopened: list[str] = []

    def reopen(project: str, *_: object) -> Iterator[Event]:
        reopened.append(project)
        return iter(())

    monkeypatch.setattr("rofecare_dev.bench.run.reopen", reopen)
    recorder.found = {"container": "c1 c2", "volume": "", "network": "n1"}
    _remove("rofecare-bench-1-this")
    listings = [argv for argv in recorder.argvs if argv[2] == "ls"]
    assert all(argv[-1].endswith("=rofecare-bench-1-this") for argv in listings)
    removals = [argv[1:] for argv in recorder.argvs if argv[2] == "rm"]
    assert removals == [("container", "rm", "--force", "--volumes", "c1", "c2"), ("network", "rm", "n1")]
    # The rules for the ports that it published on 127.0.0.1.
    assert reopened == ["rofecare-bench-1-this"]


def test_each_service_waits_for_all_of_the_phase_before_in_the_ordered_files() -> None:
    services = (
        service("db"),
        service("late", depends_on=("db",)),
        service("app", "business"),
        service("web", "business"),
    )
    healthy = {"condition": "service_healthy"}
    dependencies = {"depends_on": {"db": healthy, "late": healthy}}
    assert in_phases(Platform("rofecare", services)) == {"app": dependencies, "web": dependencies}

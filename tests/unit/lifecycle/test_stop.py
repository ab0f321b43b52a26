"""Stops in the reverse order of the start, and removes only what is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra import secrets
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, ServiceFailedError, SettingsError
from rofecare_infra.images import Sources
from rofecare_infra.lifecycle import StopReport, stop, stop_monitoring
from rofecare_infra.lifecycle.stop import reverse_stages
from rofecare_infra.platform import LABEL_INGRESS, LABEL_PHASE, LABEL_VOLUME_OF, Platform
from rofecare_infra.project import Project, marker
from rofecare_infra.project.marker import Marker
from tests.support.fakes import FakeClock, FakeCompose, FakeEngine, container, drain, project_of, service, settings


def one(name: str, phase: str | None, **more: object) -> Container:
    return container(name, labels={LABEL_PHASE: phase} if phase else {}, **more)


RUNNING = (
    one("app", "business"),
    one("config", "spring-cloud"),
    one("db", "infrastructure"),
    one("gateway", "spring-cloud"),
    one("grafana", "monitoring"),
    one("kafka", "infrastructure"),
    one("mine", None),
    one("redis", "infrastructure"),
    one("zookeeper", "infrastructure"),
)

# As compose creates it: the dependencies of a container are in the model, not in its labels.
PLATFORM = Platform(
    "rofecare",
    (
        service("app", "business", depends_on=("db", "config")),
        service("gateway", "spring-cloud", depends_on=("config", "redis")),
        service("kafka", depends_on=("zookeeper",)),
        *(service(name) for name in ("config", "db", "redis", "zookeeper")),
        # Of an override file, which has no phases.
        service("mine", "other"),
    ),
)


def stopped(
    engine: FakeEngine, platform: Platform = PLATFORM, root: Path = Path("/nowhere"), **options: bool
) -> tuple[FakeCompose, StopReport]:
    compose = FakeCompose(Path("/nowhere"), engine=engine)
    project = Project(settings(root, SECRETS_DIR=str(root / "secrets")), Sources(compose, platform), lambda: engine)
    _, report = drain(stop(project, clock=FakeClock().clock, **options))
    return compose, report


def test_dependents_before_what_they_need() -> None:
    assert [sorted(each.service for each in group) for group in reverse_stages(RUNNING, PLATFORM)] == [
        ["mine"],
        # No file describes grafana: it may need whatever starts before it.
        ["grafana"],
        ["app", "gateway", "kafka"],
        ["config", "db", "redis", "zookeeper"],
    ]


def test_what_nobody_needs_any_more_stops_side_by_side() -> None:
    described = (
        *PLATFORM.services,
        service("grafana", "monitoring"),
        service("web", "business", depends_on=("kafka",)),
    )
    running = [*RUNNING, one("web", "business")]
    groups = reverse_stages(running, replace(PLATFORM, services=described))
    assert [sorted(each.service for each in group) for group in groups] == [
        ["mine"],
        ["app", "grafana", "web"],
        ["db", "gateway", "kafka"],
        ["config", "redis", "zookeeper"],
    ]


def test_where_nobody_declares_a_need_the_phases_decide() -> None:
    names = [("shop", "business"), ("cloud", "spring-cloud"), ("base", "infrastructure")]
    silent = Platform("rofecare", tuple(service(name, phase) for name, phase in names))
    groups = reverse_stages([one(*pair) for pair in names], silent)
    assert [[each.service for each in group] for group in groups] == [["shop"], ["cloud"], ["base"]]


def test_without_a_model_the_phases_decide() -> None:
    groups = reverse_stages(RUNNING, Platform("rofecare", ()))
    assert [sorted(each.service for each in group) for group in groups] == [
        ["mine"],
        ["grafana"],
        ["app"],
        ["config", "gateway"],
        ["db", "kafka", "redis", "zookeeper"],
    ]


def test_what_lets_requests_in_stops_before_everything_else() -> None:
    door = {LABEL_PHASE: "spring-cloud", LABEL_INGRESS: "true"}
    gateway, front = container("gateway", labels=door), container("front", labels=door)
    others = [each for each in RUNNING if each.service != "gateway"]
    with_front = replace(PLATFORM, services=(*PLATFORM.services, service("front", depends_on=("gateway",))))
    groups = reverse_stages([*others, gateway, front], with_front)
    assert [[each.service for each in group] for group in groups][:3] == [["front"], ["gateway"], ["mine"]]


def test_one_that_no_file_describes_any_more_stops_by_its_own_labels() -> None:
    old = [one("old", "business", depends_on=("older",)), one("older", "business")]
    assert [[each.service for each in group] for group in reverse_stages(old, PLATFORM)] == [["old"], ["older"]]


def test_replicas_stop_together() -> None:
    both = [one("app", "business", id="a"), one("app", "business", id="b")]
    assert [[each.id for each in group] for group in reverse_stages(both, PLATFORM)] == [["a", "b"]]


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        ("running", True),
        ("paused", True),
        ("restarting", True),
        ("exited", False),
        ("created", False),
        ("dead", False),
    ],
)
def test_only_what_is_up_is_asked_to_stop(status: str, *, asked: bool) -> None:
    engine = FakeEngine([one("db", "infrastructure", status=status)])
    compose, _ = stopped(engine)
    assert engine.stopped == (["id-db"] if asked else [])
    assert compose.downed == ["rofecare"]


def test_everything_is_stopped_then_removed() -> None:
    engine = FakeEngine(RUNNING)
    engine.volume_names = ["rofecare_db-data"]
    compose, report = stopped(engine)
    assert set(engine.stopped) == {each.id for each in RUNNING}
    assert engine.stopped.index("id-kafka") < engine.stopped.index("id-zookeeper")
    assert engine.stopped.index("id-app") < engine.stopped.index("id-gateway") < engine.stopped.index("id-config")
    assert set(report.stopped) == {each.name for each in RUNNING}
    assert (report.killed, report.volumes) == ((), ())
    assert compose.downed == ["rofecare"]
    assert engine.volume_names == ["rofecare_db-data"]


def test_one_that_had_to_be_killed_is_named() -> None:
    engine = FakeEngine(RUNNING)
    engine.exit_codes = {"id-kafka": 137, "id-app": 143}
    _, report = stopped(engine)
    assert report.killed == ("rofecare-kafka-1",)
    with pytest.raises(ServiceFailedError, match="rofecare-kafka-1 did not stop by itself"):
        report.raise_if_killed()


def test_volumes_of_this_project_alone(tmp_path: Path) -> None:
    engine = FakeEngine([one("db", "infrastructure")])
    engine.volume_names = ["rofecare_db-data", "other_db-data"]
    folder = tmp_path / "secrets"
    platform = Platform(
        "rofecare", (service("db", secrets=("pw",)),), {"pw": folder / "pw"}, {"db-data": "rofecare_db-data"}
    )
    secrets.create(secrets.inventory(platform, folder), ["pw"])
    _, report = stopped(engine, platform, tmp_path, volumes=True, shared_secrets=True)
    assert report.secrets == ()
    assert folder.exists()
    engine.volume_names += ["rofecare_db-data"]
    _, report = stopped(engine, platform, tmp_path, volumes=True)
    assert report.volumes == ("rofecare_db-data",)
    assert engine.volume_names == ["other_db-data"]
    assert report.secrets == (folder / "pw",)
    assert not folder.exists()


def test_the_marker_of_production_is_removed_with_the_data() -> None:
    engine = FakeEngine()
    marker.write(engine, Marker("rofecare", Path("/srv/state"), "1"))
    stopped(engine)
    assert marker.exists(engine, "rofecare")
    stopped(engine, volumes=True)
    assert not marker.exists(engine, "rofecare")


def test_the_marker_stays_until_the_data_and_the_secrets_are_gone() -> None:
    engine = FakeEngine()
    marker.write(engine, Marker("rofecare", Path("/srv/state"), "1"))
    engine.labels["rofecare_production_db-data"] = {LABEL_VOLUME_OF: "rofecare"}

    def refuse(name: str) -> None:
        raise CommandError(f"{name} is in use")

    engine.remove_volume = refuse  # type: ignore[method-assign]
    with pytest.raises(CommandError, match="1 volumes could not be removed"):
        stopped(engine, volumes=True)
    assert marker.exists(engine, "rofecare")


@pytest.mark.parametrize("volumes", [True, False])
def test_another_stack_of_the_same_name_is_left_alone(tmp_path: Path, *, volumes: bool) -> None:
    engine = FakeEngine([one("db", "infrastructure"), one("web", None)])
    engine.volume_names = ["rofecare_orders"]
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "pw").write_text("x")
    platform = Platform("rofecare", (service("db", secrets=("pw",)),), {"pw": tmp_path / "secrets" / "pw"})
    with pytest.raises(SettingsError, match="did not create: nothing was changed"):
        stopped(engine, platform, tmp_path, volumes=volumes)
    assert (engine.stopped, engine.volume_names) == ([], ["rofecare_orders"])
    assert (tmp_path / "secrets" / "pw").exists()


def test_secrets_of_another_project_stay(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    engine = FakeEngine()
    for name in ("other", "rofecare"):
        platform = Platform(name, (service("db", secrets=("pw",)),), {"pw": folder / "pw"})
        found = secrets.inventory(platform, folder)
        secrets.create(found, found.missing)
        secrets.claim(platform, folder, engine)
    engine.volume_names = ["other_db-data"]
    _, report = stopped(engine, platform, tmp_path, volumes=True)
    assert (report.secrets, report.secrets_kept_for) == ((), ("other",))
    assert (folder / "pw").exists()


def test_nothing_there_is_no_error() -> None:
    _, report = stopped(FakeEngine())
    assert report == StopReport((), ())


DATABASE = one("db", "infrastructure")
MONITORING = (one("alertmanager", "monitoring"), one("prometheus", "monitoring"))
WITH_MONITORING = (
    service("db"),
    service("alertmanager", "monitoring"),
    service("prometheus", "monitoring", depends_on=("alertmanager",)),
)


def test_the_monitoring_is_stopped_in_reverse_and_removed_and_the_platform_stays() -> None:
    engine = FakeEngine([DATABASE, *MONITORING])
    _, report = drain(stop_monitoring(project_of(WITH_MONITORING, engine), clock=FakeClock().clock))
    assert engine.stopped == ["id-prometheus", "id-alertmanager"]
    assert report.stopped == ("rofecare-alertmanager-1", "rofecare-prometheus-1")
    assert engine.present == [DATABASE]


def test_without_monitoring_there_is_nothing_to_stop() -> None:
    events, report = drain(
        stop_monitoring(project_of(WITH_MONITORING, FakeEngine([DATABASE])), clock=FakeClock().clock)
    )
    assert events == []
    assert report.stopped == ()

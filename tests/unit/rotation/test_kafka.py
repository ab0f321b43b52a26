"""The password of a user of Kafka: the broker and the services of the user are restarted once, together."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.compose import Compose
from rofecare_infra.errors import RofecareError
from rofecare_infra.images import Sources
from rofecare_infra.platform import Platform
from rofecare_infra.process import Reachable, Result
from rofecare_infra.project import Project
from rofecare_infra.rotation import rotate
from rofecare_infra.rotation.rotate import journal_of
from tests.support.broker import MemoryBroker
from tests.support.fakes import FakeClock, FakeEngine, container, drain, service, settings

_NAME = "ward_kafka_password"
_OLD = "the old one"


class World:
    """A broker that reads the password when it starts, a service of its user, and one of another user."""

    def __init__(self, root: Path) -> None:
        self.file = root / "docker/secrets" / _NAME
        self.file.parent.mkdir(parents=True)
        self.file.write_text(_OLD)
        broker = service(
            "broker",
            secrets=(_NAME,),
            secret_files={_NAME: "/run/secrets/kafka-users/ward"},
            environment={"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INTERNAL:SASL_PLAINTEXT"},
        )
        mount = {"secrets": (_NAME,), "secret_files": {_NAME: "/run/secrets/rofecare.kafka.password"}}
        services = (
            broker,
            service("ward", "business", depends_on=("broker",), **mount),
            service("shop", "business", depends_on=("broker",)),
        )
        self.engine = FakeEngine([container(one.name) for one in services])
        self.settings = settings(root, GATE_TIMEOUT="10")
        platform = Platform("rofecare", services, {_NAME: self.file})
        self.project = Project(self.settings, Sources(Compose(root / "docker"), platform), lambda: self.engine)
        self.broker = MemoryBroker(ward=_OLD)
        self.starts = 0

    def shell(self, container: Reachable, script: str, *arguments: str, stdin: str) -> Result:
        starts = self.engine.restarted.count("id-broker")
        if starts > self.starts:
            self.starts, self.broker.users["ward"] = starts, self.file.read_text()
        return self.broker(container, script, *arguments, stdin=stdin)

    def rotate(self) -> None:
        drain(rotate(self.project, "ward-kafka", shell=self.shell, clock=FakeClock().clock))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_broker_and_the_services_of_the_user_are_restarted_once(world: World) -> None:
    world.rotate()
    # The service closes its connections before the broker stops, and connects to one that knows its new password.
    assert world.engine.stopped == ["id-ward", "id-broker"]
    assert world.engine.restarted == ["id-broker", "id-ward"]
    assert world.broker.users["ward"] == world.file.read_text() != _OLD
    assert _OLD not in world.broker.arguments
    assert journal_of(world.settings).read() is None


def test_a_service_that_does_not_come_back_undoes_it(world: World) -> None:
    world.engine.outcome = {"ward": container("ward", health="unhealthy", probe="no login")}
    with pytest.raises(RofecareError):
        world.rotate()
    assert world.file.read_text() == _OLD
    assert world.engine.restarted.count("id-broker") == 2

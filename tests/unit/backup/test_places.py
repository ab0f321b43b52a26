"""On a stack, a volume is read and replaced on the node of its service."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rofecare_infra import swarm
from rofecare_infra.backup import places
from rofecare_infra.backup.helper import Helper
from rofecare_infra.engine import Membership, Node, Reach, StackEngine, reach
from rofecare_infra.errors import VerificationError
from rofecare_infra.process import Result
from rofecare_infra.project import Project
from tests.support.fakes import FakeEngine, project_of, service
from tests.support.swarm import MANAGER, node

VOLUMES = {"messages": "p_messages", "snapshots": "p_snapshots", "rows": "p_rows"}
SERVICES = (
    service("kafka", volumes=("messages",), mount_points={"messages": "/m"}),
    service("zookeeper", volumes=("snapshots",), mount_points={"snapshots": "/s"}),
    service("db", volumes=("rows",), mount_points={"rows": "/r"}),
)
_LABEL = "com.rofecare.rofecare."


class Pinned(StackEngine):
    """Three nodes; `kafka` and `zookeeper` are on the second and the third one."""

    def __init__(self) -> None:
        self._seen = {}
        self.commands: list[tuple[str, ...]] = []

    def membership(self) -> Membership:
        return MANAGER

    def nodes(self) -> tuple[Node, ...]:
        return (
            node("node1"),
            node("node2", labels={f"{_LABEL}kafka": "true"}),
            node("node3", labels={f"{_LABEL}zookeeper": "true"}),
        )


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Pinned:
    made = Pinned()

    def run(argv: Sequence[str], **_more: object) -> Result:
        made.commands.append(tuple(argv))
        words = argv[3:]
        if words[:2] == ["volume", "ls"]:
            return Result(tuple(argv), 0, "p_messages\nother\n", "")
        # The image is on the second node alone.
        return Result(tuple(argv), 0 if argv[2] == "node2" or words[0] == "volume" else 1, "", "")

    monkeypatch.setattr(reach, "run", run)
    monkeypatch.setattr("rofecare_infra.engine.stack.contexts", lambda: {"node2": "ssh://2", "node3": "ssh://3"})
    return made


@pytest.fixture
def project(engine: Pinned) -> Project:
    made = project_of(SERVICES, FakeEngine())
    platform = replace(made.platform, volumes=VOLUMES)
    return replace(made, sources=replace(made.sources, platform=platform), connect=lambda: engine, stack=True)


def test_the_volumes_of_a_part_may_be_on_two_nodes(project: Project) -> None:
    found = places.places(project, ["messages", "snapshots"])
    assert {volume: (place.node, place.way.words) for volume, place in found.items()} == {
        "messages": ("node2", ("docker", "--context", "node2")),
        "snapshots": ("node3", ("docker", "--context", "node3")),
    }


def test_a_service_that_is_pinned_to_no_node_is_named(project: Project) -> None:
    with pytest.raises(VerificationError, match="the volume rows is on no node") as caught:
        places.places(project, ["rows"])
    assert caught.value.next_step == "inv deploy"


def test_what_exists_is_asked_for_on_its_node(project: Project) -> None:
    assert places.existing(project, ["messages", "snapshots"]) == {"messages": "p_messages"}


def test_a_missing_volume_gets_the_labels_of_the_stack(project: Project, engine: Pinned) -> None:
    places.make(project, ["snapshots"])
    labels = ("--label", "com.rofecare.project=rofecare", "--label", "com.docker.stack.namespace=rofecare")
    assert engine.commands == [("docker", "--context", "node3", "volume", "create", *labels, "p_snapshots")]


def test_each_node_gets_one_container_and_the_image_for_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Helper] = []
    sent: list[dict[str, tuple[str, ...]]] = []

    def provide(images: Mapping[str, Collection[str]], ways: Mapping[str, Reach]) -> Generator[Any, None, None]:
        yield from ()
        assert set(images) == set(ways)
        sent.append({name: tuple(one) for name, one in images.items()})

    def enter(helper: Helper) -> Helper:
        begun.append(helper)
        return helper

    monkeypatch.setattr(swarm.images, "provide", provide)
    monkeypatch.setattr(Helper, "__enter__", enter)
    monkeypatch.setattr(Helper, "__exit__", lambda *_: None)
    with places.helpers(project, "sha256:db", ["messages", "snapshots"]) as found:
        assert [one.docker[-1] for one in begun] == ["node2", "node3"]
        assert found == {"messages": begun[0], "snapshots": begun[1]}
        assert "type=volume,source=p_messages,target=/volumes/messages,volume-nocopy,readonly" in begun[0]._argv
    assert sent == [{"node3": ("sha256:db",)}]


def test_on_one_server_all_are_on_its_engine() -> None:
    one = project_of(SERVICES, FakeEngine())
    assert set(places.places(one, VOLUMES).values()) == {places.Place()}

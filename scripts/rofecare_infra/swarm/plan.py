"""What a deployment needs, checked before anything is changed: nodes, their engines, and a node for each service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rofecare_infra.engine import Engine, Node, Reach, StackEngine
from rofecare_infra.engine.reach import asked, reaches
from rofecare_infra.errors import EngineError, SettingsError
from rofecare_infra.platform import is_ingress
from rofecare_infra.project import Project
from rofecare_infra.settings import Settings
from rofecare_infra.swarm import nodes as swarm_nodes
from rofecare_infra.swarm import placement

_DAEMON = "/etc/docker/daemon.json"


@dataclass(frozen=True)
class Plan:
    """The nodes of a deployment, and where services with data are."""

    # Those that the Swarm starts tasks on.
    nodes: tuple[Node, ...]
    # Host name -> the way to its engine.
    ways: Mapping[str, Reach]
    # Service with data -> host name.
    placement: Mapping[str, str]
    # The part of it that is not decided yet: nothing is pinned there.
    proposed: Mapping[str, str]

    @property
    def encrypted(self) -> bool:
        """Whether the nodes talk over a network."""
        return len(self.nodes) > 1


def plan(project: Project) -> Plan:
    """The plan for the present nodes; nothing is changed.

    Raises EngineError if this engine is no manager or the engine of a node cannot be used, SettingsError for settings
    or containers that prevent a deployment.
    """
    engine, name = project.engine, project.platform.project
    everything = swarm_nodes.nodes(engine)
    _require_no_containers(project)
    found = tuple(node for node in everything if node.is_usable)
    problems = [*refused_settings(project.settings, len(found))]
    if problems:
        raise SettingsError(
            "the settings do not suit a stack: nothing was changed",
            seen=problems[0][0],
            expected=problems[0][1],
            next_step="change the settings, then run the same command again",
            details=[f"also: {seen}; expected: {expected}" for seen, expected in problems[1:]],
        )
    answered, ways = reached(engine, found)
    require_no_new_privileges(answered)
    pinned = placement.pinned(name, everything)
    services = placement.with_data(project.platform.services)
    proposal = placement.proposed(services, answered, pinned) if answered else {}
    places = {service.name: pinned.get(service.name, proposal.get(service.name, "")) for service in services}
    new = {service: place for service, place in places.items() if service not in pinned}
    return Plan(answered, ways, places, new)


def reached(engine: Engine, nodes: Sequence[Node]) -> tuple[tuple[Node, ...], dict[str, Reach]]:
    """The nodes with the facts of their engines, and the ways to them. Raises EngineError if one does not answer."""
    ways = reaches(engine, nodes)
    answered, silent = asked(nodes, ways)
    for node, why in silent.items():
        raise EngineError(
            f"the engine of {node} cannot be reached",
            seen=why,
            expected="an engine that this machine reaches by a docker context named as the node, or by ssh",
            next_step=f"docker context create {node} --docker host=ssh://user@{ways[node].address or node}",
            details=[f"also: {other}: {reason}" for other, reason in silent.items() if other != node],
        )
    return answered, ways


def refused_settings(settings: Settings, count: int) -> Iterator[tuple[str, str]]:
    """What is seen and what is expected, for each setting that does not suit a stack on so many nodes."""
    accepted = settings.get("CLEAR_TEXT") == "accepted"
    if not settings.tls_host and not accepted:
        yield (
            "no TLS_HOST: the front of a stack listens on every address of its nodes, unencrypted",
            "TLS_HOST, or CLEAR_TEXT=accepted where the network is encrypted otherwise",
        )
    if settings.tls_host and settings.tls_issuer != "files" and count > 1:
        yield (
            f"TLS_ISSUER={settings.tls_issuer} on {count} nodes: each front would get a certificate of its own",
            "TLS_ISSUER=files",
        )


def require_no_new_privileges(nodes: Sequence[Node]) -> None:
    """Raise EngineError for engines whose configuration does not deny new privileges: a stack cannot ask for it."""
    without = [node.hostname for node in nodes if node.facts is not None and not node.facts.no_new_privileges]
    if without:
        raise EngineError(
            f"{', '.join(without)} would let programs gain privileges",
            seen="an engine without no-new-privileges, which a service of a Swarm cannot ask for by itself",
            expected=f'"no-new-privileges": true in {_DAEMON} of every node',
            next_step="add it there, restart the engine (systemctl restart docker), then run the same command again",
        )


def _require_no_containers(project: Project) -> None:
    engine = project.engine
    local = engine.local if isinstance(engine, StackEngine) else engine
    found = local.containers(project.platform.project)
    if found:
        raise SettingsError(
            f"{project.platform.project} runs on this server alone: nothing was changed",
            seen=f"{len(found)} containers that are not of a stack, such as {found[0].name}",
            expected="no containers of the same project",
            next_step="inv stop-all; its data stays, and a stack on this node uses the same volumes",
        )


def answers_on(project: Project, plan: Plan) -> tuple[str, ...]:
    """The addresses at which the front answers."""
    ports = [port.published for one in project.platform.services if is_ingress(one.labels) for port in one.ports]
    return tuple(f"{node.address or node.hostname}:{port}" for node in plan.nodes for port in ports)

"""How the engine of each node is reached: a docker context named as the node, or ssh."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit

from rofecare_infra.engine.nodes import Facts, Node, NodeRequests, facts_of
from rofecare_infra.errors import CommandError
from rofecare_infra.process import Result, run, to_end, together

# A connection by ssh, and an answer, in seconds.
_QUICK = 30.0
# All nodes are asked at the same time: what takes long is the connection.
_AT_ONCE = 16


@dataclass(frozen=True)
class Reach:
    """The way to the engine of one node."""

    # How a docker command for this engine begins.
    words: tuple[str, ...]
    # Where the engine is, as a context or DOCKER_HOST names it; empty for that of this command.
    address: str = ""

    def docker(self, *words: str, timeout: float = _QUICK, check: bool = True) -> Result:
        """Run a docker command on this engine."""
        return run([*self.words, *words], timeout=timeout, check=check)


HERE = Reach(("docker",))


def reach_of(node: Node, own_id: str, contexts: Mapping[str, str]) -> Reach:
    """The way to a node, from the id of this engine's own node, and the contexts with their addresses."""
    if node.id == own_id:
        return HERE
    if node.hostname in contexts:
        return Reach(("docker", "--context", node.hostname), contexts[node.hostname])
    address = f"ssh://{f'[{node.address}]' if ':' in node.address else node.address}"
    return Reach(("docker", "--host", address), address)


def reaches(engine: NodeRequests, nodes: Sequence[Node]) -> dict[str, Reach]:
    """Hostname -> the way to its engine."""
    own, there = engine.membership().node_id, contexts()
    return {node.hostname: reach_of(node, own, there) for node in nodes}


def contexts() -> dict[str, str]:
    """The docker contexts of this user, with the addresses of their engines."""
    lines = run(["docker", "context", "ls", "--format", "{{json .}}"], timeout=_QUICK).stdout.splitlines()
    found = [json.loads(line) for line in lines if line.strip()]
    return {str(one["Name"]): str(one.get("DockerEndpoint") or "") for one in found}


def asked(nodes: Sequence[Node], ways: Mapping[str, Reach]) -> tuple[tuple[Node, ...], dict[str, str]]:
    """The nodes with the facts of their engines, and hostname -> why an engine has not answered.

    Nodes that the Swarm does not reach are not asked: each would take as long as a connection may.
    """
    there = [node for node in nodes if node.state == "ready"]
    answers = to_end(together([partial(_ask, ways[node.hostname]) for node in there], at_once=_AT_ONCE))
    found = {node.hostname: one for node, one in zip(there, answers, strict=True)}
    known = {name: one for name, one in found.items() if isinstance(one, Facts)}
    silent = {name: one for name, one in found.items() if isinstance(one, str)}
    silent |= {node.hostname: f"the node is {node.state}" for node in nodes if node not in there}
    return tuple(replace(node, facts=known.get(node.hostname)) for node in nodes), silent


def facts(way: Reach) -> Facts:
    """What an engine reports about itself. Raises CommandError if it does not answer."""
    return facts_of(json.loads(way.docker("info", "--format", "{{json .}}").stdout))


def _ask(way: Reach) -> Generator[object, None, Facts | str]:
    """The facts of an engine, or why it does not answer."""
    yield from ()
    try:
        found = facts(way)
    except CommandError as error:
        return (error.details or (error.seen,))[-1]
    return replace(found, free_disk=_free_disk(way, found.folder))


def _free_disk(way: Reach, folder: str) -> int | None:
    """The bytes that are free where an engine stores its data; None where only the engine can be reached."""
    scheme = urlsplit(way.address).scheme
    if scheme == "ssh":
        argv = [
            "ssh",
            "-o",
            "BatchMode=yes",
            way.address,
            "df",
            "--block-size=1",
            "--output=avail",
            shlex.quote(folder),
        ]
        last = run(argv, timeout=_QUICK, check=False).last
        return int(last) if last.strip().isdecimal() else None
    with suppress(OSError):
        if scheme in {"", "unix"}:
            return shutil.disk_usage(folder).free
    return None

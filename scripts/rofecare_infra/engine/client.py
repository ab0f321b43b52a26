"""The requests to the engine. The docker SDK is imported on first use, because that takes 0.25 s."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rofecare_infra.engine.answers import ANSWER_TIMEOUT, answers, or_none
from rofecare_infra.engine.awake import Changes
from rofecare_infra.engine.context import address as context_address
from rofecare_infra.engine.context import require_supported
from rofecare_infra.engine.machine import MachineRequests
from rofecare_infra.engine.records import (
    LABEL_CONFIG_HASH,
    LABEL_ONE_OFF,
    LABEL_PROJECT,
    LABEL_SERVICE,
    Container,
    Death,
    Image,
    container_of,
)
from rofecare_infra.engine.stacks import StackRequests
from rofecare_infra.engine.volumes import Volumes
from rofecare_infra.errors import EngineError

if TYPE_CHECKING:
    import docker

MINIMUM_VERSION = 25
# The image of containers that are never started.
_NOTHING = "rofecare/lock:1"
_EMPTY_ARCHIVE = 10240


class Engine(Changes, MachineRequests, StackRequests, Volumes):
    """The requests to the engine. Every method raises EngineError if it does not answer."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._api = client.api

    def containers(self, project: str) -> tuple[Container, ...]:
        """All containers of the project, running or not, sorted by name, except those of `compose run`."""
        return self._containers(project, None)

    def containers_of(self, project: str, services: Collection[str]) -> tuple[Container, ...]:
        """The same of these services alone: each container takes a request."""
        return self._containers(project, services)

    def _containers(self, project: str, services: Collection[str] | None) -> tuple[Container, ...]:
        with answers():
            rows = self._api.containers(all=True, filters={"label": f"{LABEL_PROJECT}={project}"})
        # Images that compose built have its project label, and containers inherit it: only containers that compose
        # created have the hash of their configuration.
        mine = [
            row
            for row in rows
            if LABEL_CONFIG_HASH in row["Labels"]
            and row["Labels"].get(LABEL_ONE_OFF) != "True"
            and (services is None or row["Labels"].get(LABEL_SERVICE) in services)
        ]
        ids = [row["Id"] for row in mine]
        found = [container for container in map(self.inspect, ids) if container is not None]
        return tuple(sorted(found, key=lambda container: container.name))

    def inspect(self, container: str) -> Container | None:
        """The container with this id or name; None if it does not exist."""
        with answers():
            inspected = or_none(self._api.inspect_container, container)
        return container_of(inspected) if inspected is not None else None

    def publisher(self, port: int) -> Container | None:
        """The container, of any project, that publishes `port` on this machine."""
        with answers():
            rows = self._api.containers(filters={"publish": str(port)})
        return self.inspect(rows[0]["Id"]) if rows else None

    def image(self, name: str) -> Image | None:
        """The local image of this name; None if there is none."""
        with answers():
            found = or_none(self._api.inspect_image, name)
        if found is None:
            return None
        labels = (found.get("Config") or {}).get("Labels") or {}
        return Image(found["Id"], labels, tuple(found.get("RepoDigests") or ()))

    def tag(self, image: str, name: str) -> None:
        """Add this name to a local image and remove it from any other image. A name with a digest is ignored."""
        if "@" in name or name.startswith("sha256:"):
            return
        repository, colon, tag = name.rpartition(":")
        if not colon or "/" in tag:
            repository, tag = name, "latest"
        with answers():
            self._api.tag(image, repository, tag, force=True)

    def mounted_files(self) -> dict[str, set[str]]:
        """Compose project -> the files and folders of this machine that its containers mount, running or not."""
        with answers():
            rows = self._api.containers(all=True, filters={"label": LABEL_PROJECT})
        found: dict[str, set[str]] = {}
        for row in rows:
            files = {mount["Source"] for mount in row.get("Mounts") or () if mount.get("Type") == "bind"}
            found.setdefault(row["Labels"][LABEL_PROJECT], set()).update(files)
        return found

    def last_death(self, container: str) -> Death | None:
        """The last exit of the container, even if it runs again; None if the engine has no event of one."""
        with answers():
            events = self._api.events(
                since=0,
                until=int(time.time()) + 1,
                decode=True,
                filters={"container": container, "event": ["die", "oom"]},
            )
            seen = [(event["Action"], event["Actor"]["Attributes"]) for event in events]
        codes = [int(attributes.get("exitCode", 0)) for action, attributes in seen if action == "die"]
        return Death(codes[-1], oom_killed=any(action == "oom" for action, _ in seen)) if codes else None

    def log_tail(self, container: str, lines: int) -> tuple[str, ...]:
        """The last log lines of a container."""
        with answers():
            text = or_none(self._api.logs, container, tail=lines) or b""
        return tuple(line for line in text.decode(errors="replace").splitlines() if line.strip())

    def past_log(self, container: str, *, since: float | None, tail: int | None) -> list[tuple[str, str]]:
        """Log lines until now as (time, text). `since` is a Unix time in seconds, `tail` counts lines."""
        with answers():
            text: bytes = or_none(self._api.logs, container, timestamps=True, **_range(since, tail)) or b""
        # Split at line feeds only, as below: the carriage returns of a progress bar belong to its line.
        return [_timed(line) for line in text.removesuffix(b"\n").split(b"\n") if line]

    def follow_log(self, container: str, *, since: float | None, tail: int | None) -> Iterator[tuple[str, str]]:
        """The same, continued live until the container exits or the connection drops."""
        with answers():
            stream = or_none(
                self._api.logs, container, stream=True, follow=True, timestamps=True, **_range(since, tail)
            )
            rest = b""
            for chunk in stream or ():
                *lines, rest = (rest + chunk).split(b"\n")
                yield from map(_timed, lines)
            if rest:
                yield _timed(rest)

    def memory(self, container: str) -> int | None:
        """The memory that a running container uses, in bytes, without the file cache; None if it does not run."""
        with answers():
            stats = or_none(self._api.stats, container, stream=False, one_shot=True) or {}
        usage = stats.get("memory_stats") or {}
        if "usage" not in usage:
            return None
        cache = (usage.get("stats") or {}).get("inactive_file", 0)
        return int(usage["usage"]) - int(cache)

    def has_file(self, container: str, path: str) -> bool:
        """Whether this file is in a container, running or not, or in one of its volumes."""
        with answers():
            found = or_none(self._api.get_archive, container, path)
            if found is None:
                return False
            for _ in found[0]:
                pass  # a stream that is not read to its end keeps its connection
            return True

    def stop(self, container: str) -> None:
        """Stop a container within its grace period; a paused container is resumed first."""
        with answers():
            state = or_none(self._api.inspect_container, container)
            if state is None:
                return
            if state["State"].get("Paused"):
                self._api.unpause(container)
            grace = int((state.get("Config") or {}).get("StopTimeout") or 10)
            # The SDK adds the grace period to its timeout.
            or_none(self._api.stop, container, timeout=grace)

    def remove(self, container: str, *, force: bool = False) -> None:
        """Remove a container that has ended, with its anonymous volumes; named volumes stay. `force` kills it first."""
        with answers():
            or_none(self._api.remove_container, container, v=True, force=force)

    def reserve(self, name: str, labels: Mapping[str, str]) -> bool:
        """Create a container that is never started, for its name and labels; return False if the name is taken."""
        import docker.errors
        import requests

        # Without the proxy variables of this user, which may contain passwords.
        options: dict[str, Any] = {
            "name": name,
            "labels": dict(labels),
            "network_disabled": True,
            "use_config_proxy": False,
        }
        with answers():
            try:
                try:
                    self._api.create_container(_NOTHING, ["-"], **options)
                except docker.errors.NotFound:
                    # An empty archive; nothing is pulled.
                    self._api.import_image_from_data(bytes(_EMPTY_ARCHIVE), *_NOTHING.split(":"))
                    self._api.create_container(_NOTHING, ["-"], **options)
            except docker.errors.APIError as error:
                if error.status_code != requests.codes.conflict:
                    raise
                return False
            return True

    def start(self, container: str) -> None:
        """Start an existing container; the files that it mounts are resolved again."""
        with answers():
            self._api.start(container)


def connect() -> Engine:
    """Connect to the engine.

    Raises EngineError if it does not answer or is too old.
    """
    import docker

    address = context_address(os.environ)
    require_supported(address or os.environ.get("DOCKER_HOST", ""))
    with answers(address):
        client = (
            docker.DockerClient(base_url=address, timeout=ANSWER_TIMEOUT)
            if address
            else docker.from_env(timeout=ANSWER_TIMEOUT)
        )
        if (address or os.environ.get("DOCKER_HOST", "unix:")).startswith("unix:"):
            # A socket has neither a proxy nor a .netrc, which would be looked up for each request.
            client.api.trust_env = False
        version = str(client.version()["Version"])
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < MINIMUM_VERSION:
        raise EngineError(
            "the container engine is too old",
            seen=f"Docker Engine {version}",
            expected=f"Docker Engine {MINIMUM_VERSION} or newer",
            next_step="python3 scripts/bootstrap.py start-all",
        )
    return Engine(client)


def _range(since: float | None, tail: int | None) -> dict[str, Any]:
    begin = {"since": since} if since is not None else {}
    return {**begin, "tail": "all" if tail is None else tail}


def _timed(line: bytes) -> tuple[str, str]:
    moment, _, text = line.decode(errors="replace").rstrip("\r\n").partition(" ")
    return moment, text

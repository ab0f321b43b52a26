"""The compose command of one project, and the subcommands in use."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rofecare_infra.engine import selected_context
from rofecare_infra.errors import EngineError, SettingsError
from rofecare_infra.platform import Platform, Service, parse
from rofecare_infra.process import Result, run, stream

BASE = "docker-compose.yml"
PRODUCTION = "docker-compose.prod.yml"
TLS = "docker-compose.tls.yml"
SMALL = "docker-compose.small.yml"
SWARM = "docker-compose.swarm.yml"
MONITORING = "docker-compose.monitoring.yml"
MONITORING_PRODUCTION = "docker-compose.monitoring.prod.yml"
PACKAGES = "docker-compose.packages.yml"
# The file in which a site adds to the others: the names that compose reads by itself, the usual one first.
OVERRIDES = (
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
    *("compose.override.yml", "compose.override.yaml"),
)
OVERRIDE = OVERRIDES[0]

# File -> the one that replaces its upstream images by images built on this machine.
_PACKAGED = {
    BASE: PACKAGES,
    PRODUCTION: "docker-compose.prod.packages.yml",
    TLS: "docker-compose.tls.packages.yml",
    MONITORING: "docker-compose.monitoring.packages.yml",
    MONITORING_PRODUCTION: "docker-compose.monitoring.prod.packages.yml",
}

BUILD_PROJECT = "rofecare-images"

# Variables with which a user may select files and profiles for compose.
_CHOICES = ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES")

# The message of the docker command for a context that does not exist.
_NO_ADDRESS = "unable to resolve docker endpoint"

_WARNING = re.compile(r'level=warning msg="(?P<text>(?:[^"\\]|\\.)*)"')

# Timeout in seconds for commands that take well under a second.
_QUICK = 60.0


@dataclass(frozen=True)
class Compose:
    """The files of the model, and variables that override `.env`."""

    folder: Path
    files: tuple[str, ...] = (BASE,)
    variables: Mapping[str, str] = field(default_factory=dict)

    def with_files(self, *files: str) -> Compose:
        """The same with further files; the override file of the site stays the last one."""
        return replace(self, files=(*self.files, *files))

    def on_packages(self) -> Compose:
        """The same with images that are built on this machine, where there are files for them."""
        return self.with_files(*(_PACKAGED[name] for name in self.files if self._is_packaged(name)))

    def _is_packaged(self, name: str) -> bool:
        return name in _PACKAGED and (self.folder / _PACKAGED[name]).exists()

    def with_variables(self, variables: Mapping[str, str]) -> Compose:
        """The same with further variables."""
        return replace(self, variables={**self.variables, **variables})

    def argv(self, *words: str) -> list[str]:
        """The whole command line."""
        chosen = [word for name in self._all_files() for word in ("-f", str(self.folder / name))]
        return ["docker", "compose", "--project-directory", str(self.folder), *chosen, *words]

    def _all_files(self) -> tuple[str, ...]:
        return (*self.files, *overrides_in(self.folder)[:1])

    def run(self, *words: str, timeout: float | None = None, check: bool = True) -> Result:
        """Run a subcommand; raises CommandError if it fails and `check` is set."""
        return run(self.argv(*words), env=self.variables, timeout=timeout, check=check)

    def model(self, *, profiles: Sequence[str] = ()) -> Platform:
        """The model as compose resolves it. Raises SettingsError for files that it cannot read.

        Raises EngineError if the docker command cannot resolve the address of the engine, which it does first.
        """
        document, warnings = self._resolved(profiles)
        return replace(parse(document), warnings=warnings)

    def document(self) -> Mapping[str, Any]:
        """The same as compose prints it: what a stack is made from."""
        return self._resolved(())[0]

    def _resolved(self, profiles: Sequence[str]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        flags = [word for profile in profiles for word in ("--profile", profile)]
        result = self.run(*flags, "config", "--format", "json", timeout=_QUICK, check=False)
        if not result.ok and _NO_ADDRESS in result.stderr:
            raise EngineError(
                "the docker command has no address of an engine",
                seen=result.tail(1)[0],
                expected="a docker context that exists, or DOCKER_HOST",
                next_step="docker context ls; then docker context use default, or set DOCKER_HOST",
            )
        if not result.ok:
            raise SettingsError(
                "the compose files cannot be read",
                seen=result.last,
                expected=f"valid compose files: {', '.join(self._all_files())}",
                next_step="docker compose config -q  (in docker/)",
            )
        # Compose prints every dollar sign twice, so that its output can be its input.
        return json.loads(result.stdout.replace("$$", "$")), _warnings(result.stderr)

    def hashes(self, platform: Platform, carried: Collection[str]) -> dict[str, frozenset[str]]:
        """Service -> the hashes of its configuration as compose writes them on containers.

        `carried` are the hashes on the containers that exist: without any there is nothing to compare with.

        A service may have two: compose includes `depends_on` when it starts everything by itself, and leaves it out
        when it starts some services alone, as `up` below does. The first kind is only asked for where a container
        carries a hash that is not of the second.
        """
        if not carried:
            return {}
        dependent, overlay = _independent(platform.services)
        found: dict[str, frozenset[str]] = {}
        if dependent:
            argv = self.argv("-f", "-", "config", "--hash", "*")
            _add(found, run(argv, env=self.variables, stdin=overlay, timeout=_QUICK).stdout)
        if not dependent or not set(carried) <= {one for each in found.values() for one in each}:
            _add(found, self.run("config", "--hash", "*", timeout=_QUICK).stdout)
        return found

    def up(self, services: Sequence[str]) -> Generator[str, None, Result]:
        """Create and start these services alone. Images are there already: nothing is built or pulled here."""
        flags = ("--progress", "plain", "up", "--detach", "--no-deps", "--no-build", "--pull", "never")
        return stream(self.argv(*flags, *services), env=self.variables, check=False)

    def create(self, services: Sequence[Service]) -> Generator[str, None, Result]:
        """Create the containers of these services that have none, and start nothing.

        They are as `up` creates those of a stage, whose services do not depend on each other.
        """
        _, overlay = _independent(services)
        flags = (
            "--progress",
            "plain",
            "up",
            "--no-start",
            "--no-recreate",
            "--no-deps",
            "--no-build",
            "--pull",
            "never",
        )
        argv = self.argv("-f", "-", *flags, *(service.name for service in services))
        return stream(argv, env=self.variables, stdin=overlay, check=False)

    def build(
        self,
        images: Mapping[str, str],
        *,
        profiles: Sequence[str] = (),
        arguments: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Generator[str, None, Result]:
        """Build these images (service -> name of its image), with further build arguments for some services.

        The project name is fixed because compose writes it into the images that it builds: the same inputs give the
        same image, whatever the platform that uses it is called.
        """
        flags = [word for profile in profiles for word in ("--profile", profile)]
        overlay: dict[str, dict[str, object]] = {service: {"image": image} for service, image in images.items()}
        for service, values in (arguments or {}).items():
            overlay[service]["build"] = {"args": values}
        argv = self.argv("--project-name", BUILD_PROJECT, "-f", "-", *flags, "--progress", "plain", "build", *images)
        # Compose interpolates variables in this file as in any other.
        text = json.dumps({"services": overlay}).replace("$", "$$")
        # The builder of the engine, which is named after the context, has the images that others are built from. A
        # builder in a container, if one is the default, would ask a registry for them.
        env = {**self.variables, "BUILDX_BUILDER": selected_context(os.environ)}
        return stream(argv, env=env, stdin=text, check=False)

    def down(self, project: str) -> Result:
        """Remove the project's containers and networks, whatever files they came from; they are stopped already."""
        argv = ["docker", "compose", "--project-name", project, "--progress", "plain", "down", "--remove-orphans"]
        # Outside the folder of our files: compose then goes by the labels of what is there, unless the caller's
        # environment names files.
        return run(argv, cwd=Path("/"), without=_CHOICES, timeout=600.0)


def _independent(services: Sequence[Service]) -> tuple[list[str], str]:
    """The services with dependencies, and a compose file that removes these."""
    names = [service.name for service in services if service.depends_on]
    lines = ["services:" if names else "services: {}", *(f"  {name}: {{depends_on: !reset {{}}}}" for name in names)]
    return names, "\n".join(lines)


def overrides_in(folder: Path) -> tuple[str, ...]:
    """The override files in the folder, of which compose reads one."""
    return tuple(name for name in OVERRIDES if (folder / name).exists())


def _warnings(printed: str) -> tuple[str, ...]:
    """The warnings that compose printed, once each."""
    found = [match["text"] for match in _WARNING.finditer(printed)]
    return tuple(dict.fromkeys(text.replace('\\"', '"') for text in found))


def _add(found: dict[str, frozenset[str]], printed: str) -> None:
    for name, _, value in (line.partition(" ") for line in printed.splitlines()):
        found[name] = found.get(name, frozenset()) | {value}

"""Faults that are planted in small models of a few services of the platform, and what the product says of them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.project import REPOSITORY, Project, small_network

Json = dict[str, Any]

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
_LINES = 400
# Downloaded once.
_LIBRARIES = Path(tempfile.gettempdir()) / "rofecare-planted-libraries"
# Marks the lines of a record that are not of the log.
_SEEN = "# seen: "
_MODEL = ("docker-compose.yml", "docker-compose.packages.yml")
_CONFIG_SERVER = "rofecare-config-server"
_REGISTRY = "rofecare-discovery-server"
# What an application gets where the small model has no such server.
_ALONE: Mapping[str, Mapping[str, str]] = {
    _CONFIG_SERVER: {
        "SPRING_CONFIG_IMPORT": "optional:configtree:/run/secrets/",
        "SPRING_CLOUD_CONFIG_ENABLED": "false",
    },
    _REGISTRY: {"EUREKA_CLIENT_ENABLED": "false"},
}
_HEALTH = {
    "interval": "5s",
    "timeout": "5s",
    "retries": 30,
    "start_period": "60s",
    "start_interval": "500ms",
    "test": ["CMD", "false"],
}


@dataclass(frozen=True)
class Fault:
    """A fault of a service: what is different, and part of what the diagnosis says."""

    name: str
    service: str
    cause: str
    # The services of the platform that run beside it.
    needs: tuple[str, ...] = ()
    image: str = ""
    script: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    # Merged into the compose model: of the service, and of the whole file.
    model: Mapping[str, Any] = field(default_factory=dict)
    top: Mapping[str, Any] = field(default_factory=dict)
    # Path in the folder of the compose file -> content; what is in bin/ is executable.
    files: Mapping[str, str] = field(default_factory=dict)
    # Coordinates of Maven: their archives are in the folder `libraries` beside the compose file.
    libraries: tuple[str, ...] = ()
    # A UDP port of this machine that another program uses.
    holds: int = 0
    # Seconds until a service that does not end counts as not ready.
    patience: int = 120
    # Whether another attempt may succeed: then it is named after the second crash.
    passes: bool = False

    @property
    def log(self) -> list[str]:
        """The recorded log of the container."""
        return [line for line in self._lines if not line.startswith(_SEEN)]

    @property
    def reported(self) -> list[str]:
        """What the engine reported: an error, or how the container ended."""
        return [line.removeprefix(_SEEN) for line in self._lines if line.startswith(_SEEN)]

    @property
    def _lines(self) -> list[str]:
        return (RECORDED / f"{self.name}.log").read_text(encoding="utf-8").splitlines()


@dataclass(frozen=True)
class Outcome:
    """What the product says of a fault that was provoked."""

    # Of the start, and of `inv why`: the first line of the error.
    start: str
    why: str
    output: str
    is_up: bool
    # Whether the engine has created a container of the service; without one nothing can be asked about it later.
    is_there: bool
    # Seconds from a crash of the container to the first line: the first crash, or the last one of a fault that may
    # pass. None where nothing crashed.
    late: float | None

    def names(self, fault: Fault) -> bool:
        """Whether the first lines name the service and the cause."""
        lines = (self.start, self.why) if self.is_there else (self.start,)
        return not self.is_up and all(fault.service in line and fault.cause in line for line in lines)


def faults() -> list[Fault]:
    """All faults of the table."""
    table = tomllib.loads((RECORDED / "faults.toml").read_text(encoding="utf-8"))
    lists = ("needs", "libraries")
    return [
        Fault(name, **fields | {key: tuple(fields[key]) for key in lists if key in fields})
        for name, fields in table.items()
    ]


def images(table: Iterable[Fault]) -> set[str]:
    """The images of the platform that these faults need."""
    services = _whole_model()["services"]
    names = {name for fault in table for name in (fault.service, *fault.needs) if name in services}
    return {services[name]["image"] for name in names} | {fault.image for fault in table if fault.image}


@contextmanager
def planted(fault: Fault, folder: Path) -> Iterator[Project]:
    """A project with the fault, not started."""
    model = _small_model(fault)
    project = Project(folder / fault.name, model.pop("services"), **model)
    project.environment |= {
        "GATE_TIMEOUT": str(fault.patience),
        "SECRETS_DIR": str(project.root / "secrets"),
        "IMAGES": "packages",
        "SERVICES": "reference",
    }
    for path, content in fault.files.items():
        (project.root / "docker" / path).parent.mkdir(parents=True, exist_ok=True)
        (project.root / "docker" / path).write_text(content, encoding="utf-8")
        (project.root / "docker" / path).chmod(0o755 if path.startswith("bin/") else 0o644)
    for library in fault.libraries:
        _copy(library, project.root / "docker" / "libraries")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        if fault.holds:
            holder.bind(("127.0.0.1", fault.holds))
        try:
            yield project
        finally:
            project.clean()


def outcome_of(fault: Fault, project: Project) -> Outcome:
    """Start the project; return what the product says, and how soon."""
    deaths: list[float] = []
    stop = threading.Event()
    watch = threading.Thread(target=_watch, args=(project.name, fault.service, deaths, stop), daemon=True)
    watch.start()
    lines: list[str] = []
    named = 0.0
    with project.popen("start-all") as process:
        for line in process.stdout or ():
            lines.append(line.rstrip("\n"))
            if not named and line.startswith("error: "):
                named = time.time()
    # Meanwhile the events of the engine arrive that are on their way.
    _, why = project.inv("why")
    stop.set()
    watch.join()
    before = [death for death in deaths if death < named]
    crash = max(before, default=0.0) if fault.passes else min(before, default=0.0)
    return Outcome(
        start=_first(lines),
        why=_first(why.splitlines()),
        output="\n".join(lines),
        is_up=process.returncode == 0 or any(line.startswith("up: ") for line in lines),
        is_there=_run("docker", "inspect", f"{project.name}-{fault.service}-1").returncode == 0,
        late=named - crash if crash else None,
    )


def recorded(fault: Fault, project: Project, outcome: Outcome) -> list[str]:
    """What the product has seen of the engine, and what the container has logged."""
    marks = ("  seen:     ", "  Error response from daemon: ")
    seen = [line.removeprefix("  seen:").strip() for line in outcome.output.splitlines() if line.startswith(marks)]
    logged = _run("docker", "logs", "--tail", str(_LINES), f"{project.name}-{fault.service}-1")
    # The folder of the project is another one each time.
    lines = [f"{_SEEN}{line}" for line in dict.fromkeys(seen)] + (
        logged.stdout.splitlines() if not logged.returncode else []
    )
    return [line.replace(str(project.root), "/site").replace(project.name, "rofecare") for line in lines]


def _small_model(fault: Fault) -> Json:
    whole = _whole_model()
    there = {fault.service, *fault.needs}
    services = {}
    for name in there & {*whole["services"]}:
        one: Json = json.loads(json.dumps(whole["services"][name]))
        for key in ("build", "ports", "networks"):
            one.pop(key, None)
        one["depends_on"] = {need: how for need, how in one.get("depends_on", {}).items() if need in there}
        for server, settings in _ALONE.items():
            if server not in there and server in whole["services"][name].get("depends_on", {}):
                one["environment"] |= settings
        services[name] = one
    if fault.image or fault.service not in services:
        label = {"com.rofecare.phase": "infrastructure"}
        services[fault.service] = {"image": fault.image, "labels": label, "healthcheck": {**_HEALTH}, "init": True}
    changed = services[fault.service]
    escaped = {key: value.replace("$", "$$") for key, value in fault.environment.items()}
    changed.setdefault("environment", {}).update(escaped)
    if fault.script:
        changed |= {"entrypoint": ["bash", "-c", fault.script.replace("$", "$$")], "command": []}
    model = {
        "networks": {"default": small_network()},
        **{kind: _used(whole, services, kind) for kind in ("configs", "secrets", "volumes")},
        "services": services,
    }
    _merge(changed, fault.model)
    _merge(model, fault.top)
    return model


def _used(whole: Json, services: Mapping[str, Json], kind: str) -> Json:
    names = {
        one["source"] for each in services.values() for one in each.get(kind, ()) if one.get("type", kind) != "bind"
    }
    used = {name: {**one} for name, one in whole[kind].items() if name in names}
    for name, one in used.items():
        # Named after the project, as without a name.
        one.pop("name", None)
        if kind == "secrets":
            one["file"] = f"${{SECRETS_DIR}}/{name}"
    return used


def _merge(into: Json, more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif isinstance(value, list) and isinstance(into.get(key), list) and key not in ("command", "entrypoint"):
            into[key] = [*into[key], *value]
        else:
            into[key] = value


@cache
def _whole_model() -> Json:
    files = [word for name in _MODEL for word in ("-f", name)]
    done = subprocess.run(
        ["docker", "compose", *files, "config", "--format", "json"],
        cwd=REPOSITORY / "docker",
        env={**os.environ, "COMPOSE_PROJECT_NAME": "planted"},
        capture_output=True,
        text=True,
        check=True,
    )
    model: Json = json.loads(done.stdout)
    return model


def _copy(library: str, folder: Path) -> None:
    """Copy an archive of Maven's central repository into the folder."""
    kept = _LIBRARIES / "-".join(library.split(":")[1:])
    if not any(kept.glob("*.jar")):
        kept.mkdir(parents=True, exist_ok=True)
        tools, bundle = REPOSITORY / "docker/images/maven", Path("/etc/ssl/certs/ca-certificates.crt")
        mounts = [f"{tools}:/opt/maven-tools:ro", f"{kept}:/jars"]
        if bundle.exists():
            mounts.append(f"{bundle}:/run/secrets/ca-bundle:ro")
        volumes = [word for mount in mounts for word in ("--volume", mount)]
        maven = ("bash", "/opt/maven-tools/mvn-trusted", "--batch-mode", "--quiet", "dependency:copy")
        done = _run(
            *("docker", "run", "--rm", *volumes, "rofecare/maven:21", *maven),
            *(f"-Dartifact={library}", "-DoutputDirectory=/jars"),
        )
        assert not done.returncode, done.stdout
    folder.mkdir(exist_ok=True)
    for jar in kept.glob("*.jar"):
        shutil.copy(jar, folder)


def _first(lines: list[str]) -> str:
    return next((line for line in lines if line.startswith("error: ")), "")


def _watch(project: str, service: str, deaths: list[float], stop: threading.Event) -> None:
    """Note when the service's container ends, until `stop` is set."""
    labels = (f"com.docker.compose.project={project}", f"com.docker.compose.service={service}")
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    argv = ["docker", "events", "--filter", "event=die", *filters, "--format", "{{.TimeNano}}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as events:
        threading.Thread(target=_end, args=(events, stop), daemon=True).start()
        deaths.extend(int(line) / 1e9 for line in events.stdout or ())


def _end(process: subprocess.Popen[str], when: threading.Event) -> None:
    when.wait()
    process.terminate()


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def main(words: list[str]) -> None:
    """Provoke the faults whose names begin so (default: all), and print the first lines; --record writes the logs."""
    wanted = [word for word in words if not word.startswith("-")]
    for fault in faults():
        if wanted and not any(fault.name.startswith(word) for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder, planted(fault, Path(folder)) as project:
            outcome = outcome_of(fault, project)
            if "--record" in words:
                log = recorded(fault, project, outcome)
                (RECORDED / f"{fault.name}.log").write_text("\n".join(log) + "\n", encoding="utf-8")
            late = "no crash" if outcome.late is None else f"{outcome.late:.1f} s"
            moment = datetime.now().astimezone().strftime("%H:%M:%S")
            verdict = "up" if outcome.is_up else "right" if outcome.names(fault) else "wrong"
            sys.stdout.write(f"{moment} {verdict} {fault.name} ({late})\n  {outcome.start}\n  {outcome.why}\n")
            if verdict != "right" and "--output" in words:
                sys.stdout.write(outcome.output + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Collects the parts of the archive; one that cannot be read is replaced by the reason, and the others are there."""

from __future__ import annotations

import json
import os
import platform as host
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from rofecare_infra import backup, doctor, history, lifecycle
from rofecare_infra.engine import connect
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.process import run
from rofecare_infra.progress import SCHEMA
from rofecare_infra.project import Project, load_home, open_project
from rofecare_infra.settings import Settings
from rofecare_infra.support.masking import Masks
from rofecare_infra.support.reduced import classes, reduced

# All logs together, before compression, in bytes: an archive stays below 5 MB.
_LOGS = 4_000_000
_LINES = 3000
_QUICK = 10.0
# Settings whose value identifies no one and opens nothing.
_SHOWN = re.compile(
    r"\w+_PORT|REPLICAS_\w+|(?:BACKUP_KEEP|LOGS|TRACES)_\w+|GATE_TIMEOUT|IMAGES|SERVICES|SERVICES_TAG|SIZE|TLS_ISSUER"
    r"|COMPOSE_PROJECT_NAME|GATEWAY_ADDRESS|\w+_IMAGE|\w*JAVA_OPTIONS"
)
# What a verdict and a health check say, without what programs print.
_STATE = re.compile(
    r"exited with code \d+|crash loop: restarted \d+ times|out of memory|killed by SIGKILL|no health check"
    r"|not completed yet|created, not started yet|the container does not exist|paused|unhealthy|starting"
    r"|HTTP/1\.[01] \d{3}|last (?:reason )?exit code \d+|it answers \d+"
)
_LIKE_A_SECRET = re.compile(r"WEBHOOK|USERNAME|TOKEN|PASSWORD")
_SETTING = re.compile(r"^(?:\S+ line \d+|the environment|its default)[^:]*: (?P<name>[A-Z][A-Z0-9_]+)\b")


@dataclass(frozen=True)
class Extent:
    """What the archive contains."""

    # The texts of log lines and messages, which may name patients.
    with_logs: bool = False


def collect(root: Path, extent: Extent) -> tuple[str, dict[str, str], Masks]:
    """The name of the project, the files of the archive with their texts, and the secrets that must not be in it."""
    settings, _ = load_home(root, connect)
    parts: dict[str, Callable[[], str]] = {
        "about.txt": _about,
        "settings.txt": lambda: _settings(settings),
        "doctor.txt": lambda: _doctor(root, extent),
        "timeline.json": lambda: _timeline(settings, extent),
    }
    try:
        project = open_project(root, secrets_checked=False)
        containers = project.engine.containers(project.platform.project)
    except RofecareError as error:
        parts["platform.txt"] = partial(_error, error, extent)
    else:
        parts |= {
            "model.json": lambda: _model(project),
            "containers.json": lambda: _containers(project, extent),
            "verdict.txt": lambda: _verdict(project, extent),
            "backups.txt": lambda: _backups(project),
        }
        share = _LOGS // max(len(containers), 1)
        parts |= {f"logs/{one.name}.log": partial(_log, project, one.id, share, extent) for one in containers}
    contents = {name: _read(part, extent) for name, part in parts.items()}
    secrets, unreadable = _secrets(settings)
    if unreadable:
        contents["about.txt"] += f"secrets that this user cannot read are masked by their form: {unreadable}\n"
    return settings.project, contents, Masks(secrets)


def _read(part: Callable[[], str], extent: Extent) -> str:
    try:
        return part()
    except RofecareError as error:
        return _error(error, extent)


def _error(error: RofecareError, extent: Extent) -> str:
    if extent.with_logs:
        return "\n".join([f"error: {error.what}", error.seen, *error.details, ""])
    return f"error: {type(error).__name__} (exit code {error.exit_code})\n"


def _about() -> str:
    docker = run(["docker", "version"], timeout=_QUICK, check=False)
    compose = run(["docker", "compose", "version"], timeout=_QUICK, check=False)
    return "\n".join(
        [
            f"rofecare-infra {version('rofecare-infra')}",
            f"Python {host.python_version()}, {host.system()} {host.release()} {host.machine()}",
            f"{os.cpu_count()} processors",
            docker.stdout.strip() or "no docker version",
            compose.stdout.strip() or "no docker compose",
            "",
        ]
    )


def _settings(settings: Settings) -> str:
    lines = [
        f"{name}={one.value if _SHOWN.fullmatch(name) else ('(set)' if one.value else '')}  # {one.where}"
        for name, one in sorted(settings.values.items())
    ]
    return "\n".join([*lines, ""])


def _doctor(root: Path, extent: Extent) -> str:
    return "".join(f"{_finding(one, extent)}\n" for one in doctor.examine(root))


def _finding(one: doctor.Finding, extent: Extent) -> str:
    if extent.with_logs or one.point != "settings" or one.level is doctor.Level.OK:
        return one.line
    # The value of a setting may be a secret.
    named = _SETTING.match(one.seen)
    return f"{one.level:<8} {one.point:<9}  {named[0] if named else 'see inv doctor'}"


def _timeline(settings: Settings, extent: Extent) -> str:
    found = history.read(history.folder_of(settings))
    record = history.newest(found, settings.project)
    timeline = history.Timeline.of(record)
    if not extent.with_logs and timeline.cause:
        timeline = replace(timeline, cause="see inv support --with-logs")
    return json.dumps({"schema": SCHEMA, **asdict(timeline)}, indent=1)


def _model(project: Project) -> str:
    services = {
        one.name: {
            "phase": one.phase,
            "image": one.image,
            "needs": one.depends_on,
            "replicas": one.replicas,
            "ports": [asdict(port) for port in one.ports],
            "networks": one.networks,
            "volumes": one.volumes,
            "memory": one.memory,
            "cpus": one.cpus,
            # Values may be addresses and secrets of the site.
            "environment": sorted(one.environment),
        }
        for one in project.platform.services
    }
    found = {"project": project.platform.project, "production": project.production, "services": services}
    return json.dumps(found, indent=1)


def _containers(project: Project, extent: Extent) -> str:
    rows = []
    for one in project.engine.containers(project.platform.project):
        probe = one.probe if extent.with_logs else ", ".join(_STATE.findall(one.probe))
        rows.append(
            {
                "name": one.name,
                "status": one.status,
                "health": one.health,
                "probe": probe,
                "exit_code": one.exit_code,
                "out_of_memory": one.oom_killed,
                "restarts": one.restarts,
                "created": one.created_at,
                "started": one.started_at,
                "finished": one.finished_at,
                "image": one.image,
                "image_id": one.image_id,
                "cpus": one.cpus,
            }
        )
    return json.dumps(rows, indent=1)


def _verdict(project: Project, extent: Extent) -> str:
    error = lifecycle.current_failure(project.platform, project.engine)
    if error is None:
        return "every service that was started is ready\n"
    return _verdict_of(error, project, extent)


def _verdict_of(error: ServiceFailedError, project: Project, extent: Extent) -> str:
    if extent.with_logs:
        return "\n".join([error.what, error.seen, error.next_step, *error.details, ""])
    named = [name for name in project.platform.needs if name in error.what.partition(":")[0].split()]
    waiting = [
        name for line in error.details for name in project.platform.needs if line.startswith("waiting") and name in line
    ]
    return "\n".join(
        [
            f"first cause in: {', '.join(named) or 'the platform'}",
            f"state: {', '.join(_STATE.findall(error.seen)) or 'see containers.json'}",
            f"waiting for it: {', '.join(waiting) or 'none'}",
            f"exceptions: {', '.join(classes(error.what)) or 'none'}",
            "",
        ]
    )


def _backups(project: Project) -> str:
    entries = backup.store_of(project).entries()
    lines = [
        f"{one.id} {'damaged' if one.damage else 'complete'}, verified: {one.verified or 'never'}"
        f"{', of another platform' if one.foreign else ''}"
        for one in entries
    ]
    return "\n".join([*lines, ""]) if lines else "none\n"


def _log(project: Project, container: str, size: int, extent: Extent) -> str:
    lines = project.engine.past_log(container, since=None, tail=_LINES)
    texts = [f"{moment} {text}" for moment, text in lines] if extent.with_logs else [*reduced(lines)]
    return "".join(f"{line}\n" for line in _newest(texts, size))


def _newest(lines: list[str], size: int) -> Iterator[str]:
    """The last lines that take `size` bytes at most."""
    kept: list[str] = []
    for line in reversed(lines):
        size -= len(line.encode()) + 1
        if size < 0:
            kept.append("... earlier lines are left out")
            break
        kept.append(line)
    return reversed(kept)


def _secrets(settings: Settings) -> tuple[list[str], str]:
    """The contents of all files that hold secrets, and which of them cannot be read."""
    named = [settings.backup_key_file, settings.path_of("TLS_KEY_FILE"), settings.state_folder / "backup.key"]
    folder = settings.secrets_folder
    files = [*(folder.rglob("*") if os.access(folder, os.R_OK | os.X_OK) else ()), *(one for one in named if one)]
    found, unreadable = [], [] if os.access(folder, os.R_OK | os.X_OK) or not folder.exists() else [folder.name]
    for path in files:
        try:
            if path.is_file():
                found.append(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            unreadable.append(path.name)
    named_so = [one.value for name, one in settings.values.items() if _LIKE_A_SECRET.search(name)]
    return [*found, *named_so], ", ".join(unreadable)

"""The text of the systemd unit. Paths and names are escaped for systemd."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra.hosting.inherited import Inherited
from rofecare_infra.platform import Platform
from rofecare_infra.project import release
from rofecare_infra.settings import Settings

# Only a unit with this line is replaced or removed.
MARK = "# Written by `inv install-service`; changed here it would be overwritten by the next one."
# For everything except waiting for a stage and for a container to stop, in seconds.
_BESIDES = 120

_TEMPLATE = """\
{mark}
[Unit]
Description=Rofecare platform ({project})
Requires=docker.service
After=docker.service network-online.target
Wants=network-online.target
RequiresMountsFor={mounts}

[Service]
# After a power cut the engine restarts the containers by itself: the start then waits until all are ready.
Type=oneshot
RemainAfterExit=yes
User={user}
WorkingDirectory={folder}
{environment}# Through env: systemd allows quotation marks in the arguments of a program, but not in its name.
ExecStart=/usr/bin/env {inv} start-all{flags}
ExecStop=/usr/bin/env {inv} stop-all
# {stages} stages, each with GATE_TIMEOUT; all grace periods, one stage after another.
TimeoutStartSec={start_limit}
TimeoutStopSec={stop_limit}
# Asked to stop, the command stops its own children.
KillMode=mixed

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Unit:
    """A unit file: its name and its text."""

    name: str
    text: str
    # What only root may read: the text of the file in `environment_file`; empty for none.
    secrets: str = field(default="", repr=False)


def unit_of(settings: Settings, platform: Platform, given: Inherited, *, user: str, production: bool) -> Unit:
    """The unit that runs the commands of the current release, or of this checkout in development, as `user`."""
    name = f"{platform.project}.service"
    stages = platform.stages()
    graces = [max((service.stop_grace for service in stage.services), default=0.0) for stage in stages]
    text = _TEMPLATE.format(
        mark=MARK,
        project=specifiers(platform.project),
        mounts=quoted(str(home_of(settings))),
        user=specifiers(user),
        # The only value without quotes: the whole line is the path.
        folder=specifiers(str(home_of(settings))),
        environment=environment_lines(given, unit_folder() / name),
        inv=command_word(str(launcher_of(settings))),
        # A release is always production.
        flags=" --prod" if production and not settings.is_release else "",
        stages=len(stages),
        start_limit=math.ceil(len(stages) * settings.gate_timeout + _BESIDES),
        stop_limit=math.ceil(sum(graces) + _BESIDES),
    )
    return Unit(name, text, given.environment_file())


def environment_lines(given: Inherited, unit: Path) -> str:
    """The lines of a unit that set the variables; the secret ones are in a file of their own."""
    lines = [f"Environment={quoted(f'{name}={value}')}\n" for name, value in sorted(given.plain.items())]
    return "".join([*lines, f"EnvironmentFile={specifiers(str(environment_file(unit)))}\n"] if given.secret else lines)


def environment_file(unit: Path) -> Path:
    """The file with the secret variables of a unit, beside it."""
    return unit.with_suffix(".env")


def home_of(settings: Settings) -> Path:
    """The folder that the commands need: the state folder in production, whose releases change, else the checkout."""
    return settings.state_folder if settings.is_release else settings.root


def launcher_of(settings: Settings) -> Path:
    """The program that runs the commands: of the current release in production, else of the checkout."""
    return release.launcher(settings.state_folder) if settings.is_release else settings.root / ".venv/bin/inv"


def quoted(word: str) -> str:
    """Quote a word for a list: blanks, quotes, backslashes and percent signs are literal."""
    escaped = specifiers(word).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def command_word(word: str) -> str:
    """Quote a word for a command line, where systemd also expands dollar signs."""
    return quoted(word).replace("$", "$$")


def unit_folder() -> Path:
    """The folder of the administrator's units."""
    return Path("/etc/systemd/system")


def specifiers(text: str) -> str:
    """Escape percent signs, which systemd expands."""
    return text.replace("%", "%%")

"""The text of the systemd unit. Words of the machine (paths, names) are written as systemd reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.platform import Platform
from rofecare_infra.settings import Settings

# By this line a unit is known to be ours to replace and to remove.
MARK = "# Written by `inv install-service`; changed here it would be overwritten by the next one."
# For all that is neither waiting for a stage nor for a container to stop, in seconds.
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
# After a power cut the engine has brought the containers back by itself: the start then waits until all are ready.
Type=oneshot
RemainAfterExit=yes
User={user}
WorkingDirectory={folder}
{environment}# By way of env: systemd takes no quotation mark in the name of a program, but does in its arguments.
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
    """A unit file: its name and what it says."""

    name: str
    text: str


def unit_of(settings: Settings, platform: Platform, *, user: str, production: bool) -> Unit:
    """The unit that runs this checkout's own commands as `user`."""
    stages = platform.stages()
    graces = [max((service.stop_grace for service in stage.services), default=0.0) for stage in stages]
    # The unit does not see the environment of whoever installs it: what counts in it is written down.
    given = {name: one.value for name, one in settings.values.items() if one.where == "the environment"}
    text = _TEMPLATE.format(
        mark=MARK,
        project=specifiers(platform.project),
        mounts=quoted(str(settings.root)),
        user=specifiers(user),
        # The one value that takes no quotes: all of the line is the path.
        folder=specifiers(str(settings.root)),
        environment="".join(f"Environment={quoted(f'{name}={value}')}\n" for name, value in sorted(given.items())),
        inv=command_word(str(settings.root / ".venv/bin/inv")),
        flags=" --prod" if production else "",
        stages=len(stages),
        start_limit=math.ceil(len(stages) * settings.gate_timeout + _BESIDES),
        stop_limit=math.ceil(sum(graces) + _BESIDES),
    )
    return Unit(f"{platform.project}.service", text)


def quoted(word: str) -> str:
    """A word as systemd reads it in a list: blanks, quotes, backslashes and percent signs keep their meaning."""
    escaped = specifiers(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def command_word(word: str) -> str:
    """The same in a command line, where a dollar sign, too, would begin something."""
    return quoted(word).replace("$", "$$")


def unit_folder() -> Path:
    """Where the administrator's units are."""
    return Path("/etc/systemd/system")


def specifiers(text: str) -> str:
    """A text in which percent signs keep their meaning."""
    return text.replace("%", "%%")

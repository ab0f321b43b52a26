"""What a unit or a cron file repeats of the environment of the command that writes it, and what nothing else has.

systemd and cron start commands with an environment of their own, in which a setting from the environment would be lost.
Settings that are the same in a file are left out, so that a later change of the file has an effect.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rofecare_infra.errors import SettingsError
from rofecare_infra.settings import ENVIRONMENT, Settings, load, place

# Variables that select the engine, for the docker command and for this program.
_ENGINE = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY")
_ENGINE_FOLDERS = ("DOCKER_CONFIG", "DOCKER_CERT_PATH")
_PATHS = (
    *("BACKUP_DIR", "BACKUP_KEY_FILE", "CA_BUNDLE", "CONTAINER_LOGS", "SECRETS_DIR", "STATE_DIR"),
    *("TLS_CERTIFICATE_FILE", "TLS_KEY_FILE", "WORKSPACE"),
)
# An address with a password, or with words that only its receiver should know.
_SECRET_NAME = re.compile(r"PASSWORD|SECRET(?!S_DIR)|TOKEN|KEY(?!_FILE)|WEBHOOK|HEARTBEAT")
_SECRET_VALUE = re.compile(r"://[^/]*:[^/]*@|://.*\?")


@dataclass(frozen=True)
class Inherited:
    """Names and values; those that are secret are kept apart, because every user can read the settings of a unit."""

    plain: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """For people, without the secret values; empty if there are none at all."""
        shown = {**self.plain, **dict.fromkeys(self.secret, "***")}
        words = ", ".join(f"{name}={value}" for name, value in sorted(shown.items()))
        return f"with {words}, from the environment" if words else ""

    def environment_file(self) -> str:
        """The secret values as systemd reads them from a file; empty if there are none."""
        lines = {name: re.sub(r'([\\"`$])', r"\\\1", value) for name, value in sorted(self.secret.items())}
        return "".join(f'{name}="{value}"\n' for name, value in lines.items())

    def cron_lines(self, *, shown: bool = False) -> str:
        """The assignments of a cron file, without secret values if `shown`.

        Raises SettingsError for a value that cannot be written there.
        """
        values = {**self.plain, **(dict.fromkeys(self.secret, "***") if shown else self.secret)}
        return "".join(f"{name}={_in_cron(name, value)}\n" for name, value in sorted(values.items()))


def inherited(settings: Settings, environ: Mapping[str, str] | None = None) -> Inherited:
    """The settings that differ from the files, with absolute paths, and the variables that select the engine."""
    variables = os.environ if environ is None else environ
    files, _ = load(settings.root, {})
    found = {
        name: _absolute(settings, name, one.value)
        for name, one in settings.values.items()
        if one.where == ENVIRONMENT and one.value != files.get(name)
    }
    found |= {name: variables[name] for name in _ENGINE if variables.get(name)}
    found |= {name: os.path.abspath(variables[name]) for name in _ENGINE_FOLDERS if variables.get(name)}  # noqa: PTH100
    secret = {name for name, value in found.items() if _SECRET_NAME.search(name) or _SECRET_VALUE.search(value)}
    return Inherited(
        {name: value for name, value in found.items() if name not in secret},
        {name: value for name, value in found.items() if name in secret},
    )


def _absolute(settings: Settings, name: str, value: str) -> str:
    """The value with a path that is the same for another user, in another folder, and in a later release."""
    if not value or value.startswith("/"):
        return value
    if name == "BACKUP_COPY_TO":
        folder = place(value).folder
        return value if folder is None else str(folder)
    return str(settings.path_of(name)) if name in _PATHS else value


def _in_cron(name: str, value: str) -> str:
    # cron knows both kinds of quotes, and no way to escape one.
    quote = next((one for one in "\"'" if one not in value), "")
    if not quote or "\n" in value:
        raise SettingsError(
            f"{name} cannot be written into a cron file",
            seen="a value with both kinds of quotation marks, or with several lines, from the environment",
            expected="a value that cron can read",
            next_step=f"write {name} into the settings file, and run the same command without it in the environment",
        )
    return f"{quote}{value}{quote}"

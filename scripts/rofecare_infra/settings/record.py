"""The settings as one frozen record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.settings.dotenv_file import Assignment

# Where distributions keep the certificates that a machine trusts.
_CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True)
class Settings:
    """Every setting with its effective value: the environment's, else .env's, else the compose files' default."""

    root: Path
    values: Mapping[str, Assignment]

    def get(self, name: str, default: str = "") -> str:
        """The value of a setting; `default` when it is unset or empty."""
        assignment = self.values.get(name)
        return assignment.value if assignment is not None and assignment.value else default

    @property
    def docker_folder(self) -> Path:
        """The folder of the compose files; relative paths of settings start there, as they do for compose."""
        return self.root / "docker"

    @property
    def state_folder(self) -> Path:
        """What this machine remembers: what was built from what, reports of bugs."""
        return self.root / ".rofecare"

    @property
    def project(self) -> str:
        """The name of the compose project."""
        return self.get("COMPOSE_PROJECT_NAME", "rofecare")

    @property
    def images(self) -> str:
        """Where infrastructure images come from: auto, registry or packages."""
        return self.get("IMAGES", "auto")

    @property
    def services(self) -> str:
        """Where applications come from: auto, source, registry or reference."""
        return self.get("SERVICES", "auto")

    @property
    def image_prefix(self) -> str:
        """What stands in front of upstream image names: empty, or ends with a slash."""
        prefix = self.get("IMAGE_PREFIX")
        return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"

    @property
    def tls_host(self) -> str:
        """The name under which production is reached by TLS; empty: no TLS is spoken here."""
        return self.get("TLS_HOST")

    @property
    def tls_issuer(self) -> str:
        """Whose certificates the front shows: internal, files or automatic."""
        return self.get("TLS_ISSUER", "internal")

    @property
    def is_small(self) -> bool:
        """Whether production is to make do with a small server."""
        return self.get("SIZE", "standard") == "small"

    @property
    def gate_timeout(self) -> float:
        """How long a stage may take to become ready, in seconds."""
        return float(self.get("GATE_TIMEOUT", "300"))

    @property
    def secrets_folder(self) -> Path:
        """The folder of the generated secrets."""
        return self._path(self.get("SECRETS_DIR", "./secrets"))

    @property
    def backup_folder(self) -> Path:
        """The folder of the backups of all projects."""
        return self._path(self.get("BACKUP_DIR", "../backups"))

    @property
    def backup_key_file(self) -> Path | None:
        """The key of the secrets in backups; None where they are left out."""
        chosen = self.get("BACKUP_KEY_FILE")
        return self._path(chosen) if chosen else None

    @property
    def backup_keep_days(self) -> int:
        """How long backups are kept, in days."""
        return int(self.get("BACKUP_KEEP_DAYS", "30"))

    @property
    def backup_copy_to(self) -> str:
        """The second place of backups, a folder or what rsync takes; empty for none."""
        return self.get("BACKUP_COPY_TO")

    @property
    def workspace(self) -> Path:
        """The folder that holds the checkouts of the applications."""
        return (self.docker_folder / self.get("WORKSPACE", "../..")).resolve()

    @property
    def ca_bundle(self) -> Path | None:
        """The certificates that builds shall trust; None when this machine has none to lend."""
        chosen = self.get("CA_BUNDLE")
        if chosen:
            return self._path(chosen)
        return next((Path(path) for path in _CA_BUNDLES if Path(path).is_file()), None)

    def path_of(self, name: str) -> Path | None:
        """The file that a setting names; None where it is empty."""
        written = self.get(name)
        return self._path(written) if written else None

    def _path(self, written: str) -> Path:
        """What a path of the settings means: from the folder of the compose files, `~` is the user's home."""
        # Unlike pathlib's, these two never fail: an unknown user or a circle of links stays as it is.
        return Path(os.path.realpath(self.docker_folder / os.path.expanduser(written)))  # noqa: PTH111

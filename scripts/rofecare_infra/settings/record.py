"""The settings of one command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.settings import addresses
from rofecare_infra.settings.dotenv_file import Assignment

# The files in which distributions store the certificates that a machine trusts.
_CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


# The file that makes a folder a release: what production runs from, instead of a checkout.
RELEASE_FILE = "release.json"
# The settings of a production site, in its state folder; they take precedence over the `.env` of the release.
SITE_FILE = "settings.env"
DEFAULT_PROJECT = "rofecare"
# Below this folder, each production platform has its state folder, unless STATE_DIR names another one.
_STATE_FOLDERS = Path("/var/lib/rofecare")
# Settings that turn a protection of production off: by which value, and what that means.
_PROTECTIONS: Mapping[str, tuple[str, str]] = {
    "KAFKA_AUTHENTICATION": ("off", "every container in the applications' network may read and write all messages"),
    "CONFIG_AUTHENTICATION": ("off", "every container in the applications' network may read the settings"),
    "REGISTRY_AUTHENTICATION": ("off", "every container in the applications' network may register with Eureka"),
}


@dataclass(frozen=True)
class Settings:
    """The effective value of every setting: from the environment, else from a file, else the default.

    `root` is a checkout or a release. In a release, links lead from `.rofecare`, `backups` and `docker/secrets` to the
    state folder of the site, so that the same defaults apply in both.
    """

    root: Path
    values: Mapping[str, Assignment]

    def get(self, name: str, default: str = "") -> str:
        """The value of a setting; `default` when it is unset or empty."""
        assignment = self.values.get(name)
        return assignment.value if assignment is not None and assignment.value else default

    @property
    def docker_folder(self) -> Path:
        """The folder of the compose files; relative paths in settings start here, as for compose."""
        return self.root / "docker"

    @property
    def is_release(self) -> bool:
        """Whether these are the settings of a release, and not of a checkout."""
        return (self.root / RELEASE_FILE).is_file()

    @property
    def state_folder(self) -> Path:
        """The folder of journals, build records and bug reports: of the site in a release, else of this checkout."""
        return state_folder_of(self.root) if self.is_release else self.root / ".rofecare"

    @property
    def site_folder(self) -> Path:
        """The state folder that a production platform of these settings gets, or has."""
        if self.is_release:
            return self.state_folder
        chosen = self.get("STATE_DIR")
        return self._path(chosen) if chosen else _STATE_FOLDERS / self.project

    @property
    def file(self) -> Path:
        """The file in which a site changes its settings."""
        return self.state_folder / SITE_FILE if self.is_release else self.root / ".env"

    @property
    def project(self) -> str:
        """The name of the compose project."""
        return self.get("COMPOSE_PROJECT_NAME", DEFAULT_PROJECT)

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
        """The prefix of upstream image names: empty, or ends with a slash."""
        prefix = self.get("IMAGE_PREFIX")
        return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"

    @property
    def tls_host(self) -> str:
        """The name under which production is reached by TLS; empty: TLS is off."""
        return self.get("TLS_HOST")

    @property
    def tls_issuer(self) -> str:
        """The issuer of the TLS certificates: internal, files or automatic."""
        return self.get("TLS_ISSUER", "internal")

    @property
    def is_small(self) -> bool:
        """Whether production runs on a small server."""
        return self.get("SIZE", "standard") == "small"

    @property
    def kafka_protocol(self) -> str:
        """How clients talk to Kafka in production, in Spring's and Kafka's words."""
        return "PLAINTEXT" if self.get("KAFKA_AUTHENTICATION") == "off" else "SASL_PLAINTEXT"

    @property
    def protections_off(self) -> tuple[str, ...]:
        """The settings that turn a protection of production off, and what that means."""
        return tuple(f"{name}={off}: {means}" for name, (off, means) in _PROTECTIONS.items() if self.get(name) == off)

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
        """The key that encrypts the secrets in backups; None if backups do not contain them."""
        chosen = self.get("BACKUP_KEY_FILE")
        return self._path(chosen) if chosen else None

    @property
    def backup_keep_days(self) -> int:
        """The retention of backups, in days."""
        return int(self.get("BACKUP_KEEP_DAYS", "30"))

    @property
    def backup_keep_count(self) -> int:
        """The number of good backups that are kept whatever their age."""
        return int(self.get("BACKUP_KEEP_COUNT", "7"))

    @property
    def backup_copy_to(self) -> addresses.Place | None:
        """The second location of backups; None for none."""
        chosen = self.get("BACKUP_COPY_TO")
        return addresses.place(chosen) if chosen else None

    @property
    def workspace(self) -> Path:
        """The folder that contains the checkouts of the applications."""
        return self._path(self.get("WORKSPACE", "../.."))

    @property
    def ca_bundle(self) -> Path | None:
        """The certificates that builds trust; None if this machine has none."""
        chosen = self.get("CA_BUNDLE")
        if chosen:
            return self._path(chosen)
        return next((Path(path) for path in _CA_BUNDLES if Path(path).is_file()), None)

    def path_of(self, name: str) -> Path | None:
        """The file that a setting names; None if the setting is empty."""
        written = self.get(name)
        return self._path(written) if written else None

    def _path(self, written: str) -> Path:
        """The absolute path: relative paths start in the folder of the compose files, `~` is the user's home."""
        # Unlike pathlib's, these functions never fail: an unknown user or a loop of links stays unchanged.
        return Path(os.path.realpath(self.docker_folder / os.path.expanduser(written)))  # noqa: PTH111


def state_folder_of(release: Path) -> Path:
    """The state folder of the site whose release this folder is: `<state>/releases/<id>`."""
    return release.parent.parent

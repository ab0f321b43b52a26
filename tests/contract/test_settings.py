"""`.env` explains every setting, holds no secret, and agrees with the compose files' own defaults."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rofecare_infra.settings import load
from rofecare_infra.settings.dotenv_file import published, read
from rofecare_infra.settings.load import INTERNAL, known_names
from tests.support.documented import EVERYTHING, MONITORING

# `${NAME:-default}`, where the default refers to nothing else.
_DEFAULT = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*):?-([^${}]*)\}")


@pytest.fixture(scope="module")
def written(root: Path) -> dict[str, str]:
    values, problems = read(root / ".env")
    assert problems == []
    return {name: assignment.value for name, assignment in values.items()}


def test_the_committed_settings_have_no_problem(root: Path) -> None:
    assert load(root, {})[1] == ()


def test_every_setting_that_a_compose_file_reads_is_there(root: Path, written: dict[str, str]) -> None:
    # The images of single applications are for those who look for them; they have no default to show.
    expected = {name for name in known_names(root) if not name.endswith("_IMAGE")}
    assert expected - set(written) == set()


def test_every_setting_is_read_by_something(root: Path, written: dict[str, str]) -> None:
    assert set(written) - set(known_names(root)) == set()


def test_every_setting_is_explained(root: Path) -> None:
    """A comment stands above it, or above the block of settings that it belongs to."""
    explained = False
    for line in (root / ".env").read_text().splitlines():
        if not line.strip():
            explained = False
        elif line.startswith("#"):
            explained = True
        else:
            assert explained, f"{line} has no comment above it"


def test_defaults_of_the_compose_files_are_those_of_the_settings(root: Path, written: dict[str, str]) -> None:
    # Empty in .env means "what this machine has"; by hand, compose needs a path.
    special = {"CA_BUNDLE", "IMAGE_PREFIX", "TLS_CERTIFICATE_FILE", "TLS_KEY_FILE"}
    for path in sorted((root / "docker").glob("docker-compose*.yml")):
        if path.name == "docker-compose.override.yml":
            continue
        for name, default in _DEFAULT.findall(path.read_text()):
            if name not in special | INTERNAL and not name.endswith("_IMAGE"):
                assert written[name] == default, f"{path.name}: {name}"


def test_ports_are_the_documented_ones(written: dict[str, str]) -> None:
    ports = {int(value) for name, value in written.items() if name.endswith("_PORT") and name != "SMTP_PORT"}
    front = {80, 443}
    assert ports == front | {published for published, _ in [*EVERYTHING.values(), *MONITORING.values()] if published}


def test_no_setting_is_a_secret(written: dict[str, str]) -> None:
    assert [name for name in written if re.search(r"PASSWORD|SECRET(?!S_DIR)|TOKEN|KEY(?!_FILE)", name)] == []


def test_the_compose_files_work_by_hand_with_the_same_settings(root: Path) -> None:
    assert os.readlink(root / "docker" / ".env") == "../.env"  # noqa: PTH115 - the text of the link


def test_the_published_values_are_those_of_the_file(written: dict[str, str]) -> None:
    """What differs from them is kept as the site's own settings when a production platform gets its first release."""
    assert {name: one.value for name, one in published().items()} == written

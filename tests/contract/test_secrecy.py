"""No password, key or token is in a file of this repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rofecare_dev.sources import files

_TEXT = {"", ".cfg", ".conf", ".env", ".java", ".json", ".md", ".properties", ".py", ".sh", ".sql"}
_TEXT |= {".svg", ".toml", ".txt", ".xml", ".yaml", ".yml"}

# Something that is called a secret and is given a literal value.
_ASSIGNED = re.compile(
    r"""(?ix)
    (?P<name> [\w.-]* (?:password|passwd|secret|token|api[_-]?key|private[_-]?key) [\w-]*)
    ['"]? \s* (?:=|:\s) \s* (?P<quote>['"]?)
    (?P<value> [A-Za-z0-9+/_!@#%^&*.-]{6,}) (?P=quote) \s* (?:[,;#}]|$)
    """
)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[A-Z0-9]{16}\b")

# Values that name a place or a variable, not a secret.
_HARMLESS = re.compile(
    r"""(?ix)
    ^ (?: (?:/run|(?:\.?\./)+)/?secrets/?.* | .*_password | .*_secret | .*\.password | .*_file | required | optional
      | (?: true | false | never | always | string | literal | inherit | checked )
      | [a-z_]+\.[a-z_.()]+ | self\..* | args\..*
    ) $
    """
)


def sources(root: Path) -> list[Path]:
    # Tests may say "password": what they are given is made up, and the linter reads them.
    found = [path for path in files(root) if path.suffix in _TEXT and path.parts[0] != "tests"]
    assert len(found) > 50
    return found


def findings(text: str) -> list[str]:
    found = [match.group(0) for match in _KEY.finditer(text)]
    for number, line in enumerate(text.splitlines(), 1):
        values = [match["value"] for match in _ASSIGNED.finditer(line)]
        if not all(_HARMLESS.match(value) for value in values):
            found.append(f"line {number}: {line.strip()[:100]}")
    return found


def test_no_secret_in_any_file(root: Path) -> None:
    found = {
        str(path): problems
        for path in sources(root)
        if (problems := findings((root / path).read_text(encoding="utf-8", errors="replace")))
    }
    assert found == {}


def test_generated_secrets_are_ignored_by_version_control(root: Path) -> None:
    assert "/docker/secrets/" in (root / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "POSTGRES_PASSWORD=changeme",
        "  password: 'Sup3r-Secret'",
        '"jwt_secret": "0123456789abcdef",',
        "requirepass_token: abcdef123456",
        "-----BEGIN RSA PRIVATE KEY-----",
        "spring.datasource.password=rofecare123",
    ],
)
def test_what_it_would_find(line: str) -> None:
    assert findings(line)


@pytest.mark.parametrize(
    "line",
    [
        "POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password",
        "password: ${DB_PASSWORD}",
        "secrets: [{source: redis_password, target: spring.data.redis.password}]",
        "# the password is a file",
        "password = row.password_file",
    ],
)
def test_what_it_lets_through(line: str) -> None:
    assert findings(line) == []

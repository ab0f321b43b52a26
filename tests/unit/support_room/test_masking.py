"""No secret is in the archive, in whatever form a program prints it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from rofecare_infra import support
from rofecare_infra.errors import CommandError
from rofecare_infra.support.masking import MASK, Masks

# As they are in files: generated, typed, of several lines.
SECRETS = [f's3cr3t-{number:02d}/+"é-{"x" * number}' for number in range(20)]
KEY = "# the key of the backups\nAGE-SECRET-KEY-1QQPQQPQQPQQ\n"
MASKS = Masks([*(f"{secret}\n" for secret in SECRETS), KEY])

FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "json": lambda text: json.dumps({"value": text}),
    "json without escapes": lambda text: json.dumps(text, ensure_ascii=False),
    "a query": lambda text: f"GET /x?token={quote(text, safe='')}",
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "html": html.escape,
    "repr": repr,
    "hexadecimal": lambda text: text.encode().hex(),
    "in an address": lambda text: f"redis://default:{text}@redis:6379",
    "twice in a line": lambda text: f"[{text}] and {text}",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_known_secret_in_every_form(secret: str, form: str) -> None:
    printed = f"before {FORMS[form](secret)} after"
    cleaned = MASKS.cleaned(printed)
    assert MASK in cleaned
    assert FORMS[form](secret) not in cleaned
    assert not MASKS.is_in(cleaned.encode())
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after") or form == "in an address"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("AGE-SECRET-KEY-1ABCDEFGH0", "1ABCDEFGH0"),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "MIIabc"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc", "MIIabc"),
        ("jdbc:postgresql://app:hunter2@db/x", "hunter2"),
        ("PGPASSWORD=hunter22 psql", "hunter22"),
        ('{"password": "hunter 22", "user": "u"}', "hunter 22"),
        ("spring.datasource.password: hunter22", "hunter22"),
        ("redis-server --requirepass hunter22", "hunter22"),
        ("api_key='hunter22'", "hunter22"),
    ],
)
def test_what_looks_like_a_secret(text: str, secret: str) -> None:
    assert secret not in Masks([]).cleaned(text)


@pytest.mark.parametrize("text", ["password authentication failed for user", "HTTP/1.1 401", "a short line", "PG 17"])
def test_what_does_not(text: str) -> None:
    assert MASKS.cleaned(text) == text


def test_a_secret_that_is_too_short_to_be_one_is_no_reason_to_replace_words() -> None:
    assert Masks(["ok\n", "\n"]).cleaned("it is ok") == "it is ok"


def test_an_archive_that_would_contain_a_secret_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Masks, "cleaned", lambda _self, text: text)
    with pytest.raises(CommandError, match="was not written"):
        support.save(tmp_path, "p", {"a.txt": SECRETS[3]}, MASKS, datetime.now(UTC))
    assert list(tmp_path.iterdir()) == []


def test_the_archive_is_for_its_owner(tmp_path: Path) -> None:
    path = support.save(tmp_path, "p", {"a.txt": "x"}, MASKS, datetime(2026, 1, 2, tzinfo=UTC))
    assert path.name == "rofecare-support-p-20260102T000000Z.tar.gz"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError) as caught:
        support.save(tmp_path / "absent", "p", {}, MASKS, datetime.now(UTC))
    assert caught.value.next_step == "inv support --to FOLDER"

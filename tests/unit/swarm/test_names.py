"""The names of secrets and configs."""

from __future__ import annotations

import re
from pathlib import Path

from rofecare_infra.swarm.names import key_of, name_of

KEY = b"k"


def test_the_same_content_has_the_same_name_and_another_one_another() -> None:
    first = name_of(KEY, "his", "secrets", "password", b"one")
    assert first == name_of(KEY, "his", "secrets", "password", b"one")
    others = {
        name_of(KEY, "his", "secrets", "password", b"two"),
        name_of(KEY, "his", "configs", "password", b"one"),
        name_of(b"other", "his", "secrets", "password", b"one"),
    }
    assert len(others | {first}) == 4


def test_a_swarm_accepts_it_however_long_the_parts_are() -> None:
    long = name_of(KEY, "rofecare-hospital", "secrets", "medical_technology_db_application_password", b"one")
    assert re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?", long)
    assert len(long) <= 64
    # What is cut off counts, too.
    assert long != name_of(KEY, "rofecare-hospital", "secrets", "medical_technology_db_application_passphrase", b"one")


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    key = key_of(tmp_path)
    assert len(key) >= 32
    assert key == key_of(tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600

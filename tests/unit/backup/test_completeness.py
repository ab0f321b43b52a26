"""A backup that lacks a database is reported with its name, the reason and the next command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.backup.completeness import gone, reason, require_complete, require_saved
from rofecare_infra.backup.manifest import Backup, Manifest
from rofecare_infra.backup.store import Entry
from rofecare_infra.errors import CommandError, VerificationError
from tests.support.manifests import MANIFEST

NAME = 'identity-db/Odd "é'
INCOMPLETE = replace(MANIFEST, missing={NAME: "it takes no connections", "x-db/x": "gone"})


def backup(manifest: Manifest) -> Backup:
    return Backup(Path(manifest.id), manifest)


def entry(manifest: Manifest, damage: str = "") -> Entry:
    return Entry(manifest.id, Path(manifest.id), damage, manifest)


def test_the_last_complete_backup_says_what_is_expected() -> None:
    other = replace(MANIFEST, databases=(), missing={"x": "y"})
    empty = replace(MANIFEST, databases=(), volumes={})
    entries = [entry(MANIFEST), entry(empty, "damaged"), entry(other)]
    assert list(gone(entries, ["identity-db/new"])) == [NAME, "kafka"]
    assert gone(entries, [NAME, "kafka"]) == {}
    assert gone([*entries, entry(empty)], []) == {}
    assert gone([], []) == {}


def test_an_incomplete_backup_is_an_error_with_names() -> None:
    assert require_complete(backup(MANIFEST)).manifest is MANIFEST
    with pytest.raises(VerificationError) as caught:
        require_complete(backup(INCOMPLETE))
    assert NAME in caught.value.what
    assert "it takes no connections" in caught.value.seen
    assert "--accept-missing" in caught.value.next_step
    assert caught.value.details == ("x-db/x: gone",)


def test_nothing_is_replaced_that_was_not_saved() -> None:
    require_saved(backup(INCOMPLETE), ["y-db/y"])
    with pytest.raises(VerificationError, match="cannot be saved"):
        require_saved(backup(INCOMPLETE), [NAME])


def test_the_reason_is_the_message_of_the_program() -> None:
    lines = ["pg_dump: detail", 'pg_dump: error: query failed: relation "x" is gone']
    error = CommandError("cannot be dumped", seen="pg_dump ended with 1", expected="", next_step="", details=lines)
    assert reason(error) == lines[1]

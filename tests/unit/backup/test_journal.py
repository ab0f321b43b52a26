"""The journal of a restore, also one that the version before wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rofecare_infra.backup.journal import Entry, Step, Target, forget, is_interrupted, journal_of
from rofecare_infra.errors import VerificationError
from tests.support.fakes import settings

EARLIER = {
    "path": None,
    "backup": "20261124T223000Z",
    "step": "swapping",
    "targets": [{"service": "identity-db", "name": "rofecare_identity", "existed": True}],
    "stopped": ["identity", "gateway"],
    "entries": ["gateway"],
    "safety": "",
}


def test_a_journal_of_the_version_before_is_read(tmp_path: Path) -> None:
    one = settings(tmp_path)
    path = tmp_path / ".rofecare" / f"restore-{one.project}.json"
    path.parent.mkdir()
    path.write_text(json.dumps(EARLIER) + "\n")
    entry = journal_of(one).read()
    assert entry == Entry(
        "20261124T223000Z",
        Step.SWAPPING,
        (Target("identity-db", "rofecare_identity", existed=True),),
        ("identity", "gateway"),
        ("gateway",),
    )
    assert is_interrupted(one)
    assert journal_of(one).write(entry) == journal_of(one).read()
    assert {**json.loads(path.read_text()), "path": None} == {**EARLIER, "closed": 0.0, "saved": True}
    assert path.stat().st_mode & 0o777 == 0o600
    forget(one)
    assert not is_interrupted(one)


def test_an_unreadable_journal_fails_the_verification(tmp_path: Path) -> None:
    one = settings(tmp_path)
    path = journal_of(one).path
    path.parent.mkdir()
    path.write_text(json.dumps({**EARLIER, "step": "elsewhere"}))
    with pytest.raises(VerificationError, match="the journal of an interrupted restore cannot be read"):
        journal_of(one).read()

"""The command line that the release in use gets."""

from __future__ import annotations

import pytest

from rofecare_infra.boundary.handover import own_words


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("status", "status"),
        ("--search-root /checkout status", "status"),
        ("-r /checkout --no-dedupe status --json", "--no-dedupe status --json"),
        ("--search-root=/checkout -c tasks status", "status"),
        # A flag of a task.
        ("install-service -r", "install-service -r"),
        ("restore --only identity 20260101T000000Z", "restore --only identity 20260101T000000Z"),
    ],
)
def test_flags_that_select_the_tasks_are_left_out(typed: str, kept: str) -> None:
    assert own_words(typed.split()) == kept.split()

"""The manifest is read as it was written; relevant differences are reported, irrelevant ones are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rofecare_infra.backup.facts import differences
from rofecare_infra.backup.manifest import (
    Content,
    Facts,
    Position,
    described,
    description,
    from_text,
    to_text,
)
from tests.support.manifests import FACTS, MANIFEST


def test_a_manifest_comes_back_as_it_was_written() -> None:
    read = from_text(to_text(MANIFEST))
    databases = tuple(
        described(one, description(whole)) for one, whole in zip(read.databases, MANIFEST.databases, strict=True)
    )
    assert replace(read, databases=databases) == MANIFEST
    assert from_text(to_text(replace(MANIFEST, volumes={}))).volumes == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', to_text(MANIFEST).replace('"sha256"', '"md5"')])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_text(text)


def at(*place: tuple[int, bool]) -> dict[str, Position]:
    return {"public.s": Position(place[0], place[-1])}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (replace(FACTS, tables={}), "public.patients is missing"),
        (replace(FACTS, tables={**FACTS.tables, "public.x": Content(0, "0:0")}), "public.x is not in the backup"),
        (replace(FACTS, tables={"public.patients": Content(2, "1:2")}), "has 2 rows, expected 3"),
        (replace(FACTS, tables={"public.patients": Content(3, "1:3")}), "has other content"),
        (replace(FACTS, large_objects=Content(1, "0:1")), "large objects has 1 rows"),
        (replace(FACTS, sequences={}), "sequence public.s is missing"),
        (replace(FACTS, sequences=at((3, True))), "is at 3"),
        (replace(FACTS, sequences=at((10, True))), "is at 10"),
        (replace(FACTS, sequences=at((4, False))), "is at 4"),
        (replace(FACTS, objects={}), "index public.i is missing"),
        (replace(FACTS, objects={**FACTS.objects, "view v": {}}), "view v is not in the backup"),
        (
            replace(FACTS, objects={"index public.i": {"owner": "app"}}),
            "index public.i: owner is app, expected rofecare",
        ),
        (replace(FACTS, objects={"index public.i": {}}), "index public.i: owner is not set, expected rofecare"),
    ],
)
def test_each_difference_is_told(seen: Facts, expected: str) -> None:
    found = list(differences(FACTS, seen))
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize("place", [(4, True), (7, True), (9, True)])
def test_a_sequence_may_stand_where_it_was_while_the_database_was_written(place: tuple[int, bool]) -> None:
    assert list(differences(FACTS, replace(FACTS, sequences=at(place)))) == []

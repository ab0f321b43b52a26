"""Full and short names, and the nearest ones to a word that is neither."""

from __future__ import annotations

import pytest

from rofecare_infra.errors import UsageError
from rofecare_infra.platform import resolve, short

KNOWN = ("identity-db", "redis", "rofecare-gateway", "rofecare-service-identity", "rofecare-service-patient")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rofecare-service-patient", "patient"),
        ("rofecare-gateway", "gateway"),
        ("rofecare-config-server", "config-server"),
        ("identity-db", "identity-db"),
        ("kafka", "kafka"),
    ],
)
def test_short_names(name: str, expected: str) -> None:
    assert short(name) == expected


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ()),
        (["patient"], ("rofecare-service-patient",)),
        (["rofecare-service-patient"], ("rofecare-service-patient",)),
        (["gateway", "redis"], ("rofecare-gateway", "redis")),
        (["patient", "rofecare-service-patient", "patient"], ("rofecare-service-patient",)),
    ],
)
def test_words_become_full_names(words: list[str], names: tuple[str, ...]) -> None:
    assert resolve(words, KNOWN) == names


def test_a_full_name_wins_over_somebody_elses_short_one() -> None:
    assert resolve(["kafka"], ("rofecare-kafka", "kafka")) == ("kafka",)


def test_an_unknown_name_lists_the_near_ones() -> None:
    with pytest.raises(UsageError, match="no service is called 'pateint'") as caught:
        resolve(["pateint"], KNOWN)
    assert caught.value.expected == "a service's full or short name, such as patient"


def test_a_name_that_is_near_to_nothing_lists_all() -> None:
    with pytest.raises(UsageError) as caught:
        resolve(["zzz"], KNOWN)
    assert caught.value.expected.endswith("such as gateway, identity, identity-db, patient, redis")

"""The link that an answer breaks, and whether a retry may help."""

from __future__ import annotations

import pytest

from rofecare_infra.smoke.checks import Answer, Check, blame, may_recover, routed
from tests.support.smoke import GATEWAY, PATIENT, plan

WRITE, READ = "POST /api/patients/records", "GET /api/patients/records/1"
LIMITED = {"x-ratelimit-remaining": "199"}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(WRITE, 503, {"dependency": "database"}), f"{PATIENT} cannot write to patient-db"),
        (Answer(READ, 503, {"dependency": "database"}), f"{PATIENT} cannot read from patient-db"),
        (Answer(WRITE, 503, {"dependency": "kafka"}), f"{PATIENT} cannot publish to kafka"),
        (Answer(WRITE, 503, {"dependency": "redis"}), f"{PATIENT} cannot use redis"),
        (Answer(WRITE, 503, {"dependency": "mail"}), f"{PATIENT} cannot use mail"),
        (Answer(WRITE, 503, {"detail": "no instance"}), f"{GATEWAY} gets no answer from {PATIENT}"),
        (Answer(WRITE, 504), f"{GATEWAY} gets no answer from {PATIENT}"),
        (Answer(WRITE, error="no answer"), f"{GATEWAY} gets no answer from {PATIENT}"),
        (Answer(WRITE, 401), f"{GATEWAY} refuses a valid token for {PATIENT}"),
        (Answer(WRITE, 404), f"{GATEWAY} has no route to {PATIENT}"),
        (Answer(WRITE, 404, headers=LIMITED), f"{PATIENT} answers 404 to {WRITE}"),
        (Answer(WRITE, 429), f"{GATEWAY} limits the rate of requests too strictly for {PATIENT}"),
        (Answer(WRITE, 500), f"{PATIENT} answers 500 to {WRITE}"),
    ],
)
def test_the_link_that_an_answer_breaks(answer: Answer, sentence: str) -> None:
    assert blame(GATEWAY, plan().business[1], answer, "writes").sentence() == sentence


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(WRITE, 503, {"detail": "no instance"}), True),
        (Answer(WRITE, error="no answer"), True),
        (Answer(WRITE, 503, {"dependency": "kafka"}), True),
        (Answer(WRITE, 500), False),
        (Answer(WRITE, 201), False),
    ],
)
def test_only_an_unreachable_service_is_asked_again(answer: Answer, *, expected: bool) -> None:
    assert may_recover(answer) is expected


def test_the_header_of_the_rate_limiter_distinguishes_404_of_a_service_from_404_of_the_gateway() -> None:
    assert routed(Answer(READ, 404, headers=LIMITED))
    assert routed(Answer(READ, 405))
    assert not routed(Answer(READ, 404))


def test_text_of_an_answer() -> None:
    refused = Answer(WRITE, 503, {"detail": "The database does not answer."}, seconds=5.04)
    assert str(refused) == f"{WRITE}: 503 The database does not answer. (5.0 s)"
    assert str(Answer(WRITE, error="no answer", seconds=13.0)) == f"{WRITE}: no answer (13.0 s)"


def test_a_sentence_refers_to_the_known_service_as_it() -> None:
    check = Check("a", "b", "writes", fault="cannot write to {}")
    assert (check.sentence(), check.sentence("b"), check.sentence("a")) == (
        "a cannot write to b",
        "a cannot write to it",
        "it cannot write to b",
    )

"""The selection of lines by level and by pattern."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rofecare_infra.errors import UsageError
from rofecare_infra.logs import parse_wanted, select
from rofecare_infra.logs.follow import Line
from rofecare_infra.logs.record import Record
from tests.support.planted import RECORDED

AT = "2026-11-28T04:46:10.500000000Z"
KAFKA = (RECORDED / "kafka-bad-listener.log").read_text(encoding="utf-8").splitlines()
SPRING = (RECORDED / "spring-config-file-absent.log").read_text(encoding="utf-8").splitlines()
POSTGRES = (RECORDED / "postgres-data-unreadable.log").read_text(encoding="utf-8").splitlines()
CADDY = (RECORDED / "caddy-certificate-absent.log").read_text(encoding="utf-8").splitlines()


def chosen(texts: list[str], level: str = "", grep: str = "", container: str = "id") -> list[str]:
    lines = [Line("service", AT, text, container) for text in texts]
    return [line.text for line, _ in select(lines, parse_wanted(level, grep))]


def test_without_a_selection_every_line_is_shown() -> None:
    assert chosen([*KAFKA, *SPRING, *POSTGRES]) == [*KAFKA, *SPRING, *POSTGRES]


def test_the_stack_trace_of_an_error_is_shown_with_it() -> None:
    found = chosen(KAFKA, "error")
    assert found == [line for line in KAFKA if " INFO " not in line]
    assert "\tat kafka.Kafka.main(Kafka.scala)" in found


def test_the_report_of_spring_is_part_of_its_line() -> None:
    found = chosen(SPRING, "error")
    assert "APPLICATION FAILED TO START" in found
    assert not any("JAVA_TOOL_OPTIONS" in line for line in found)


def test_the_detail_of_postgresql_is_part_of_its_line() -> None:
    assert [line.split("] ")[1][:6] for line in chosen(POSTGRES, "fatal")] == ["FATAL:", "DETAIL"]


def test_a_level_includes_those_above() -> None:
    levels = ("trace", "debug", "info", "warn", "error", "fatal")
    texts = [json.dumps({"level": level, "message": "m"}) for level in levels]
    assert [len(chosen(texts, level)) for level in levels] == [6, 5, 4, 3, 2, 1]
    assert chosen(texts, "WARN") == texts[3:]


@pytest.mark.parametrize(("level", "count"), [("trace", 2), ("info", 2), ("warn", 0), ("fatal", 0)])
def test_a_line_without_a_level_is_shown_at_info_and_below(level: str, count: int) -> None:
    assert len(chosen(["postgres image: making the database", '{"level": "audit", "message": "m"}'], level)) == count


def test_the_levels_of_caddy_are_in_lower_case() -> None:
    assert [json.loads(line)["level"] for line in chosen(CADDY, "warn") if line.startswith("{")] == ["warn"]


def test_a_pattern_matches_the_message_of_json_as_it_is_shown() -> None:
    line = json.dumps({"message": 'the "quoted" word', "error.stack_trace": "a.B: c\n\tat d.E"})
    assert chosen([line, "other"], grep='"quoted" word') == [line]
    assert chosen([line, "other"], grep=r"^\tat d\.E$") == []
    assert chosen([line, "other"], grep=r"(?m)^\tat d\.E$") == [line]


def test_a_pattern_matches_the_fields_that_are_not_shown() -> None:
    line = json.dumps({"message": "m", "trace.id": "6744a1f3"})
    assert chosen([line, "other"], grep="6744a1f3") == [line]


def test_a_pattern_that_matches_in_a_stack_trace_selects_all_of_it() -> None:
    text = [line for line in KAFKA if " INFO " not in line]
    assert chosen(KAFKA, grep="No security protocol") == text[: text.index(KAFKA[-1]) + 1]
    assert chosen(["[2026-11-28 04:44:21,346] INFO x", *text], grep=r"Kafka\.scala") == text


def test_a_line_that_matches_is_shown_before_the_next_one_arrives() -> None:
    def arriving() -> Iterator[Line]:
        yield Line("service", AT, "a match", "id")
        pytest.fail("the next line was awaited")

    assert next(select(arriving(), parse_wanted("", "match")))[0].text == "a match"


def test_the_lines_of_other_containers_do_not_end_a_stack_trace() -> None:
    error, trace = "[2026-11-28 04:44:21,346] ERROR x", "\tat kafka.Kafka.main(Kafka.scala)"
    lines = [
        Line("kafka", AT, error, "a"),
        Line("redis", AT, "1:M 28 Nov 2026 04:44:08.602 * Server initialized", "b"),
        Line("kafka", AT, trace, "a"),
        Line("redis", AT, "\tat something", "b"),
    ]
    assert [line.text for line, _ in select(lines, parse_wanted("error", ""))] == [error, trace]


def test_a_log_that_cannot_be_read_is_always_reported() -> None:
    lines = [Line("kafka", "", "the log of kafka-1 cannot be read: x", "a")]
    assert len(list(select(lines, parse_wanted("fatal", "nothing")))) == 1


def test_level_and_pattern_apply_together() -> None:
    texts = [json.dumps({"level": level, "message": m}) for level in ("info", "error") for m in ("a", "b")]
    assert chosen(texts, "error", "b") == [texts[3]]


def test_the_lines_are_parsed() -> None:
    [(_, record)] = select([Line("x", AT, '{"level":"warn","msg":"m"}', "id")], parse_wanted("", ""))
    assert isinstance(record, Record)
    assert record.level == "warn"


@pytest.mark.parametrize(("level", "grep"), [("loud", ""), ("warning", ""), ("", "("), ("", "*"), ("", "[a")])
def test_an_invalid_selection_is_a_fault_of_usage(level: str, grep: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_wanted(level, grep)
    assert (level or grep) in caught.value.seen
    assert caught.value.expected
    assert caught.value.next_step.startswith("inv logs")
    assert caught.value.exit_code == 2

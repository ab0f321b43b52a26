"""The level of lines of plain text, as the programs of the platform wrote them."""

from __future__ import annotations

import pytest

from rofecare_infra.diagnosis import LEVELS, level_named, level_of
from tests.support.planted import RECORDED


@pytest.mark.parametrize(
    ("line", "level", "word"),
    [
        ("2026-11-28 04:44:19.018 UTC [136] FATAL:  the database system is starting up", "fatal", "FATAL"),
        ("2026-11-28 04:44:15.312 GMT [78] LOG:  skipping missing configuration file", "info", "LOG"),
        ('2026-11-28 08:00:00.000 UTC [9] rofecare@x ERROR:  relation "y" does not exist', "error", "ERROR"),
        ('2026-11-28 01:41:13.069 UTC [1] PANIC:  could not read file "global/pg_control"', "fatal", "PANIC"),
        ('initdb: warning: enabling "trust" authentication for local connections', "warn", "warning"),
        ("1:C 28 Nov 2026 04:44:08.562 # WARNING Memory overcommit must be enabled!", "warn", "#"),
        ("1:M 28 Nov 2026 04:44:08.602 * Server initialized", "info", "*"),
        ("1:M 28 Nov 2026 04:44:08.602 - Accepted 127.0.0.1:4711", "debug", "-"),
        ("*** FATAL CONFIG FILE ERROR (Redis 8.0.2) ***", "fatal", "FATAL"),
        ("[2026-11-28 04:44:21,346] INFO Registered kafka:type=kafka.Log4jController MBean", "info", "INFO"),
        ("[2026-11-28 04:44:15,110] WARN Either no config or no quorum defined in config", "warn", "WARN"),
        ("[2026-11-28 01:41:23,071] ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)", "error", "ERROR"),
        ("2026-11-28T01:47:21,012 INFO  [o.e.n.Node] version[7.17.28], pid[1]", "info", "INFO"),
        ("[2026-11-28T01:47:21,012][WARN ][o.e.b.JNANatives] [node] unable to install filter", "warn", "WARN"),
        ("WARNING: COMPAT locale provider will be removed in a future release", "warn", "WARNING"),
        ("01:42:42.671 [main] ERROR org.springframework.boot.diagnostics.Reporter -- ", "error", "ERROR"),
        ("2026-11-28T08:00:00.123Z  WARN 1 --- [zipkin] [main] z.s.ZipkinServer : slow", "warn", "WARN"),
        ('ts=2026-11-28T01:35:29.494Z caller=main.go:627 level=info msg="Starting"', "info", "info"),
        ('time=2026-11-28T03:53:49.473Z level=ERROR source=main.go:642 msg="x"', "error", "ERROR"),
        ("logger=settings t=2026-11-28T03:53:49Z level=warn msg=x", "warn", "warn"),
        ("Error: Unable to access jarfile /app/absent.jar", "error", "Error"),
        ('psql:/docker-entrypoint-initdb.d/a.sql:3: ERROR:  relation "x" does not exist', "error", "ERROR"),
        ('Exception in thread "main" java.lang.OutOfMemoryError: Java heap space', "error", "Exception"),
    ],
)
def test_the_level_is_found_where_the_program_writes_it(line: str, level: str, word: str) -> None:
    found = level_of(line)
    assert found is not None
    assert (found.name, line[found.begin : found.end]) == (level, word)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "postgres image: making the database rofecare_identity",
        "Picked up JAVA_TOOL_OPTIONS: -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx384m",
        "\tat kafka.Kafka.main(Kafka.scala)",
        "Caused by: ERROR: not a level",
        "INFORMATION about the cluster",
        "the level=error of another line",
        "java.lang.IllegalArgumentException: ERROR: not a level",
        "2026-11-28 01:41:12.638 UTC [1] DETAIL:  Permissions should be u=rwx (0700).",
    ],
)
def test_a_line_without_a_level_has_none(line: str) -> None:
    assert level_of(line) is None


def test_a_level_in_the_message_is_not_the_level_of_the_line() -> None:
    found = level_of("[2026-11-28 04:44:21,346] INFO The last ERROR was: FATAL:  no such table")
    assert found is not None
    assert found.name == "info"


@pytest.mark.parametrize(
    ("log", "level"),
    [
        ("postgres-bad-value", "fatal"),
        ("redis-damaged-file", "warn"),
        ("kafka-bad-listener", "error"),
        ("zookeeper-bad-port", "error"),
        ("elasticsearch-unknown-setting", "error"),
        ("spring-config-file-absent", "error"),
        ("jvm-class-absent", "error"),
        ("caddy-bad-file", "error"),
    ],
)
def test_the_recorded_log_of_a_failure_has_a_level_that_shows_it(log: str, level: str) -> None:
    lines = (RECORDED / f"{log}.log").read_text(encoding="utf-8").splitlines()
    found = {one.name for line in lines if (one := level_of(line)) is not None}
    assert max(found, key=LEVELS.index) == level


def test_a_level_far_from_the_start_of_a_line_is_part_of_its_message() -> None:
    assert level_of(f"query={'x' * 400} level=error") is None


def test_names_of_levels_differ_between_programs() -> None:
    assert [level_named(word) for word in ("WARNING", "Severe", "LOG", "DEBUG3", "dpanic", "nonsense")] == [
        "warn",
        "error",
        "info",
        "debug",
        "fatal",
        "",
    ]


def test_a_line_of_brackets_is_read_quickly() -> None:
    assert level_of("[" * 1_000_000) is None
    assert level_of("[0:" * 400_000) is None
    assert level_of("a=" * 400_000) is None

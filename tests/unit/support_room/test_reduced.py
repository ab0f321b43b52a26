"""Without log texts no line of a log names a patient; what helps is still there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rofecare_infra.support.reduced import classes, reduced

MOMENT = "2026-01-31T08:00:00.123456789Z"
NAMES = [
    *(
        "Aïssatou Diallo",
        "Koffi Mensah",
        "Zainab Ould-Ahmed",
        "Nguyễn",
        "O'Brien",
        "Mamadou",
        "Fatoumata-Binta",
        "N'Diaye",
    ),
    *("Amina", "Chinedu", "Kwame", "Yaa", "Thabo", "Lerato", "Sékou", "Adjoa", "Jean-Bédel", "Hawa", "Ibrahima"),
    *("Ousmane", "Makeba", "Wangari", "Ngũgĩ", "Tendai", "Farai", "Rutendo", "Abebe", "Hirut", "Selam", "Mulugeta"),
]

PLACES: dict[str, Callable[[str], str]] = {
    "message": lambda name: json.dumps({"@timestamp": MOMENT, "log.level": "INFO", "message": f"saved {name}"}),
    "without escapes": lambda name: json.dumps({"message": name, "log.level": "WARN"}, ensure_ascii=False),
    "several lines": lambda name: json.dumps({"message": f"a\n{name}\n at {name}", "log.level": "WARN"}),
    "message of an exception": lambda name: json.dumps(
        {
            "message": "failed",
            "error.stack_trace": f"a.BException: {name}\n\tat a.b.C.d(C.java:1)\nCaused by: x.YException: {name}",
        }
    ),
    "thread": lambda name: json.dumps({"message": "x", "process.thread.name": name, "log.level": "INFO"}),
    "context": lambda name: json.dumps({"message": "x", "patient": name, "labels": {"ward": name}}),
    "logger": lambda name: json.dumps({"message": "x", "log.logger": name}),
    "level": lambda name: json.dumps({"message": "x", "log.level": name}),
    "time": lambda name: json.dumps({"message": "x", "@timestamp": name}),
    "tags": lambda name: json.dumps({"message": "x", "tags": [name]}),
    "address": lambda name: json.dumps({"msg": "x", "level": "info", "ts": 1.5, "request": {"uri": f"/p/{name}"}}),
    "postgresql": lambda name: f"2026-01-31 08:00:00.000 UTC [7] ERROR:  duplicate key ({name})",
    "detail": lambda name: f"2026-01-31 08:00:00.000 UTC [7] DETAIL:  Key (name)=({name}) already exists.",
    "statement": lambda name: f"2026-01-31 08:00:00.000 UTC [7] STATEMENT:  CALL save('{name}')",
    "continued": lambda name: f"\t{name}",
    "plain": lambda name: name,
    "kafka": lambda name: f"[2026-01-31 08:00:00,000] WARN [{name}] x (kafka.Log)",
    "caused by": lambda name: f"Caused by: java.sql.SQLException: {name}",
    "uncaught": lambda name: f'Exception in thread "{name}" java.lang.RuntimeException: {name}',
    "frame": lambda name: f"\tat {name}({name}.java:1)",
    "logfmt": lambda name: f'ts=2026-01-31T08:00:00Z level=warn msg="{name}"',
    "broken json": lambda name: f'{{"message": "{name}',
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_no_name(name: str, place: str) -> None:
    kept = "\n".join(reduced([(MOMENT, PLACES[place](name))]))
    for part in (name, json.dumps(name)[1:-1], *name.replace("-", " ").split()):
        assert part not in kept


def test_what_helps_is_kept() -> None:
    trace = "a.b.StateException: x\n\tat java.base/a.b.C$D.lambda$e$0(C.java:12)\nCaused by: p.q.RException: y"
    line = json.dumps(
        {
            "@timestamp": MOMENT,
            "log": {"level": "ERROR", "logger": "com.rofecare.patient.PatientService"},
            "message": "org.hibernate.LazyInitializationException: x",
            "error": {"stack_trace": trace},
        }
    )
    assert list(reduced([(MOMENT, line)])) == [
        "2026-01-31T08:00:00.123 ERROR com.rofecare.patient.PatientService org.hibernate.LazyInitializationException",
        "  a.b.StateException",
        "    at a.b.C$D.lambda$e$0(C.java:12)",
        "  Caused by: p.q.RException",
    ]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("2026-01-31 08:00:00.000 UTC [7] FATAL:  no", ["2026-01-31T08:00:00.123 FATAL"]),
        (
            'Exception in thread "main" java.lang.LinkageError: heap',
            ["  Exception in thread java.lang.LinkageError"],
        ),
        ("\tat a.B.c(B.java:3)", ["    at a.B.c(B.java:3)"]),
        ("\tat a.B.c(Native Method)", ["    at a.B.c(Native Method)"]),
        ("some text", []),
    ],
)
def test_plain_lines(line: str, kept: list[str]) -> None:
    assert list(reduced([(MOMENT, line)])) == kept


def test_exceptions_in_a_verdict() -> None:
    text = "patient failed: org.postgresql.util.PSQLException: Aïssatou; nested java.net.ConnectException: x"
    assert classes(text) == ("org.postgresql.util.PSQLException", "java.net.ConnectException")

"""The task `logs`: its flags, and what it prints on a terminal and in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rofecare_infra import project
from rofecare_infra.boundary.tasks.status import logs
from tests.support.fakes import FakeEngine, container

WARNING = '{"@timestamp":"2026-11-28T04:46:10Z","log.level":"WARN","log.logger":"a.B","message":"\\u001b[2Jslow"}'
REDIS = "1:M 28 Nov 2026 04:44:08.602 * Server \x1b[31minitialized"
Show = Callable[..., str]


class LoggingEngine(FakeEngine):
    """One line for each container."""

    def past_log(self, container: str, *, since: float | None, tail: int | None) -> list[tuple[str, str]]:
        assert (since, tail) == (None, 100)
        texts = {"id-redis": REDIS, "id-rofecare-gateway": WARNING}
        return [(f"2026-11-28T04:46:1{len(container) % 10}.000000000Z", texts[container])]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    names = ("redis", "rofecare-gateway")
    opened = SimpleNamespace(
        production=False,
        platform=SimpleNamespace(services=[SimpleNamespace(name=name) for name in names], project="rofecare"),
        engine=LoggingEngine([container(name) for name in names]),
    )
    monkeypatch.setattr(project, "open_project", lambda _root, **_: opened)

    def run(*services: str, terminal: bool = False, **flags: Any) -> str:
        body: Any = logs.body
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
        body.__wrapped__(Path(), services, follow=False, **flags)
        return capsys.readouterr().out

    return run


def test_in_a_pipe_json_is_formatted_and_nothing_is_coloured(show: Show) -> None:
    lines = show().splitlines()
    assert lines[0] == r"redis   | 1:M 28 Nov 2026 04:44:08.602 * Server \x1b[31minitialized"
    assert lines[1].startswith("gateway | ")
    assert lines[1].endswith(r":46:10.000 WARN  a.B \x1b[2Jslow")


def test_one_service_has_no_name_before_its_lines(show: Show) -> None:
    assert show("redis").startswith("1:M 28 Nov")


def test_raw_lines_in_a_pipe_are_those_of_the_engine(show: Show) -> None:
    assert show(raw=True) == f"redis   | {REDIS}\ngateway | {WARNING}\n"


@pytest.mark.parametrize("raw", [True, False])
def test_a_terminal_gets_colours_but_no_control_characters_of_a_log(
    show: Show, monkeypatch: pytest.MonkeyPatch, *, raw: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = show(raw=raw, terminal=True)
    assert "\x1b[36mredis   | " in text
    assert "\x1b[31minitialized" not in text
    assert r"\x1b[31minitialized" in text


def test_a_level_and_a_pattern_select_lines(show: Show) -> None:
    assert show(level="warn", raw=True) == f"gateway | {WARNING}\n"
    assert show(grep="(?i)SERVER", raw=True) == f"redis   | {REDIS}\n"
    assert show(level="warn", grep="Server") == ""

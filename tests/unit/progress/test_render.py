"""What becomes of events: in a pipe, for a program, on a terminal."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Generator

import pytest
from rich.console import Console

from rofecare_infra.progress import (
    Event,
    Expected,
    ImageDone,
    Logged,
    Note,
    Observed,
    Output,
    Part,
    Renderer,
    Scope,
    StageBegan,
    StageReady,
    Working,
    output_of,
    renderer_for,
)
from rofecare_infra.progress.json_lines import JsonLines
from rofecare_infra.progress.lines import Lines
from rofecare_infra.progress.live import Live
from rofecare_infra.progress.sink import Sink
from tests.support.fakes import drain

START: tuple[Event, ...] = (
    Note("infrastructure images: packages"),
    Working("building rofecare/redis:8"),
    Output("#1 [internal] load build definition"),
    ImageDone("rofecare/redis:8", ("redis",), "built", 3.21),
    ImageDone("rofecare/postgres:17", ("a", "b", "c", "d"), "up to date", 0.0),
    StageBegan("infrastructure", 1, 2, ("redis", "zookeeper")),
    Observed(0.0, {"redis": "starting", "zookeeper": "starting: no answer"}),
    Observed(0.4, {"redis": "", "zookeeper": "starting: no answer"}),
    Observed(0.8, {"redis": "", "zookeeper": ""}),
    StageReady("infrastructure", 1, 2, ("redis", "zookeeper"), ("zookeeper",), 0.84),
    StageReady("infrastructure", 2, 2, ("kafka",), (), 0.01),
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(renderer: Renderer, stream: io.StringIO) -> str:
    for event in START:
        renderer.show(event)
    renderer.say("up: 3 of 3 containers ready")
    renderer.close()
    return stream.getvalue()


def test_in_a_pipe_what_is_worth_keeping_and_nothing_twice() -> None:
    stream = io.StringIO()
    assert shown(Lines(Sink(stream, lasting=True)), stream).splitlines() == [
        "infrastructure images: packages",
        "building rofecare/redis:8",
        "image rofecare/redis:8 built (3.2 s) for redis",
        "image rofecare/postgres:17 up to date for a and 3 more",
        "infrastructure 1/2: redis, zookeeper",
        "  redis ready after 0.4 s",
        "  zookeeper ready after 0.8 s",
        "infrastructure 1/2 ready: redis, zookeeper (0.8 s, 1 already ready)",
        "infrastructure 2/2 ready: kafka (already ready)",
        "up: 3 of 3 containers ready",
    ]


def test_in_a_pipe_there_is_no_escape_sequence() -> None:
    stream = io.StringIO()
    assert "\x1b" not in shown(Lines(Sink(stream, lasting=True)), stream)


def test_in_a_pipe_what_fell_back_is_told_again_when_it_is_ready() -> None:
    stream = io.StringIO()
    lines = Lines(Sink(stream, lasting=True))
    for waited, reason in ((0.0, "starting"), (1.0, ""), (2.0, "unhealthy"), (3.0, "")):
        lines.show(Observed(waited, {"redis": reason}))
    assert stream.getvalue() == "  redis ready after 1.0 s\n  redis ready after 3.0 s\n"


def test_for_programs_one_object_a_line() -> None:
    stream = io.StringIO()
    records = [json.loads(line) for line in shown(JsonLines(Sink(stream, lasting=True)), stream).splitlines()]
    assert [record["event"] for record in records] == [*(type(event).__name__ for event in START), "Result"]
    assert records[6] == {
        "schema": 1,
        "event": "Observed",
        "waited": 0.0,
        "services": {"redis": "starting", "zookeeper": "starting: no answer"},
    }
    assert records[-1] == {"schema": 1, "event": "Result", "text": "up: 3 of 3 containers ready"}


def test_for_programs_an_empty_result_is_none() -> None:
    stream = io.StringIO()
    JsonLines(Sink(stream, lasting=True)).say()
    assert stream.getvalue() == ""


def live(stream: io.StringIO, width: int = 80) -> Live:
    return Live(Console(file=stream, force_terminal=True, width=width, color_system="standard", legacy_windows=False))


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_on_a_terminal_what_is_done_stays_with_a_mark() -> None:
    stream = Terminal()
    text = plain(shown(live(stream), stream))
    assert "✔ image rofecare/redis:8 built (3.2 s) for redis" in text
    assert "✔ infrastructure 1/2 ready: redis, zookeeper (0.8 s, 1 already ready)" in text
    assert "up: 3 of 3 containers ready\n" in text


def test_in_a_pipe_there_is_no_word_of_it() -> None:
    stream = io.StringIO()
    renderer = renderer_for(stream)
    renderer.show(Expected({"redis": 2.0}))
    renderer.show(Logged("redis", "loading"))
    assert stream.getvalue() == ""


def test_a_failed_image_has_another_mark() -> None:
    stream = Terminal()
    renderer = live(stream)
    renderer.show(ImageDone("rofecare/x:1", ("x",), "failed", 1.0))
    assert "✘ image rofecare/x:1 failed (1.0 s) for x" in plain(stream.getvalue())


@pytest.mark.parametrize("text", ["[bold]not markup[/]", "[/]", "services: ['a', 'b']"])
def test_on_a_terminal_brackets_are_text(text: str) -> None:
    stream = Terminal()
    renderer = live(stream)
    renderer.show(Note(text))
    renderer.show(Output(text))
    renderer.close()
    assert text in plain(stream.getvalue())


PARTS = (Part("kafka | ", "cyan"), Part("[bold] "), Part("ERROR", "red"), Part(""), Part(f" {'x' * 100}"))
SENTENCE = f"kafka | [bold] ERROR {'x' * 100}\n"


def test_on_a_terminal_parts_have_their_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    renderer_for(stream).say_parts(PARTS)
    assert "\x1b[36mkafka | \x1b[0m" in stream.getvalue()
    assert "\x1b[31mERROR\x1b[0m" in stream.getvalue()
    assert plain(stream.getvalue()) == SENTENCE


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colours_gets_no_escape_sequence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(name, value)
    stream = Terminal()
    renderer_for(stream).say_parts(PARTS)
    assert stream.getvalue() == SENTENCE


def test_in_a_pipe_and_for_programs_parts_are_text() -> None:
    stream = io.StringIO()
    renderer_for(stream).say_parts(PARTS)
    assert stream.getvalue() == SENTENCE
    stream = io.StringIO()
    renderer_for(stream, as_json=True).say_parts(PARTS)
    assert json.loads(stream.getvalue())["text"] == SENTENCE.rstrip()


def test_the_stream_decides() -> None:
    assert isinstance(renderer_for(io.StringIO()), Lines)
    assert isinstance(renderer_for(Terminal(), as_json=True), JsonLines)


def test_a_terminal_that_can_do_nothing_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(renderer_for(Terminal()), Lines)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(renderer_for(Terminal()), Live)


def test_a_scope_leaves_the_terminal_as_it_was_whatever_happens() -> None:
    renderer = live(Terminal())
    with pytest.raises(KeyboardInterrupt), Scope(renderer) as scope:
        scope.follow(interrupted())
    assert renderer._display is None


def interrupted() -> Generator[Event, None, None]:
    yield Working("pulling")
    raise KeyboardInterrupt


def test_a_scope_returns_the_result_of_the_use_case() -> None:
    def use_case() -> Generator[Event, None, int]:
        yield Note("a")
        return 42

    stream = io.StringIO()
    with Scope(Lines(Sink(stream, lasting=True))) as scope:
        assert scope.follow(use_case()) == 42
    assert stream.getvalue() == "a\n"


def test_the_lines_of_a_command_become_events_and_its_result_stays() -> None:
    def command() -> Generator[str, None, str]:
        yield "one"
        yield "two"
        return "result"

    assert drain(output_of(command())) == ([Output("one"), Output("two")], "result")


def test_a_reader_that_stops_early_ends_the_command() -> None:
    ended = []

    def command() -> Generator[str, None, None]:
        try:
            yield "one"
            yield "two"
        finally:
            ended.append(True)

    events = output_of(command())
    next(events)
    events.close()
    assert ended == [True]

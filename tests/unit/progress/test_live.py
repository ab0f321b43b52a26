"""The display of a terminal: frames that fit it, drawn only when they change."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from rofecare_infra.progress import Event, Note, Observed, Output, Working
from rofecare_infra.progress.cells import width_of
from rofecare_infra.progress.live import Live

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WAIT = Observed(1.0, {"rofecare-service-日本": "starting: \t 503 😀 " * 9, "db": "starting"})


class Terminal(io.StringIO):
    """A stream that is a terminal, and its display."""

    def __init__(self, width: int = 80, height: int = 24) -> None:
        super().__init__()
        console = Console(
            file=self, force_terminal=True, width=width, height=height, color_system=None, legacy_windows=False
        )
        self.live = Live(console)

    def isatty(self) -> bool:
        return True

    def shown(self, *events: Event) -> str:
        """What these events add to the output."""
        before = len(self.getvalue())
        for event in events:
            self.live.show(event)
        return self.getvalue()[before:]


@pytest.mark.parametrize("width", [1, 3, 8, 11, 12, 19, 40, 80])
def test_no_line_wraps(width: int) -> None:
    terminal = Terminal(width, height=6)
    terminal.shown(Working("stopping 日本語 and \t" + "x" * 300), WAIT, Output("y" * 300), Working("z" * 300))
    terminal.live.close()
    lines = re.split(r"[\r\n]", _SEQUENCE.sub("", terminal.getvalue()))
    assert max(map(width_of, lines)) <= max(width - 1, 1)


def test_an_unchanged_frame_is_not_drawn_again() -> None:
    terminal = Terminal()
    assert "db" in terminal.shown(WAIT)
    assert terminal.shown(WAIT, Output("Container db Created"), Observed(1.2, WAIT.services)) == ""
    assert "2 s" in terminal.shown(Observed(2.0, WAIT.services))
    terminal.live.close()


def test_a_frame_is_not_animated() -> None:
    """A spinner is, in the one line of an activity."""
    terminal = Terminal()
    for event, animated in ((WAIT, False), (Working("stopping"), True), (WAIT, False)):
        terminal.shown(event)
        assert terminal.live._display is not None
        assert terminal.live._display.auto_refresh is animated
    terminal.live.close()


def test_what_is_printed_stays_above_the_frame() -> None:
    terminal = Terminal()
    terminal.shown(WAIT)
    text = _SEQUENCE.sub("", terminal.shown(Note("a note")))
    assert text.index("✔ a note") < text.index("0 of 2 ready")
    terminal.live.close()


def test_after_the_end_the_frame_is_erased_and_the_cursor_is_back() -> None:
    terminal = Terminal()
    terminal.shown(WAIT)
    terminal.live.close()
    terminal.live.close()
    assert "\x1b[?25h" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[1A\x1b[2K" * 3)

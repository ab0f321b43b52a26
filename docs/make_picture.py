# ruff: noqa: INP001 - a script, no package
"""Draws what a terminal of 80x24 characters shows while a real command runs, as a picture of the documents.

    .venv/bin/python docs/make_picture.py start                           # docs/start.svg: the end of inv start-all
    .venv/bin/python docs/make_picture.py start-waiting --when 'business.*' --after 20
    .venv/bin/python docs/make_picture.py start-pipe --pipe               # the lines that a pipe gets

The command runs in a pseudo-terminal that pyte emulates, so that what is drawn is its live rendering. Without `--when`
the screen at its end is drawn. Ends with the exit code of the command; the picture is written in any case.
"""

from __future__ import annotations

import argparse
import io
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
INV = str(Path(sys.executable).parent / "inv")
WIDTH, HEIGHT = 80, 24
# The names of pyte for the colours that rich names differently.
_COLOURS = {"brown": "yellow", "default": ""}

# The template of rich without the font that it would load from the network: every viewer has a monospaced font.
FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>A start of the whole platform in a terminal</title>
<style>
.{unique_id}-matrix {{
  font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{
  font-family: "DejaVu Sans", Arial, sans-serif;
  font-size: 16px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Recording:
    """The screen of a terminal, and the picture of it at the wanted moment."""

    def __init__(self, command: str, when: str, after: float) -> None:
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)
        self._stream.feed(f"\x1b[1;32m$\x1b[0m {command}\r\n".encode())
        self._when = re.compile(when) if when else None
        self._after = after
        self._matched = 0.0
        # The lines of the picture, once its moment has come.
        self.taken: list[Text] | None = None

    def feed(self, written: bytes) -> None:
        """Draw what the command wrote; take the picture when `--when` matches and `--after` has passed."""
        self._stream.feed(written)
        if self._when is None or self.taken is not None:
            return
        shows = any(self._when.search(line) for line in self._screen.display)
        self._matched = self._matched or (time.monotonic() if shows else 0.0)
        # Between two frames the lines of the first one are cleared: those of the services are indented.
        if shows and time.monotonic() - self._matched >= self._after and self._last_line().startswith("  "):
            self.taken = self.lines()

    def lines(self) -> list[Text]:
        """The screen without the empty lines at its end."""
        rows = [Text.assemble(*self._parts(row)) for row in range(HEIGHT)]
        while rows and not rows[-1].plain.strip():
            rows.pop()
        return rows

    def _last_line(self) -> str:
        return next((line for line in reversed(self._screen.display) if line.strip()), "")

    def _parts(self, row: int) -> Iterator[tuple[str, Style]]:
        cells = [self._screen.buffer[row][column] for column in range(WIDTH)]
        for (colour, bold), group in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
            text = "".join(cell.data for cell in group)
            yield text, Style(color=_COLOURS.get(colour, colour) or None, bold=bold)


def in_terminal(words: list[str], recording: Recording) -> int:
    """Run the command in a pseudo-terminal; return its exit code."""

    def read(terminal: int) -> bytes:
        written = os.read(terminal, 4096)
        recording.feed(written)
        return written

    os.environ |= {"COLUMNS": str(WIDTH), "LINES": str(HEIGHT), "TERM": "xterm-256color"}
    return os.waitstatus_to_exitcode(pty.spawn([INV, *words], read))


def in_pipe(words: list[str], recording: Recording) -> int:
    """Run the command with a pipe as its output; return its exit code."""
    with subprocess.Popen([INV, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:  # noqa: S603
        for line in running.stdout or ():
            sys.stdout.buffer.write(line)
            recording.feed(line.replace(b"\n", b"\r\n"))
    return running.returncode


def draw(lines: list[Text], name: str) -> str:
    """The picture of these lines."""
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        line.rstrip()
        console.print(line, highlight=False, no_wrap=True)
    drawn = console.export_svg(title="rofecare", theme=DIMMED_MONOKAI, code_format=FORMAT, unique_id=name)
    # Lines that end in blanks are no difference worth a commit.
    return "\n".join(line.rstrip() for line in drawn.splitlines()).rstrip() + "\n"


def main() -> int:
    """Run, draw and write."""
    parser = argparse.ArgumentParser(description="Draw what a terminal shows while a command of inv runs.")
    parser.add_argument("name", help="the picture is docs/NAME.svg")
    parser.add_argument("--when", default="", help="draw when a line of the screen matches this pattern")
    parser.add_argument("--after", type=float, default=0.0, help="and so many seconds have passed")
    parser.add_argument("--pipe", action="store_true", help="run it with a pipe as its output")
    parser.add_argument("words", nargs="*", default=["start-all"], help="the words after inv (start-all)")
    asked = parser.parse_args()
    os.chdir(ROOT)
    command = f"inv {' '.join(asked.words)}{' | cat' if asked.pipe else ''}"
    recording = Recording(command, asked.when, asked.after)
    code = (in_pipe if asked.pipe else in_terminal)(asked.words, recording)
    if asked.when and recording.taken is None:
        sys.stderr.write(f"the screen never matched {asked.when!r}: no picture\n")
        return code or 1
    lines = recording.taken or recording.lines()
    (ROOT / "docs" / f"{asked.name}.svg").write_text(draw(lines, asked.name), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())

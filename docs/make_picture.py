# ruff: noqa: INP001 - a script, no package
"""Makes docs/start.svg: what a terminal shows in the end of a real `inv start-all`.

    .venv/bin/inv stop-all && .venv/bin/python docs/make_picture.py

The task runs in a pseudo-terminal, so that what is drawn is its live rendering. Ends with the task's exit code, and
leaves the picture as it was, when the task fails.
"""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
# In characters. GitHub shows a picture of this width without making it smaller.
WIDTH = 88
TASK = "start-all"

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

# What the rendering uses of a terminal: colours, "clear this line", "up by so many lines", "hide the cursor".
_SEQUENCE = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])")


class Screen:
    """A terminal that knows just these sequences; its lines keep their colours as they came."""

    def __init__(self) -> None:
        self.lines = [""]
        self._row = 0

    def feed(self, text: str) -> None:
        """Draw `text`. Raises ValueError for a sequence that is not known here."""
        position = 0
        for match in _SEQUENCE.finditer(text):
            self._write(text[position : match.start()])
            self._control(match)
            position = match.end()
        self._write(text[position:])

    def _write(self, text: str) -> None:
        first, *others = text.replace("\r", "").split("\n")
        self.lines[self._row] += first
        for line in others:
            self._row += 1
            self.lines += [""] * (self._row + 1 - len(self.lines))
            self.lines[self._row] += line

    def _control(self, match: re.Match[str]) -> None:
        number, letter = match.groups()
        if letter == "m":
            self.lines[self._row] += match.group()
        elif letter == "K":
            self.lines[self._row] = ""
        elif letter == "A":
            self._row -= int(number or 1)
        elif number != "?25":
            message = f"the rendering uses a sequence that is not known here: {match.group()!r}"
            raise ValueError(message)


def run() -> tuple[int, str]:
    """Run the task in a pseudo-terminal; return its exit code and all that it wrote."""
    written: list[bytes] = []

    def read(terminal: int) -> bytes:
        written.append(os.read(terminal, 4096))
        return written[-1]

    os.environ |= {"COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    os.chdir(ROOT)
    status = pty.spawn([str(Path(sys.executable).parent / "inv"), TASK], read)
    return os.waitstatus_to_exitcode(status), b"".join(written).decode()


def draw(output: str) -> str:
    """Draw the screen as it is in the end. Raises ValueError when a line does not fit on it."""
    screen = Screen()
    screen.feed(output)
    # A text that begins with a blank loses it in some viewers: the blank after a mark goes to the mark.
    rows = [line.replace("\x1b[0m ", " \x1b[0m", 1) for line in screen.lines]
    lines = [Text.assemble(("$ ", "bold green"), f"inv {TASK}"), *map(Text.from_ansi, rows)]
    while not lines[-1].plain.strip():
        lines.pop()
    widest = max(lines, key=lambda line: line.cell_len)
    if widest.cell_len > WIDTH:
        message = f"a line is wider than {WIDTH} characters: {widest.plain}"
        raise ValueError(message)
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(line, highlight=False)
    return console.export_svg(title="rofecare", theme=DIMMED_MONOKAI, code_format=FORMAT, unique_id="start")


def main() -> int:
    """Run, draw and write."""
    code, output = run()
    if code == 0:
        # Lines that end in blanks are no difference worth a commit.
        drawn = "\n".join(line.rstrip() for line in draw(output).splitlines())
        (ROOT / "docs" / "start.svg").write_text(drawn.rstrip() + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())

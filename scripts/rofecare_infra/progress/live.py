"""Draws on a terminal: completed activities stay, the frame below them is replaced when it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rofecare_infra.progress.events import Event, ImageDone, Note, StageReady
from rofecare_infra.progress.frame import State, after, frame
from rofecare_infra.progress.parts import Part
from rofecare_infra.progress.sentences import sentence

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live as Display

# Of the spinner: redrawn so many times per second, and its columns.
_FREQUENCY = 12.5
_SPINNER = 2
# The columns of a terminal that has room for a spinner beside a word.
_NARROW = 12


class Live:
    """A terminal: the frame of what the command does now, below the completed activities."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state = State()
        self._drawn: list[str] = []
        self._spins = False
        self._display: Display | None = None

    def show(self, event: Event) -> None:
        """Print a completed activity, or replace the current one."""
        self._state = after(self._state, event)
        match event:
            case StageReady() | ImageDone() | Note():
                from rich.text import Text

                failed = isinstance(event, ImageDone) and event.outcome == "failed"
                mark = ("✘", "red") if failed else ("✔", "green")
                # One call: the frame is redrawn after every print.
                self._console.print(Text.assemble(mark, " ", sentence(event)), soft_wrap=True)
            case _:
                self._draw()

    def say(self, text: str = "") -> None:
        """Print a result above the frame."""
        # The terminal wraps long lines, so a copied table stays intact.
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Print the line with its styles; `NO_COLOR` in the environment removes them."""
        from rich.text import Text

        self._console.print(Text.assemble(*((part.text, part.style) for part in parts)), soft_wrap=True)

    def record(self, result: DataclassInstance | Sequence[DataclassInstance]) -> None:
        """Print nothing: the text of the result is for people."""

    def close(self) -> None:
        """Erase the frame."""
        if self._display is not None:
            self._display.stop()
        self._display, self._drawn = None, []

    def _draw(self) -> None:
        """Draw the frame if it differs from the one on the terminal."""
        width, height = self._console.size
        spins = self._state.observed is None and width >= _NARROW
        lines = frame(self._state, width - _SPINNER if spins else width, height)
        if not lines or lines == self._drawn:
            return
        if self._display is None or spins != self._spins:
            self.close()
            self._start(lines, spins=spins)
        else:
            self._display.update(_Drawn(lines, spins=spins), refresh=not spins)
        self._drawn, self._spins = lines, spins

    def _start(self, lines: Sequence[str], *, spins: bool) -> None:
        from rich.live import Live as Display

        # Only a spinner is redrawn by itself: an animation of many lines would flicker.
        self._display = Display(
            _Drawn(lines, spins=spins),
            console=self._console,
            auto_refresh=spins,
            refresh_per_second=_FREQUENCY,
            transient=True,
        )
        self._display.start(refresh=True)


class _Drawn:
    """The lines of a frame for rich, none of which is wrapped; with the spinner in front of the first one."""

    def __init__(self, lines: Sequence[str], *, spins: bool) -> None:
        self._lines = lines
        self._spins = spins

    def __rich_console__(self, console: Console, _options: ConsoleOptions) -> RenderResult:
        from rich.spinner import Spinner
        from rich.text import Text

        text = Text("\n".join(self._lines))
        if self._spins:
            spinner = Spinner("dots", style="status.spinner")
            # Its frames depend on the time only, also after the text has changed.
            spinner.start_time = 0.0
            text = Text.assemble(spinner.render(console.get_time()), " ", text)  # type: ignore[arg-type]
        text.no_wrap, text.overflow = True, "crop"
        yield text

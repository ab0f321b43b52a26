"""The one error a user meets: four short parts and an exit code."""

from __future__ import annotations

# The project's exit codes, as far as the bootstrap uses them.
BUG = 1
USAGE = 2
SETTINGS = 3
ENGINE = 4
COMMAND = 5
INTERRUPTED = 130


class Refusal(Exception):  # noqa: N818 - it says "no", it is not a defect
    """The bootstrap cannot or may not go on.

    `what` failed, what was `seen`, what was `expected`, the `next` command (or commands, a line each);
    `code` is the exit code.
    """

    def __init__(self, what: str, *, seen: str, expected: str, then: str, code: int) -> None:
        super().__init__(what)
        self.what = what
        self.seen = seen
        self.expected = expected
        self.then = then
        self.code = code

    def __str__(self) -> str:
        """Render the parts under each other; lines after a part's first are aligned with it."""
        parts = (("seen", self.seen), ("expected", self.expected), ("next", self.then))
        lines = [f"bootstrap: {self.what}"]
        for name, text in parts:
            first, *others = text.splitlines() or [""]
            lines.append(f"  {name + ':':<10} {first}")
            lines += [f"  {'':<10} {other}" for other in others]
        return "\n".join(lines)

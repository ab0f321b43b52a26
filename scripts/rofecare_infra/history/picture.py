"""Draws a start as an SVG that needs nothing else: no script, no font or style of another place."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from rofecare_infra.history.draw import Span, heading, in_order, length_of, printable, took
from rofecare_infra.history.path import critical_path
from rofecare_infra.history.record import StartRecord
from rofecare_infra.platform import short

# In pixels.
_NAMES, _BARS, _TIMES, _MARGIN = 190, 640, 80, 16
_ROW, _BAR, _TOP, _BOTTOM = 22, 12, 76, 44
_WIDTH = _MARGIN + _NAMES + _BARS + _TIMES + _MARGIN
_LEFT = _MARGIN + _NAMES
_COLOURS = {"created": "#c3ccd6", "started": "#4f86c6", "critical": "#c2410c", "unready": "#8b1a1a"}
# The widest letter of the legend, on average.
_LETTER = 6
# At most so many intervals between the lines of the scale.
_INTERVALS = 10
_HEADING_LENGTH = 100

_FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{title}</title>
<style>
text {{ font-family: "DejaVu Sans", Verdana, Arial, sans-serif; font-size: 12px; fill: #1f2933; }}
.heading {{ font-size: 14px; font-weight: bold; }}
.critical {{ font-weight: bold; }}
.scale {{ fill: #5b6770; font-size: 11px; }}
line {{ stroke: #dde3e9; }}
</style>
<rect width="{width}" height="{height}" fill="#ffffff"/>
{content}
</svg>
"""


def picture(record: StartRecord) -> str:
    """The drawing of a start: a row for each service, with a title that names its moments."""
    spans, length = in_order(record), length_of(record)
    critical = {step.service.name for step in critical_path(record.services, record.began)}
    height = _TOP + _ROW * len(spans) + _BOTTOM
    title = heading(record)
    shown = title if len(title) <= _HEADING_LENGTH else f"{title[:_HEADING_LENGTH]}..."
    content = [_text(_MARGIN, 26, shown, "heading"), *_scale(length, height - _BOTTOM)]
    for number, span in enumerate(spans):
        content += _row(span, _TOP + _ROW * number, _BARS / length, critical=span.service.name in critical)
    content += _legend(height - 16, unready=any(span.service.ready is None for span in spans))
    return _FRAME.format(width=_WIDTH, height=height, title=escape(title), content="\n".join(content))


def interval(length: float) -> int:
    """The seconds between two lines of the scale: 1, 2 or 5 times a power of ten."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if length / step <= _INTERVALS:
                return step
        size *= 10


def _scale(length: float, bottom: int) -> Iterator[str]:
    step = interval(length)
    for second in range(0, int(length) + 1, step):
        x = _LEFT + second * _BARS / length
        yield f'<line x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>'
        yield _text(x, _TOP - 14, f"{second} s", "scale", "middle")


def _row(span: Span, top: int, scale: float, *, critical: bool) -> Iterator[str]:
    service = span.service
    kind = "unready" if service.ready is None else "critical" if critical else "started"
    base = top + _BAR - 2
    yield "<g>"
    yield f"<title>{escape(_moments(span))}</title>"
    yield _text(_LEFT - 10, base, short(service.name), "critical" if critical else "", "end")
    for begin, end, fill in ((span.created, span.started, "created"), (span.started, span.until, kind)):
        # Every service is visible.
        wide = max((end - begin) * scale, 0.0 if fill == "created" else 1.0)
        place = f'x="{_LEFT + begin * scale:.1f}" y="{top}" width="{wide:.1f}" height="{_BAR}"'
        yield f'<rect {place} fill="{_COLOURS[fill]}"/>'
    yield _text(_LEFT + _BARS + 10, base, took(service), "critical" if critical else "")
    yield "</g>"


def _moments(span: Span) -> str:
    ready = "not ready" if span.service.ready is None else f"ready at {span.until:.1f} s"
    cpu = f", {span.service.cpu_seconds:.1f} s of processor time" if span.service.cpu_seconds is not None else ""
    name = printable(span.service.name)
    return f"{name}: created at {span.created:.1f} s, started at {span.started:.1f} s, {ready}{cpu}"


def _legend(base: int, *, unready: bool) -> Iterator[str]:
    texts = {"created": "created", "started": "started, until ready", "critical": "the same, on the critical path"}
    if unready:
        texts["unready"] = "never ready"
    x = _LEFT
    for kind, text in texts.items():
        yield f'<rect x="{x}" y="{base - 10}" width="14" height="{_BAR}" fill="{_COLOURS[kind]}"/>'
        yield _text(x + 20, base, text, "scale")
        x += 44 + _LETTER * len(text)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}"{style}>{escape(printable(text))}</text>'

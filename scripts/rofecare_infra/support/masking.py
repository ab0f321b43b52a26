"""Replaces secrets in text: the known ones in every form in which programs print them, and what looks like one."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "[secret]"
# A shorter text occurs by chance; generated secrets have 32 characters and more.
_SHORTEST = 6
_WORD = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|credentials?|authorization)"
_PATTERNS = (
    # A signed token.
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"), MASK),
    (re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]+", re.IGNORECASE), MASK),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {MASK}"),
    # https://user:password@host
    (re.compile(r"(://[^/\s:@\"']*):[^/\s@\"']+@"), rf"\1:{MASK}@"),
    # password=x, "password": "x", --requirepass x
    (re.compile(rf"({_WORD}\w*[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&}}\]\"']+)", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(--?(?:requirepass|password|pass|token)[ =])\S+", re.IGNORECASE), rf"\1{MASK}"),
)


class Masks:
    """The secrets of a platform."""

    def __init__(self, contents: Iterable[str]) -> None:
        found = {form for content in contents for form in _forms(content)}
        # The longest first: one may contain another.
        self._known = sorted(found, key=lambda form: (-len(form), form))

    def cleaned(self, text: str) -> str:
        """The text without secrets."""
        for form in self._known:
            text = text.replace(form, MASK)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def is_in(self, content: bytes) -> bool:
        """Whether a known secret is in there nevertheless."""
        return any(form.encode() in content for form in self._known)


def _forms(content: str) -> Iterator[str]:
    """A secret, each of its lines, and the forms in which they occur in other texts."""
    for text in {content.strip(), *(line.strip() for line in content.splitlines())}:
        if len(text) < _SHORTEST or text.startswith(("-----", "#")):
            continue
        encoded = text.encode()
        yield text
        yield from (quote(text, safe=""), quote_plus(text), repr(text)[1:-1], html.escape(text))
        yield from (json.dumps(text, ensure_ascii=escapes)[1:-1] for escapes in (True, False))
        yield from (coded(encoded).decode().rstrip("=") for coded in (base64.b64encode, base64.urlsafe_b64encode))
        yield encoded.hex()

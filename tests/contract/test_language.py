"""Documents, messages, help texts and comments use the terms of the field in plain language.

Each part of the repository is one test, which lists file, line and phrase.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

THIS = Path(__file__).resolve()
ROOT = THIS.parents[2]

# Whole words; a space also matches a line break.
PHRASES = (
    "tell of",
    "tells",
    "told",
    "said",
    "mend",
    "mends",
    "mended",
    "what watches",
    "who watches",
    "nobody's health record",
    "lets in",
    "lets_in",
    "lets requests in",
    "let in",
    "door",
    "doors",
    "made anew",
    "anew",
    "whoever",
    "stands in",
    "an end with",
    "not any more",
    "is content",
    "put back",
    "put_back",
    "puts back",
)
# Names in code for concepts that have another term.
IDENTIFIERS = re.compile(r"\b(?:lets_in|put_back|Present|Door|Prepared)\b")
# Words that a French technical writer would not use for these concepts.
FRENCH = (
    "dit la vérité",
    "se racontent",
    "portillon",
    "ramener",
    "façade",
    "laisse entrer",
    "laissent entrer",
    "ce qui surveille",
    "regarder",
    "réglages",
)
TEXTS = {
    "documents": ("*.md", "docs/**/*.md", "monitoring/*.md", "docker/reference/*.md"),
    "tasks": ("tasks.py", "scripts/bootstrap.py"),
    "bootstrapping": ("scripts/bootstrapping/**/*.py",),
    "rofecare_dev": ("scripts/rofecare_dev/**/*.py",),
    **{
        f"rofecare_infra/{room.stem}": (f"scripts/rofecare_infra/{room.name}" + ("/**/*.py" if room.is_dir() else ""),)
        for room in sorted((ROOT / "scripts" / "rofecare_infra").iterdir())
        if room.is_dir() or room.suffix == ".py"
        if room.name not in {"__pycache__", "__init__.py"}
    },
    "compose files": (".env", "docker/*.yml"),
    "images": ("docker/images/**/*",),
    "config": ("docker/config/**/*",),
    "reference services": ("docker/reference/**/*.java", "docker/reference/**/*.yml"),
    "ci": (".ci/run", "pyproject.toml"),
    "picture": ("docs/make_picture.py",),
    "tests": ("tests/**/*.py",),
}
GENERATED = {".ndjson"}


def english() -> re.Pattern[str]:
    words = "|".join(re.escape(phrase).replace(r"\ ", r"\s+(?:[#*]\s*)?") for phrase in PHRASES)
    return re.compile(rf"(?<![\w'-])(?:{words})(?![\w-])", re.IGNORECASE)


def french() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, FRENCH))})\b", re.IGNORECASE)


def files(patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            # This file contains the phrases.
            if path.is_file() and path.suffix not in GENERATED and path != THIS and "__pycache__" not in path.parts:
                yield path


def prose(path: Path) -> str:
    """The text of a file; of a Python file its comments and strings, each on its line."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    lines = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING} or "FSTRING_MIDDLE" in tokenize.tok_name[token.type]:
            for offset, line in enumerate(token.string.splitlines()):
                lines[token.start[0] + offset - 1] += " " + line
    return "\n".join(lines)


def found(path: Path, pattern: re.Pattern[str]) -> list[str]:
    text = prose(path)
    return [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {' '.join(match.group().split())}"
        for match in pattern.finditer(text)
    ]


@pytest.mark.parametrize("part", TEXTS)
def test_no_phrase_that_reads_as_translated(part: str) -> None:
    paths = list(files(TEXTS[part]))
    assert paths
    assert [hit for path in paths for hit in found(path, english())] == []


def test_no_identifier_that_is_not_in_the_glossary() -> None:
    paths = [path for path in files(["scripts/**/*.py", "tasks.py"]) if IDENTIFIERS.search(path.read_text())]
    assert [str(path.relative_to(ROOT)) for path in paths] == []


def test_no_french_phrase_that_reads_as_translated() -> None:
    paths = [*files(("*.fr.md", "docs/fr/*.md", "monitoring/*.fr.md"))]
    assert paths
    assert [hit for path in paths for hit in found(path, french())] == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("The gateway tells the address", ["tells"]),
        ("what it is\n# told", ["told"]),
        ("alerts about it tell\nof errors", ["tell of"]),
        ("This recommends a threshold and a doorway; it is representative", []),
    ],
)
def test_the_search_finds_whole_words_over_line_breaks(text: str, seen: list[str]) -> None:
    assert [" ".join(match.split()) for match in english().findall(text)] == seen

"""The documents list what exists (tasks, services, ports, settings, exit codes) and their links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from rofecare_infra import errors
from rofecare_infra.settings.dotenv_file import read
from tests.support.documented import EVERYTHING, MONITORING
from tests.support.namespace import load_namespace

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.fr.md")
MANUALS = ("docs", "docs/fr")
MANUAL = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "monitoring/*.md", "docker/reference/*.md")
    for path in ROOT.glob(pattern)
)
# English -> French.
TRANSLATIONS = [
    ("README.md", "README.fr.md"),
    ("monitoring/runbook.md", "monitoring/runbook.fr.md"),
    *((f"docs/{name}", f"docs/fr/{name}") for name in MANUAL),
]
CODES = {0, 1, 130, *(kind.exit_code for kind in errors.RofecareError.__subclasses__())}
KINDS: list[type[errors.RofecareError]] = [errors.RofecareError, *errors.RofecareError.__subclasses__()]


@cache
def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def prose_of(path: str) -> str:
    """The text without its code blocks."""
    return re.sub(r"^```.*?^```", "", text_of(path), flags=re.MULTILINE | re.DOTALL)


def anchors(path: str) -> set[str]:
    """The anchors that code hosts derive from headings, and explicit ones."""
    headings = re.findall(r"^#+ +(.+?) *$", prose_of(path), re.MULTILINE)
    derived = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return derived | set(re.findall(r'<a (?:id|name)="([^"]+)"', text_of(path)))


def links(path: str) -> list[tuple[str, str]]:
    """Target and anchor of each link that does not lead to another host."""
    found = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", prose_of(path))
    found += [(image, "") for image in re.findall(r'<(?:img|source)[^>]+src(?:set)?="([^"]+)"', prose_of(path))]
    return [(target, anchor) for target, anchor in found if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("readme", READMES)
def test_the_first_screen_has_the_picture_and_the_two_commands(readme: str) -> None:
    first = "\n".join(text_of(readme).splitlines()[:60])
    assert "docs/start.svg" in first
    assert "python3 scripts/bootstrap.py start-all" in first
    assert "python3 scripts/bootstrap.py test" in first


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_is_an_overview(readme: str) -> None:
    assert len(text_of(readme).splitlines()) <= 200


@pytest.mark.parametrize(("readme", "folder"), list(zip(READMES, MANUALS, strict=True)))
def test_the_readme_links_to_every_document_of_the_manual(readme: str, folder: str) -> None:
    targets = {target for target, _ in links(readme)}
    assert {f"{folder}/{name}" for name in MANUAL} - targets == set()


@pytest.mark.parametrize("readme", READMES)
def test_every_task(readme: str) -> None:
    missing = [name for name in load_namespace(ROOT).task_names if f"| `inv {name}" not in text_of(readme)]
    assert missing == []


@pytest.mark.parametrize("folder", MANUALS)
def test_every_service_with_its_port(folder: str) -> None:
    rows = [line for line in text_of(f"{folder}/services.md").splitlines() if line.startswith("|")]
    for name, (published, _) in {**EVERYTHING, **MONITORING}.items():
        assert any(f"`{name}`" in row and str(published or "") in row for row in rows), name


@pytest.mark.parametrize("folder", MANUALS)
def test_every_setting_except_the_ports(folder: str) -> None:
    values, _ = read(ROOT / ".env")
    rows = "\n".join(line for line in text_of(f"{folder}/settings.md").splitlines() if line.startswith("|"))
    assert [name for name in values if not name.endswith("_PORT") and f"`{name}`" not in rows] == []


@pytest.mark.parametrize("path", [*READMES, *(f"{folder}/exit-codes.md" for folder in MANUALS)])
def test_every_exit_code_and_no_other(path: str) -> None:
    rows = re.findall(r"^\| *`?(\d{1,3})`? *\|", text_of(path), re.MULTILINE)
    assert sorted(map(int, rows)) == sorted(CODES)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_refers_to_a_section(kind: type[errors.RofecareError]) -> None:
    assert kind.slug in anchors("docs/exit-codes.md")
    assert f"docs/exit-codes.md#{kind.slug}" in text_of("README.md")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_link_leads_to_a_file_and_a_section(path: str) -> None:
    for target, anchor in links(path):
        there = (ROOT / path).parent / target if target else ROOT / path
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(str(there.resolve().relative_to(ROOT))), f"{target}#{anchor}"


def test_the_french_manual_has_the_same_documents() -> None:
    assert sorted(path.name for path in (ROOT / "docs" / "fr").glob("*.md")) == MANUAL


def shape(path: str) -> tuple[list[str], list[str], int]:
    """The levels of the sections, the commands without their comments (which are translated), the number of rows."""
    levels = re.findall(r"^(#+) ", prose_of(path), re.MULTILINE)
    blocks = re.findall(r"^```(?:sh|bash|console|shell)\n(.*?)^```", text_of(path), re.MULTILINE | re.DOTALL)
    commands = [re.sub(r"\s*#.*", "", line).strip() for block in blocks for line in block.splitlines()]
    rows = sum(line.startswith("|") for line in text_of(path).splitlines())
    return levels, [command for command in commands if command], rows


@pytest.mark.parametrize(("english", "french"), TRANSLATIONS)
def test_both_languages_have_the_same_sections_commands_and_tables(english: str, french: str) -> None:
    assert shape(english) == shape(french)


@pytest.mark.parametrize(("english", "french"), [pair for pair in TRANSLATIONS if "runbook" not in pair[0]])
def test_each_language_links_to_the_other(english: str, french: str) -> None:
    for path, other in ((english, french), (french, english)):
        targets = {((ROOT / path).parent / target).resolve() for target, _ in links(path) if target}
        assert ROOT / other in targets


# Files that a user creates, and the scripts that the tasks replaced.
NOT_IN_GIT = re.compile(r"docker/(?:secrets|docker-compose\.override\.yml)|scripts/[\w-]+\.sh")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_path_in_the_text_exists(path: str) -> None:
    mentioned = re.findall(r"`((?:docs|docker|scripts|tests|monitoring)/[\w./-]*)`", prose_of(path))
    assert [one for one in mentioned if not NOT_IN_GIT.match(one) and not (ROOT / one).exists()] == []


@pytest.mark.parametrize("folder", MANUALS)
def test_the_architecture_shows_every_room(folder: str) -> None:
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one.get("containers") == ["rofecare_infra"])
    diagram = text_of(f"{folder}/architecture.md").split("```mermaid")[2].partition("```")[0]
    assert {room for layer in layers for room in layer.split(" | ")} - set(re.findall(r"\w+", diagram)) == set()


def test_documents_that_code_refers_to_exist() -> None:
    sources = [
        path
        for pattern in ("scripts/**/*.py", "docker/*.yml", "docker/config/**/*.yml", ".env", "tasks.py")
        for path in ROOT.glob(pattern)
    ]
    for source in sources:
        found = re.findall(r"\b((?:docs|monitoring)/[\w/-]+\.md)(?:#([a-z-]+))?", source.read_text(encoding="utf-8"))
        for path, anchor in found:
            assert (ROOT / path).exists(), f"{source}: {path}"
            assert not anchor or anchor in anchors(path), f"{source}: {path}#{anchor}"

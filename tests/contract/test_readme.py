"""The README tells what there is: tasks, services, ports, settings, exit codes; in French, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rofecare_infra import errors
from rofecare_infra.settings.dotenv_file import read
from tests.support.documented import EVERYTHING, MONITORING
from tests.support.namespace import load_namespace

LANGUAGES = ("README.md", "README.fr.md")
CODES = {0, 1, 130, *(kind.exit_code for kind in errors.RofecareError.__subclasses__())}


@pytest.fixture(params=LANGUAGES)
def readme(request: pytest.FixtureRequest, root: Path) -> str:
    text: str = (root / request.param).read_text(encoding="utf-8")
    return text


def anchors(text: str) -> set[str]:
    """What can be linked to, as code hosts make it of headings; or an anchor that is spelt out."""
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def test_the_first_screen_has_the_two_commands(readme: str) -> None:
    first = "\n".join(readme.splitlines()[:60])
    assert "python3 scripts/bootstrap.py start-all" in first
    assert "python3 scripts/bootstrap.py test" in first


def test_every_task(root: Path, readme: str) -> None:
    missing = [name for name in load_namespace(root).task_names if f"inv {name}" not in readme]
    assert missing == []


def test_every_service_with_its_port(readme: str) -> None:
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    for name, (published, _) in {**EVERYTHING, **MONITORING}.items():
        assert any(f"`{name}`" in row and str(published or "") in row for row in rows), name


def test_every_setting_but_the_ports(root: Path, readme: str) -> None:
    values, _ = read(root / ".env")
    assert [name for name in values if not name.endswith("_PORT") and f"`{name}`" not in readme] == []


def test_every_exit_code_and_no_other(readme: str) -> None:
    rows = re.findall(r"^\| *`?(\d{1,3})`? *\|", readme, re.MULTILINE)
    assert sorted(map(int, rows)) == sorted(CODES)


def test_what_an_error_refers_to_is_there(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    kinds: list[type[errors.RofecareError]] = [errors.RofecareError, *errors.RofecareError.__subclasses__()]
    slugs = {kind.slug for kind in kinds}
    assert slugs - anchors(text) == set()


def test_files_that_are_linked_to_are_there(root: Path, readme: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(#[^)]*)?\)", readme)
    links += [(path, "") for path in re.findall(r'<(?:img|source)[^>]+src(?:set)?="([^"]+)"', readme)]
    local = [path for path, _ in links if not re.match(r"[a-z]+:", path)]
    assert [path for path in local if not (root / path).exists()] == []


def test_links_inside_the_page_lead_somewhere(readme: str) -> None:
    inside = set(re.findall(r"\]\(#([^)]+)\)", readme))
    assert inside - anchors(readme) == set()


def test_both_languages_have_the_same_sections_commands_and_tables(root: Path) -> None:
    def shape(text: str) -> tuple[list[str], list[str], int]:
        levels = re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
        blocks = re.findall(r"^```(?:sh|bash|console|shell)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        # Comments are translated, commands are not.
        commands = [re.sub(r"\s*#.*", "", line).strip() for block in blocks for line in block.splitlines()]
        rows = sum(line.startswith("|") for line in text.splitlines())
        return levels, [command for command in commands if command], rows

    english, french = (shape((root / name).read_text(encoding="utf-8")) for name in LANGUAGES)
    assert english == french


def test_each_language_leads_to_the_other(root: Path) -> None:
    assert "README.fr.md" in (root / "README.md").read_text(encoding="utf-8")
    assert "README.md" in (root / "README.fr.md").read_text(encoding="utf-8")

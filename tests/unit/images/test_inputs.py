"""Equal inputs, equal hash; any change that an image could show, another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.images.inputs import fingerprint

DEFINITION = {"context": "x", "args": {"A": "1"}, "secrets": [{"source": "ca-bundle"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "src").mkdir(parents=True)
    (source / "pom.xml").write_text("<project/>")
    (source / "src" / "A.java").write_text("class A {}")
    return source


def test_the_same_twice(folder: Path) -> None:
    assert fingerprint(DEFINITION, [folder], ["b", "a"]) == fingerprint(dict(DEFINITION), [folder], ["a", "b"])


def test_what_changes_it(folder: Path) -> None:
    seen = {fingerprint(DEFINITION, [folder], ["a"])}
    seen.add(fingerprint({**DEFINITION, "args": {"A": "2"}}, [folder], ["a"]))
    seen.add(fingerprint(DEFINITION, [folder], ["another base"]))
    seen.add(fingerprint(DEFINITION, [folder / "src"], ["a"]))
    (folder / "pom.xml").chmod(0o755)
    seen.add(fingerprint(DEFINITION, [folder], ["a"]))
    (folder / "src" / "A.java").write_text("class A { }")
    seen.add(fingerprint(DEFINITION, [folder], ["a"]))
    (folder / "src" / "A.java").rename(folder / "src" / "B.java")
    seen.add(fingerprint(DEFINITION, [folder], ["a"]))
    assert len(seen) == 7


def test_what_does_not(folder: Path) -> None:
    before = fingerprint(DEFINITION, [folder], [])
    for made in ("target", ".git", "node_modules", ".idea"):
        (folder / made).mkdir()
        (folder / made / "made").write_text("by a build")
    assert fingerprint({**DEFINITION, "secrets": []}, [folder], []) == before


def test_the_umask_of_a_clone_does_not(folder: Path) -> None:
    (folder / "pom.xml").chmod(0o755)
    before = fingerprint(DEFINITION, [folder], [])
    (folder / "pom.xml").chmod(0o700)
    (folder / "src" / "A.java").chmod(0o600)
    assert fingerprint(DEFINITION, [folder], []) == before


def test_a_single_file_and_one_that_is_missing(folder: Path) -> None:
    one = fingerprint({}, [folder / "pom.xml"], [])
    assert one != fingerprint({}, [], [])
    assert fingerprint({}, [folder / "no-such-folder"], []) == fingerprint({}, [], [])


def test_a_link_to_nowhere_is_no_input(folder: Path) -> None:
    before = fingerprint({}, [folder], [])
    (folder / "broken").symlink_to("nowhere")
    assert fingerprint({}, [folder], []) == before

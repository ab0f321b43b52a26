"""From gaps to commands, and how commands and refusals are written."""

import shlex
import subprocess
from pathlib import Path

import pytest

from bootstrapping.errors import ENGINE, SETTINGS
from bootstrapping.needs import Gap, Part, Tool
from bootstrapping.plan import (
    Apt,
    Command,
    Machine,
    Wish,
    commands,
    elsewhere,
    extraction,
    packages,
    quoted,
    refusal,
    shown,
)
from bootstrapping.system import Source, parse_os_release

BOOKWORM = parse_os_release("ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n")
TRIXIE = parse_os_release("ID=debian\nVERSION_ID=13\nVERSION_CODENAME=trixie\n")
UBUNTU = parse_os_release("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=24.04\nVERSION_CODENAME=noble\n")
FEDORA = parse_os_release("ID=fedora\nVERSION_ID=42\nPRETTY_NAME=Fedora\n")
APT = Apt(
    sources=(Source(("http://mirror.example/debian",), ("bookworm",), ("main",)),),
    has_docker_ce=False,
    was_interrupted=False,
    uses_apparmor=False,
    has_certificates=True,
    python="python3",
)
EVERYTHING = [Gap(part, "") for part in (Part.PYTHON, Part.CLIENT, Part.SERVER, Part.COMPOSE, Part.BUILDX)]
REGISTRY = Tool("docker-registry", "docker-registry", extracted=True)
WISH = Wish(("python3", "scripts/bootstrap.py", "start-all"), "/checkout/.venv")


def machine(system: object = TRIXIE, apt: Apt = APT) -> Machine:
    """A machine that may not be changed."""
    return Machine(system=system, apt=apt, may_change=False, sudo=(), has_systemd=True)  # type: ignore[arg-type]


def test_debian_13_uses_its_own_packages() -> None:
    assert packages(EVERYTHING, TRIXIE, APT) == [
        "python3-venv",
        "docker-cli",
        "docker.io",
        "containerd",
        "iptables",
        "docker-compose",
        "docker-buildx",
    ]
    assert [command.argv[0] for command in commands(EVERYTHING, TRIXIE, APT)] == ["apt-get", "apt-get"]


def test_debian_12_borrows_the_engine_and_nothing_else() -> None:
    gaps = [*EVERYTHING, Gap(Part.TOOL, "", Tool("kcat", "kcat"))]
    names = packages(gaps, BOOKWORM, APT)
    assert {name for name in names if not name.endswith("/trixie")} == {"python3-venv", "iptables", "kcat"}
    pin, source, update, install = commands(gaps, BOOKWORM, APT)
    assert pin.argv[1].startswith("/etc/apt/preferences.d/")
    assert "Pin: release n=trixie\nPin-Priority: 100\n" in pin.text
    assert "URIs: http://mirror.example/debian\nSuites: trixie\n" in source.text
    assert update.may_fail
    assert not install.may_fail


def test_a_borrowed_release_that_is_there_already_is_left_alone() -> None:
    known = APT._replace(sources=(*APT.sources, Source(("http://x",), ("trixie",), ("main",))))
    assert [command.argv[0] for command in commands(EVERYTHING, BOOKWORM, known)] == ["apt-get", "apt-get"]


def test_an_unknown_mirror_is_not_guessed() -> None:
    with pytest.raises(LookupError, match="bookworm"):
        commands(EVERYTHING, BOOKWORM, APT._replace(sources=()))


def test_ubuntu_names_compose_otherwise() -> None:
    assert "docker-compose-v2" in packages(EVERYTHING, UBUNTU, APT)


def test_beside_dockers_own_packages_only_those_are_used() -> None:
    names = packages([Gap(Part.SERVER, ""), Gap(Part.COMPOSE, "")], BOOKWORM, APT._replace(has_docker_ce=True))
    assert names == ["docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin"]


def test_what_the_machine_adds() -> None:
    bare = APT._replace(was_interrupted=True, uses_apparmor=True, has_certificates=False)
    assert {"apparmor", "ca-certificates"} <= set(packages(EVERYTHING, TRIXIE, bare))
    assert commands(EVERYTHING, TRIXIE, bare)[0].argv == ("dpkg", "--configure", "-a")


def test_no_package_no_command() -> None:
    assert commands([Gap(Part.STOPPED, "")], TRIXIE, APT) == []


def test_a_server_is_taken_out_of_its_package_not_installed() -> None:
    gap = Gap(Part.TOOL, "", REGISTRY)
    assert [command.argv[-1] for command in commands([gap], TRIXIE, APT)] == ["update"]
    assert extraction(REGISTRY, "/c/.venv")[-1].argv[-1] == "/c/.venv/bin/docker-registry"


def test_two_versions_of_a_program_lie_side_by_side() -> None:
    tool = Tool("judge", "judges", extracted=True, named="judge-1", release="bookworm")
    lines = [" ".join(command.argv) for command in extraction(tool, "/c/.venv")]
    assert lines[2].endswith("/c/.venv/packages/judge-1 apt-get download judges/bookworm")
    assert lines[-1] == "ln -sf /c/.venv/packages/judge-1/usr/bin/judge /c/.venv/bin/judge-1"


@pytest.mark.parametrize("word", ["plain/x-1.0", "a b", "", "it's", "$HOME", "*.deb . && rm *.deb"])
def test_quoted_reads_back_as_it_was(word: str) -> None:
    assert shlex.split(quoted(("run", word))) == ["run", word]


def test_a_shown_file_can_be_pasted(tmp_path: Path) -> None:
    text = "Types: deb\nSigned-By:\n -----BEGIN\n .\n it's \\n 100 %\n"
    target = tmp_path / "file"
    line = shown(Command(("tee", str(target)), text))
    assert "\n" not in line
    subprocess.run(["/bin/sh", "-c", line], check=True, stdout=subprocess.DEVNULL)
    assert target.read_text() == text


def test_a_refusal_has_four_parts_and_the_commands() -> None:
    refused = refusal([Gap(Part.SERVER, "no `dockerd` on PATH")], WISH, machine(), "neither root nor sudo")
    lines = str(refused).splitlines()
    assert refused.code == ENGINE
    assert lines[0] == "bootstrap: missing: Docker Engine (neither root nor sudo)"
    assert [line.split()[0] for line in lines[1:4]] == ["seen:", "expected:", "next:"]
    assert any("apt-get install" in line and "docker.io" in line for line in lines)
    assert lines[-1].split() == ["python3", "scripts/bootstrap.py", "start-all"]


def test_without_the_engine_it_is_a_matter_of_settings() -> None:
    assert refusal([Gap(Part.PYTHON, "no ensurepip")], WISH, machine(), "").code == SETTINGS


def test_another_system_is_told_its_own_packages() -> None:
    refused = refusal(EVERYTHING, WISH, machine(FEDORA), "Fedora is neither Debian nor Ubuntu")
    assert "dnf install moby-engine" in str(refused)
    assert "apt-get" not in str(refused)


def test_an_unknown_system_is_told_the_parts() -> None:
    assert "Docker Engine, Docker Compose" in elsewhere(
        [Gap(Part.SERVER, ""), Gap(Part.COMPOSE, "")], parse_os_release("ID=plan9\n")
    )


def test_who_may_not_ask_the_engine_is_told_how() -> None:
    assert "usermod -aG docker" in str(refusal([Gap(Part.FORBIDDEN, "permission denied")], WISH, machine(), "x"))

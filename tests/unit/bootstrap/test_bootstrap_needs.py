"""Which gaps a machine has: one row a situation that was met."""

import pytest

from bootstrapping.needs import Docker, Part, judge, tools_of
from bootstrapping.system import parse_version

GOOD = Docker(
    client=True, server="26.1.5+dfsg1", compose="2.26.1-4", buildx=True, error="", elsewhere="", has_server=True
)
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


def parts(docker: Docker) -> list[Part]:
    """Judge as the survey does."""
    return [gap.part for gap in judge(docker, parse_version(docker.server), parse_version(docker.compose))]


def test_a_good_machine_has_no_gap() -> None:
    assert parts(GOOD) == []
    assert parts(GOOD._replace(server="25.0.0", compose="2.24.0")) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"server": "", "error": DOWN}, [Part.STOPPED]),
        ({"server": "", "error": DOWN, "has_server": False}, [Part.SERVER]),
        ({"server": "", "error": "permission denied while trying to connect"}, [Part.FORBIDDEN]),
        ({"server": "", "error": DOWN, "elsewhere": "DOCKER_HOST=ssh://x"}, [Part.UNREACHABLE]),
        ({"server": "24.0.7"}, [Part.SERVER]),
        ({"server": "20.10.24+dfsg1", "compose": ""}, [Part.SERVER, Part.COMPOSE]),
        # Nothing on this machine makes an engine of another one newer.
        ({"server": "24.0.7", "elsewhere": "docker context ci"}, [Part.UNREACHABLE]),
        ({"compose": "2.23.3"}, [Part.COMPOSE]),
        ({"compose": "1.29.2", "buildx": False}, [Part.COMPOSE, Part.BUILDX]),
        (
            {"client": False, "server": "", "compose": "", "buildx": False, "has_server": False},
            [Part.CLIENT, Part.SERVER, Part.COMPOSE, Part.BUILDX],
        ),
        # Whether the engine runs is asked once there is a client to ask with.
        ({"client": False, "server": "", "compose": "", "buildx": False}, [Part.CLIENT, Part.COMPOSE, Part.BUILDX]),
    ],
)
def test_gaps(changes: dict[str, object], expected: list[Part]) -> None:
    assert parts(GOOD._replace(**changes)) == expected  # type: ignore[arg-type]


def test_what_was_seen_names_the_version_and_where() -> None:
    docker = GOOD._replace(server="24.0.7", elsewhere="DOCKER_HOST=tcp://site")
    assert judge(docker, (24, 0, 7), (2, 26))[0].seen == "Docker Engine 24.0.7 at DOCKER_HOST=tcp://site"


def test_an_unknown_task_needs_no_tool() -> None:
    assert tools_of("something-new", "x86_64", "trixie") == ()


def test_shellcheck_comes_from_the_system_where_the_environment_has_none() -> None:
    assert [tool.program for tool in tools_of("lint", "x86_64", "trixie")] == []
    assert [tool.program for tool in tools_of("lint", "aarch64", "trixie")] == ["shellcheck"]


def test_a_program_that_one_release_has_is_asked_of_no_other() -> None:
    of_both = [{tool.command for tool in tools_of("test", "x86_64", release)} for release in ("bookworm", "trixie")]
    assert of_both[0] - of_both[1] == {"promtool-2.42"}

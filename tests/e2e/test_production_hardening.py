"""What the processes of production may do: users, capabilities, volumes, and the table of docker-bench-security."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.platform import SHIFT, PlatformUnderTest, docker
from tests.support.project import REPOSITORY

Json = dict[str, Any]
pytestmark = pytest.mark.full


def test_no_process_is_root_or_has_a_capability(production: PlatformUnderTest) -> None:
    running = {name: one for name, one in production.containers().items() if one["State"]["Running"]}
    script = "cat /proc/[0-9]*/status 2>/dev/null || true"
    for name, one in running.items():
        texts = docker("exec", one["Name"][1:], "bash", "-c", script).split("Name:\t")[1:]
        # `runc` is about to become a health check; for some milliseconds it is a process of the engine.
        processes = [text for text in texts if not text.startswith("runc")]
        assert processes
        lines = [line.split() for text in processes for line in text.splitlines()[1:]]
        assert "0" not in {word for line in lines if line[0] == "Uid:" for word in line[1:]}, name
        assert {int(line[1], 16) for line in lines if line[0] in {"CapEff:", "CapPrm:"}} == {0}, name
        assert {line[1] for line in lines if line[0] == "NoNewPrivs:"} == {"1"}, name


def test_compose_down_cannot_remove_the_volumes(production: PlatformUnderTest) -> None:
    """`docker compose down -v` removes no external volume, and no volume carries the label of the project."""
    chosen = [word for kind in ("", ".prod", ".tls") for word in ("-f", f"docker/docker-compose{kind}.yml")]
    words = ["compose", "--project-directory", "docker", *chosen, "config", "--format", "json"]
    model = json.loads(docker_with(production, *words))
    assert all(volume["external"] for volume in model["volumes"].values())
    labelled = docker("volume", "ls", "-q", "--filter", f"label=com.docker.compose.project={production.name}")
    assert labelled == ""


def docker_with(platform: PlatformUnderTest, *words: str) -> str:
    """Run `docker` with the platform's settings, in the repository."""
    environment = {**os.environ, **platform.environment}
    return subprocess.check_output(["docker", *words], cwd=REPOSITORY, env=environment, text=True)


# Check -> whether a container passes it. Checks of the engine or of procedures are left out.
_SECTION_5: dict[str, Callable[[Json], bool]] = {
    "5.4": lambda one: (
        one["HostConfig"]["CapDrop"] == ["ALL"]
        and {*(one["HostConfig"]["CapAdd"] or [])} <= {"NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE", "CHOWN", "CAP_CHOWN"}
    ),
    "5.5": lambda one: not one["HostConfig"]["Privileged"],
    "5.6": lambda one: (
        not [
            mount["Source"]
            for mount in one["Mounts"]
            if mount["Type"] == "bind" and re.match(r"/(boot|dev/(?!null)|etc|lib|proc|sys|usr)?$", mount["Source"])
        ]
    ),
    "5.7": lambda one: "sshd" not in docker("top", one["Id"]) if one["State"]["Running"] else True,
    "5.8": lambda one: all(
        int(port["HostPort"]) - SHIFT >= 1024  # the tests publish on higher ports than a site does
        for ports in (one["HostConfig"]["PortBindings"] or {}).values()
        for port in ports
    ),
    "5.10": lambda one: one["HostConfig"]["NetworkMode"] != "host",
    "5.11": lambda one: one["HostConfig"]["Memory"] > 0,
    "5.12": lambda one: one["HostConfig"]["CpuShares"] not in {0, 1024},
    "5.13": lambda one: one["HostConfig"]["ReadonlyRootfs"],
    "5.14": lambda one: all(
        port["HostIp"] not in {"", "0.0.0.0", "::"}  # noqa: S104 - this is the finding
        for ports in (one["HostConfig"]["PortBindings"] or {}).values()
        for port in ports
    ),
    "5.15": lambda one: one["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 5},
    "5.16": lambda one: one["HostConfig"]["PidMode"] != "host",
    "5.17": lambda one: one["HostConfig"]["IpcMode"] != "host",
    "5.18": lambda one: not one["HostConfig"]["Devices"],
    "5.20": lambda one: all(mount["Propagation"] != "shared" for mount in one["Mounts"]),
    "5.21": lambda one: one["HostConfig"]["UTSMode"] != "host",
    "5.22": lambda one: not [word for word in one["HostConfig"]["SecurityOpt"] if word == "seccomp=unconfined"],
    "5.25": lambda one: one["HostConfig"]["CgroupParent"] == "",
    "5.26": lambda one: "no-new-privileges:true" in one["HostConfig"]["SecurityOpt"],
    "5.27": lambda one: bool(one["State"].get("Health")),
    "5.29": lambda one: (one["HostConfig"]["PidsLimit"] or 0) > 0,
    "5.30": lambda one: one["HostConfig"]["NetworkMode"] not in {"bridge", "default"},
    "5.31": lambda one: one["HostConfig"]["UsernsMode"] != "host",
    "5.32": lambda one: not [mount for mount in one["Mounts"] if mount["Source"].endswith("docker.sock")],
}


@pytest.mark.parametrize("check", _SECTION_5)
@pytest.mark.parametrize("document", ["docs/production.md", "docs/fr/production.md"])
def test_the_table_of_docker_bench_security_is_correct(
    production: PlatformUnderTest, check: str, document: str
) -> None:
    containers = production.containers()
    failing = {name for name, one in containers.items() if not _SECTION_5[check](one)}
    text = (REPOSITORY / document).read_text()
    (result,) = re.findall(rf"^\| {re.escape(check)} \| [^|]* \| ([^|]*) \|", text, re.MULTILINE)
    if result == "all":
        assert failing == set(containers)
    elif check == "5.13":
        assert failing == set(), "on packaged images nothing may write into its image"
    else:
        assert failing == set(re.findall(r"`([\w-]+)`", result)), result

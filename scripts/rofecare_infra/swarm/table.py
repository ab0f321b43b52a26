"""What becomes of each key of the merged production model in the stack: docs/stack.md shows the same table.

A key that is not listed is refused by name: nothing of the model is lost silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Fate(Enum):
    """What becomes of a key."""

    PASSED = "passed on"
    TRANSLATED = "translated"
    REQUIRED = "required of the engines"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True)
class Row:
    """One key of the model."""

    fate: Fate
    # How it is translated, or why it is not there.
    why: str = ""


@dataclass(frozen=True)
class Refusal:
    """A part of the model that a Swarm cannot do."""

    where: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.why}"


_PASSED = Row(Fate.PASSED)

Section = Mapping[str, Row]


def _refused(*keys: str, why: str) -> dict[str, Row]:
    return dict.fromkeys(keys, Row(Fate.REFUSED, why))


TOP: Section = {
    "name": Row(Fate.TRANSLATED, "the name of the stack"),
    "services": Row(Fate.TRANSLATED, "see below"),
    "networks": Row(Fate.TRANSLATED, "see below"),
    "volumes": Row(Fate.TRANSLATED, "see below"),
    "secrets": Row(Fate.TRANSLATED, "secrets of the Swarm, named by an HMAC of their content"),
    "configs": Row(Fate.TRANSLATED, "configs of the Swarm, named in the same way"),
}

SERVICE: Section = {
    **dict.fromkeys(
        (
            *("cap_add", "cap_drop", "command", "dns", "dns_search", "entrypoint", "environment", "extra_hosts"),
            *("hostname", "image", "init", "isolation", "labels", "logging", "read_only", "stdin_open"),
            *("stop_grace_period", "stop_signal", "sysctls", "tty", "ulimits", "user", "working_dir"),
        ),
        _PASSED,
    ),
    "deploy": Row(Fate.TRANSLATED, "see below"),
    "healthcheck": Row(
        Fate.TRANSLATED,
        "with a start period of 15 minutes at least, and with data 20 retries: a Swarm kills what is unhealthy",
    ),
    "networks": Row(Fate.TRANSLATED, "without the priority: an address is chosen by its subnet"),
    "ports": Row(Fate.TRANSLATED, "of the ingress alone, on every address of its nodes (`mode: host`)"),
    "configs": Row(Fate.TRANSLATED, "the configs of the Swarm"),
    "secrets": Row(Fate.TRANSLATED, "the secrets of the Swarm"),
    "volumes": Row(
        Fate.TRANSLATED, "named volumes of one node; mounted files become configs, those of the site secrets"
    ),
    "tmpfs": Row(Fate.TRANSLATED, "a mount; with an owner, open to all users of the container"),
    "shm_size": Row(Fate.TRANSLATED, "a tmpfs mount on /dev/shm"),
    "restart": Row(Fate.TRANSLATED, "`deploy.restart_policy`"),
    "scale": Row(Fate.TRANSLATED, "`deploy.replicas`"),
    "cpus": Row(Fate.TRANSLATED, "`deploy.resources.limits.cpus`"),
    "mem_limit": Row(Fate.TRANSLATED, "`deploy.resources.limits.memory`"),
    "pids_limit": Row(Fate.TRANSLATED, "`deploy.resources.limits.pids`"),
    "security_opt": Row(Fate.REQUIRED, "`no-new-privileges` in the daemon.json of each engine; others are refused"),
    "build": Row(Fate.DROPPED, "images are built or pulled before, and sent to the nodes"),
    "depends_on": Row(Fate.DROPPED, "`inv deploy` starts stage by stage"),
    "expose": Row(Fate.DROPPED, "it documents ports, and opens none"),
    "profiles": Row(Fate.DROPPED, "compose has selected the services"),
    "pull_policy": Row(Fate.DROPPED, "images are there before the start"),
    "container_name": Row(Fate.REFUSED, "a task has a name of its own"),
    **_refused(
        *("cgroup", "cgroup_parent", "device_cgroup_rules", "devices", "gpus", "ipc", "pid", "privileged"),
        *("runtime", "userns_mode", "uts"),
        why="a service of a Swarm does not have it",
    ),
    **_refused("external_links", "links", "volumes_from", why="it ties containers to one machine"),
    "network_mode": Row(Fate.REFUSED, "a service of a Swarm is on networks"),
}

DEPLOY: Section = {
    **dict.fromkeys(("mode", "replicas", "labels"), _PASSED),
    "endpoint_mode": Row(Fate.TRANSLATED, "`dnsrr` unless given: it works without IPVS"),
    "placement": Row(Fate.TRANSLATED, "with the node of a service with data"),
    "resources": Row(Fate.TRANSLATED, "limits of CPUs as texts"),
    "restart_policy": Row(Fate.TRANSLATED, "from `restart` unless given"),
    "update_config": Row(
        Fate.TRANSLATED,
        "one replica at a time, and rolled back on failure, unless given; with data, a port, or a replica on each "
        "node, the old one stops first",
    ),
    "rollback_config": Row(Fate.TRANSLATED, "the same"),
}

NETWORK: Section = {
    **dict.fromkeys(("attachable", "external", "internal", "labels", "name"), _PASSED),
    "ipam": Row(Fate.TRANSLATED, "if it has a subnet"),
    "driver": Row(Fate.TRANSLATED, "`overlay`"),
    "driver_opts": Row(Fate.DROPPED, "of a bridge; an overlay is encrypted where the stack has several nodes"),
    **_refused("enable_ipv6", why="overlay networks have no IPv6"),
}

VOLUME: Section = {
    **dict.fromkeys(("driver", "driver_opts", "labels", "name"), _PASSED),
    "external": Row(Fate.TRANSLATED, "a local volume of this name on the node of its service"),
}

FILE: Section = {
    "file": Row(Fate.TRANSLATED, "its content"),
    "name": Row(Fate.TRANSLATED, "with an HMAC of the content"),
    **_refused("environment", "content", "external", why="only files are compared with what the Swarm has"),
}

PORT: Section = {
    **dict.fromkeys(("protocol", "target"), _PASSED),
    "published": Row(Fate.TRANSLATED, "a number"),
    "mode": Row(Fate.TRANSLATED, "`host`"),
    "host_ip": Row(Fate.DROPPED, "`mode: host` listens on every address: without TLS, CLEAR_TEXT=accepted is required"),
    "name": Row(Fate.DROPPED, "it documents the port"),
    "app_protocol": Row(Fate.DROPPED, "the same"),
}

MOUNTED_NETWORK: Section = {
    "aliases": _PASSED,
    "priority": Row(Fate.DROPPED, "Swarm has none"),
    **_refused("ipv4_address", "ipv6_address", "link_local_ips", "mac_address", why="Swarm assigns addresses"),
}

SECTIONS: Mapping[str, Section] = {
    "top level": TOP,
    "service": SERVICE,
    "deploy": DEPLOY,
    "port": PORT,
    "network of a service": MOUNTED_NETWORK,
    "network": NETWORK,
    "volume": VOLUME,
    "secret and config": FILE,
}

UNKNOWN = Row(Fate.REFUSED, "it is not known how a Swarm treats it")


def row_of(section: Section, key: str) -> Row:
    """The row of this key; extensions (`x-...`) are for compose files alone."""
    return Row(Fate.DROPPED, "an extension") if key.startswith("x-") else section.get(key, UNKNOWN)


def refused_keys(where: str, section: Section, found: Mapping[str, Any], prefix: str = "") -> Iterator[Refusal]:
    """The keys of a part of the model that are refused; one without a value asks for nothing."""
    for key, value in found.items():
        row = row_of(section, key)
        if row.fate is Fate.REFUSED and value:
            yield Refusal(where, f"{prefix}{key}", row.why)

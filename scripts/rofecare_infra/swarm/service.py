"""One service of the merged production model as one of a stack."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rofecare_infra.platform import is_ingress, seconds
from rofecare_infra.swarm.names import name_of
from rofecare_infra.swarm.placement import constraint
from rofecare_infra.swarm.table import (
    DEPLOY,
    MOUNTED_NETWORK,
    PORT,
    SERVICE,
    Fate,
    Refusal,
    refused_keys,
    row_of,
)
from rofecare_infra.swarm.volumes import TARGET, config_name

Json = Mapping[str, Any]

NO_NEW_PRIVILEGES = "no-new-privileges"
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a path in containers
_NOTHING = "/dev/null"
# In seconds: the recovery of a database after a crash, or a start on a busy machine.
_START_PERIOD = 900.0
_RETRIES_WITH_DATA = 20
_RESTARTS = {"always": "any", "unless-stopped": "any", "on-failure": "on-failure", "no": "none", "": "any"}


@dataclass(frozen=True)
class Given:
    """What the translation of every service reads."""

    project: str
    model: Json
    files: Mapping[str, bytes] = field(repr=False)
    key: bytes = field(repr=False)
    placement: Mapping[str, str]
    with_data: frozenset[str]
    # Image -> its name on the nodes.
    images: Mapping[str, str]
    # The folder whose files are those of the software.
    software: str
    # The number of nodes that run tasks.
    nodes: int


@dataclass
class Made:
    """A service of the stack, with the contents that it mounts."""

    document: dict[str, Any] = field(default_factory=dict)
    configs: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    refused: list[Refusal] = field(default_factory=list)


def service_of(given: Given, name: str, service: Json) -> Made:
    """The service of the stack."""
    made = Made()
    made.refused += refused_keys(name, SERVICE, service)
    deploy: Json = service.get("deploy") or {}
    made.refused += refused_keys(name, DEPLOY, deploy, "deploy.")
    document = made.document
    for key, value in service.items():
        if row_of(SERVICE, key).fate is Fate.PASSED and value is not None:
            document[key] = value
    document["image"] = given.images.get(str(service.get("image")), service.get("image"))
    if service.get("healthcheck"):
        document["healthcheck"] = _healthcheck(service["healthcheck"], with_data=name in given.placement)
    document["environment"] = {
        key: value for key, value in (service.get("environment") or {}).items() if value is not None
    }
    if service.get("extra_hosts"):
        document["extra_hosts"] = [str(one).replace("=", ":", 1) for one in service["extra_hosts"]]
    document["networks"] = {}
    for network, options in (service.get("networks") or {}).items():
        made.refused += refused_keys(name, MOUNTED_NETWORK, options or {}, f"networks.{network}.")
        aliases = (options or {}).get("aliases")
        document["networks"][network] = {"aliases": aliases} if aliases else {}
    for option in service.get("security_opt") or ():
        if option.partition(":")[0] == NO_NEW_PRIVILEGES:
            made.required.add(NO_NEW_PRIVILEGES)
        else:
            made.refused.append(Refusal(name, f"security_opt {option}", "a service of a Swarm does not have it"))
    _ports(made, name, service)
    _files(given, made, service)
    _volumes(given, made, name, service)
    _deploy(given, made, name, service)
    made.document = {key: value for key, value in document.items() if value not in ({}, [])}
    return made


def _healthcheck(check: Json, *, with_data: bool) -> dict[str, Any]:
    """A Swarm kills what is unhealthy: not while it still starts, nor data because of a machine that is busy."""
    longer = seconds(str(check.get("start_period") or "")) < _START_PERIOD
    return {
        **check,
        **({"start_period": f"{_START_PERIOD:.0f}s"} if longer else {}),
        **({"retries": max(int(check.get("retries") or 0), _RETRIES_WITH_DATA)} if with_data else {}),
    }


def _ports(made: Made, name: str, service: Json) -> None:
    ports = service.get("ports") or ()
    if ports and not is_ingress(service.get("labels") or {}):
        made.refused.append(Refusal(name, "ports", "only the ingress is open to the network of the nodes"))
    made.document["ports"] = []
    for port in ports:
        made.refused += refused_keys(name, PORT, port, "ports.")
        if not str(port.get("published") or "").isdigit():
            made.refused.append(
                Refusal(name, f"ports.published {port.get('published')}", "a single number is required")
            )
            continue
        protocol = port.get("protocol") or "tcp"
        made.document["ports"].append(
            {"target": int(port["target"]), "published": int(port["published"]), "protocol": protocol, "mode": "host"}
        )


def _files(given: Given, made: Made, service: Json) -> None:
    """Its configs and secrets."""
    for kind in ("configs", "secrets"):
        made.document[kind] = []
        for use in service.get(kind) or ():
            source = str(use["source"])
            path = str((given.model.get(kind) or {}).get(source, {}).get("file", ""))
            default = f"/{source}" if kind == "configs" else source
            _mount(given, made, kind, source, path, str(use.get("target") or default))


def _mount(given: Given, made: Made, kind: str, name: str, path: str, target: str) -> None:
    content = given.files.get(path)
    if content is None:
        made.refused.append(Refusal(kind[:-1], name, f"{path or 'its file'} cannot be read"))
        return
    unique = name_of(given.key, given.project, kind, name, content)
    (made.configs if kind == "configs" else made.secrets)[unique] = content
    made.document[kind].append({"source": unique, "target": target})


def _volumes(given: Given, made: Made, name: str, service: Json) -> None:
    mounts: list[dict[str, Any]] = []
    for mount in service.get("volumes") or ():
        kind, source, target = mount.get("type"), str(mount.get("source") or ""), str(mount["target"])
        if kind == "bind" and source != _NOTHING:
            _mount_files(given, made, name, source, target)
        elif kind == "volume":
            read_only = {"read_only": True} if mount.get("read_only") else {}
            no_copy = {"volume": {"nocopy": True}} if (mount.get("volume") or {}).get("nocopy") else {}
            mounts.append(
                {"type": kind, **({"source": source} if source else {}), "target": target, **read_only, **no_copy}
            )
        elif kind == "tmpfs":
            mounts.append(
                _tmpfs(target, (mount.get("tmpfs") or {}).get("size"), (mount.get("tmpfs") or {}).get("mode"))
            )
        elif kind != "bind":
            made.refused.append(Refusal(name, f"volumes {target}", f"a mount of the type {kind}"))
    tmpfs = service.get("tmpfs") or ()
    mounts += [_tmpfs_of(made, name, words) for words in ([tmpfs] if isinstance(tmpfs, str) else tmpfs)]
    mounts += [_tmpfs(_SHARED_MEMORY, service["shm_size"], None)] if service.get("shm_size") else []
    made.document["volumes"] = mounts
    if name in given.with_data:
        made.document["configs"].append({"source": config_name(given.project, name), "target": TARGET})


def _mount_files(given: Given, made: Made, name: str, source: str, target: str) -> None:
    """The files of a folder, or one file: those of the software are configs, those of the site secrets."""
    inside = {path: posixpath.relpath(path, source) for path in given.files if path.startswith(f"{source}/")}
    found = {path: posixpath.join(target, relative) for path, relative in inside.items()}
    found |= {source: target} if source in given.files else {}
    if not found:
        made.refused.append(Refusal(name, f"volumes {source}", "a folder or file of one machine that cannot be read"))
    is_software = bool(given.software) and source.startswith(f"{given.software}/")
    if not is_software and source not in given.files:
        made.refused.append(Refusal(name, f"volumes {source}", "a folder of one machine"))
        return
    for path, where in sorted(found.items()):
        label = posixpath.relpath(path, given.software) if is_software else posixpath.basename(path)
        plain = "".join(one if one.isalnum() or one in "-_." else "-" for one in label)
        _mount(given, made, "configs" if is_software else "secrets", plain, path, where)


def _tmpfs_of(made: Made, name: str, words: str) -> dict[str, Any]:
    """A mount from `path:size=64m,mode=0755,uid=999`."""
    target, _, rest = words.partition(":")
    options = dict(one.partition("=")[::2] for one in rest.split(",") if one)
    unknown = {*options} - {"size", "mode", "uid", "gid", "noexec", "nosuid", "nodev", "rw"}
    made.refused += [Refusal(name, f"tmpfs {target}", f"the option {one}") for one in sorted(unknown)]
    # Swarm mounts it for root: open to all users of the container, of which there is one.
    mode = None if {"uid", "gid"} & {*options} else options.get("mode")
    return _tmpfs(target, options.get("size"), int(mode, 8) if mode else None)


def _tmpfs(target: str, size: object, mode: int | None) -> dict[str, Any]:
    options = {**({"size": _bytes(str(size))} if size else {}), **({"mode": mode} if mode is not None else {})}
    return {"type": "tmpfs", "target": target, **({"tmpfs": options} if options else {})}


def _bytes(size: str) -> int:
    units = {"b": 0, "k": 10, "m": 20, "g": 30}
    plain = size.strip().lower().removesuffix("ib").removesuffix("b") or "0"
    return int(plain[:-1]) << units[plain[-1]] if plain[-1] in units else int(plain)


def _deploy(given: Given, made: Made, name: str, service: Json) -> None:
    deploy: Json = service.get("deploy") or {}
    volumes = [mount for mount in made.document["volumes"] if mount["type"] == "volume" and "source" in mount]
    is_global = deploy.get("mode") == "global"
    placement = {key: value for key, value in (deploy.get("placement") or {}).items() if value}
    if name in given.placement:
        placement["constraints"] = [*placement.get("constraints", ()), constraint(given.project, name)]
    elif volumes and not is_global:
        made.refused.append(Refusal(name, "volumes", f"no node is chosen for its data: inv place {name} <node>"))
    replicas = 0 if is_global else int(service.get("scale", deploy.get("replicas", 1)))
    # With a replica on each node, a further one would share a node, and stay there.
    stops_first = bool(volumes or made.document["ports"] or 1 < replicas >= given.nodes)
    update = {
        "parallelism": 1,
        "order": "stop-first" if stops_first else "start-first",
        "failure_action": "rollback",
        "monitor": "20s",
    }
    back = {"parallelism": 1, "order": update["order"], "failure_action": "pause", "monitor": "20s"}
    made.document["deploy"] = {
        **{key: deploy[key] for key in ("mode", "labels") if deploy.get(key)},
        **({} if is_global else {"replicas": replicas}),
        "endpoint_mode": deploy.get("endpoint_mode") or "dnsrr",
        **({"placement": placement} if placement else {}),
        "resources": _resources(service, deploy.get("resources") or {}),
        "restart_policy": deploy.get("restart_policy") or _restart(str(service.get("restart") or "")),
        "update_config": deploy.get("update_config") or update,
        "rollback_config": deploy.get("rollback_config") or back,
    }


def _resources(service: Json, resources: Json) -> dict[str, Any]:
    own = {"cpus": service.get("cpus"), "memory": service.get("mem_limit"), "pids": service.get("pids_limit")}
    limits = {**{key: value for key, value in own.items() if value}, **(resources.get("limits") or {})}
    found = {"limits": limits, "reservations": dict(resources.get("reservations") or {})}
    for one in found.values():
        if "cpus" in one:
            one["cpus"] = f"{float(one['cpus']):g}"
    return {kind: one for kind, one in found.items() if one}


def _restart(policy: str) -> dict[str, Any]:
    kind, _, attempts = policy.partition(":")
    more = {"max_attempts": int(attempts)} if attempts else {}
    return {"condition": _RESTARTS.get(kind, "any"), "delay": "5s", **more}

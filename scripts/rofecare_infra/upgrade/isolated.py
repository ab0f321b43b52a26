"""The model of a rehearsal's copy: real data, so nothing in it can reach anything outside of it.

- Every network is a new one without a way out, in which this machine has no address either.
- No port is published; no container of another project, no namespace and no device of this machine is shared.
- Settings that lead outside are empty, so that an application behaves as on a site that has not set them, instead of
  waiting for servers that it cannot reach.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import LABEL_OUTSIDE, LABEL_PHASE, MONITORING, rehearsal_of

Json = dict[str, Any]

# Of the original alone, or a way past the networks: to names, to containers of other projects.
_LEFT_OUT = frozenset(
    {"build", "container_name", "dns", "dns_opt", "dns_search", "external_links", "extra_hosts", "mac_address"}
    | {"ports", "profiles"}
)
# Of the place of a service in a network: fixed addresses belong to the original.
_OF_AN_ENDPOINT = frozenset({"aliases", "gw_priority", "interface_name", "priority"})
# No gateway to the outside, and no address of this machine on the bridge.
_CLOSED = {"internal": True, "driver_opts": {"com.docker.network.bridge.inhibit_ipv4": "true"}}
# All others may send log lines to another machine.
_LOGGED_HERE = frozenset({"json-file", "local"})
# An issuer that asks a public authority: the copy uses a private one.
_ISSUER = "TLS_ISSUER"
_SOCKETS = ("docker.sock", "podman/podman.sock", "containerd/containerd.sock")


def has_socket(path: Path) -> bool:
    """Whether this is a socket, or a folder with one, such as that of the container engine."""
    try:
        found = (path, *(folder / name for folder in (path, path / "run", path / "var/run") for name in _SOCKETS))
        return any(one.is_socket() for one in found)
    except OSError:
        return False


def copied(
    model: Mapping[str, Any], images: Mapping[str, str], *, leads_out: Callable[[Path], bool] = has_socket
) -> Json:
    """The model of the copy, with other images where some are given.

    `leads_out` decides whether a mounted path gives access to programs of this machine. Raises SettingsError for a
    service that cannot be isolated.
    """
    new: Json = copy.deepcopy(dict(model))
    name = rehearsal_of(str(model["name"]))
    new["name"] = name
    services: Json = new["services"]
    monitoring = {one for one, service in services.items() if _labels(service).get(LABEL_PHASE) == MONITORING}
    for one in services.keys() - monitoring:
        _refuse_what_leads_out(one, services[one], leads_out)
    new["services"] = {
        one: _service(service, monitoring, images.get(one))
        for one, service in services.items()
        if one not in monitoring
    }
    # Whatever their names and drivers are in the original, the copy has new ones that the rehearsal removes.
    new["volumes"] = {one: {"name": f"{name}_{one}"} for one in new.get("volumes") or {}}
    # Compose attaches a service without networks to `default`.
    networks: Json = {"default": None, **(new.get("networks") or {})}
    new["networks"] = {one: {"name": _network_name(name, one, network), **_CLOSED} for one, network in networks.items()}
    return new


def _network_name(project: str, key: str, network: Json | None) -> str:
    """Names sort the networks that had a way out before the others, as the engine sorts them.

    The order determines the names of the interfaces, by which applications choose the address that they register.
    """
    return f"{project}_{key}" if (network or {}).get("internal") else f"{project}_.{key}"


def _service(service: Json, monitoring: set[str], image: str | None) -> Json:
    kept = {key: value for key, value in service.items() if key not in _LEFT_OUT}
    if image is not None:
        kept["image"] = image
    if isinstance(kept.get("depends_on"), dict):
        kept["depends_on"] = {one: need for one, need in kept["depends_on"].items() if one not in monitoring}
    if "links" in kept:
        kept["links"] = [one for one in kept["links"] if one.partition(":")[0] not in monitoring]
    if isinstance(kept.get("networks"), dict):
        kept["networks"] = {
            one: {key: value for key, value in (here or {}).items() if key in _OF_AN_ENDPOINT}
            for one, here in kept["networks"].items()
        }
    if (kept.get("logging") or {}).get("driver") not in _LOGGED_HERE:
        kept["logging"] = {"driver": "local"}
    kept["environment"] = _environment(kept)
    # The copy may read folders of this machine, but never write to them.
    kept["volumes"] = [
        {**mount, "read_only": True} if mount.get("type") == "bind" else mount for mount in kept.get("volumes") or ()
    ]
    return kept


def _environment(service: Json) -> Json:
    environment: Json = service.get("environment") or {}
    # The compose files say which they are: only they know which variables an application reads.
    emptied = dict.fromkeys(_labels(service).get(LABEL_OUTSIDE, "").split(), "")
    private = {_ISSUER: "internal"} if environment.get(_ISSUER) == "automatic" else {}
    return {**environment, **emptied, **private}


def _refuse_what_leads_out(name: str, service: Json, leads_out: Callable[[Path], bool]) -> None:
    for key in ("network_mode", "pid", "ipc"):
        mode = str(service.get(key) or "none")
        # `service:` is a service of the copy; `shareable` and `private` are namespaces of the container itself.
        if mode not in {"none", "private", "shareable"} and not mode.startswith("service:"):
            raise _refused(name, f"{key}: {mode}")
    if service.get("privileged"):
        raise _refused(name, "privileged: true")
    for one in service.get("volumes_from") or ():
        if str(one).startswith("container:"):
            raise _refused(name, f"volumes_from: {one}")
    for mount in service.get("volumes") or ():
        if mount.get("type") == "bind" and leads_out(Path(mount["source"])):
            raise _refused(name, f"it mounts {mount['source']}, which gives access to programs of this machine")


def _refused(name: str, seen: str) -> SettingsError:
    return SettingsError(
        f"{name} cannot be rehearsed",
        seen=seen,
        expected="a service that can be cut off from this machine and all others: the copy contains real data",
        next_step="inv upgrade without --rehearse",
    )


def _labels(service: Json) -> dict[str, str]:
    return service.get("labels") or {}

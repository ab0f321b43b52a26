"""A compose model turned into one of a copy: own names, own networks and volumes, no port, nothing of the original."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import LABEL_PHASE, MONITORING

Json = dict[str, Any]


def rehearsal_of(project: str) -> str:
    """The name of the copy."""
    return f"{project}-rehearsal"


def copied(model: Mapping[str, Any], images: Mapping[str, str]) -> Json:
    """The model of the copy, with other images where some are given. Raises SettingsError for what cannot be copied."""
    new: Json = copy.deepcopy(dict(model))
    name = rehearsal_of(str(model["name"]))
    new["name"] = name
    watching = {one for one, service in new["services"].items() if _phase(service) == MONITORING}
    new["services"] = {
        one: _service(one, service, watching, images.get(one))
        for one, service in new["services"].items()
        if one not in watching
    }
    # Whatever they are called or made of over there, here they are new and end with the rehearsal.
    new["volumes"] = {one: {"name": f"{name}_{one}"} for one in new.get("volumes") or {}}
    new["networks"] = {
        one: {"name": f"{name}_{one}", **({"internal": True} if (network or {}).get("internal") else {})}
        for one, network in (new.get("networks") or {}).items()
    }
    return new


def _service(name: str, service: Json, watching: set[str], image: str | None) -> Json:
    if service.get("network_mode") == "host":
        raise SettingsError(
            f"{name} cannot be rehearsed",
            seen="network_mode: host: a second one would want the same ports",
            expected="services on networks of their own",
            next_step="inv upgrade without --rehearse",
        )
    kept = {key: value for key, value in service.items() if key not in {"ports", "container_name", "build", "profiles"}}
    if image is not None:
        kept["image"] = image
    if isinstance(kept.get("depends_on"), dict):
        kept["depends_on"] = {one: need for one, need in kept["depends_on"].items() if one not in watching}
    if isinstance(kept.get("networks"), dict):
        # A fixed address belongs to the original.
        kept["networks"] = {
            one: {key: value for key, value in (here or {}).items() if not key.startswith("ipv")}
            for one, here in kept["networks"].items()
        }
    # Folders of this machine are read, never written.
    kept["volumes"] = [
        {**mount, "read_only": True} if mount.get("type") == "bind" else mount for mount in kept.get("volumes") or ()
    ]
    return kept


def _phase(service: Mapping[str, Any]) -> str:
    return str((service.get("labels") or {}).get(LABEL_PHASE, ""))

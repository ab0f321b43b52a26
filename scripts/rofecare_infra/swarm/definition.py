"""What the services of a stack are compared with: each one records its image, and what else it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from rofecare_infra.engine import LABEL_DEFINITION, LABEL_IMAGE, LABEL_IMAGE_ID, definition_of

Json = Mapping[str, Any]

_DIGITS = 16


# A service records its image apart, and its secrets are those that it has.
_APART = frozenset({"image", "secrets"})


def of(recorded: Json) -> str:
    """What the definition of a service with its records is recognized by; another image is no other definition."""
    rest = str(recorded["deploy"]["labels"][LABEL_DEFINITION])
    return definition_of(rest, [str(one["source"]) for one in recorded.get("secrets") or ()])


def _rest(service: Json) -> str:
    text = json.dumps({key: value for key, value in service.items() if key not in _APART}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def recorded(services: Json, model: Json, ids: Mapping[str, str]) -> dict[str, Any]:
    """The services of the stack with these records as labels, which the containers do not have: no change restarts one.

    `ids` maps the name of an image in the model to its id.
    """
    found = {}
    for name, service in services.items():
        image = str(model["services"][name].get("image") or "")
        labels = {LABEL_IMAGE: image, LABEL_IMAGE_ID: ids.get(image, ""), LABEL_DEFINITION: _rest(service)}
        deploy = service.get("deploy") or {}
        found[name] = {**service, "deploy": {**deploy, "labels": {**(deploy.get("labels") or {}), **labels}}}
    return found

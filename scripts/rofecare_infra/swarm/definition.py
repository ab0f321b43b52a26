"""What the services of a stack are compared with: each one records its image, and what else it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from rofecare_infra.engine import LABEL_DEFINITION, LABEL_IMAGE, LABEL_IMAGE_ID

Json = Mapping[str, Any]

_DIGITS = 16


def definition_of(service: Json) -> str:
    """What identifies the definition of a service of the stack, without its image."""
    text = json.dumps({key: value for key, value in service.items() if key != "image"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def recorded(services: Json, model: Json, ids: Mapping[str, str]) -> dict[str, Any]:
    """The services of the stack with these records as labels, which the containers do not have: no change restarts one.

    `ids` maps the name of an image in the model to its id.
    """
    found = {}
    for name, service in services.items():
        image = str(model["services"][name].get("image") or "")
        labels = {LABEL_IMAGE: image, LABEL_IMAGE_ID: ids.get(image, ""), LABEL_DEFINITION: definition_of(service)}
        deploy = service.get("deploy") or {}
        found[name] = {**service, "deploy": {**deploy, "labels": {**(deploy.get("labels") or {}), **labels}}}
    return found

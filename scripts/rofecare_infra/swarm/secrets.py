"""A secret whose file has a new content, in the services that use it: everything else of them stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rofecare_infra.engine import StackEngine, name_in_stack
from rofecare_infra.errors import CommandError
from rofecare_infra.swarm import names

Json = Mapping[str, Any]

_GIVEN_UP = ("paused", "rollback_")


def renew(engine: StackEngine, project: str, key: bytes, file: tuple[str, Path], services: Collection[str]) -> None:
    """Give these services the present content of a secret (its name in the compose files, and its file).

    Those that have it stay as they are, unless the Swarm has given up their last update. Raises CommandError.
    """
    name, path = file
    content = path.read_bytes()
    wanted = names.name_of(key, project, "secrets", name, content)
    if wanted not in engine.stack_objects("secrets", project):
        engine.create_stack_object("secrets", project, wanted, content)
    new = (wanted, engine.stack_objects("secrets", project)[wanted])
    for service in engine.stack_services(project):
        if name_in_stack(service) not in services:
            continue
        engine.update_service(service["ID"], partial(updated, stem=names.stem_of(project, name), new=new))


def updated(service: Json, stem: str, new: tuple[str, str]) -> Json | None:
    """The definition of a service with another content of this secret, by its name and id in the Swarm.

    None if there is nothing to change. Raises CommandError where it has no such secret.
    """
    template = service["Spec"]["TaskTemplate"]
    present = template["ContainerSpec"].get("Secrets") or ()
    mine = [one for one in present if names.is_of(stem, str(one["SecretName"]))]
    if not mine:
        raise CommandError(
            f"{name_in_stack(service)} does not have the secret",
            seen=f"no secret of the Swarm whose name begins with {stem}_",
            expected="the services as the compose files describe them",
            next_step="inv deploy; then the same command again",
        )
    if all(one["SecretName"] == new[0] for one in mine):
        given_up = str((service.get("UpdateStatus") or {}).get("State") or "").startswith(_GIVEN_UP)
        again = {**template, "ForceUpdate": int(template.get("ForceUpdate") or 0) + 1}
        return {**service["Spec"], "TaskTemplate": again} if given_up else None
    replaced = [{**one, "SecretName": new[0], "SecretID": new[1]} if one in mine else one for one in present]
    # In the order in which a deployment writes them: another one would be another definition.
    container = {**template["ContainerSpec"], "Secrets": sorted(replaced, key=lambda one: str(one["SecretName"]))}
    return {**service["Spec"], "TaskTemplate": {**template, "ContainerSpec": container}}

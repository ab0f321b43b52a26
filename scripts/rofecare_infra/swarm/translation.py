"""The stack of a project: from the merged model, the files that it names, and the nodes of the Swarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rofecare_infra.engine import StackEngine
from rofecare_infra.errors import SettingsError
from rofecare_infra.project import Project
from rofecare_infra.swarm import definition, names, volumes
from rofecare_infra.swarm.plan import Plan
from rofecare_infra.swarm.stack import Stack, contents, paths_of, stack_of


@dataclass(frozen=True)
class Inputs:
    """What does not change during a deployment."""

    model: Mapping[str, Any]
    files: Mapping[str, bytes]
    key: bytes
    # Image -> its name on the nodes.
    images: Mapping[str, str]
    # Image -> its id on this engine.
    ids: Mapping[str, str]


def inputs_of(project: Project, named: Mapping[str, str], ids: Mapping[str, str]) -> Inputs:
    """What a deployment is made from. `named` maps an image to its name on the nodes, `ids` to its id on this engine.

    Raises SettingsError for a file that cannot be read.
    """
    model = project.compose.document()
    try:
        files = contents(tuple(paths_of(model)))
        key = names.key_of(project.settings.state_folder)
    except OSError as error:
        raise SettingsError(
            "a file of the platform cannot be read",
            seen=str(error),
            expected="files that this user can read",
            next_step="run the same command as the owner of the state folder, or as root",
        ) from error
    return Inputs(model, files, key, named, ids)


def definitions(project: Project, plan: Plan) -> dict[str, frozenset[str]]:
    """Service -> what its definition would be recognized by. Raises SettingsError for what a Swarm cannot do."""
    with_data = frozenset(volumes.expected(project.engine, project.platform.project))
    stack = translate(project, plan, inputs_of(project, {}, {}), with_data)
    return {name: frozenset({definition.of(one)}) for name, one in stack.services.items()}


def translate(project: Project, plan: Plan, inputs: Inputs, with_data: frozenset[str]) -> Stack:
    """The stack. Raises SettingsError with all that a Swarm cannot do."""
    stack, refused = stack_of(
        inputs.model,
        inputs.files,
        key=inputs.key,
        placement=plan.placement,
        with_data=with_data,
        images=inputs.images,
        encrypted=is_encrypted(project, plan),
        software=str(project.settings.docker_folder),
        nodes=len(plan.nodes),
    )
    if refused:
        raise SettingsError(
            "the compose files describe what a Swarm cannot do: nothing was changed",
            seen=str(refused[0]),
            expected="keys that docs/stack.md lists as passed on, translated or dropped",
            next_step="change it in docker-compose.override.yml, then run the same command again",
            details=[f"also: {one}" for one in refused[1:]],
        )
    return replace(stack, services=definition.recorded(stack.services, inputs.model, inputs.ids))


def is_encrypted(project: Project, plan: Plan) -> bool:
    """Whether the networks between the nodes are encrypted."""
    return plan.encrypted and project.settings.get("CLEAR_TEXT") != "accepted"


def identified(engine: StackEngine, plan: Plan, named: Mapping[str, str]) -> dict[str, str]:
    """Image -> what the stack calls it: its id, if all engines give it the same one.

    Before a start, the engine of a node tries to pull an image that has another name, and without a registry waits for
    its answer.
    """
    if not all(node.facts is not None and node.facts.skips_layers for node in plan.nodes):
        return dict(named)
    found = {image: engine.image(name) for image, name in named.items()}
    return {**named, **{image: one.id for image, one in found.items() if one is not None}}

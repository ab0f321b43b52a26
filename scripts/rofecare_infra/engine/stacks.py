"""The stacks of a Swarm: the part of the engine's requests that concerns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rofecare_infra.engine.answers import answers, or_none
from rofecare_infra.engine.nodes import LABEL_STACK
from rofecare_infra.engine.tasks import ENDED, Json

if TYPE_CHECKING:
    import docker


class StackRequests:
    """The requests that concern stacks. Every method raises EngineError if the engine does not answer."""

    _api: docker.APIClient

    def stack_services(self, project: str) -> tuple[Json, ...]:
        """The services of the stack of this name, as the Swarm describes them; none if the engine is no manager."""
        return self._of_stack("services", project, status=True)

    def stack_tasks(self, project: str) -> tuple[Json, ...]:
        """The tasks of the stack, also ended ones, that agree with the present definitions of their services."""
        return self._of_stack("tasks", project, {"_up-to-date": ["true"]})

    def unended_tasks(self, project: str) -> tuple[str, ...]:
        """The ids of the tasks that have not ended, of services that were removed from the stack."""
        services = {one["ID"] for one in self.stack_services(project)}
        found = self._of_stack("tasks", project)
        return tuple(
            one["ID"] for one in found if one["ServiceID"] not in services and one["Status"].get("State") not in ENDED
        )

    def stack_objects(self, kind: str, project: str) -> dict[str, str]:
        """Name -> id of the stack's `secrets` or `configs`."""
        return {one["Spec"]["Name"]: one["ID"] for one in self._of_stack(kind, project)}

    def create_stack_object(self, kind: str, project: str, name: str, content: bytes) -> None:
        """Create one of the stack's `secrets` or `configs`."""
        create = self._api.create_secret if kind == "secrets" else self._api.create_config
        with answers():
            create(name, content, {LABEL_STACK: project})

    def remove_stack_object(self, kind: str, identity: str) -> None:
        """Remove one of the stack's `secrets` or `configs`; one that does not exist is ignored."""
        with answers():
            or_none(self._api.remove_secret if kind == "secrets" else self._api.remove_config, identity)

    def _of_stack(
        self, kind: str, project: str, more: Mapping[str, Any] | None = None, **options: object
    ) -> tuple[Json, ...]:
        import docker.errors
        import requests

        with answers():
            try:
                ask = getattr(self._api, kind)
                return tuple(ask(filters={"label": f"{LABEL_STACK}={project}", **(more or {})}, **options))
            except docker.errors.APIError as error:
                if error.status_code == requests.codes.service_unavailable:
                    return ()
                raise

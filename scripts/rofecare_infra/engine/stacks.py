"""The stacks of a Swarm: the part of the engine's requests that concerns them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rofecare_infra.engine.answers import answers, or_none
from rofecare_infra.engine.nodes import LABEL_STACK, NodeRequests
from rofecare_infra.engine.tasks import ENDED, Json
from rofecare_infra.errors import CommandError
from rofecare_infra.platform import LABEL_DATA_OF

if TYPE_CHECKING:
    import docker


# A service may change between reading and writing it.
_ATTEMPTS = 5


class StackRequests(NodeRequests):
    """The requests that concern stacks. Every method raises EngineError if the engine does not answer."""

    _api: docker.APIClient

    def is_stack(self, project: str) -> bool:
        """Whether the project is a stack of the Swarm of this engine, which may be stopped: its data is recorded."""
        # An engine that is no manager would log the other requests as errors.
        return self.membership().is_manager and bool(
            self.stack_services(project) or self.configs(f"{LABEL_DATA_OF}={project}")
        )

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

    def tasks_of(self, service: str) -> tuple[Json, ...]:
        """All tasks of the service with this id, also those that have ended."""
        with answers():
            return tuple(self._api.tasks(filters={"service": service}))  # type: ignore[no-untyped-call]

    def inspect_service(self, service: str) -> Json | None:
        """The service with this id or name; None if there is none."""
        with answers():
            found: Json | None = or_none(self._api.inspect_service, service)
        return found

    def update_service(self, service: str, changed: Callable[[Json], Json | None]) -> None:
        """Replace the definition of a service by what `changed` makes of it; None leaves it as it is.

        A manager refuses to change what has changed since it was read: then it is read again.
        """
        for attempt in range(_ATTEMPTS):
            found = self.inspect_service(service)
            spec = changed(found) if found is not None else None
            if found is None or spec is None:
                return
            try:
                self._update(found, spec)
            except CommandError as error:
                if "out of sequence" not in error.seen or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _update(self, service: Json, spec: Json) -> None:
        template = dict(spec["TaskTemplate"])
        container = dict(template["ContainerSpec"])
        if not container.get("DNSConfig"):
            # Managers describe it always. A definition with it differs from the one of a deployment, which has none.
            container.pop("DNSConfig", None)
        with answers():
            self._api.update_service(
                service["ID"],
                service["Version"]["Index"],
                task_template={**template, "ContainerSpec": container},
                name=spec["Name"],
                labels=spec.get("Labels"),
                mode=spec.get("Mode"),
                update_config=spec.get("UpdateConfig"),
                rollback_config=spec.get("RollbackConfig"),
                endpoint_spec=spec.get("EndpointSpec"),
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

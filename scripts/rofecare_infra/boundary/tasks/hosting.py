"""The tasks that make a machine a host of the platform."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary.checkout import root_of
from rofecare_infra.boundary.guard import guarded


@task(help={"prod": "start it as the production platform", "remove": "take the unit away again"})
def install_service(context: Context, prod: bool = False, remove: bool = False) -> None:
    """Write a systemd unit that starts the platform at boot and stops it before the machine goes down."""
    from rofecare_infra.boundary import hosting_commands

    with guarded(root_of(context)):
        hosting_commands.install_service(root_of(context), production=prod, remove=remove)

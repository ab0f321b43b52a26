"""The tasks that change what runs: start, build, stop, and the secrets they need."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary.checkout import root_of
from rofecare_infra.boundary.guard import guarded


@task(
    help={
        "prod": "for production: limits, closed networks, volumes that stay (remembered for all later commands)",
        "monitoring": "with what watches it",
        "json": "one JSON object a line, for programs",
    }
)
def start_all(context: Context, prod: bool = False, monitoring: bool = False, json: bool = False) -> None:
    """Start the whole platform, phase by phase, and say when it is up."""
    from rofecare_infra.boundary import commands

    with guarded(root_of(context), commands.interrupted(root_of(context))):
        commands.start_all(root_of(context), as_json=json, monitoring=monitoring, production=prod)


@task(help={"json": "one JSON object a line, for programs"})
def start_infra(context: Context, json: bool = False) -> None:
    """Start databases, Redis, Zookeeper and Kafka; say where to connect from the IDE."""
    from rofecare_infra.boundary import commands

    with guarded(root_of(context), commands.interrupted(root_of(context))):
        commands.start_infra(root_of(context), as_json=json)


@task(iterable=["service"], help={"service": "full or short name; none: all (inv build identity patient)"})
def build(context: Context, service: list[str]) -> None:
    """Build the images of the applications, and whatever they stand on."""
    from rofecare_infra.boundary import commands

    with guarded(root_of(context)):
        commands.build(root_of(context), service)


@task(
    help={
        "volumes": "remove all data and secrets, too; in production after a question and a verified backup",
        "yes": "answer that question",
        "json": "one JSON object a line, for programs",
    }
)
def stop_all(context: Context, volumes: bool = False, yes: bool = False, json: bool = False) -> None:
    """Stop the platform in the reverse order; data stays unless --volumes is given."""
    from rofecare_infra.boundary import commands

    with guarded(root_of(context), commands.interrupted(root_of(context))):
        commands.stop_all(root_of(context), volumes=volumes, yes=yes, as_json=json)


@task
def init(context: Context) -> None:
    """Make the secrets that are missing (start-all does it by itself on the first run)."""
    from rofecare_infra.boundary import commands

    with guarded(root_of(context)):
        commands.initialise(root_of(context))


@task(
    help={
        "secret": "full or short name: identity-db, redis, jwt, ... (the files in the secrets folder)",
        "json": "one JSON object a line, for programs",
    }
)
def rotate(context: Context, secret: str, json: bool = False) -> None:
    """Replace a secret of the running platform: proven by a login, or everything is put back."""
    from rofecare_infra.boundary import rotation_commands

    with guarded(root_of(context)):
        rotation_commands.rotate(root_of(context), secret, as_json=json)


@task(
    help={
        "to": "the tag of the applications (SERVICES_TAG), written into .env at success",
        "rehearse": "do it all on a copy with restored data, report, and remove the copy",
        "json": "one JSON object a line, for programs",
    }
)
def upgrade(context: Context, to: str = "", rehearse: bool = False, json: bool = False) -> None:
    """Bring the platform to newer images, behind the gates and with a backup; if one fails, all is put back."""
    from rofecare_infra.boundary import upgrade_commands

    with guarded(root_of(context)):
        upgrade_commands.run_upgrade(root_of(context), to, rehearse=rehearse, as_json=json)

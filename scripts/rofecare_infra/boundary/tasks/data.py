"""The tasks that keep the platform's data, and bring it back."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary.checkout import root_of
from rofecare_infra.boundary.guard import guarded


@task(
    help={
        "with-kafka": "Kafka and Zookeeper, too: they are stopped meanwhile",
        "json": "one JSON object a line, for programs",
    }
)
def backup(context: Context, with_kafka: bool = False, json: bool = False) -> None:
    """Take a backup of all databases, roles, configuration and secrets."""
    from rofecare_infra.boundary import backup_commands

    with guarded(root_of(context)):
        backup_commands.take_backup(root_of(context), kafka=with_kafka, as_json=json)


@task(help={"json": "one JSON document, for programs"})
def backups(context: Context, json: bool = False) -> None:
    """List the backups: age, size, verified when."""
    from rofecare_infra.boundary import backup_commands

    with guarded(root_of(context)):
        backup_commands.list_backups(root_of(context), as_json=json)


@task(
    iterable=["only"],
    help={
        "id": "which one, by its id or folder; none: the newest",
        "only": "a service whose database alone is restored, by its full or short name; may be given again",
        "from-project": "the name of the project that it is of, where it is another one",
        "with-kafka": "Kafka and Zookeeper, too, where the backup has them",
        "json": "one JSON object a line, for programs",
    },
)
def restore(
    context: Context,
    only: list[str],
    id: str = "",
    from_project: str = "",
    with_kafka: bool = False,
    json: bool = False,
) -> None:
    """Put the data of a backup in the place of what is there, or leave all as it was."""
    from rofecare_infra.boundary import backup_commands

    with guarded(root_of(context), backup_commands.after_interrupt(root_of(context))):
        backup_commands.restore_backup(
            root_of(context), id, only, from_project=from_project, kafka=with_kafka, as_json=json
        )


@task(
    help={
        "id": "which one, by its id or folder; none: the newest",
        "to": "a folder that does not exist yet",
        "from-project": "the name of the project that it is of, where it is another one",
    }
)
def unpack_backup(context: Context, id: str = "", to: str = "", from_project: str = "") -> None:
    """Write the configuration and the secrets of a backup into a folder, to take from."""
    from rofecare_infra.boundary import backup_commands

    with guarded(root_of(context)):
        backup_commands.unpack_backup(root_of(context), id, to, from_project=from_project)


@task(help={"time": "when, HH:MM", "remove": "take no backup by itself any more"})
def schedule_backups(context: Context, time: str = "02:30", remove: bool = False) -> None:
    """Take a backup every day, by a systemd timer or by cron."""
    from rofecare_infra.boundary import backup_commands

    with guarded(root_of(context)):
        backup_commands.schedule_backups(root_of(context), time=time, remove=remove)


@task(
    help={
        "id": "which one, by its id or folder; none: the newest",
        "from-project": "the name of the project that it is of, where it is another one",
        "json": "one JSON object a line, for programs",
    },
)
def verify_backup(context: Context, id: str = "", from_project: str = "", json: bool = False) -> None:
    """Restore a backup into scratch containers and compare all of its content."""
    from rofecare_infra.boundary import backup_commands

    with guarded(root_of(context)):
        backup_commands.verify_backup(root_of(context), id, from_project=from_project, as_json=json)

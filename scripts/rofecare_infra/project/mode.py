"""Whether a platform is in production mode, and whose volumes hold data: the engine knows, no file of a checkout does.

Production is recognised by its marker, its containers or its data, from every checkout and by every user. What cannot
be read counts as production, and data of unknown size counts as data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rofecare_infra.engine import LABEL_PROJECT, Container, Engine
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import KEPT, LABEL_MODE, LABEL_VOLUME_OF, Platform
from rofecare_infra.progress import listed
from rofecare_infra.project import marker
from rofecare_infra.settings import DEFAULT_PROJECT, ENVIRONMENT, Settings

DEVELOPMENT = "development"


def name(*, production: bool) -> str:
    """The name of the mode, as backups record it."""
    return marker.PRODUCTION if production else DEVELOPMENT


def is_production(engine: Engine, project: str, containers: Sequence[Container]) -> bool:
    """Whether the engine has a production platform of this name. Raises RofecareError where that cannot be read."""
    return (
        marker.exists(engine, project)
        or any(one.labels.get(LABEL_MODE) == marker.PRODUCTION for one in containers)
        or bool(with_data(engine, production_volumes(engine, project)))
    )


def production_volumes(engine: Engine, project: str) -> tuple[str, ...]:
    """The data volumes of the production platform, also those that were created by hand."""
    labelled = engine.volume_labels(f"{LABEL_VOLUME_OF}={project}")
    # Compose's own volumes belong to a project whose name begins like them.
    named = [one for one, labels in engine.volumes_named(f"{project}{KEPT}").items() if LABEL_PROJECT not in labels]
    return tuple(sorted({*labelled, *named}))


def with_data(engine: Engine, volumes: Collection[str]) -> tuple[str, ...]:
    """Those of these volumes that hold data: all but the ones that the engine knows to be empty."""
    return _holding(volumes, engine.volume_sizes() if volumes else {})


def _holding(volumes: Collection[str], sizes: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(name for name in volumes if sizes.get(name, -1) != 0)


def require_meant(settings: Settings, engine: Engine) -> None:
    """Refuse to begin a platform under the default name on an engine with a production platform of another name.

    The name may have been lost together with the settings of the site. A name in the environment is meant.
    """
    project = settings.project
    given = settings.values.get("COMPOSE_PROJECT_NAME")
    meant = settings.is_release or project != DEFAULT_PROJECT or (given is not None and given.where == ENVIRONMENT)
    others = () if meant else marker.projects(engine)
    if not others or project in others or engine.volumes(project) or engine.containers(project):
        return
    raise SettingsError(
        f"{project} would be a new platform, and this engine has the production platform {listed(others)}",
        seen=f"COMPOSE_PROJECT_NAME is {project}, the default, and nothing has this name",
        expected="the name of a platform on this engine, or a new name that was chosen on purpose",
        next_step=f"set COMPOSE_PROJECT_NAME to {others[0]} in .env; or, for another platform beside it, in the "
        f"environment: COMPOSE_PROJECT_NAME={project} inv ...",
    )


def require_one_set(platform: Platform, engine: Engine) -> None:
    """Refuse to start production on empty volumes beside the data of a development platform of the same project.

    Raises SettingsError before anything is created, EngineError or CommandError where the volumes cannot be read.
    """
    project = platform.project
    kept = {key: name for key, name in platform.volumes.items() if name in platform.kept_volumes}
    beside = sorted({*engine.volumes(project)} & {f"{project}_{key}" for key in kept})
    # Measured once, and only where there is a choice: the engine counts all files of all volumes.
    sizes = engine.volume_sizes() if beside else {}
    other = _holding(beside, sizes)
    if not other or any(sizes.get(name, -1) > 0 for name in kept.values()):
        return
    raise SettingsError(
        f"{project} holds the data of a development platform: no second, empty set of volumes is used for production",
        seen=f"data in {listed(other)}, and none in {project}{KEPT}...",
        expected="one set of volumes with data in a project",
        next_step="inv start-all starts the development platform; COMPOSE_PROJECT_NAME=<another name> gives production "
        "a project of its own; inv stop-all --volumes removes the development data",
    )

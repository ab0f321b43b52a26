"""The opened project: settings, compose files, secrets and engine, checked before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from rofecare_infra import secrets
from rofecare_infra.compose import MONITORING, MONITORING_PRODUCTION, PRODUCTION, SWARM, Compose, overrides_in
from rofecare_infra.engine import Engine, StackEngine, connect
from rofecare_infra.errors import RofecareError, SettingsError, UsageError
from rofecare_infra.images import Sources
from rofecare_infra.monitoring import further_applications
from rofecare_infra.platform import LABEL_DATA_OF, Defect, Platform, Service, defects
from rofecare_infra.progress import listed
from rofecare_infra.project import marker, mode
from rofecare_infra.project import production as hardened
from rofecare_infra.project.containers import ProjectContainers
from rofecare_infra.project.home import load_home
from rofecare_infra.project.watch import announce
from rofecare_infra.settings import COMBINED, Problem, Settings

# Settings that name files and folders: `~` and links are resolved here, once.
_PATHS = ("CONTAINER_LOGS", "TLS_CERTIFICATE_FILE", "TLS_KEY_FILE", "WORKSPACE")


@dataclass(frozen=True)
class Project:
    """What one command works on; the rooms above take it as their first argument.

    `open_project` gives the model of the compose files; `prepare` adds where images come from.
    """

    settings: Settings
    sources: Sources
    # Connects to the engine, once, when it is first used.
    connect: Callable[[], Engine] = connect
    production: bool = False
    # Whether it runs, or is to run, as a stack of a Swarm.
    stack: bool = False
    # Why the platform has no services: set where a stop goes on without a usable model.
    unusable: SettingsError | None = None

    @property
    def engine(self) -> Engine:
        """The engine. Raises EngineError where none answers."""
        return self.connect()

    @property
    def stack_engine(self) -> StackEngine:
        """The engine of a stack. Raises RofecareError where the project was not opened as one."""
        engine = self.engine
        if not isinstance(engine, StackEngine):
            raise RofecareError("the project was not opened as a stack")
        return engine

    @property
    def compose(self) -> Compose:
        """The compose command, with the files and variables of this project."""
        return self.sources.compose

    @property
    def platform(self) -> Platform:
        """The model that the compose files give."""
        return self.sources.platform

    @property
    def start_command(self) -> str:
        """The command that starts everything, after it has completed or rolled back what was interrupted."""
        return "inv deploy" if self.stack else "inv start-all"

    def only(self, services: Iterable[Service]) -> Project:
        """The same project with these services alone."""
        part = replace(self.platform, services=tuple(services))
        return replace(self, sources=replace(self.sources, platform=part))

    def with_compose(self, compose: Compose) -> Project:
        """The same project with the model of another compose command."""
        return replace(self, sources=replace(self.sources, compose=compose, platform=compose.model()))


def open_project(
    root: Path,
    *,
    secrets_checked: bool = True,
    monitoring: bool | None = None,
    production: bool | None = None,
    mode_required: bool = False,
    stack: bool | None = False,
) -> Project:
    """Read the settings and the compose files, and check the secrets unless the command creates or removes them.

    `monitoring` includes the monitoring or leaves it out; default: included if it runs. `production` selects the mode;
    default: that of the platform on the engine. If it cannot be read, commands that start or remove something get the
    error: those that check the secrets or set `mode_required`. For others the platform counts as production.
    Raises SettingsError with all problems at once.
    """
    engine = cache(connect)
    settings, found = load_home(root, engine)
    announce(settings)
    problems = list(found)
    stack = _is_stack(settings, engine, asked=stack)
    production = stack or production
    engine = cache(partial(_of_stack, engine)) if stack else engine
    containers = ProjectContainers(settings.project, engine)
    production, unread = _mode_of(settings, engine, containers) if production is None else (production, None)
    if production and not (settings.docker_folder / PRODUCTION).exists():
        problems.append(_no_production_files(settings))
    problems += _several_overrides(settings)
    if monitoring is None:
        monitoring = (settings.docker_folder / MONITORING).exists() and containers.has_monitoring
    compose = _compose(settings, monitoring=monitoring, production=production, stack=stack)
    try:
        platform = compose.model()
    except SettingsError as error:
        if not problems:
            raise
        # A file of settings that cannot be read at all is one problem, and compose reads the same file.
        if not any(one.where == ".env" for one in problems):
            problems.append(Problem("compose files", error.seen, error.expected))
        raise refusal(problems, starts=secrets_checked) from error
    problems += [_located(settings, defect) for defect in defects(platform)]
    if secrets_checked:
        inventory = secrets.inventory(platform, settings.secrets_folder)
        problems += secrets.problems(inventory)
        problems += hardened.refusals(settings, inventory) if production and unread is None else ()
    if problems:
        raise refusal(problems, starts=secrets_checked)
    if unread is not None and (secrets_checked or mode_required):
        raise unread
    if monitoring:
        compose = compose.with_variables(_monitored(settings, platform))
    return Project(settings, Sources(compose, platform), engine, production, stack)


def _of_stack(connect: Callable[[], Engine]) -> StackEngine:
    return StackEngine(connect())


def _is_stack(settings: Settings, engine: Callable[[], Engine], *, asked: bool | None) -> bool:
    """Whether the command works on a stack. Raises UsageError where there is one and the command does not expect it."""
    if asked:
        return True
    project = settings.project
    try:
        if not engine().is_stack(project):
            return False
        services = engine().stack_services(project)
        data = engine().configs(f"{LABEL_DATA_OF}={project}")
    except RofecareError:
        return False  # the engine is asked again for the mode, and its error is handled there
    if asked is False:
        stopped = f"a stack that is stopped; its data is on nodes: {', '.join(sorted(data))}"
        raise UsageError(
            "this command does not work on a stack of a Swarm: nothing was changed",
            seen=f"{project} is {f'a stack of {len(services)} services' if services else stopped}",
            expected="a platform on one server",
            next_step="docs/stack.md lists what works on a stack, and what to do instead of the rest",
        )
    return True


def _monitored(settings: Settings, platform: Platform) -> dict[str, str]:
    """The variable with the applications that the configuration of Prometheus does not list."""
    path = settings.docker_folder / "config" / "prometheus" / "prometheus.yml"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return {"MONITORED_APPLICATIONS": further_applications(platform, text)}


def _mode_of(
    settings: Settings, engine: Callable[[], Engine], containers: ProjectContainers
) -> tuple[bool, RofecareError | None]:
    """Whether the platform is production, and the error where that cannot be read."""
    if settings.is_release:
        return True, None
    try:
        return mode.is_production(engine(), settings.project, containers.all), None
    except RofecareError as error:
        return (settings.docker_folder / PRODUCTION).exists(), error


def open_for_stop(root: Path, *, volumes: bool = False) -> Project:
    """Open a project to stop it, which needs only its name: the rest is read from the labels of its containers.

    Where settings or compose files cannot be used, the platform has no services, `unusable` is the reason, and the name
    is COMPOSE_PROJECT_NAME or the default. Raises SettingsError nevertheless for a stack, whose services have no labels
    of compose, and if `volumes` are to be removed: no data is removed for a name that may be wrong.
    """
    try:
        # Includes all that may have been started: its secrets are removed with its data.
        return open_project(root, secrets_checked=False, monitoring=True, mode_required=volumes, stack=None)
    except SettingsError as error:
        engine = cache(connect)
        settings, _ = load_home(root, engine)
        if volumes or _is_stack(settings, engine, asked=None):
            raise
        compose = _compose(settings, monitoring=False, production=False)
        return Project(settings, Sources(compose, Platform(settings.project, ())), engine, unusable=error)


def open_for_init(root: Path, *, production: bool = False) -> Project:
    """Open the project with all that has secrets, the monitoring included; compose files used by hand then find them.

    The mode is production on request, or if the engine has a production platform.
    """
    asked = production or None
    return open_project(root, secrets_checked=False, monitoring=True, production=asked, mode_required=True)


def _compose(settings: Settings, *, monitoring: bool, production: bool, stack: bool = False) -> Compose:
    compose = Compose(settings.docker_folder, variables=_variables(settings))
    if production:
        compose = compose.with_files(*hardened.files_for(settings))
        compose = compose.with_variables({"KAFKA_PROTOCOL": settings.kafka_protocol})
    if stack:
        # Configs are named by their content: another release restarts only what it changes.
        return compose.with_files(SWARM).with_variables({"RELEASE": ""})
    chosen = ((MONITORING, monitoring), (MONITORING_PRODUCTION, monitoring and production))
    return compose.with_files(*(name for name, wanted in chosen if wanted and (settings.docker_folder / name).exists()))


def _variables(settings: Settings) -> dict[str, str]:
    """The variables that compose gets in addition to `.env` and the environment, or instead of them."""
    if settings.is_release:
        # All of them: the `.env` beside the compose files of a release is older than a change of the settings.
        given = {name: one.value for name, one in settings.values.items()}
        given |= {"PRODUCTION_MARKER": marker.name_of(settings.project), "RELEASE": settings.root.name}
    else:
        given = {name: one.value for name, one in settings.values.items() if one.where == "its default" and one.value}
    return {
        **given,
        # In the form that the compose files need, however they are written in `.env`.
        **{name: settings.get(name) for name in COMBINED if settings.get(name)},
        "IMAGE_PREFIX": settings.image_prefix,
        "COMPOSE_PROJECT_NAME": settings.project,
        "SECRETS_DIR": str(settings.secrets_folder),
        **{name: str(path) for name in _PATHS if (path := settings.path_of(name)) is not None},
    }


def _several_overrides(settings: Settings) -> list[Problem]:
    found = overrides_in(settings.docker_folder)
    seen = f"{listed(found)}: compose reads only one of them"
    return [Problem(str(settings.docker_folder), seen, "one override file")] if len(found) > 1 else []


def _no_production_files(settings: Settings) -> Problem:
    seen = f"{settings.project} is a production platform on this engine, and {PRODUCTION} is missing"
    return Problem(str(settings.docker_folder), seen, "the compose files that the platform was started from")


def _located(settings: Settings, defect: Defect) -> Problem:
    """A defect as a problem that names the lines of the settings with this port."""
    lines = [
        f"{assignment.where} ({name})"
        for name, assignment in settings.values.items()
        if defect.port and name.endswith("_PORT") and assignment.value == str(defect.port)
    ]
    return Problem(" and ".join(sorted(lines)) or "compose files", f"{defect.service}: {defect.seen}", defect.expected)


def refusal(problems: Sequence[Problem], *, starts: bool) -> SettingsError:
    """The error that lists these problems."""
    count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
    return SettingsError(
        f"the settings cannot be used: nothing was started{'' if starts else ' or changed'}",
        seen=count,
        expected="none",
        next_step="fix each of them, then run the same command again",
        details=[f"{number}. {problem}" for number, problem in enumerate(problems, 1)],
    )

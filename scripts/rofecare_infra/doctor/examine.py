"""Runs the examination: what a start would check, and what it depends on; nothing is changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra.doctor import host, network
from rofecare_infra.doctor.finding import Finding, ok, problem, refusal, warning
from rofecare_infra.engine import Engine, Machine, connect, selected_context
from rofecare_infra.errors import EngineError, RofecareError, SettingsError
from rofecare_infra.lifecycle import addresses, loopback
from rofecare_infra.lifecycle.failure import taken_ports
from rofecare_infra.platform import Service
from rofecare_infra.process import Result, run
from rofecare_infra.project import Project, mounts, open_project, require_startable
from rofecare_infra.settings import load

# Timeout in seconds for commands that only print something.
_QUICK = 10.0
# The driver of the builder that has the images of the engine.
_ENGINES_OWN = "docker"


def examine(root: Path, *, monitoring: bool | None = None, production: bool | None = None) -> Iterator[Finding]:
    """Examine what a start of this checkout would depend on, with the flags of a start."""
    with ThreadPoolExecutor() as pool:
        # Each takes as long as everything else together.
        compose = pool.submit(run, ["docker", "compose", "version", "--short"], timeout=_QUICK, check=False)
        builder = pool.submit(run, ["docker", "buildx", "inspect"], timeout=_QUICK, check=False)
        yield from _examined(root, compose, builder, monitoring=monitoring, production=production)


def _examined(
    root: Path, compose: Future[Result], builder: Future[Result], *, monitoring: bool | None, production: bool | None
) -> Iterator[Finding]:
    engine: Engine | None = None
    try:
        engine = connect()
        machine = engine.machine()
    except RofecareError as error:
        yield from refusal("engine", error)
    else:
        yield from _versions(machine, compose.result())
    project, findings = _opened(root, monitoring=monitoring, production=production)
    yield from findings
    settings = project.settings if project is not None else load(root, os.environ)[0]
    folders = [Path(machine.folder)] if engine is not None and machine.folder and Path(machine.folder).exists() else []
    here = host.read(settings.root, [*folders, settings.backup_folder], datetime.now(UTC))
    yield host.clock(here, engine.time() if engine is not None else None)
    yield from host.settings_of_the_kernel(here)
    if engine is None:
        return
    if project is None:
        yield from host.disk(here, images=False)
        return
    absent = any(engine.image(one.image) is None for one in project.platform.services)
    yield from host.disk(here, images=absent)
    yield from _of_the_project(project, engine, machine, here)
    yield _builder(builder.result())
    if project.platform.services:
        yield from network.examine(project)


def _opened(root: Path, *, monitoring: bool | None, production: bool | None) -> tuple[Project | None, list[Finding]]:
    """The project, and what is wrong with its settings, compose files and secrets."""
    try:
        project = open_project(root, monitoring=monitoring, production=production)
    except EngineError:
        # Found already.
        return None, []
    except RofecareError as error:
        return None, refusal("settings", error)
    found = [
        warning("compose", one, "set the variable in .env, or correct the file") for one in project.platform.warnings
    ]
    return project, found or [
        ok("settings", f"of {project.platform.project}, with {len(project.platform.services)} services")
    ]


def _of_the_project(project: Project, engine: Engine, machine: Machine, here: host.Host) -> Iterator[Finding]:
    services = [one for one in project.platform.services if one.replicas]
    running = {one.service for one in engine.containers(project.platform.project) if one.is_up}
    yield from host.capacity(machine, services, here.available, running=bool(running))
    yield from _name(project)
    yield from _ports(project, engine, services, running)
    yield from _addresses(project, engine)
    yield _loopback(project, machine)
    yield from _mounts(project, machine)
    yield from _protections(project)


def _versions(machine: Machine, compose: Result) -> Iterator[Finding]:
    yield ok("engine", f"Docker Engine {machine.version}, Python {sys.version.split()[0]}")
    if compose.ok:
        yield ok("compose", f"Docker Compose {compose.stdout.strip()}")
    else:
        yield problem(
            "compose", "docker compose is not installed", "install the plug-in docker-compose-v2", EngineError
        )


def _name(project: Project) -> Iterator[Finding]:
    try:
        require_startable(project)
    except SettingsError as error:
        yield from refusal("name", error)
    else:
        yield ok("name", f"{project.platform.project} is of this platform, or free")


def _ports(
    project: Project, engine: Engine, services: Sequence[Service], running: Collection[str]
) -> Iterator[Finding]:
    taken = list(taken_ports(project.platform, [one for one in services if one.name not in running], engine))
    for error in taken:
        yield problem("ports", f"{error.what}: {error.seen}", error.next_step)
    if not taken:
        yield ok("ports", f"{sum(len(one.ports) for one in services)} are free, or published by this platform")


def _addresses(project: Project, engine: Engine) -> Iterator[Finding]:
    shortage = addresses.shortage(project.platform, engine)
    if shortage is not None:
        yield problem("addresses", f"{shortage.seen}; {shortage.expected}", shortage.next_step)
    found = list(addresses.overlaps(project.platform, engine.networks(), addresses.routes()))
    for each in found:
        yield problem(
            "addresses", f"overlapping networks: {each}", "another subnet: default-address-pools in daemon.json"
        )
    if shortage is None and not found:
        yield ok("addresses", "enough subnets for the networks, without overlaps")


def _loopback(project: Project, machine: Machine) -> Finding:
    ruled = loopback.is_ruled(project.platform.project)
    case = loopback.case_of(project.platform, machine, ruled=ruled)
    if case is loopback.Case.OPEN:
        seen = "before Engine 28, other machines of the network segment can reach ports on 127.0.0.1 by a route"
        return warning("loopback", seen, "Engine 28, or a start of production as root")
    return ok("loopback", f"ports on 127.0.0.1: {case}")


def _mounts(project: Project, machine: Machine) -> Iterator[Finding]:
    found = list(mounts.problems(project))
    for one in found:
        yield problem("mounts", f"{one.where}: {one.what}", one.expected, SettingsError)
    if not found:
        yield ok("mounts", f"containers can read the mounted files; the engine stores its data in {machine.folder}")


def _protections(project: Project) -> Iterator[Finding]:
    if not project.production:
        return
    for one in project.settings.protections_off:
        yield warning("access", one, "on, as soon as all applications log in")
    if not project.settings.protections_off:
        yield ok("access", "no protection is turned off")


def _builder(result: Result) -> Finding:
    driver = next((line.split()[-1] for line in result.stdout.splitlines() if line.startswith("Driver:")), "")
    own = selected_context(os.environ)
    if result.ok and driver != _ENGINES_OWN:
        seen = f"the default builder has the driver {driver}, and no images of this machine"
        return warning("builder", seen, f"nothing to do for tasks, which use {own}; by hand: docker buildx use {own}")
    return ok("builder", "that of the engine")

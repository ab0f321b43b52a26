"""Runs the scenario for each contender in turn, on projects of its own, and removes what it created."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from rofecare_dev.bench import content, costs
from rofecare_dev.bench.measures import AGAINST, COMPOSE, ORDERED, THIS, Measure, Sample, chosen, order, scenario
from rofecare_infra import process
from rofecare_infra.compose import Compose
from rofecare_infra.errors import UsageError
from rofecare_infra.hosting import Systemd
from rofecare_infra.hosting.loopback import reopen
from rofecare_infra.platform import Platform
from rofecare_infra.state import SYSTEM_CLOCK, Clock

# The first start also builds the images that are missing; in seconds.
_PATIENCE = 3600.0
_PORT_SHIFT = int(os.environ.get("ROFECARE_TEST_PORT_SHIFT", "20000"))
_PORT = re.compile(r"^(?!SMTP)(\w+_PORT)=(\d+)$", re.MULTILINE)
_INFRASTRUCTURE = "infrastructure"
_HOLD = re.compile(r"downtime (\d+) s")


@dataclass(frozen=True)
class Contender:
    """A way to run the commands: which words come before those of a measure, where, and with which settings."""

    name: str
    prefix: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]

    @property
    def project(self) -> str:
        """The project whose containers, volumes and networks this contender creates."""
        return self.environment["COMPOSE_PROJECT_NAME"]

    def words(self, measure: Measure) -> tuple[str, ...]:
        """The words of a measure; empty if this contender has no such command."""
        return measure.compose if self.name in {COMPOSE, ORDERED} else measure.inv

    def run(self, *words: str) -> str:
        """Run a command to its end; return its output. Raises CommandError if it fails."""
        argv = (*self.prefix, *words)
        return process.run(argv, cwd=self.folder, env=self.environment, timeout=_PATIENCE).stdout


def measure(
    root: Path,
    against: str,
    *,
    runs: int,
    whole: bool,
    only: Sequence[str] = (),
    size: int = 10,
    production: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[Sample]:
    """Measure the commit that is checked out at `root` and yield each sample; `size` of a full database, in MiB.

    Changes that are not committed do not take part. `against` is another commit; empty: docker compose alone, which
    does not take part in `production`.
    """
    chosen(scenario(whole=whole, production=production), only)  # reports a wrong name before anything runs
    if runs < 1:
        raise UsageError(
            "a benchmark needs at least one run",
            seen=f"--runs {runs}",
            expected="a number above 0",
            next_step="inv bench --runs 5",
        )
    commits = {THIS: "HEAD"} | ({AGAINST: against} if against else {})
    with ExitStack() as until_done:
        base = Path(until_done.enter_context(tempfile.TemporaryDirectory(prefix="rofecare-bench-")))
        contenders = {
            name: _invoke(name, until_done.enter_context(_worktree(root, base / name, commit)), base)
            for name, commit in commits.items()
        }
        services: tuple[str, ...] = ()
        if not production:
            contenders[COMPOSE], services = _compose(contenders[THIS])
            if whole:
                contenders[ORDERED] = _ordered(contenders[THIS], base)
        measures = chosen(scenario(whole=whole, infrastructure=services, production=production), only)
        for one in contenders.values():
            until_done.callback(_remove, one.project)
        until_done.callback(_name_images, _images())
        images: dict[str, Mapping[str, str]] = {}
        for name, one in contenders.items():
            # docker compose takes part with the images of this commit.
            _name_images(images.get(THIS, {}))
            images[name] = _warm_up(one, measures[0])
        for number in range(runs):
            for name in order([*contenders], number):
                _name_images(images[name])
                yield from _samples(contenders[name], measures, only, clock, size)


def _samples(
    one: Contender, measures: Sequence[Measure], only: Sequence[str], clock: Clock, size: int = 10
) -> Iterator[Sample]:
    """One pass through the scenario, from nothing to nothing."""
    _remove(one.project)
    for step in measures:
        if step.fills:
            content.fill(one.project, size)
        if step.reads:
            yield Sample(step.name, one.name, costs.read(step.reads, one.project, clock))
            continue
        words = one.words(step)
        dumps = step.dumps and one.name == COMPOSE
        if not words and not dumps:
            continue
        output = ""
        began = clock.monotonic()
        if dumps:
            content.dump(one.project)
        else:
            output = one.run(*words)
        seconds = clock.monotonic() - began
        if not only or step.name in only:
            yield Sample(step.name, one.name, seconds)
            if step.hold and (found := _HOLD.search(output)):
                yield Sample(step.hold, one.name, float(found.group(1)))
    _remove(one.project)


def _warm_up(one: Contender, first: Measure) -> Mapping[str, str]:
    """Run the first start without timing it: it builds missing images and fills the caches of the machine.

    Return the images that this contender uses: name -> id.
    """
    _remove(one.project)
    one.run(*one.words(first))
    _remove(one.project)
    return _images()


def _images() -> Mapping[str, str]:
    """The images that are built on this machine: name -> id."""
    form = "{{.Repository}}:{{.Tag}} {{.ID}}"
    listing = ["docker", "image", "ls", "--no-trunc", "--filter", "reference=rofecare/*", "--format", form]
    pairs = (line.split() for line in process.run(listing).stdout.splitlines())
    return {name: image for name, image in pairs if not name.endswith(":<none>")}


def _name_images(wanted: Mapping[str, str]) -> None:
    """Give images their names again: two commits build different images of the same name."""
    now = _images()
    for name, image in wanted.items():
        if now.get(name) != image:
            process.run(["docker", "image", "tag", image, name])


@contextmanager
def _worktree(root: Path, folder: Path, commit: str) -> Iterator[Path]:
    """A checkout of a commit beside the one that is worked on."""
    process.run(["git", "worktree", "add", "--quiet", "--detach", str(folder), commit], cwd=root)
    try:
        # As the bootstrap does.
        process.run([sys.executable, "-m", "compileall", "-q", str(folder / "scripts")])
        yield folder
    finally:
        process.run(["git", "worktree", "remove", "--force", str(folder)], cwd=root, check=False)


def _invoke(name: str, checkout: Path, base: Path) -> Contender:
    """`inv` of a checkout, with the packages of this environment and the code of that commit."""
    return Contender(
        name,
        (sys.executable, "-m", "invoke"),
        checkout,
        {**_settings(name, checkout, base), "PYTHONPATH": str(checkout / "scripts")},
    )


def _compose(this: Contender) -> tuple[Contender, tuple[str, ...]]:
    """Docker compose on the same files, with the same secrets; and the names of the services of the infrastructure."""
    command, settings = _command(this, COMPOSE)
    services = tuple(one.name for one in command.model().services if one.phase == _INFRASTRUCTURE)
    return Contender(COMPOSE, tuple(command.argv()), this.folder, settings), services


def _ordered(this: Contender, base: Path) -> Contender:
    """The same, where each service also waits for all services of the phase before its own."""
    command, settings = _command(this, ORDERED)
    file = base / f"{ORDERED}.json"
    file.write_text(json.dumps({"services": in_phases(command.model())}), encoding="utf-8")
    return Contender(ORDERED, tuple(command.argv("-f", str(file))), this.folder, settings)


def _command(this: Contender, name: str) -> tuple[Compose, dict[str, str]]:
    settings = {**this.environment, "COMPOSE_PROJECT_NAME": this.project.replace(THIS, name)}
    return Compose(this.folder / "docker").on_packages().with_variables(settings), settings


def in_phases(platform: Platform) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Service -> its dependencies on all services of the phase before its own, as in a compose file."""
    phases = [[*group] for _, group in groupby(platform.stages(), key=lambda stage: stage.phase)]
    found: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for before, after in pairwise(phases):
        needed = {name: {"condition": "service_healthy"} for stage in before for name in stage.names}
        found |= {name: {"depends_on": needed} for stage in after for name in stage.names}
    return found


def _settings(name: str, checkout: Path, base: Path) -> dict[str, str]:
    """Names, ports and folders of the benchmark's own; contenders run one after another, so they share the ports."""
    ports = dict(_PORT.findall((checkout / ".env").read_text(encoding="utf-8")))
    return {
        "COMPOSE_PROJECT_NAME": f"rofecare-bench-{_PORT_SHIFT}-{name}",
        "SECRETS_DIR": str(base / f"secrets-{name}"),
        "STATE_DIR": str(base / f"state-{name}"),
        "BACKUP_DIR": str(base / f"backups-{name}"),
        "WORKSPACE": str(base),
        "IMAGES": "packages",
        "SERVICES": "reference",
        **{port: str(int(value) + _PORT_SHIFT) for port, value in ports.items()},
    }


def _remove(project: str) -> None:
    """Remove what one of the benchmark's own projects has on the engine, and the rules for its published ports."""
    kinds = (
        ("container", ("--all",), ("com.docker.compose.project",)),
        ("volume", (), ("com.docker.compose.project", "com.rofecare.project", "com.rofecare.marker")),
        ("network", (), ("com.docker.compose.project",)),
    )
    for kind, options, labels in kinds:
        for label in labels:
            listing = ["docker", kind, "ls", *options, "--quiet", "--filter", f"label={label}={project}"]
            found = process.run(listing).stdout.split()
            if found:
                force = ["--force", "--volumes"] if kind == "container" else []
                process.run(["docker", kind, "rm", *force, *found])
    process.to_end(reopen(project, Systemd(), "inv bench"))

"""A start of production says whether ports on 127.0.0.1 are for this machine only, and closes them where it may."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rofecare_infra import hosting
from rofecare_infra.errors import RofecareError
from rofecare_infra.hosting.loopback import close, reopen
from rofecare_infra.lifecycle.loopback import Case
from rofecare_infra.progress import Scope
from rofecare_infra.project import Project


@contextmanager
def closed(scope: Scope, project: Project) -> Iterator[None]:
    """Close them after a start, also after one that failed: its networks and containers are there."""
    try:
        yield
    except RofecareError:
        with suppress(RofecareError):
            _close(scope, project)
        raise
    _close(scope, project)


def forget(scope: Scope, project: Project) -> None:
    """Remove the rules of a production platform whose networks are removed, where this user may."""
    if project.production and os.geteuid() == 0:
        again = f"{hosting.launcher_of(project.settings)} install-service --remove"
        scope.follow(reopen(project.platform.project, hosting.Systemd(), again))


def _close(scope: Scope, project: Project) -> None:
    if not project.production:
        return
    again = f"{hosting.launcher_of(project.settings)} start-all"
    case, wanted = scope.follow(close(project.platform, project.engine, hosting.Systemd(), again))
    if case is Case.NONE:
        return
    scope.say(f"ports on 127.0.0.1, for other machines of the network segment: {case}")
    if wanted:
        scope.say("to close them: the same command as root, or after each boot and each new network\n")
        scope.say("\n".join(f"  {one.shell()}" for one in wanted))

"""Merges `.env`, the environment and the defaults of the compose files, and checks every value."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from rofecare_infra.settings import addresses, dotenv_file
from rofecare_infra.settings.dotenv_file import ENVIRONMENT, Assignment, Problem
from rofecare_infra.settings.record import RELEASE_FILE, SITE_FILE, Settings, state_folder_of

# Every reference to a variable, including those inside the default of another; compose reads `$$` as a dollar sign.
_REFERENCE = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)")
_PORT_DEFAULT = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*_PORT):?-(\d+)\}")

# Settings that only Python reads; the compose files name the others.
_OWN = (
    *("BACKUP_COPY_TO", "BACKUP_DIR", "BACKUP_KEEP_COUNT", "BACKUP_KEEP_DAYS", "BACKUP_KEY_FILE"),
    *(
        "CLEAR_TEXT",
        "COMPOSE_PROJECT_NAME",
        "GATE_TIMEOUT",
        "IMAGES",
        "KAFKA_AUTHENTICATION",
        "SERVICES",
        "SIZE",
        "STATE_DIR",
    ),
)
# Names in the compose files that are no settings: this program sets them.
INTERNAL = frozenset({"KAFKA_PROTOCOL", "MONITORED_APPLICATIONS", "PRODUCTION_MARKER", "RELEASE"})

_MAX_PORT = 65535
_MAX_NAME = 253
# More replicas gain nothing: they share one database with a limited number of connections.
_MAX_REPLICAS = 5
# No setting needs longer numbers; Python refuses to parse thousands of digits.
_MAX_DIGITS = 9


def load(root: Path, environ: Mapping[str, str]) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings, and all problems with the values that were given.

    An invalid value is replaced by its default, so that later checks can run and one run reports every problem. Callers
    that change anything refuse to start if there is a problem.
    """
    defaults = known_names(root)
    written, problems = dotenv_file.read(root / ".env")
    project = project_of(root)
    if project:
        site, more = dotenv_file.read(state_folder_of(root) / SITE_FILE)
        written |= {**site, "COMPOSE_PROJECT_NAME": Assignment(project, RELEASE_FILE)}
        problems += more
    problems += _unknown(written, defaults)
    values: dict[str, Assignment] = {}
    for name in {*defaults, *written}:
        default = Assignment(defaults.get(name, ""), "its default")
        chosen = Assignment(environ[name], ENVIRONMENT) if name in environ else written.get(name, default)
        expected = _expectation(name, root)(chosen.value) if chosen.value else None
        if expected is not None:
            problems.append(Problem(chosen.where, f"{name} is {chosen.value!r}", expected))
            chosen = default
        elif chosen.value and name in addresses.COMBINED:
            chosen = Assignment(addresses.COMBINED[name](chosen.value), chosen.where)
        values[name] = chosen
    if project and values["COMPOSE_PROJECT_NAME"].value != project:
        chosen = values["COMPOSE_PROJECT_NAME"]
        problems.append(
            Problem(chosen.where, f"COMPOSE_PROJECT_NAME is {chosen.value!r}", f"{project}, as this release")
        )
    return Settings(root, values), tuple(sorted(problems, key=_position))


def project_of(root: Path) -> str:
    """The project of a release; empty for a checkout."""
    try:
        return str(json.loads((root / RELEASE_FILE).read_text(encoding="utf-8"))["project"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def known_names(root: Path) -> dict[str, str]:
    """Every setting that a compose file or this program reads -> its default, for ports; else an empty string."""
    names = dict.fromkeys(_OWN, "")
    for path in sorted((root / "docker").glob("*compose*.y*ml")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # compose reports the problem
        names |= dict.fromkeys(set(_REFERENCE.findall(text)) - set(names) - INTERNAL, "")
        names |= dict(_PORT_DEFAULT.findall(text))
    return names


def _unknown(written: Mapping[str, Assignment], known: Mapping[str, str]) -> list[Problem]:
    """Names that are not settings but resemble one."""
    problems = []
    for name, assignment in written.items():
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8) if name not in known else ()
        if near:
            problems.append(Problem(assignment.where, f"{name} is not a setting", f"a setting, such as {near[0]}"))
    return problems


def _position(problem: Problem) -> tuple[int, str]:
    line = problem.where.rpartition(" ")[2]
    return (int(line) if line.isdigit() else 0, problem.where)


# A check returns None for a valid value, else what was expected.
def _port(value: str) -> str | None:
    return None if 1 <= _number(value) <= _MAX_PORT else f"a port, 1 to {_MAX_PORT}"


def _seconds(value: str) -> str | None:
    return None if _number(value) > 0 else "a number of seconds above 0"


def _days(value: str) -> str | None:
    return None if _number(value) > 0 else "a number of days above 0"


def _count(value: str) -> str | None:
    return None if _number(value) > 0 else "a number of backups above 0"


def _number(value: str) -> int:
    """The whole number that the text contains; -1 for any other text and for numbers that are too long."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS else -1


def _project(value: str) -> str | None:
    good = re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value)
    return None if good else "lower-case letters, digits, '-' and '_', starting with a letter or digit"


def _prefix(value: str) -> str | None:
    return (
        None
        if re.fullmatch(r"[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*/?", value)
        else "a registry and path without a scheme, such as mirror.example:5000/"
    )


def _one_of(*choices: str) -> Callable[[str], str | None]:
    return lambda value: None if value in choices else f"one of {', '.join(choices)}"


def _folder(value: str) -> str | None:
    # Compose would interpolate it, Python does not: they would use different folders.
    return None if "$" not in value else "a path without '$'"


def _absolute(value: str) -> str | None:
    # The unit of the service manager and every checkout use the same folder.
    return None if value.startswith("/") and "$" not in value else "an absolute path without '$'"


def _certificates(root: Path) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        path = Settings(root, {"CA_BUNDLE": Assignment(value, "")}).ca_bundle
        good = path is not None and path.exists() and not path.is_dir() and os.access(path, os.R_OK)
        return None if good else f"a file of certificates that this user can read; {path} is not"

    return check


def _replicas(value: str) -> str | None:
    return None if 1 <= _number(value) <= _MAX_REPLICAS else f"a number of containers, 1 to {_MAX_REPLICAS}"


def _parsed(parse: Callable[[str], object]) -> Callable[[str], str | None]:
    """A check by a function that raises ValueError with what was expected."""

    def check(value: str) -> str | None:
        try:
            parse(value)
        except ValueError as error:
            return str(error)
        return None

    return check


def _host(value: str) -> str | None:
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    good = re.fullmatch(rf"{label}(\.{label})*", value) and len(value) <= _MAX_NAME
    return None if good else "a host name in lower case or an IPv4 address, without a scheme or a port"


def _span_of_days(value: str) -> str | None:
    return None if re.fullmatch(r"[1-9]\d{0,3}d", value) else "a number of days, such as 30d"


def _gigabytes(value: str) -> str | None:
    return None if re.fullmatch(r"[1-9]\d{0,4}GB", value) else "a whole number of gigabytes, such as 8GB"


def _share(value: str) -> str | None:
    return None if re.fullmatch(r"0|1|0?\.\d{1,9}|1\.0{1,9}", value) else "a share, 0 to 1, such as 0.1"


def _half_an_address(value: str) -> str | None:
    good = re.fullmatch(r"10\.(\d{1,3})|172\.(1[6-9]|2\d|3[01])|192\.168", value)
    return (
        None if good and int(good[1] or 0) < 2**8 else "two numbers of a private network with 16 bits, such as 10.209"
    )


def _anything(_value: str) -> str | None:
    return None


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    **{name: _parsed(parse) for name, parse in addresses.COMBINED.items()},
    "BACKUP_COPY_TO": _parsed(addresses.place),
    "BACKUP_KEEP_COUNT": _count,
    "BACKUP_KEEP_DAYS": _days,
    "CLEAR_TEXT": _one_of("refused", "accepted"),
    "CONFIG_AUTHENTICATION": _one_of("on", "off"),
    "REGISTRY_AUTHENTICATION": _one_of("on", "off"),
    "COMPOSE_PROJECT_NAME": _project,
    "TLS_HOST": _host,
    "TLS_ISSUER": _one_of("internal", "files", "automatic"),
    "SIZE": _one_of("standard", "small"),
    "GATE_TIMEOUT": _seconds,
    "KAFKA_AUTHENTICATION": _one_of("on", "off"),
    "IMAGES": _one_of("auto", "registry", "packages"),
    "SERVICES": _one_of("auto", "source", "registry", "reference"),
    "IMAGE_PREFIX": _prefix,
    "STACK_GATEWAYS": _replicas,
    "STACK_NETWORK": _half_an_address,
    "LOGS_KEPT": _span_of_days,
    "LOGS_SIZE": _gigabytes,
    "TRACES_KEPT": _span_of_days,
    "TRACES_SAMPLED": _share,
}


def _expectation(name: str, root: Path) -> Callable[[str], str | None]:
    if name == "CA_BUNDLE":
        return _certificates(root)
    if name in {"BACKUP_DIR", "SECRETS_DIR"}:
        return _folder
    if name == "STATE_DIR":
        return _absolute
    if name.startswith("REPLICAS_"):
        return _replicas
    return _CHECKS.get(name, _port if name.endswith("_PORT") else _anything)

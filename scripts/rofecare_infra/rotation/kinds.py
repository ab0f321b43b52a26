"""Determines what a secret is from the compose model: which services mount it, as which file, and what they are."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rofecare_infra.errors import UsageError
from rofecare_infra.kafka import user_of
from rofecare_infra.platform import LABEL_INGRESS, LABEL_TOKENS, Platform, Service, application_secret, checks_tokens
from rofecare_infra.smoke.plan import requires

# The last part of an image's name, without a tag: `redis_exporter` is a client, not a server.
_REDIS_IMAGE = re.compile(r"(?:^|/)(?:redis|valkey|redis-stack-server)(?:[:@]|$)")
_REDIS_SERVER = re.compile(r"\b(?:redis|valkey)-server\b")
_SIGNING = re.compile(r"jwt|sign", re.IGNORECASE)
_ENDINGS = re.compile(r"_(?:password|secret|key|token)$")


class Kind(Enum):
    """The kinds of secrets that can be rotated."""

    DATABASE = "the password of a PostgreSQL database"
    CACHE = "the password of Redis"
    BROKER = "the password of a user of Kafka"
    SERVER = "the password that an application requires of its clients"
    SIGNING_KEY = "the key that signs tokens"


@dataclass(frozen=True)
class Secret:
    """One secret with the services that check it and those that use it, both in start order."""

    name: str
    kind: Kind
    file: Path
    # The servers that check it; of a signing key those that check tokens.
    owners: tuple[Service, ...]
    users: tuple[Service, ...]

    @property
    def together(self) -> tuple[Service, ...]:
        """The services that must read it at the same moment: those that use it and those that check it."""
        if self.kind in {Kind.BROKER, Kind.SERVER}:
            return self.users
        if self.kind is not Kind.SIGNING_KEY:
            return ()
        marked = tuple(one for one in self.users if checks_tokens(one.labels) or one.labels.get(LABEL_TOKENS) == "true")
        return marked if any(one.labels.get(LABEL_TOKENS) == "true" for one in marked) else self.users


def resolve(word: str, secrets: Mapping[str, Path]) -> str:
    """The secret with this full or short name: `identity-db` -> `identity_db_password`. Raises UsageError."""
    full = {**{short(name): name for name in secrets}, **{name: name for name in secrets}}
    if word not in full:
        near = difflib.get_close_matches(word, full, n=5, cutoff=0.5) or sorted(map(short, secrets))
        raise UsageError(
            f"no secret is called {word!r}",
            seen=word,
            expected=f"a secret's full or short name, such as {', '.join(near)}",
            next_step="the same command with one of these",
        )
    return full[word]


def short(name: str) -> str:
    """The short name: `identity_db_password` -> `identity-db`."""
    return _ENDINGS.sub("", name).replace("_", "-")


def secret_of(platform: Platform, name: str) -> Secret:
    """Determine what this secret is. Raises UsageError for a kind that cannot be rotated."""
    order = [service for stage in platform.stages() for service in stage.services]
    mounts = [service for service in order if name in service.secrets]
    for kind, belongs in (
        (Kind.DATABASE, _is_its_database),
        (Kind.BROKER, _is_its_broker),
        (Kind.CACHE, _is_redis),
        (Kind.SERVER, requires),
        (Kind.SIGNING_KEY, _checks_tokens),
    ):
        owners = tuple(service for service in mounts if belongs(service, name))
        if owners:
            others = tuple(service for service in mounts if service not in owners)
            users = tuple(mounts) if kind in {Kind.BROKER, Kind.SERVER, Kind.SIGNING_KEY} else others
            return Secret(name, kind, platform.secrets[name], owners, users)
    seen = [f"{service.name} (as {service.secret_files.get(name, name)})" for service in mounts]
    raise UsageError(
        f"what kind of secret {name} is cannot be determined from the compose files",
        seen=f"mounted by {', '.join(seen)}" if seen else "no service mounts it",
        expected="a secret that POSTGRES_PASSWORD_FILE or POSTGRES_APPLICATION_PASSWORD_FILE of a database names, the "
        "password of a Redis server, that of a user of Kafka, one that an application mounts as "
        "spring.security.user.password, or the key of an ingress "
        f"({LABEL_INGRESS}, or {LABEL_TOKENS}: checked) with jwt or sign in its name",
        next_step="change it as its service requires; then docker compose restart the services that mount it",
    )


def names(services: Sequence[Service]) -> str:
    """The names of services in a sentence."""
    return ", ".join(service.name for service in services) or "no service"


def _is_its_database(service: Service, secret: str) -> bool:
    is_administrators = service.environment.get("POSTGRES_PASSWORD_FILE") == service.secret_files.get(secret, "-")
    return is_administrators or application_secret(service) == secret


def _is_its_broker(service: Service, secret: str) -> bool:
    return bool(user_of(service, secret))


def _is_redis(service: Service, _secret: str) -> bool:
    started = " ".join(service.command)
    return bool(_REDIS_IMAGE.search(service.image) or _REDIS_SERVER.search(started))


def _checks_tokens(service: Service, secret: str) -> bool:
    called = service.secret_files.get(secret, "").rpartition("/")[2]
    return checks_tokens(service.labels) and bool(_SIGNING.search(called) or _SIGNING.search(secret))

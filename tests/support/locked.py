"""A small platform with passwords: PostgreSQL, Redis, and clients that need them."""

from __future__ import annotations

from typing import Any

from tests.support.images import POSTGRES, REDIS

Json = dict[str, Any]

# The volumes of the servers below. The images declare them: without a name they would be anonymous, and remain.
VOLUMES: dict[str, Json] = {"db-data": {}, "cache-data": {}}
# The same for a container on the image of PostgreSQL that is no server.
NO_DATA = {"tmpfs": ["/var/lib/postgresql/data"]}
HARDENED = {"labels": {"com.rofecare.phase": "infrastructure"}, "stop_grace_period": "10s"}

# Reads its passwords when it starts, as an application does, and is healthy while both are accepted.
CLIENT = """
export PGPASSWORD=$$(cat /run/secrets/db) REDISCLI_AUTH=$$(cat /run/secrets/cache)
trap 'exit 0' INT TERM
while :; do
    rm -f /tmp/ok
    psql -wAtq -h db -U shop -d shop -c 'select 1' >/dev/null && touch /tmp/ok
    for _ in 1 2 3; do sleep 0.2 & wait $$!; done
done
"""
# The same for Redis, in bash: the image of PostgreSQL has no client for it.
CACHE_CLIENT = """
password=$$(cat /run/secrets/cache)
trap 'exit 0' INT TERM
while :; do
    rm -f /tmp/ok
    exec 3<>/dev/tcp/cache/6379 && printf 'AUTH %s\\r\\nPING\\r\\nQUIT\\r\\n' "$$password" >&3 &&
        timeout 2 cat <&3 | grep -q PONG && touch /tmp/ok
    sleep 0.3 & wait $$!
done
"""


def probe(test: str, **more: object) -> Json:
    """A health check with short intervals."""
    return {
        "test": ["CMD-SHELL", test],
        "interval": "1s",
        "timeout": "3s",
        "retries": 3,
        "start_period": "30s",
        "start_interval": "300ms",
        **more,
    }


def database(secret: str = "db_password", name: str = "shop", **more: object) -> Json:
    """A PostgreSQL as in the platform."""
    return {
        "image": POSTGRES,
        "environment": {
            "POSTGRES_DB": name,
            "POSTGRES_USER": "shop",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
        },
        # The server logs every statement.
        "command": ["postgres", "-c", "log_statement=all", "-c", "log_connections=on"],
        "secrets": [{"source": secret, "target": "postgres_password"}],
        "healthcheck": probe('pg_isready -h 127.0.0.1 -U "$$POSTGRES_USER" -d "$$POSTGRES_DB"'),
        "stop_signal": "SIGINT",
        "volumes": ["db-data:/var/lib/postgresql/data"],
        **HARDENED,
        **more,
    }


def cache(secret: str = "cache_password", **more: object) -> Json:
    """A Redis as in the platform."""
    config = "printf 'requirepass %s\\n' \"$$(cat /run/secrets/cache)\" > /tmp/redis.conf"
    return {
        "image": REDIS,
        "command": ["sh", "-c", f"{config}; exec redis-server /tmp/redis.conf"],
        "secrets": [{"source": secret, "target": "cache"}],
        "healthcheck": probe("REDISCLI_AUTH=$$(cat /run/secrets/cache) redis-cli ping | grep -qx PONG"),
        "volumes": ["cache-data:/data"],
        **HARDENED,
        **more,
    }


def client(script: str = CLIENT, **more: object) -> Json:
    """A client with both passwords; healthy while they are accepted."""
    return {
        "image": POSTGRES,
        "entrypoint": ["bash", "-c", script],
        "secrets": [{"source": "db_password", "target": "db"}, {"source": "cache_password", "target": "cache"}],
        "healthcheck": probe("test -e /tmp/ok", retries=5),
        "labels": {"com.rofecare.phase": "business"},
        "stop_grace_period": "5s",
        **NO_DATA,
        **more,
    }


def secrets(*names: str) -> Json:
    """The top-level section for these secrets."""
    return {name: {"file": f"${{SECRETS_DIR:-./secrets}}/{name}"} for name in names}

"""A small application with a database and an ingress; its images have versions, and one of them is never ready."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.images import POSTGRES
from tests.support.locked import NO_DATA, database, probe

Json = dict[str, Any]

_PASSWORD = 'export PGPASSWORD=$(cat /run/secrets/db); sql() { psql -wAtq -h db -U shop -d shop -c "$1"; }\n'
_SERVE = "touch /tmp/ok; trap 'exit 0' INT TERM; while :; do sleep 0.3 & wait $!; done\n"
_TABLE = "sql 'create table if not exists entry (id text primary key)' || exit 1\n"
# Version -> what it does when it starts. Each that is not the first changes the data before it serves.
VERSIONS = {
    "v1": _PASSWORD + _TABLE + _SERVE,
    "v2": _PASSWORD + _TABLE + "sql 'alter table entry add column if not exists more text'\n" + _SERVE,
    "broken": _PASSWORD
    + "sql 'alter table entry rename to entry_of_broken'; sql 'create table junk ()'\n"
    + "echo I will never be well; exec sleep infinity\n",
    "ending": _PASSWORD + "sql 'create table junk ()'; echo I cannot go on; exit 3\n",
}

# Answers after the row is committed, in each database.
_INGRESS = r"""
use IO::Socket::INET; $SIG{CHLD} = 'IGNORE'; $SIG{INT} = $SIG{TERM} = sub { exit 0 };
my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 50, ReuseAddr => 1) or die;
while (my $c = $s->accept) {
    next if fork;
    my ($line, $length, $body) = (scalar <$c>, 0, '');
    while (<$c>) { last if /^\r?$/; $length = $1 if /^content-length:\s*(\d+)/i }
    read($c, $body, $length);
    my ($id) = $body =~ /"id": *"([0-9a-f-]+)"/;
    my $kept = 1;
    for my $db ($id ? qw(DATABASES) : ()) {
        open(my $f, '<', "/run/secrets/$db"); $ENV{PGPASSWORD} = <$f>;
        $kept &&= `psql -wAtq -h $db -U shop -d shop -c "insert into entry (id) values ('$id') returning 1"` =~ /1/;
    }
    print $c ($kept ? "HTTP/1.0 200 OK\r\n\r\nkept" : "HTTP/1.0 503 Not now\r\n\r\n");
    close $c; exit;
}
"""


_TURN = """
sql 'create table if not exists version as select 0 as n where false; truncate version; insert into version values (N)'
"""
# Versions that can follow each other in any order: each brings the data to its own schema when it starts.
TURNS = {
    tag: _PASSWORD + _TABLE + _TURN.replace("(N)", f"({number})") + _SERVE for number, tag in enumerate(("v1", "v2"), 1)
}


@contextmanager
def images(folder: Path, versions: Mapping[str, str] = VERSIONS) -> Iterator[str]:
    """Build every version; the name in front of the tags. They are removed at the end."""
    name = f"upgrade-test-{uuid.uuid4().hex[:8]}/shop"
    try:
        for version, script in versions.items():
            build = folder / version
            build.mkdir()
            (build / "start").write_text(script)
            dockerfile = f'FROM {POSTGRES}\nCOPY start /start\nENTRYPOINT ["bash", "/start"]\n'
            (build / "Dockerfile").write_text(dockerfile)
            subprocess.run(
                ["docker", "build", "-q", "-t", f"{name}:{version}", str(build)], check=True, capture_output=True
            )
        yield name
    finally:
        tags = [f"{name}:{version}" for version in versions]
        subprocess.run(["docker", "rmi", "--force", *tags], check=False, capture_output=True)


def services(name: str, port: int, *more: str) -> Mapping[str, Json]:
    """Database, application and ingress; SERVICES_TAG selects the version. The ingress writes into `more` databases."""
    mount = [{"source": f"{one}_password", "target": one} for one in ("db", *more)]
    needs = {one: {"condition": "service_healthy"} for one in ("db", *more)}
    others = {one: database(f"{one}_password", volumes=[f"{one}:/var/lib/postgresql/data"]) for one in more}
    return {
        "db": database(volumes=["data:/var/lib/postgresql/data"]),
        **others,
        "shop": {
            "image": f"{name}:${{SERVICES_TAG:-v1}}",
            "secrets": mount,
            "depends_on": needs,
            "healthcheck": probe("test -e /tmp/ok"),
            "labels": {"com.rofecare.phase": "business"},
            "stop_grace_period": "5s",
            **NO_DATA,
        },
        "ingress": {
            "image": POSTGRES,
            "entrypoint": ["perl", "-e", _INGRESS.replace("DATABASES", " ".join(("db", *more))).replace("$", "$$")],
            "secrets": mount,
            "depends_on": needs,
            "ports": [f"127.0.0.1:{port}:8080"],
            "healthcheck": probe("perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(q(127.0.0.1:8080))'"),
            "labels": {"com.rofecare.phase": "spring-cloud", "com.rofecare.entry": "true"},
            "stop_grace_period": "5s",
            **NO_DATA,
        },
    }

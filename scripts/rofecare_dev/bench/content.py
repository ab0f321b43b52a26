"""The content of the databases of a benchmark, and the least that a backup of it costs: dumps and checksums alone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

from rofecare_infra.backup.server import Server
from rofecare_infra.errors import CommandError
from rofecare_infra.process import run, to_end, together, transfer

# How many rows of the table take a mebibyte.
_ROWS = 4300
_FILL = """
CREATE TABLE public.bench AS SELECT n AS id, md5(n::text) AS name, md5((n + 1)::text) || md5((n + 2)::text) AS note,
    now() + n * interval '1 second' AS seen, n * 1.1::numeric AS amount, repeat(md5((n + 3)::text), 2) AS more
FROM generate_series(1, {rows}) AS n
"""
# One checksum over every row, as a backup computes it.
_CHECKSUM = """
SELECT count(*), sum(('x' || substr(digest, 1, 16))::bit(64)::bigint), sum(('x' || substr(digest, 17))::bit(64)::bigint)
FROM (SELECT md5(ROW(amount, id, more, name, note, seen)::text) AS digest FROM public.bench OFFSET 0) AS digests
"""
_AT_ONCE = 2


def fill(project: str, size: int) -> None:
    """Create a table of so many MiB in every database of the project."""
    for server, database in _databases(project):
        server.execute(database, [_FILL.format(rows=size * _ROWS), "ANALYZE public.bench"])


def dump(project: str) -> None:
    """Dump every database of the project and compute its checksum, two at a time."""
    with tempfile.TemporaryDirectory(prefix="rofecare-bench-dumps-") as folder:
        tasks = [partial(_dump, *one, Path(folder)) for one in _databases(project)]
        to_end(together(tasks, _AT_ONCE))


def _dump(server: Server, database: str, folder: Path) -> Generator[int, None, None]:
    with (folder / f"{server.service}.dump").open("wb") as out:
        write: Callable[[bytes], object] = out.write
        argv = server.argv(database, "pg_dump", "-Fc", "--compress=zstd:3")
        result = yield from transfer(argv, sink=write)
    if not result.ok:
        raise CommandError("pg_dump failed", seen=f"exit code {result.returncode}", details=result.tail(8))
    server.execute(database, [_CHECKSUM])


def _databases(project: str) -> list[tuple[Server, str]]:
    """The database servers of a project that run, and the database that each was created with."""
    listing = ["docker", "ps", "--quiet", "--filter", f"label=com.docker.compose.project={project}"]
    found = []
    for one in json.loads(run(["docker", "inspect", *run(listing).stdout.split()]).stdout):
        environment = dict(word.partition("=")[::2] for word in one["Config"]["Env"])
        if "POSTGRES_DB" in environment:
            found.append((Server(one["Name"].lstrip("/"), one["Id"]), environment["POSTGRES_DB"]))
    return found

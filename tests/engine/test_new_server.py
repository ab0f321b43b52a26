"""The server is gone: a copy of the second place and the key are enough, as documented."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.databases import EVERYTHING, SECRETS, postgres, sql
from tests.support.images import POSTGRES, ensure
from tests.support.project import FOREVER, Project, check, service

CONTENT = """
SELECT string_agg(format('%s %s', relname, (xpath('/row/x/text()', query_to_xml(format(
    'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) AS x FROM public.%I t', relname), false, true, '')))[1]),
    ',' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


def production(folder: Path) -> Project:
    """A production platform with one database, and an ingress with certificates."""
    labels = {"com.rofecare.entry": "true", "com.rofecare.backup": "certificates"}
    services = {
        "one-db": postgres("one", "one"),
        "front": service(FOREVER, phase=None, labels=labels, volumes=["front-data:/data"]),
    }
    project = Project(folder, services, volumes={"one": {}, "front-data": {}}, secrets=SECRETS)
    labels = {"com.rofecare.mode": "production"}
    project.write("docker-compose.prod.yml", {"services": {"one-db": {"labels": labels}}})
    project.environment["GATE_TIMEOUT"] = "120"
    return project


@pytest.mark.full
@pytest.mark.usefixtures("engine")
def test_a_new_server_gets_the_data_of_the_old_one(tmp_path: Path) -> None:
    ensure(POSTGRES)
    second_place = tmp_path / "usb"
    second_place.mkdir()
    old, new = production(tmp_path / "old"), production(tmp_path / "new")
    try:
        old.environment["BACKUP_COPY_TO"] = str(second_place)
        check(old.inv("init", "--prod"), 0, "created the key of the backups", "keep a copy far from this machine")
        check(old.inv("start-all"), 0)
        sql(old, "one-db", "one", EVERYTHING)
        authority = "mkdir /data/ca; echo authority >/data/ca/key; chmod 600 /data/ca/key"
        old.docker("exec", f"{old.name}-front-1", "sh", "-c", authority)
        check(old.inv("backup"), 0, "certificates: volumes front-data archived", "copied to")
        content, key = sql(old, "one-db", "one", CONTENT), (old.root / "state/backup.key").read_text()
        old.clean()
        shutil.rmtree(old.root)
        copy = next(second_place.rglob("manifest.json")).parent
        check(new.inv("init", "--prod"), 0, "created the key of the backups")
        # The key of the new platform is another one.
        check(new.inv("restore", str(copy), "--from-project", old.name), 8, "not made with the key of this platform")
        with (new.root / "state/backup.key").open("a") as file:
            file.write(key)
        check(new.inv("restore", str(copy), "--from-project", old.name), 0, "came out equal")
        check(new.inv("start-all"), 0, "up: 2 of 2")
        assert sql(new, "one-db", "one", CONTENT) == content
        restored = new.docker("exec", f"{new.name}-front-1", "sh", "-c", "cat /data/ca/key; stat -c %a /data/ca/key")
        assert restored.split() == ["authority", "600"]
        # Its own backups are encrypted with its own key, and the copy stays as it was.
        check(new.inv("backup"), 0)
        assert [path.parent for path in second_place.rglob("manifest.json")] == [copy]
    finally:
        for project in (old, new):
            project.clean()

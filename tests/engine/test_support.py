"""The archive for support, of a platform that is up, half up and down, and without a usable setting."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import pytest

from tests.support.project import FOREVER, MakeProject, Project, check, service

pytestmark = pytest.mark.full

NAME = "Aïssatou Diallo"
LINE = json.dumps(
    {"@timestamp": "2026-01-31T08:00:00Z", "log.level": "WARN", "log.logger": "a.b.Ward", "message": NAME}
)


def archive(project: Project, folder: Path, *flags: str) -> dict[str, str]:
    """Call the task, and read the archive that it printed."""
    code, output = project.inv("support", "--to", str(folder), *flags)
    assert code == 0, output
    assert "Traceback" not in output
    found = re.search(r"(\S+\.tar\.gz) \(", output)
    assert found, output
    path = Path(found[1])
    assert path.stat().st_size < 5_000_000
    with tarfile.open(path) as opened:
        files = {one.name.partition("/")[2]: opened.extractfile(one) for one in opened.getmembers()}
        texts = {name: file.read().decode() for name, file in files.items() if file is not None}
    path.unlink()
    return texts


def test_up_half_up_and_down(make_project: MakeProject, tmp_path: Path) -> None:
    printing = f"echo '{LINE}'; echo 'password=hunter22'; cat /run/secrets/a_password; {FOREVER}"
    failing = f"echo '{LINE}'; exit 3"
    project = make_project(
        {
            "good": service(printing, probe=f"echo {NAME}", secrets=["a_password"]),
            "bad": service(failing, phase="business", depends_on={"good": {"condition": "service_healthy"}}),
        },
        secrets={"a_password": {"file": "./secrets/a_password"}},
    )
    check(project.inv("start-all"), 7, "bad failed")
    secret = next(Path(project.inv("init")[1].split(" in ")[1].split(":")[0]).glob("a_password")).read_text().strip()
    half = archive(project, tmp_path)
    everything = "\n".join(half.values())
    assert {"about.txt", "settings.txt", "doctor.txt", "model.json", "containers.json", "verdict.txt"} <= set(half)
    assert "first cause in: bad" in half["verdict.txt"]
    assert "exited with code 3" in half["verdict.txt"]
    log = next(text for name, text in half.items() if name.startswith("logs/") and "good" in name)
    assert "WARN a.b.Ward" in log
    for unwanted in (NAME, "Diallo", "hunter22", secret):
        assert unwanted not in everything
    with_logs = "\n".join(archive(project, tmp_path, "--with-logs").values())
    assert "Diallo" in with_logs
    assert "hunter22" not in with_logs
    assert secret not in with_logs
    check(project.inv("stop-all"), 0)
    down = archive(project, tmp_path)
    assert json.loads(down["containers.json"]) == []
    project.environment["GATE_TIMEOUT"] = "soon"
    project.environment["DOCKER_HOST"] = "unix:///run/no-engine-here.sock"
    neither = archive(project, tmp_path)
    assert "SettingsError" in neither["platform.txt"]
    assert "problem  engine" in neither["doctor.txt"]
    check(
        project.inv("support", "--to", str(tmp_path / "absent")), 5, "the archive cannot be written", "inv support --to"
    )

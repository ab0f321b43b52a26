"""The SBOM of a real image: its packages and its jar are listed, and no container remains."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from tests.support.project import FOREVER, IMAGE, MakeProject, check, service

pytestmark = pytest.mark.full


def test_an_image_is_listed_without_being_run(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project({"app": service(FOREVER)})
    jar = tmp_path / "lib-1.2.3.jar"
    with zipfile.ZipFile(jar, "w") as opened:
        opened.writestr("META-INF/maven/org.example/lib/pom.properties", "groupId=org.example\n")
    image = f"{project.name}-sbom:1"
    container = project.docker("create", IMAGE, "true")
    try:
        project.docker("cp", str(jar), f"{container}:/srv/lib-1.2.3.jar")
        project.docker("commit", container, image)
        folder = tmp_path / "sbom"
        check(project.inv("sbom", "app", image, "--to", str(folder)), 0, "1 jars (1 without Maven coordinates)")
        own, base = (
            json.loads((folder / f"{name}.cdx.json").read_text())
            for name in (f"{project.name}-sbom_1", "rofecare_base_trixie")
        )
        names = {one["name"]: one for one in own["components"]}
        assert names["lib"]["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(jar.read_bytes()).hexdigest()}]
        assert names["bash"]["purl"].startswith("pkg:deb/debian/bash@")
        assert {one["name"] for one in base["components"]} == set(names) - {"lib"}
        assert own["metadata"]["component"]["bom-ref"] == project.docker("image", "inspect", "-f", "{{.Id}}", image)
        left = project.docker("ps", "--all", "--quiet", "--filter", f"label=com.rofecare.sbom={project.name}")
        assert left == ""
    finally:
        project.docker("rm", "--force", container)
        project.docker("rmi", "--force", image)

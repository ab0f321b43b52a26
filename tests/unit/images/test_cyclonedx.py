"""The document: the fields that the JSON schema of CycloneDX 1.5 requires, and package URLs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from rofecare_infra.engine import Image
from rofecare_infra.images.contents import Contents, Package
from rofecare_infra.images.cyclonedx import document, purl

Json = dict[str, Any]
HASH = "ab" * 32
ID = "sha256:" + "12" * 32
DIGEST = "sha256:" + "34" * 32
JAR = Package("maven", "HikariCP", "6.3.3", "com.zaxxer", sha256=HASH, path="app/HikariCP-6.3.3.jar")
OPENSSL = Package("deb", "libssl3t64", "3.5.4-1~deb13u1", architecture="amd64", source="openssl")
CONTENTS = Contents((JAR, OPENSSL), "debian", "13")
# Of the JSON schema: all fields of an object that are used here, with the required ones.
COMPONENT = ({"type", "name"}, {"bom-ref", "group", "version", "purl", "hashes", "properties", "evidence"})
TYPES = {"application", "container", "library", "operating-system"}


def made(name: str = "rofecare/redis:8", image: Image = Image(ID), contents: Contents = CONTENTS) -> Json:  # noqa: B008
    found: Json = json.loads(json.dumps(document(name, image, contents, 1_790_000_000.5, "0.1.0")))
    return found


def check_component(one: Json) -> None:
    required, optional = COMPONENT
    assert required <= set(one) <= required | optional
    assert one["type"] in TYPES
    assert all(isinstance(value, (str, list, dict)) and value for value in one.values())
    for each in one.get("hashes", []):
        assert set(each) == {"alg", "content"}
        assert each["alg"] == "SHA-256"
        assert re.fullmatch(r"[0-9a-f]{64}", each["content"])
    for each in one.get("properties", []):
        assert set(each) == {"name", "value"}
    if "evidence" in one:
        assert [set(each) for each in one["evidence"]["occurrences"]] == [{"location"}] * len(
            one["evidence"]["occurrences"]
        )


def test_the_fields_of_the_schema() -> None:
    found = made()
    assert set(found) == {*("$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components")}
    assert found["$schema"] == "http://cyclonedx.org/schema/bom-1.5.schema.json"
    assert (found["bomFormat"], found["specVersion"], found["version"]) == ("CycloneDX", "1.5", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found["serialNumber"])
    assert set(found["metadata"]) == {"timestamp", "tools", "component"}
    assert found["metadata"]["timestamp"] == "2026-09-21T14:13:20Z"
    listed = [*found["components"], found["metadata"]["component"], *found["metadata"]["tools"]["components"]]
    for one in listed:
        check_component(one)
    # The schema refuses equal entries.
    assert len({json.dumps(one) for one in found["components"]}) == len(found["components"])


def test_each_document_has_its_own_number() -> None:
    other = document("rofecare/redis:8", Image(ID), CONTENTS, 1_790_000_001.0, "0.1.0")
    assert other["serialNumber"] != made()["serialNumber"]
    assert made() == made()


def test_the_image() -> None:
    own = made()["metadata"]["component"]
    assert (own["type"], own["name"], own["version"]) == ("container", "rofecare/redis", "8")
    assert own["properties"] == [{"name": "rofecare:image:id", "value": ID}]
    assert "purl" not in own
    pulled = made("postgres:17.11-trixie", Image(ID, digests=(f"postgres@{DIGEST}",)))["metadata"]["component"]
    assert pulled["purl"] == f"pkg:oci/postgres@{DIGEST}?repository_url=docker.io/library/postgres"
    assert pulled["properties"][1] == {"name": "rofecare:image:digest", "value": f"postgres@{DIGEST}"}
    pinned = made(f"mirror.example:5000/a/B@{DIGEST}")["metadata"]["component"]
    assert (pinned["name"], pinned["version"]) == ("mirror.example:5000/a/B", DIGEST)
    assert pinned["purl"] == f"pkg:oci/b@{DIGEST}?repository_url=mirror.example:5000/a/B"


def test_the_components() -> None:
    system, package, jar = made()["components"]
    assert system == {"type": "operating-system", "name": "debian", "version": "13"}
    assert (package["name"], package["version"]) == ("libssl3t64", "3.5.4-1~deb13u1")
    assert (jar["group"], jar["name"], jar["version"]) == ("com.zaxxer", "HikariCP", "6.3.3")
    assert jar["hashes"] == [{"alg": "SHA-256", "content": HASH}]
    assert jar["evidence"] == {"occurrences": [{"location": JAR.path}]}


def test_a_jar_in_two_places_is_one_component() -> None:
    twice = Package("maven", "HikariCP", "6.3.3", "com.zaxxer", sha256=HASH, path="agent/HikariCP-6.3.3.jar")
    (one,) = made(contents=Contents((JAR, twice)))["components"]
    assert one["evidence"]["occurrences"] == [{"location": twice.path}, {"location": JAR.path}]


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (JAR, "pkg:maven/com.zaxxer/HikariCP@6.3.3"),
        (OPENSSL, "pkg:deb/debian/libssl3t64@3.5.4-1~deb13u1?arch=amd64&distro=debian-13&upstream=openssl"),
        (
            Package("deb", "libstdc++6", "1:14.2.0-19+b1", source="gcc-14@14.2.0-19"),
            "pkg:deb/debian/libstdc%2B%2B6@1:14.2.0-19%2Bb1?distro=debian-13&upstream=gcc-14%4014.2.0-19",
        ),
        (
            Package("maven", "kafka_2.13", "3.9.1", sha256=HASH),
            f"pkg:generic/kafka_2.13@3.9.1?checksum=sha256:{HASH}",
        ),
        (Package("maven", "app", "", sha256=HASH), f"pkg:generic/app?checksum=sha256:{HASH}"),
    ],
)
def test_package_urls(package: Package, expected: str) -> None:
    assert purl(package, CONTENTS) == expected


def test_package_urls_without_a_known_distribution() -> None:
    assert purl(Package("apk", "musl", "1.2.5-r9"), Contents(())) == "pkg:apk/alpine/musl@1.2.5-r9"
    assert purl(Package("deb", "bash", "5.2"), Contents(())) == "pkg:deb/debian/bash@5.2"

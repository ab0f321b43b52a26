"""What is read from the files of an image: dpkg, apk, os-release, and jars with and without Maven coordinates."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping

import pytest

from rofecare_infra.images.contents import Contents, Package, alpine, contents_of, debian, identify, jars, os_release

DPKG = """\
Package: libsystemd0
Status: install ok installed
Priority: optional
Architecture: amd64
Multi-Arch: same
Source: systemd
Version: 257.9-1~deb13u1
Description: systemd utility library
 This library provides APIs to interface with various system components.
 .
 Version: this line belongs to the description

Package: gcc-14-base
Status: install ok installed
Architecture: amd64
Source: gcc-14 (14.2.0-19)
Version: 14.2.0-19+b1

Package: removed
Status: deinstall ok config-files
Version: 1.0
"""
APK = """\
C:Q1qKPsQxkhVmHhdNIPYQoYFLnJ6ug=
P:musl
V:1.2.5-r9
A:x86_64
S:411456
T:the musl c library (libc) implementation
o:musl
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:libcrypto3
V:3.3.3-r0
A:x86_64
o:openssl
"""
OS_RELEASE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nID=debian\n'


def pom(group: str, artifact: str, version: str) -> tuple[str, bytes]:
    text = f"#Created by Apache Maven 3.9.9\nversion={version}\r\ngroupId={group}\nartifactId={artifact}\n"
    return f"META-INF/maven/{group}/{artifact}/pom.properties", text.encode()


def jar(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        opened.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        for name, content in files:
            opened.writestr(name, content)
    return out.getvalue()


def image(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> Contents:
    """Read a stream of these files, as an engine exports them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    out.seek(0)
    with tarfile.open(fileobj=out, mode="r|") as stream:
        return contents_of(stream)


def test_packages_of_debian() -> None:
    assert debian(DPKG) == (
        Package("deb", "libsystemd0", "257.9-1~deb13u1", architecture="amd64", source="systemd"),
        Package("deb", "gcc-14-base", "14.2.0-19+b1", architecture="amd64", source="gcc-14@14.2.0-19"),
    )


def test_packages_of_alpine() -> None:
    assert alpine(APK) == (
        Package("apk", "musl", "1.2.5-r9", architecture="x86_64"),
        Package("apk", "libcrypto3", "3.3.3-r0", architecture="x86_64", source="openssl"),
    )


def test_the_distribution() -> None:
    assert os_release(OS_RELEASE)["ID"] == "debian"
    found = image({"usr/lib/os-release": OS_RELEASE.encode()}, {"etc/os-release": "../usr/lib/os-release"})
    assert (found.distribution, found.release) == ("debian", "13")


def test_an_image_without_a_package_manager_has_a_file_for_each_package() -> None:
    one = b"Package: base-files\nVersion: 13.8\nArchitecture: amd64\n"
    folder = "./var/lib/dpkg/status.d"
    found = image({f"{folder}/base": one, f"{folder}/base.md5sums": b"Package: no\nVersion: 1\n"})
    assert found.packages == (Package("deb", "base-files", "13.8", architecture="amd64"),)


@pytest.mark.parametrize("database", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_only_the_databases_and_the_jars_are_read(database: str) -> None:
    content = jar(pom("org.slf4j", "slf4j-api", "2.0.17"))
    files = {database: APK.encode(), "srv/lib/apk/db/installed": APK.encode(), "app/lib/slf4j-api-2.0.17.jar": content}
    found = image(files, {"app/latest.jar": "lib/slf4j-api-2.0.17.jar"})
    assert [one.name for one in found.packages] == ["musl", "libcrypto3", "slf4j-api"]
    (one,) = (each for each in found.packages if each.kind == "maven")
    digest = hashlib.sha256(content).hexdigest()
    assert one == Package(
        "maven", "slf4j-api", "2.0.17", "org.slf4j", sha256=digest, path="app/lib/slf4j-api-2.0.17.jar"
    )


def test_the_jars_in_a_jar_of_spring_boot() -> None:
    inner = jar(pom("com.zaxxer", "HikariCP", "6.3.3"))
    outer = jar(
        pom("com.rofecare", "service", "1.0.0"), ("BOOT-INF/lib/HikariCP-6.3.3.jar", inner), ("readme.txt", b"")
    )
    first, second = jars("app.jar", io.BytesIO(outer))
    assert (first.group, first.name, first.version) == ("com.rofecare", "service", "1.0.0")
    assert second.path == "app.jar/BOOT-INF/lib/HikariCP-6.3.3.jar"
    assert (second.group, second.sha256) == ("com.zaxxer", hashlib.sha256(inner).hexdigest())


def test_a_library_that_was_copied_into_a_jar_has_no_hash_of_its_own() -> None:
    content = jar(pom("io.netty", "netty-common", "4.1.121.Final"), pom("org.jctools", "jctools-core", "4.0.5"))
    own, copied = jars("lib/netty-common-4.1.121.Final.jar", io.BytesIO(content))
    assert (own.name, bool(own.sha256)) == ("netty-common", True)
    assert copied == Package("maven", "jctools-core", "4.0.5", "org.jctools", path="lib/netty-common-4.1.121.Final.jar")


def test_the_depth_is_limited() -> None:
    content = jar()
    for _ in range(6):
        content = jar(("inner.jar", content))
    assert len(list(jars("outer.jar", io.BytesIO(content)))) == 3


@pytest.mark.parametrize("content", [b"", b"no archive", jar(pom("a", "b", "1"))[:-30]])
def test_a_damaged_jar_is_listed_by_its_name(content: bytes) -> None:
    (one,) = jars("lib/b-1.5.jar", io.BytesIO(content))
    assert (one.name, one.version, one.group) == ("b", "1.5", "")
    assert one.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("kafka_2.13-3.9.1.jar", "kafka_2.13", "3.9.1"),
        ("zstd-jni-1.5.6-4.jar", "zstd-jni", "1.5.6-4"),
        ("log4j-1.2-api-2.17.1.jar", "log4j-1.2-api", "2.17.1"),
        ("guava-33.4.0-jre.jar", "guava", "33.4.0-jre"),
        ("tool-7.jar", "tool", "7"),
        ("app.jar", "app", ""),
    ],
)
def test_the_name_of_a_file(file: str, name: str, version: str) -> None:
    assert identify(f"lib/{file}", []) == Package("maven", name, version)


def test_a_copied_library_does_not_name_the_jar() -> None:
    copied = [Package("maven", "guava", "33.4.0", "com.google.guava")]
    assert identify("lib/driver-4.19.0.jar", copied) == Package("maven", "driver", "4.19.0")
    assert identify("lib/driver.jar", copied) == copied[0]


def test_incomplete_coordinates_are_ignored() -> None:
    content = jar(("META-INF/maven/a/b/pom.properties", b"groupId=a\nartifactId=b\n"))
    (one,) = jars("b-2.0.jar", io.BytesIO(content))
    assert (one.name, one.version, one.group) == ("b", "2.0", "")

"""What an image contains, read from the archive of its files: packages of the distribution, and jars."""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO

_ALPINE = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
_DEBIAN = "var/lib/dpkg/status"
# Images without a package manager have a file for each package.
_DEBIAN_FILES = "var/lib/dpkg/status.d/"
_RELEASES = ("usr/lib/os-release", "etc/os-release")
_JARS = (".jar", ".war", ".ear")
# Jars in jars in jars; a larger jar is read from the disk.
_DEPTH = 3
_IN_MEMORY = 1 << 26
_CHUNK = 1 << 20
# The version begins at the last number with a dot: zstd-jni-1.5.6-4, log4j-1.2-api-2.17.1; else at the first number.
_NAMES = (re.compile(r"(.+)-(\d+\..*)"), re.compile(r"(.+?)-(\d.*)"))
_POM = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")


@dataclass(frozen=True)
class Package:
    """A package of the distribution, a jar, or a library that was copied into a jar; unknown fields are empty."""

    # deb, apk or maven.
    kind: str
    name: str
    version: str
    # That of the Maven coordinates.
    group: str = ""
    architecture: str = ""
    # The source package, with its version if that is another one.
    source: str = ""
    # Of a jar.
    sha256: str = ""
    path: str = ""


@dataclass(frozen=True)
class Contents:
    """The contents of an image."""

    packages: tuple[Package, ...]
    # ID and VERSION_ID of os-release.
    distribution: str = ""
    release: str = ""


def contents_of(archive: tarfile.TarFile) -> Contents:
    """Read the archive from its beginning to its end; it may be a stream."""
    found: list[Package] = []
    releases: dict[str, Mapping[str, str]] = {}
    for member in archive:
        name = member.name.removeprefix("./")
        # Links have no content; what they refer to is in the archive, too.
        file = archive.extractfile(member) if member.isfile() and _is_read(name) else None
        if file is None:
            continue
        if name.endswith(_JARS):
            found += jars(name, file)
            continue
        text = file.read().decode(errors="replace")
        if name in _RELEASES:
            releases[name] = os_release(text)
        else:
            found += alpine(text) if name in _ALPINE else debian(text)
    release = {key: value for name in _RELEASES for key, value in releases.get(name, {}).items()}
    return Contents(tuple(found), release.get("ID", ""), release.get("VERSION_ID", ""))


def _is_read(name: str) -> bool:
    if name.startswith(_DEBIAN_FILES):
        return not name.endswith(".md5sums")
    return name == _DEBIAN or name in _ALPINE or name in _RELEASES or name.endswith(_JARS)


def debian(status: str) -> tuple[Package, ...]:
    """The installed packages of a status file of dpkg."""
    found = []
    for paragraph in re.split(r"\n\s*\n", status):
        fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*?)[ \t]*$", paragraph, re.MULTILINE))
        # A removed package whose configuration is kept is listed, too.
        if "Package" in fields and fields.get("Status", "installed").endswith("installed"):
            name, version = fields["Package"], fields.get("Version", "")
            # As in `Source: gcc-14 (14.2.0-19)`.
            source = re.sub(r" \((.*)\)$", r"@\1", fields.get("Source", ""))
            found.append(Package("deb", name, version, architecture=fields.get("Architecture", ""), source=source))
    return tuple(found)


def alpine(installed: str) -> tuple[Package, ...]:
    """The packages of a database of apk."""
    found = []
    for paragraph in installed.split("\n\n"):
        # Lines of files follow those of the package, under letters of their own.
        fields = dict(re.findall(r"^([PVAo]):(.*)$", paragraph, re.MULTILINE))
        if "P" in fields:
            source = fields.get("o", "")
            source = source if source != fields["P"] else ""
            found.append(Package("apk", fields["P"], fields.get("V", ""), "", fields.get("A", ""), source))
    return tuple(found)


def os_release(text: str) -> dict[str, str]:
    """The variables of an os-release file."""
    return {name: value.strip("\"'") for name, value in re.findall(r"^(\w+)=(.*?)[ \t]*$", text, re.MULTILINE)}


def jars(path: str, file: IO[bytes], depth: int = 1) -> Iterator[Package]:
    """The jar, the libraries that were copied into it, and the jars in it, such as those of Spring Boot.

    A damaged one is listed by its name alone.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        shutil.copyfileobj(file, copy, _CHUNK)
        copy.seek(0)
        digest = hashlib.sha256()
        while piece := copy.read(_CHUNK):
            digest.update(piece)
        poms: list[Package] = []
        inner: list[Package] = []
        try:
            with zipfile.ZipFile(copy) as opened:
                for one in opened.infolist():
                    if _POM.fullmatch(one.filename):
                        poms += coordinates(opened.read(one).decode(errors="replace"))
                    elif one.filename.endswith(_JARS) and depth < _DEPTH:
                        with opened.open(one) as nested:
                            inner += jars(f"{path}/{one.filename}", nested, depth + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
            # RuntimeError: it is encrypted, or compressed by an unknown method.
            pass
        itself = identify(path, poms)
        yield replace(itself, sha256=digest.hexdigest(), path=path)
        yield from (replace(one, path=path) for one in poms if one != itself)
        yield from inner


def identify(path: str, poms: list[Package]) -> Package:
    """Which of the Maven coordinates in a jar are its own; without them, what the name of its file says."""
    stem = path.rpartition("/")[2].rpartition(".")[0]
    matching = [one for one in poms if stem == one.name or stem.startswith(f"{one.name}-{one.version}")]
    if matching:
        return max(matching, key=lambda one: len(one.name))
    named = next((match for pattern in _NAMES if (match := pattern.fullmatch(stem))), None)
    if named is None and len(poms) == 1:
        return poms[0]
    return Package("maven", named[1], named[2]) if named is not None else Package("maven", stem, "")


def coordinates(properties: str) -> tuple[Package, ...]:
    """The Maven coordinates of a pom.properties file; none if it is incomplete."""
    fields = dict(re.findall(r"^\s*(groupId|artifactId|version)\s*[=:]\s*(\S+)\s*$", properties, re.MULTILINE))
    if len(fields) < len(("groupId", "artifactId", "version")):
        return ()
    return (Package("maven", fields["artifactId"], fields["version"], fields["groupId"]),)

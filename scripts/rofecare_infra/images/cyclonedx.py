"""The contents of an image as a document of CycloneDX: https://cyclonedx.org/docs/1.5/json/.

The few fields that are used do not justify the library with its six dependencies at run time.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from rofecare_infra.engine import Image
from rofecare_infra.images.contents import Contents, Package
from rofecare_infra.images.names import host_of, split

Json = Mapping[str, Any]

# Each tool that reads a later version reads this one, too.
VERSION = "1.5"
_TOOL = "rofecare-infra"


def document(name: str, image: Image, contents: Contents, now: float, tool: str) -> Json:
    """The document of an image; `now` is Unix time, `tool` the version of this software."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{image.id} {name} {now}')}",
        "version": 1,
        "metadata": {
            "timestamp": moment,
            "tools": {"components": [{"type": "application", "name": _TOOL, "version": tool}]},
            "component": _container(name, image),
        },
        "components": [*_system(contents), *_components(contents)],
    }


def _container(name: str, image: Image) -> Json:
    repository, _, digest = name.partition("@")
    path = split(repository)[0]
    tag = repository.removeprefix(path).removeprefix(":")
    known = [f"{path}@{digest}"] if digest else image.digests
    properties = [("rofecare:image:id", image.id), *(("rofecare:image:digest", one) for one in known)]
    return _without_empty(
        {
            "type": "container",
            "bom-ref": image.id,
            "name": path,
            "version": tag or digest,
            "purl": _purl_of_image(known[0]) if known else "",
            "properties": [{"name": key, "value": value} for key, value in properties],
        }
    )


def _purl_of_image(digest: str) -> str:
    path, _, value = digest.partition("@")
    named = host_of(path) == path.partition("/")[0]
    full = path if named else f"docker.io/{'' if '/' in path else 'library/'}{path}"
    return _purl("oci", (path.rpartition("/")[2].lower(),), value, {"repository_url": full})


def _system(contents: Contents) -> list[Json]:
    if not contents.distribution:
        return []
    return [
        _without_empty(
            {"type": "operating-system", "name": contents.distribution, "version": contents.release},
        )
    ]


def _components(contents: Contents) -> list[Json]:
    """One component for all places of a package, in a fixed order."""
    places: dict[Package, list[str]] = {}
    for one in contents.packages:
        places.setdefault(replace(one, path=""), []).extend([one.path] if one.path else [])
    order = sorted(places, key=lambda one: (one.kind, one.name, one.group, one.version, one.architecture, one.sha256))
    return [
        _without_empty(
            {
                "type": "library",
                "group": one.group,
                "name": one.name,
                "version": one.version,
                "purl": purl(one, contents),
                "hashes": [{"alg": "SHA-256", "content": one.sha256}] if one.sha256 else [],
                "evidence": {"occurrences": [{"location": each} for each in sorted(places[one])]}
                if places[one]
                else {},
            }
        )
        for one in order
    ]


def purl(package: Package, contents: Contents) -> str:
    """The package URL. A jar of unknown coordinates is identified by its hash."""
    if package.kind == "maven" and package.group:
        return _purl("maven", (package.group, package.name), package.version, {})
    if package.kind == "maven":
        hashed = f"sha256:{package.sha256}" if package.sha256 else ""
        return _purl("generic", (package.name,), package.version, {"checksum": hashed})
    vendor = contents.distribution or {"deb": "debian", "apk": "alpine"}[package.kind]
    system = f"{vendor}-{contents.release}" if contents.release else ""
    qualifiers = {"arch": package.architecture, "distro": system, "upstream": package.source}
    return _purl(package.kind, (vendor.lower(), package.name.lower()), package.version, qualifiers)


def _purl(kind: str, path: tuple[str, ...], version: str, qualifiers: Mapping[str, str]) -> str:
    # In alphabetical order; a colon is not encoded.
    pairs = [f"{key}={quote(value, safe=':/')}" for key, value in sorted(qualifiers.items()) if value]
    named = "/".join(quote(one, safe=":") for one in path)
    at = f"@{quote(version, safe=':')}" if version else ""
    return f"pkg:{kind}/{named}{at}{'?' if pairs else ''}{'&'.join(pairs)}"


def _without_empty(fields: Json) -> Json:
    return {key: value for key, value in fields.items() if value}

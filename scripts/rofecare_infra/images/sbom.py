"""Writes the SBOM (software bill of materials) of images. Nothing of an image is executed."""

from __future__ import annotations

import json
import re
import tarfile
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.engine import Image
from rofecare_infra.errors import CommandError, UsageError
from rofecare_infra.images.contents import Contents, contents_of
from rofecare_infra.images.cyclonedx import document
from rofecare_infra.images.resolve import LocalImages
from rofecare_infra.platform import Platform, resolve
from rofecare_infra.process import reading, run
from rofecare_infra.progress import Event, Note, Working, listed

# The value is the project.
LABEL = "com.rofecare.sbom"
_TIMEOUT = 120.0


@dataclass(frozen=True)
class Written:
    """The SBOM of one image."""

    image: str
    image_id: str
    # The services that use the image; none for an image that was named.
    services: tuple[str, ...]
    path: Path
    # Packages of the distribution, jars, and those of them without Maven coordinates.
    packages: int
    jars: int
    unidentified: int


def users(words: Sequence[str], platform: Platform) -> dict[str, tuple[str, ...]]:
    """Image -> its services, of the services and images that are named (a word with `/` or `:`); default: all.

    Raises UsageError for an unknown service.
    """
    names = [one.name for one in platform.services]
    found: dict[str, tuple[str, ...]] = {}
    for word in words or names:
        is_image = "/" in word or ":" in word
        image = word if is_image else platform.service(resolve([word], names)[0]).image
        found[image] = tuple(one.name for one in platform.services if one.image == image)
    return found


def write(
    project: str, engine: LocalImages, wanted: Mapping[str, tuple[str, ...]], folder: Path, now: float
) -> Generator[Event, None, tuple[Written, ...]]:
    """Write one document for each of these images that is on this machine into the folder. `now` is Unix time.

    Raises UsageError if none is, and CommandError where an image cannot be read or a file cannot be written.
    """
    found = {name: engine.image(name) for name in wanted}
    absent = [name for name, image in found.items() if image is None]
    if len(absent) == len(found):
        raise UsageError(
            "there is no image to list the contents of",
            seen=f"not on this machine: {listed(absent) or 'any image'}",
            expected="images that are on this machine",
            next_step="docker images  (lists them), or inv build",
        )
    _remove_left_behind(project)
    written = []
    for name, image in found.items():
        if image is None:
            continue
        yield Working(f"reading the image {name}")
        contents = _contents(project, name, image)
        path = folder / file_name(name)
        _save(path, name, image, contents, now)
        packages = sum(one.kind != "maven" for one in contents.packages)
        # Without the libraries that were copied into another jar.
        jars = [one for one in contents.packages if one.sha256]
        unidentified = sum(not one.group for one in jars)
        one = Written(name, image.id, wanted[name], path, packages, len(jars), unidentified)
        written.append(one)
        yield Note(f"{path}: {one.packages} packages, {one.jars} jars ({unidentified} without Maven coordinates)")
    if absent:
        yield Note(f"not on this machine: {listed(absent)}")
    return tuple(written)


def file_name(image: str) -> str:
    """The file of an image: the extension is that which tools expect."""
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', image)}.cdx.json"


def _contents(project: str, name: str, image: Image) -> Contents:
    with _container(project, image) as container, reading(["docker", "export", container]) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as archive:
                return contents_of(archive)
        except tarfile.TarError as error:
            raise CommandError(
                f"the image {name} cannot be read",
                seen=str(error),
                expected="an archive of its files",
                next_step="fix the cause, then the same command again",
            ) from error


@contextmanager
def _container(project: str, image: Image) -> Iterator[str]:
    """A container of the image that is never started."""
    name = f"{project}-sbom-{uuid.uuid4().hex[:8]}"
    argv = ["docker", "create", "--name", name, "--label", f"{LABEL}={project}", "--pull", "never", "--network", "none"]
    try:
        run([*argv, image.id, "-"], timeout=_TIMEOUT)
        yield name
    finally:
        run(["docker", "rm", "--force", "--volumes", name], check=False, timeout=_TIMEOUT)


def _remove_left_behind(project: str) -> None:
    """Remove the containers of killed commands, but none that another command may still read."""
    only = ["--filter", f"label={LABEL}={project}", "--filter", "until=1h"]
    run(["docker", "container", "prune", "--force", *only], check=False, timeout=_TIMEOUT)


def _save(path: Path, name: str, image: Image, contents: Contents, now: float) -> None:
    text = json.dumps(document(name, image, contents, now, version("rofecare-infra")), indent=1, ensure_ascii=False)
    try:
        state.make_folder(path.parent)
        state.replace(path, f"{text}\n")
    except OSError as error:
        raise CommandError(
            "the SBOM cannot be written",
            seen=f"{path}: {error.strerror}",
            expected="a folder that this user can write to, with free space",
            next_step="inv sbom --to FOLDER",
        ) from error

"""What a machine says about itself in files, read into records: os-release, apt sources, version strings."""

from __future__ import annotations

import re
from typing import NamedTuple

# The release whose engine Debian 12 borrows; its own is 20.10.
BORROWED_SUITE = "trixie"
_DEBIAN_THAT_BORROWS = "12"
_SUITE_THAT_BORROWS = "bookworm"


class System(NamedTuple):
    """The operating system, by its os-release: `name` is the ID, `family` the ID and what it is like."""

    name: str
    version: str
    codename: str
    family: tuple[str, ...]
    title: str

    @property
    def has_known_packages(self) -> bool:
        """Whether the names and versions of its packages are known here: Debian and Ubuntu themselves."""
        return self.name in ("debian", "ubuntu")

    @property
    def borrows_engine(self) -> bool:
        """Whether its own engine is too old and comes from the next release instead."""
        return self.name == "debian" and self.version == _DEBIAN_THAT_BORROWS


class Source(NamedTuple):
    """One entry of apt's sources: where packages come from and what signs them."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()


def parse_os_release(text: str) -> System:
    """Read an os-release file; what it does not say is empty."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if separator and not key.startswith("#"):
            fields[key] = value.strip("\"'")
    name = fields.get("ID", "unknown")
    return System(
        name=name,
        version=fields.get("VERSION_ID", ""),
        codename=fields.get("VERSION_CODENAME", ""),
        family=(name, *fields.get("ID_LIKE", "").split()),
        title=fields.get("PRETTY_NAME", name),
    )


def as_apt_sees_it(system: System, sources: list[Source]) -> System:
    """Take a Debian for the release that its packages come from.

    One package taken from the next release may have brought the next release's os-release along, while apt still
    offers the packages of this one.
    """
    suites = {suite for source in sources for suite in source.suites}
    if system.name == "debian" and system.codename not in suites and _SUITE_THAT_BORROWS in suites:
        return system._replace(version=_DEBIAN_THAT_BORROWS, codename=_SUITE_THAT_BORROWS)
    return system


def parse_version(text: str) -> tuple[int, ...]:
    """Read the first dotted number: `v2.26.1-4` is (2, 26, 1); () if there is none."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def parse_deb822(text: str) -> list[Source]:
    """Read a `.sources` file. Disabled entries, and those without binary packages, are left out."""
    sources = []
    for block in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and key:
                # A key given inline spans lines; it must be written out again exactly so.
                fields[key] += "\n" + line.rstrip()
            elif ":" in line:
                name, _, value = line.partition(":")
                key = name.strip().lower()
                fields[key] = value.strip()
        if fields.get("enabled", "yes").lower() in ("no", "false") or "deb" not in fields.get("types", "").split():
            continue
        sources.append(
            Source(
                uris=tuple(fields.get("uris", "").split()),
                suites=tuple(fields.get("suites", "").split()),
                components=tuple(fields.get("components", "").split()),
                options=_kept_options(fields),
            )
        )
    return sources


def parse_list(text: str) -> list[Source]:
    """Read a `.list` file: `deb [option=value ...] uri suite component ...`, one entry a line."""
    sources = []
    for line in text.splitlines():
        entry = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)", line)
        if entry is None:
            continue
        bracket, uri, suite, components = entry.groups()
        fields = dict(option.split("=", 1) for option in (bracket or "").split() if "=" in option)
        renamed = {"arch": "architectures"}
        sources.append(
            Source(
                uris=(uri,),
                suites=(suite,),
                components=tuple(components.split()),
                options=_kept_options(
                    {renamed.get(key, key): value.replace(",", " ") for key, value in fields.items()}
                ),
            )
        )
    return sources


def _kept_options(fields: dict[str, str]) -> tuple[tuple[str, str], ...]:
    names = ("Signed-By", "Architectures", "Trusted")
    return tuple((name, fields[name.lower()]) for name in names if name.lower() in fields)


def borrowed_sources(sources: list[Source], own_suite: str) -> str:
    """Write the deb822 text that names the borrowed release on the mirrors of `own_suite`.

    Its security updates come along where the machine takes its own from a mirror too. "" when `sources` name no
    mirror of `own_suite`.
    """
    blocks = []
    for source in sources:
        for tail in ("", "-security"):
            if own_suite + tail not in source.suites or "main" not in source.components:
                continue
            uris = [uri for uri in source.uris if not uri.startswith("cdrom:")]
            if not uris:
                continue
            lines = ["Types: deb", f"URIs: {' '.join(uris)}", f"Suites: {BORROWED_SUITE}{tail}", "Components: main"]
            lines += [f"{name}:{_spaced(value)}" for name, value in source.options]
            block = "\n".join(lines)
            if block not in blocks:
                blocks.append(block)
    return "\n\n".join(blocks) + "\n" if any(f"Suites: {BORROWED_SUITE}\n" in block for block in blocks) else ""


def _spaced(value: str) -> str:
    """Keep a value of several lines as it was, and put a space before one of a single line."""
    return value if value.startswith("\n") else f" {value}"

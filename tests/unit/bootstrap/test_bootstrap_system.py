"""os-release, versions and apt's two formats, as machines write them."""

import pytest

from bootstrapping.system import (
    as_apt_sees_it,
    borrowed_sources,
    parse_deb822,
    parse_list,
    parse_os_release,
    parse_version,
)

BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'
MIRROR = "http://mirror.example/debian"
SECURITY = "http://mirror.example/debian-security"
SOURCES = f"""\
# the main archive
Types: deb deb-src
URIs: {MIRROR}
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: {SECURITY}
Suites: bookworm-security
Components: main
"""


def test_debian_12_borrows_its_engine() -> None:
    system = parse_os_release(BOOKWORM)
    assert (system.name, system.version, system.codename) == ("debian", "12", "bookworm")
    assert system.has_known_packages
    assert system.borrows_engine


@pytest.mark.parametrize(
    "text",
    [
        "ID=debian\nVERSION_ID=13\nVERSION_CODENAME=trixie\n",
        "ID=debian\nPRETTY_NAME=sid\n",
        "ID=ubuntu\nID_LIKE=debian\nVERSION_ID='24.04'\n",
    ],
)
def test_newer_ones_have_their_own(text: str) -> None:
    system = parse_os_release(text)
    assert system.has_known_packages
    assert not system.borrows_engine


@pytest.mark.parametrize(
    "text", ["", "nonsense", "ID=fedora\nVERSION_ID=42\n", "ID=linuxmint\nID_LIKE='ubuntu debian'\n"]
)
def test_others_have_no_known_packages(text: str) -> None:
    assert not parse_os_release(text).has_known_packages


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("26.1.5+dfsg1", (26, 1, 5)),
        ("v2.29.1", (2, 29, 1)),
        ("2.26.1-4", (2, 26, 1)),
        ("2.24.6+ds1-0ubuntu1", (2, 24, 6)),
        ("<no value>", ()),
        ("", ()),
    ],
)
def test_versions_are_read_as_distributions_write_them(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_the_borrowed_release_is_on_the_same_mirrors() -> None:
    assert borrowed_sources(parse_deb822(SOURCES), "bookworm") == (
        f"Types: deb\nURIs: {MIRROR}\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
        f"Types: deb\nURIs: {SECURITY}\nSuites: trixie-security\nComponents: main\n"
    )


def test_the_one_line_format_says_the_same() -> None:
    text = (
        "# deb http://old.example/debian bookworm main\n"
        f"deb [arch=amd64,arm64 signed-by=/keys/a.gpg] {MIRROR} bookworm main # ours\n"
        f"deb-src {MIRROR} bookworm main\n"
        "deb cdrom:[Debian] bookworm main\n"
    )
    assert borrowed_sources(parse_list(text), "bookworm") == (
        f"Types: deb\nURIs: {MIRROR}\nSuites: trixie\nComponents: main\n"
        "Signed-By: /keys/a.gpg\nArchitectures: amd64 arm64\n"
    )


def test_a_key_written_inline_stays_as_it_is() -> None:
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----"
    text = f"Types: deb\nURIs: {MIRROR}\nSuites: bookworm\nComponents: main\nSigned-By:{key}\n"
    assert borrowed_sources(parse_deb822(text), "bookworm").endswith(f"Signed-By:{key}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        SOURCES.replace("Types: deb", "Enabled: no\nTypes: deb"),
        SOURCES.replace("bookworm ", "stable "),
        SOURCES.replace("Types: deb deb-src", "Types: deb-src"),
        SOURCES.replace("main contrib", "contrib"),
    ],
)
def test_no_mirror_of_the_own_release_means_no_source(text: str) -> None:
    assert borrowed_sources(parse_deb822(text), "bookworm") == ""


def test_a_debian_is_the_release_that_its_packages_come_from() -> None:
    newer = parse_os_release('ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n')
    older = parse_deb822(
        "Types: deb\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
    )
    both = [*older, *parse_deb822("Types: deb\nURIs: http://mirror/debian\nSuites: trixie\nComponents: main\n")]
    assert as_apt_sees_it(newer, older).borrows_engine
    assert as_apt_sees_it(newer, older).codename == "bookworm"
    assert as_apt_sees_it(newer, both) == newer

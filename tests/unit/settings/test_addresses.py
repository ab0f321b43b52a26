"""Addresses in settings: IPv6 with and without brackets, and the second place of backups."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.settings import place
from rofecare_infra.settings.addresses import listening, server


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - nothing is bound
        ("::1", "[::1]"),
        ("[::1]", "[::1]"),
        ("::", "[::]"),
        ("2001:db8::5", "[2001:db8::5]"),
    ],
)
def test_where_this_machine_listens(written: str, form: str) -> None:
    assert listening(written) == form


@pytest.mark.parametrize(
    "written",
    ["fe80::1%eth0", "[fe80::1%eth0]", "[127.0.0.1]", "[::1", "::1]", "[[::1]]", "his.example", "1.2.3", "[]"],
)
def test_where_no_machine_listens(written: str) -> None:
    with pytest.raises(ValueError, match="an address of this machine"):
        listening(written)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("mail", "mail"),
        ("smtp.Mail.example", "smtp.Mail.example"),
        ("10.0.0.5", "10.0.0.5"),
        ("2001:db8::5", "[2001:db8::5]"),
        ("[2001:db8::5]", "[2001:db8::5]"),
    ],
)
def test_servers(written: str, form: str) -> None:
    assert server(written) == form


@pytest.mark.parametrize("written", ["mail:25", "smtp://mail", "mail/x", "[mail]", "a b", "-mail"])
def test_what_is_no_server(written: str) -> None:
    with pytest.raises(ValueError, match="a host name or an address"):
        server(written)


@pytest.mark.parametrize(
    ("written", "host", "path"),
    [
        ("/mnt/usb", "", "/mnt/usb"),
        ("/mnt/a:b/", "", "/mnt/a:b"),
        ("backup.example:/srv/b", "backup.example", "/srv/b"),
        ("backup.example:/srv/b/", "backup.example", "/srv/b"),
        ("nas:backups of us", "nas", "backups of us"),
        ("nas:/srv/a:b", "nas", "/srv/a:b"),
        ("backup@[2001:db8::5]:/srv/b", "backup@2001:db8::5", "/srv/b"),
        ("[::1]:/path", "::1", "/path"),
        ("[fe80::1%eth0]:/path", "fe80::1%eth0", "/path"),
        ("rsync://[::1]:8730/module", "", ""),
        ("rsync://me@[2001:db8::5]/module/path", "", ""),
        ("rsync://nas:873/module/", "", ""),
        ("rsync://nas/module", "", ""),
    ],
)
def test_second_places(written: str, host: str, path: str) -> None:
    found = place(written)
    assert (found.host, found.path) == (host, path)
    assert found.is_module == written.startswith("rsync://")
    assert found.text == written.rstrip("/")
    assert found.folder == (Path(path) if path and not host else None)


@pytest.mark.parametrize(
    "written",
    [
        "copies",
        "./copies",
        "../x",
        "2001:db8::5:/srv/b",
        "backup@2001:db8::5:/srv/b",
        "::1:/srv",
        "[::1]",
        "[::1]:",
        "[::1]/srv",
        "[::1",
        "[nas]:/srv",
        "[]:/srv",
        "[1.2.3.4]:/srv",
        "nas:",
        "nas:/",
        "nas::module",
        "[::1]::module",
        "nas:~/b",
        "nas:-rf",
        "-oProxyCommand=x:/srv",
        "a b:/srv",
        "@nas:/srv",
        "rsync://",
        "rsync://nas",
        "rsync://nas/",
        "rsync://::1/module",
        "rsync://[::1]:0/module",
        "rsync://[::1]:99999/module",
        "rsync://[x]/module",
        "rsync://nas:873",
        "https://nas/x",
        "nas:/srv\n/b",
    ],
)
def test_what_is_no_second_place(written: str) -> None:
    with pytest.raises(ValueError, match=r"path|port"):
        place(written)

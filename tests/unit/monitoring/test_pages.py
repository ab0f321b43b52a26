"""Where the pages of the monitoring are reached: at their own ports, or at those of the proxy, with its password."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from rofecare_infra.errors import SettingsError
from rofecare_infra.monitoring import Page, page_of, pages
from rofecare_infra.platform import MONITORING, Platform
from tests.support.fakes import port, service

SECRET = "monitoring_password"


def proxied(file: Path) -> Platform:
    return Platform(
        "rofecare",
        (
            service("prometheus", MONITORING, exposed=(9090,)),
            service("store", MONITORING, exposed=(9200,)),
            service(
                "proxy", MONITORING, secrets=(SECRET,), ports=(port(19200, 9200), port(19090, 9090), port(1, 5601))
            ),
        ),
        secrets={SECRET: file},
    )


def test_in_development_each_has_its_own_port() -> None:
    web = service("web", "business", ports=(port(8080, 9090),))
    platform = Platform("p", (web, service("prometheus", MONITORING, ports=(port(19090, 9090),))))
    assert pages(platform) == (Page("prometheus", port(19090, 9090)),)
    assert pages(platform)[0].headers() == {}
    assert page_of(platform, 9093) is None


def test_behind_the_proxy_they_have_the_names_of_the_services_and_its_password(tmp_path: Path) -> None:
    file = tmp_path / SECRET
    file.write_text("secret\n")
    found = pages(proxied(file))
    # Nothing of this model listens on the third port of the proxy.
    assert [(one.service, one.port.published) for one in found] == [("prometheus", 19090), ("store", 19200)]
    page = page_of(proxied(file), 9200)
    assert page == found[1]
    assert page.headers() == {"Authorization": "Basic " + base64.b64encode(b"admin:secret").decode()}


def test_a_password_that_this_user_cannot_read(tmp_path: Path) -> None:
    page = page_of(proxied(tmp_path / "missing"), 9090)
    assert page is not None
    with pytest.raises(SettingsError, match="a secret of the monitoring cannot be used"):
        page.headers()

"""The questions to a registry: pages of tags, digests, the token for everybody, and which host gets what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rofecare_infra import http
from rofecare_infra.images.catalog import Catalog, NoAnswerError

HUB = "https://registry-1.docker.io"
REALM = "https://auth.docker.io/token"
CHALLENGE = f'Bearer realm="{REALM}",service="registry.docker.io",scope="repository:library/postgres:pull"'
DIGEST = f"sha256:{'1' * 64}"
TAGS = f"{HUB}/v2/library/postgres/tags/list?n=1000"
MANIFEST = f"{HUB}/v2/library/postgres/manifests/17"


@dataclass
class Network:
    """Address -> answer; None is no answer. Hosts in `guarded` require the token."""

    answers: Mapping[str, http.Response | None]
    guarded: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    outside: set[bool] = field(default_factory=set)

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str], outside: bool, **limits: float
    ) -> http.Response:
        assert set(limits) == {"timeout", "connect_timeout"}
        authorization = headers.get("Authorization", "")
        self.asked.append((method, url, authorization))
        self.outside.add(outside)
        host = urlsplit(url).netloc
        if host in self.guarded and authorization != "Bearer secret":
            return http.Response(401, {"www-authenticate": self.guarded[host]}, b"")
        found = self.answers.get(url, http.Response(404, {}, b""))
        if found is None:
            raise http.NoResponseError("connection refused")
        return found


def answer(content: object = None, status: int = 200, **headers: str) -> http.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.Response(status, names, json.dumps(content).encode())


def tags(*names: str, link: str = "") -> http.Response:
    return answer({"name": "library/postgres", "tags": names}, link=link)


def token_address(**parameters: str) -> str:
    """The address that the token of everybody is asked at."""
    query = {"scope": "repository:library/postgres:pull", "service": "registry.docker.io", **parameters}
    return f"{REALM}?" + "&".join(
        f"{name}={value.replace(':', '%3A').replace('/', '%2F')}" for name, value in query.items()
    )


def test_the_digest_is_that_of_the_header() -> None:
    network = Network({MANIFEST: answer(docker_content_digest=DIGEST)})
    assert Catalog("postgres:17", network.send).digest() == DIGEST
    assert network.asked == [("HEAD", MANIFEST, "")]
    assert network.outside == {True}


def test_without_the_header_it_is_that_of_the_content() -> None:
    manifest = answer({"manifests": []})
    network = Network({MANIFEST: manifest})
    assert Catalog("postgres:17", network.send).digest() == f"sha256:{hashlib.sha256(manifest.content).hexdigest()}"


def test_a_digest_of_another_kind_is_an_error() -> None:
    network = Network({MANIFEST: answer(docker_content_digest="sha256:$(id)")})
    with pytest.raises(NoAnswerError, match="no SHA-256 digest"):
        Catalog("postgres:17", network.send).digest()


@pytest.mark.parametrize("origin", ["", HUB])
def test_all_pages_are_read(origin: str) -> None:
    last = "/v2/library/postgres/tags/list?last=16&n=1000"
    network = Network(
        {TAGS: tags("15", "16", link=f'<{origin}{last}>; rel="next"'), HUB + last: tags("17", "18")},
    )
    assert Catalog("postgres:17", network.send).tags() == {"15", "16", "17", "18"}


def test_a_page_that_is_its_own_next_one_ends() -> None:
    network = Network({TAGS: tags("15", link=f'<{TAGS}>; rel="next"')})
    with pytest.raises(NoAnswerError, match="more than 100 pages"):
        Catalog("postgres:17", network.send).tags()


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/v2/x",
        "//elsewhere.example/v2/x",
        f"{HUB}.elsewhere.example/x",
        "http://registry-1.docker.io/x",
    ],
)
def test_the_token_is_for_no_other_host(link: str) -> None:
    network = Network(
        {TAGS: tags("15", link=f'<{link}>; rel="next"'), token_address(): answer({"token": "secret"})},
        {"registry-1.docker.io": CHALLENGE},
    )
    with pytest.raises(NoAnswerError, match="on another host"):
        Catalog("postgres:17", network.send).tags()
    assert {urlsplit(url).netloc for _, url, authorization in network.asked if authorization} == {
        "registry-1.docker.io"
    }


def test_the_token_for_everybody_is_requested_once_and_given_back_to_its_registry() -> None:
    network = Network(
        {
            MANIFEST: answer(docker_content_digest=DIGEST),
            TAGS: tags("17"),
            token_address(): answer({"access_token": "secret"}),
        },
        {"registry-1.docker.io": CHALLENGE},
    )
    catalog = Catalog("postgres:17", network.send)
    assert (catalog.digest(), catalog.tags()) == (DIGEST, frozenset({"17"}))
    assert network.asked == [
        ("HEAD", MANIFEST, ""),
        ("GET", token_address(), ""),
        ("HEAD", MANIFEST, "Bearer secret"),
        ("GET", TAGS, "Bearer secret"),
    ]
    assert parse_qs(urlsplit(network.asked[1][1]).query)["service"] == ["registry.docker.io"]


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="hospital"',
        "",
        'Bearer realm="http://auth.docker.io/token"',
        'Bearer realm="file:///etc/passwd"',
        'Bearer realm="https://silent.example/token"',
        'Bearer realm="https://refusing.example/token"',
        'Bearer realm="https://strange.example/token"',
    ],
)
def test_a_registry_that_requires_a_login(challenge: str) -> None:
    scope = "?scope=repository%3Alibrary%2Fpostgres%3Apull"
    network = Network(
        {
            f"https://refusing.example/token{scope}": answer(status=401),
            f"https://silent.example/token{scope}": None,
            f"https://strange.example/token{scope}": answer({"token": "a\r\nb"}),
        },
        {"registry-1.docker.io": challenge},
    )
    with pytest.raises(
        NoAnswerError, match=r"registry-1.docker.io: requires a login|its token service: connection refused"
    ):
        Catalog("postgres:17", network.send).digest()
    assert not [url for _, url, authorization in network.asked if authorization]
    assert not [url for _, url, _ in network.asked if not url.startswith("https://")]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "connection refused"),
        (answer(status=404), "has no library/postgres:17"),
        (answer(status=429), "answers with status 429"),
        (answer({"tags": "all"}), "no list of the tags of library/postgres"),
        (answer(["17"]), "no list of the tags of library/postgres"),
        (http.Response(200, {}, b"<html>"), "no list of the tags of library/postgres"),
    ],
)
def test_what_is_missing_is_named_with_its_host(found: http.Response | None, reason: str) -> None:
    with pytest.raises(NoAnswerError) as caught:
        Catalog("postgres:17", Network({TAGS: found}).send).tags()
    assert str(caught.value) == f"registry-1.docker.io: {reason}"


@pytest.mark.parametrize("content", [{"tags": None}, {"tags": []}])
def test_a_repository_may_have_no_tags(content: Any) -> None:
    assert Catalog("postgres:17", Network({TAGS: answer(content)}).send).tags() == frozenset()


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ("quay.io/a/b:v1", "https://quay.io/v2/a/b/manifests/v1"),
        ("confluentinc/cp-kafka:7.9.8", f"{HUB}/v2/confluentinc/cp-kafka/manifests/7.9.8"),
        ("docker.io/redis:8", f"{HUB}/v2/library/redis/manifests/8"),
        ("mirror:5000/sub/redis:8", "https://mirror:5000/v2/sub/redis/manifests/8"),
        ("localhost:5000/redis", "http://localhost:5000/v2/redis/manifests/latest"),
    ],
)
def test_the_repository_of_an_image(image: str, address: str) -> None:
    network = Network({address: answer(docker_content_digest=DIGEST)})
    assert Catalog(image, network.send).digest() == DIGEST
    assert network.outside == {not address.startswith("http://localhost")}


def test_a_registry_on_this_machine_may_use_tls() -> None:
    network = Network(
        {
            "http://127.0.0.1:5000/v2/a/manifests/1": None,
            "https://127.0.0.1:5000/v2/a/manifests/1": answer(docker_content_digest=DIGEST),
        }
    )
    assert Catalog("127.0.0.1:5000/a:1", network.send).digest() == DIGEST

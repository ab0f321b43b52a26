"""Asks a registry for the tags of a repository and for the digest of an image, by the OCI distribution protocol.

Without any login: the only credential is the token that a registry issues to everybody, and no other host gets it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlencode, urljoin, urlsplit

from rofecare_infra import http
from rofecare_infra.images.lockfile import DIGEST
from rofecare_infra.images.names import host_of, is_local, repository_of, split

# Seconds until a connection is established, and of silence.
_CONNECT = 4.0
_SILENCE = 15.0
# Tags per page, and pages: no repository has as many tags.
_PAGE = 1000
_MOST_PAGES = 100

# The index of an image of several platforms first: its digest is the one that a pull records.
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_JSON = "application/json"
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')
_OK, _LOGIN_REQUIRED, _ABSENT = 200, 401, 404

Send = Callable[..., http.Response]


class NoAnswerError(Exception):
    """What a registry answered in place of what was asked; the text begins with its host."""


class Catalog:
    """The repository of one image at its registry."""

    def __init__(self, image: str, send: Send = http.request) -> None:
        self.host = host_of(image)
        self._repository = repository_of(image)
        self._tag = split(image)[1]
        self._send = send
        self._token = ""
        # With its scheme; empty until it has answered.
        self._origin = ""

    def digest(self) -> str:
        """The digest of the image. Raises NoAnswerError."""
        path = f"/v2/{self._repository}/manifests/{self._tag}"
        digest = self._ask("HEAD", path, _MANIFESTS).headers.get("docker-content-digest", "")
        if not digest:  # the header is optional
            digest = f"sha256:{hashlib.sha256(self._ask('GET', path, _MANIFESTS).content).hexdigest()}"
        if not DIGEST.fullmatch(digest):
            raise self._error(f"no SHA-256 digest of {self._repository}:{self._tag}")
        return digest

    def tags(self) -> frozenset[str]:
        """All tags of the repository. Raises NoAnswerError."""
        found: set[str] = set()
        path = f"/v2/{self._repository}/tags/list?n={_PAGE}"
        for _ in range(_MOST_PAGES):
            answer = self._ask("GET", path, _JSON)
            content = answer.json()
            tags = content.get("tags") if isinstance(content, dict) else None
            if not isinstance(content, dict) or not isinstance(tags, list | None):
                raise self._error(f"no list of the tags of {self._repository}")
            found.update(str(tag) for tag in tags or ())
            link = _NEXT.search(answer.headers.get("link", ""))
            if link is None:
                return frozenset(found)
            path = self._path_of(link[1], path)
        raise self._error(f"more than {_MOST_PAGES} pages of tags of {self._repository}")

    def _path_of(self, link: str, page: str) -> str:
        """The path of the next page. The token of this registry is for no other host."""
        address = urljoin(self._origin + page, link)
        if not address.startswith(f"{self._origin}/"):
            raise self._error("a next page of tags on another host")
        return address.removeprefix(self._origin)

    def _ask(self, method: str, path: str, accepted: str) -> http.Response:
        answer = self._request(method, path, accepted)
        if answer.status == _LOGIN_REQUIRED:
            self._token = self._new_token(answer.headers.get("www-authenticate", ""))
            answer = self._request(method, path, accepted)
        if answer.status == _LOGIN_REQUIRED:
            raise self._error("requires a login")
        if answer.status == _ABSENT:
            raise self._error(f"has no {self._repository}:{self._tag}")
        if answer.status != _OK:
            raise self._error(f"answers with status {answer.status}")
        return answer

    def _request(self, method: str, path: str, accepted: str) -> http.Response:
        headers = {"Accept": accepted, **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
        if not self._origin and is_local(self.host):
            # The engine, too, uses plain HTTP with a registry on this machine.
            with suppress(NoAnswerError):
                answer = self._get(method, f"http://{self.host}{path}", headers)
                self._origin = f"http://{self.host}"
                return answer
        self._origin = self._origin or f"https://{self.host}"
        return self._get(method, self._origin + path, headers)

    def _new_token(self, challenge: str) -> str:
        """The token that the registry issues to everybody. Raises NoAnswerError where it issues none."""
        scheme, _, rest = challenge.partition(" ")
        wanted = dict(_PARAMETER.findall(rest))
        realm = wanted.get("realm", "")
        encrypted = realm.startswith("https://")
        if scheme.lower() != "bearer" or not (encrypted or (realm.startswith("http://") and is_local(self.host))):
            raise self._error("requires a login")
        query = {"scope": f"repository:{self._repository}:pull"}
        query |= {name: wanted[name] for name in ("service", "scope") if name in wanted}
        answer = self._get("GET", f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}", {"Accept": _JSON})
        content = answer.json() if answer.status == _OK else None
        token = (content.get("token") or content.get("access_token")) if isinstance(content, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise self._error("requires a login")
        return token

    def _get(self, method: str, address: str, headers: dict[str, str]) -> http.Response:
        host = urlsplit(address).netloc
        try:
            return self._send(
                method, address, timeout=_SILENCE, connect_timeout=_CONNECT, headers=headers, outside=not is_local(host)
            )
        except http.NoResponseError as error:
            # The address of a token service is the text of a server: it is not printed.
            raise self._error(str(error) if host == self.host else f"its token service: {error}") from error

    def _error(self, what: str) -> NoAnswerError:
        return NoAnswerError(f"{self.host}: {what}")

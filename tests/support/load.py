"""A client that sends requests at a steady rate whatever the answers are, and remembers every one of them.

    with Load("http://127.0.0.1:8080", [Ask("patients", "GET", "/api/patients/about")], rate=50, login=account) as load:
        ...
    assert load.failing_span("patients") < 5

The rate is kept by the clock, not by the answers: a server that hangs is asked on, as its users would do. Each request
has a connection of its own, so that none is mistaken for failed because an idle one was closed meanwhile.
"""

from __future__ import annotations

import http.client
import json
import math
import queue
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Self
from urllib.parse import urlsplit

Json = Mapping[str, object]

_UNAUTHORIZED = 401


@dataclass(frozen=True)
class Ask:
    """One kind of request. `body` is called for each; `good` are the answers that are no failure."""

    route: str
    method: str
    path: str
    body: Callable[[], Json] | None = None
    good: Callable[[int], bool] = lambda status: 200 <= status < 300


@dataclass(frozen=True)
class Account:
    """Somebody to sign in as, at these paths; registered first where `register` names one."""

    login: str = "/api/identity/login"
    register: str = "/api/identity/register"
    username: str = field(default_factory=lambda: f"load-{uuid.uuid4()}")
    password: str = field(default_factory=lambda: uuid.uuid4().hex, repr=False)


@dataclass(frozen=True)
class Shot:
    """One request, with all its attempts."""

    route: str
    # Seconds: of the monotonic clock, and of the wall clock.
    began: float
    moment: float
    seconds: float
    # Of the last attempt; 0 where no answer came, and then `error` says why.
    status: int
    error: str
    ok: bool
    attempts: int
    # Whether the first attempt was good.
    at_once: bool
    # What was sent, and the start of what came back.
    sent: Json | None = None
    answer: bytes = b""


class Load:
    """Sends while its context lasts."""

    def __init__(  # noqa: PLR0913 - every one of them has a default that suits
        self,
        base: str | Sequence[str],
        asks: Sequence[Ask],
        *,
        rate: float = 20,
        timeout: float = 15,
        connect: float = 0,
        login: Account | None = None,
        retries: int = 0,
        pause: float = 0.2,
        verify: ssl.SSLContext | None = None,
        workers: int = 64,
        host: str = "",
    ) -> None:
        """Each attempt of a request takes the next base. `connect` limits the time of a connection alone."""
        parts = [urlsplit(one) for one in ([base] if isinstance(base, str) else base)]
        self._secure = parts[0].scheme == "https"
        default = 443 if self._secure else 80
        self._addresses = [(one.hostname or "127.0.0.1", one.port or default) for one in parts]
        self._turns = count()
        self._tls = verify if verify is not None else _trusting()
        # The name that the server shall be called by, where it is not the one that is connected to.
        self._headers = {"Host": host} if host else {}
        self._asks, self._rate, self._timeout = tuple(asks), rate, timeout
        self._connect = connect or timeout
        self._account, self._retries, self._pause = login, retries, pause
        self._token = ""
        self._tokens = threading.Lock()
        self._due: queue.SimpleQueue[Ask | None] = queue.SimpleQueue()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        self._metronome = threading.Thread(target=self._beat, daemon=True)
        self.shots: list[Shot] = []
        self.logins = 0

    def __enter__(self) -> Self:
        if self._account is not None:
            self._sign_in(register=True)
            assert self._token, "the login failed"
        for thread in (*self._threads, self._metronome):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for what is under way."""
        self._over.set()
        self._metronome.join()
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()
        self.shots.sort(key=lambda shot: shot.began)

    # --- what became of it ------------------------------------------------------------------------

    def of(self, route: str | None = None) -> list[Shot]:
        """The requests of one route, or of all, by the time they were sent."""
        return sorted((one for one in self.shots if route in {None, one.route}), key=lambda shot: shot.began)

    def failed(self, route: str | None = None, *, at_once: bool = False) -> list[Shot]:
        """Those that failed in the end; with `at_once` those whose first attempt did."""
        return [one for one in self.of(route) if not (one.at_once if at_once else one.ok)]

    def failing_span(self, route: str) -> float:
        """The longest time for which a route failed, in seconds.

        From the sending of the first request that failed to the sending of the next good one, so that a request that
        hangs counts from when it was sent. A route that never worked again counts to its last request.
        """
        longest, since, last = 0.0, math.nan, 0.0
        for shot in self.of(route):
            last = shot.began + shot.seconds
            if not shot.ok and math.isnan(since):
                since = shot.began
            elif shot.ok and not math.isnan(since):
                longest, since = max(longest, shot.began - since), math.nan
        return longest if math.isnan(since) else max(longest, last - since)

    def summary(self) -> str:
        """A line a route, for a person: how many, how many failed and why, the longest failing time, the slowest."""
        lines = []
        for route in dict.fromkeys(ask.route for ask in self._asks):
            mine = self.of(route)
            why = Counter(one.error or str(one.status) for one in mine if not one.ok)
            causes = ", ".join(f"{count}x {cause}" for cause, count in why.most_common())
            slowest = max((one.seconds for one in mine), default=0.0)
            lines.append(
                f"{route}: {len(mine)} sent, {sum(why.values())} failed{f' ({causes})' if causes else ''}, "
                f"failing for {self.failing_span(route):.1f} s at most, slowest {slowest:.1f} s"
            )
        return "\n".join(lines)

    # --- how it is done ---------------------------------------------------------------------------

    def ask(
        self, method: str, path: str, body: Json | None = None, *, token: str = "", turn: int = 0
    ) -> tuple[int, bytes]:
        """One request outside the rate. Raises OSError or HTTPException where no answer comes."""
        address = self._addresses[turn % len(self._addresses)]
        connection = (
            http.client.HTTPSConnection(*address, timeout=self._connect, context=self._tls)
            if self._secure
            else http.client.HTTPConnection(*address, timeout=self._connect)
        )
        headers = {**self._headers, "Accept": "application/json", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.connect()
            connection.sock.settimeout(self._timeout)
            connection.request(method, path, json.dumps(body).encode() if body is not None else None, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _beat(self) -> None:
        began = time.monotonic()
        number = 0
        while not self._over.is_set():
            self._due.put(self._asks[number % len(self._asks)])
            number += 1
            self._over.wait(max(0.0, began + number / self._rate - time.monotonic()))

    def _work(self) -> None:
        while (ask := self._due.get()) is not None:
            self.shots.append(self._shoot(ask))

    def _shoot(self, ask: Ask) -> Shot:
        body = ask.body() if ask.body is not None else None
        began, moment, attempts, at_once = time.monotonic(), time.time(), 0, False
        turn = next(self._turns)
        while True:
            attempts += 1
            status, answer, error = self._attempt(ask, body, turn + attempts)
            ok = not error and ask.good(status)
            at_once = at_once or (ok and attempts == 1)
            if ok or attempts > self._retries:
                seconds = time.monotonic() - began
                return Shot(ask.route, began, moment, seconds, status, error, ok, attempts, at_once, body, answer)
            time.sleep(self._pause)

    def _attempt(self, ask: Ask, body: Json | None, turn: int) -> tuple[int, bytes, str]:
        """One attempt; a token that is not taken any more is replaced by signing in again, as a client does."""
        token = self._token
        try:
            status, answer = self.ask(ask.method, ask.path, body, token=token, turn=turn)
            if status == _UNAUTHORIZED and self._account is not None and self._sign_in(instead_of=token):
                status, answer = self.ask(ask.method, ask.path, body, token=self._token, turn=turn)
        except (OSError, http.client.HTTPException) as error:
            return 0, b"", type(error).__name__
        return status, answer[:2000], ""

    def _sign_in(self, *, instead_of: str = "", register: bool = False) -> bool:
        """Sign in, unless another thread has just done it; whether there is a new token."""
        with self._tokens:
            if self._token != instead_of:
                return True
            account = self._account
            assert account is not None
            credentials = {"username": account.username, "password": account.password}
            if register and account.register:
                self.ask("POST", account.register, credentials)
            status, answer = self.ask("POST", account.login, credentials)
            fresh = str(json.loads(answer).get("token", "")) if status == http.HTTPStatus.OK else ""
            self.logins += bool(fresh)
            self._token = fresh or self._token
            return bool(fresh)


def _trusting() -> ssl.SSLContext:
    """For a server whose certificate is its own business here: what is tested is whether it answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

"""A mail server on this machine, for containers to reach: TLS from the first byte or after STARTTLS, and a login."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.support.authority import Issued

USER = "his@mail.example"
# Nobody has this mailbox.
UNKNOWN = "gone@his.example"
IMPLICIT = 465


@dataclass
class Mailbox:
    """The address and port of a server, the password that it accepts, and the messages that it received."""

    address: str
    port: int
    password: str
    # Each with its recipient.
    messages: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def mail_server(address: str, port: int, issued: Issued, password: str) -> Iterator[Mailbox]:
    """Listen on this address; port 465 speaks TLS from the first byte, any other one requires STARTTLS."""
    box = Mailbox(address, port, password)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)

    def login(
        _server: object, _session: object, _envelope: object, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        good = (given.login, given.password) == (USER.encode(), box.password.encode())
        return AuthResult(success=good, handled=False)

    class Handler:
        async def handle_RCPT(self, _server: object, _session: object, envelope: Any, to: str, _: object) -> str:  # noqa: N802
            if to == UNKNOWN:
                return "550 5.1.1 no such mailbox"
            envelope.rcpt_tos.append(to)
            return "250 2.1.5 recipient accepted"

        async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
            box.messages.append((envelope.rcpt_tos[0], envelope.content.decode()))
            return "250 2.0.0 queued as 4F2"

    class Server(Controller):
        def factory(self) -> SMTP:
            implicit = port == IMPLICIT
            return SMTP(
                self.handler,
                hostname="mail.example",
                tls_context=None if implicit else context,
                require_starttls=not implicit,
                # aiosmtpd does not count a connection that is encrypted from its first byte.
                auth_require_tls=not implicit,
                auth_required=not implicit,
                # Its challenges are not those that Alertmanager expects.
                auth_exclude_mechanism=["LOGIN"],
                authenticator=login,
            )

    server = Server(Handler(), hostname=address, port=port, ssl_context=context if port == IMPLICIT else None)
    server.start()
    try:
        yield box
    finally:
        server.stop()

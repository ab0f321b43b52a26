"""Talks to the broker as one of its users, from inside its container: in production, this machine cannot reach it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.kafka import wire
from rofecare_infra.platform import Platform, Service
from rofecare_infra.process import Reachable, Result, Shell, in_container

# Where a broker has the password of each user: in a file with the name of the user.
_USERS = "/run/secrets/kafka-users/"
# The user of the broker itself, who may do everything (start.sh).
ADMINISTRATOR = "kafka"
_PROTOCOLS = "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"
_LISTENER = re.compile(r"INTERNAL://[^,]*:(\d+)")
_AUTHENTICATED = "SASL_"
# Sends what is on the standard input, and prints as many answers as were asked for, without their lengths.
_SCRIPT = """exec bash -c '
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
base64 -d >&3
for ((left = $2; left > 0; left--)); do
    length=$(timeout 10 head -c 4 <&3 | od -An -v -tx1 | tr -d "[:space:]")
    [[ $length ]] || exit 1
    timeout 10 head -c "$((16#$length))" <&3 | base64 -w 0
    echo
done' bash "$1" "$2"
"""


def broker_of(platform: Platform) -> Service | None:
    """The broker, if its clients have to log in."""
    for service in platform.services:
        if _AUTHENTICATED in service.environment.get(_PROTOCOLS, "") and _secret_of(service, ADMINISTRATOR):
            return service
    return None


def user_of(service: Service, secret: str) -> str:
    """The user of this broker whose password the secret is; empty for any other secret or service."""
    path = service.secret_files.get(secret, "")
    is_login = _AUTHENTICATED in service.environment.get(_PROTOCOLS, "") and path.startswith(_USERS)
    return path.removeprefix(_USERS) if is_login else ""


def secret_of_administrator(service: Service) -> str:
    """The secret with the password of the broker's own user."""
    return _secret_of(service, ADMINISTRATOR)


def _secret_of(service: Service, user: str) -> str:
    return next((name for name, path in service.secret_files.items() if path == f"{_USERS}{user}"), "")


@dataclass(frozen=True)
class Broker:
    """A running broker, and a user with a password."""

    container: Reachable
    service: Service
    user: str
    password: str
    shell: Shell = in_container

    def accepts(self) -> bool:
        """Whether the user can log in. Raises ServiceFailedError where the broker does not answer."""
        return not any(wire.refused_login(one) for one in self._asked())

    def ask(self, *requests: bytes) -> list[bytes]:
        """The answers to these requests. Raises ServiceFailedError where the broker refuses the login."""
        answers = self._asked(*requests)
        if wire.refused_login(answers[0]) or wire.refused_login(answers[1]):
            raise ServiceFailedError(
                f"{self.service.name} refuses its user {self.user}",
                seen="the password of the secrets folder is not the one that it was started with",
                expected="a broker that was started after the last change of its passwords",
                next_step=f"docker restart {self.container.name}; then the same command again",
            )
        return answers[2:]

    def _asked(self, *requests: bytes) -> list[bytes]:
        """The answers to a login and these requests; fewer where the login is refused."""
        sent = (*wire.login(self.user, self.password), *requests)
        port = _LISTENER.search(self.service.environment.get("KAFKA_LISTENERS", ""))
        text = base64.b64encode(b"".join(sent)).decode("ascii")
        result = self.shell(self.container, _SCRIPT, port[1] if port else "", str(len(sent)), stdin=text)
        try:
            answers = [base64.b64decode(line, validate=True) for line in result.stdout.split()]
        except binascii.Error:
            answers = []
        # A refused login is the last thing that a broker answers.
        if len(answers) == len(sent) or (len(answers) == len(_LOGIN) and wire.refused_login(answers[-1])):
            return answers
        raise _silent(self.container.name, result)


_LOGIN = ("handshake", "authentication")


def _silent(container: str, result: Result) -> ServiceFailedError:
    return ServiceFailedError(
        f"{container} does not answer",
        seen=f"no complete answer to a login: {result.last[:120]}",
        expected="a broker that answers, if only with a refusal",
        next_step="inv status, inv logs kafka",
    )

"""What a broker holds: a program in its container that prints the keys of all messages of some topics."""

from __future__ import annotations

from collections.abc import Collection

import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

from tests.support.project import REPOSITORY

# As the broker's own user, who may read everything.
_READER = """
printf 'security.protocol=SASL_PLAINTEXT\\nsasl.mechanism=PLAIN\\nsasl.jaas.config=%s\\n' \\
    "org.apache.kafka.common.security.plain.PlainLoginModule required username=\\"kafka\\" \\
password=\\"$(</run/secrets/kafka-users/kafka)\\";" >/tmp/reader.properties
exec "$0" --consumer.config /tmp/reader.properties "$@"
"""


def reader(topics: Collection[str]) -> tuple[str, ...]:
    """The program in the container of the broker; one key a line."""
    return (
        *("bash", "-c", _READER, "kafka-console-consumer"),
        *("--bootstrap-server", "kafka:29092", "--include", "|".join(topics), "--from-beginning"),
        *("--property", "print.key=true", "--property", "print.value=false", "--timeout-ms", "10000"),
    )


def topics_of(service: str) -> list[str]:
    """The topics that a service publishes, by the configuration that the config server gives out."""
    folder = REPOSITORY / "docker/reference/config-server/src/main/resources/config"
    settings = yaml.safe_load((folder / f"rofecare-service-{service}.yml").read_text())
    found: list[str] = settings["rofecare"]["topics"]["published"]
    return found

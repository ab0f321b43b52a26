"""What services of a stack are compared with."""

from __future__ import annotations

from typing import Any

from rofecare_infra.engine import LABEL_DEFINITION, LABEL_IMAGE, LABEL_IMAGE_ID, Container
from rofecare_infra.engine.tasks import containers_of_tasks
from rofecare_infra.swarm import definition
from rofecare_infra.swarm.definition import recorded

MODEL = {"services": {"app": {"image": "app:v1"}}}


def labels(**service: Any) -> dict[str, str]:
    made = recorded({"app": {"image": "app:v1-1", **service}}, MODEL, {"app:v1": "sha256:1"})
    found: dict[str, str] = made["app"]["deploy"]["labels"]
    return found


def test_another_image_is_no_other_definition() -> None:
    first = labels(environment={"A": "1"})
    assert (first[LABEL_IMAGE], first[LABEL_IMAGE_ID]) == ("app:v1", "sha256:1")
    assert labels(environment={"A": "1"}, image="app:v2-2")[LABEL_DEFINITION] == first[LABEL_DEFINITION]
    assert labels(environment={"A": "2"})[LABEL_DEFINITION] != first[LABEL_DEFINITION]


def test_the_labels_of_the_compose_files_stay() -> None:
    assert labels(deploy={"replicas": 2, "labels": {"a": "b"}})["a"] == "b"


def test_a_replica_has_the_image_that_the_compose_files_name() -> None:
    found = replica(secret="his_pw_1")
    assert (found.image, found.image_id) == ("app:v1", "sha256:1")


def test_a_secret_that_was_rotated_is_the_definition_that_is_wanted() -> None:
    (wanted,) = recorded({"app": {"secrets": [{"source": "his_pw_2"}], "deploy": {}}}, MODEL, {}).values()
    # Its labels are those of the deployment before the rotation.
    assert replica(secret="his_pw_2").config_hash == definition.of(wanted)
    assert replica(secret="his_pw_1").config_hash != definition.of(wanted)


def replica(secret: str) -> Container:
    """The record of a replica with this secret of the Swarm."""
    container = {"Image": "sha256:1", "Labels": {}, "Secrets": [{"SecretName": secret}]}
    made = recorded({"app": {"secrets": [{"source": "his_pw_1"}], "deploy": {}}}, MODEL, {"app:v1": "sha256:1"})
    spec = {"Name": "his_app", "Labels": made["app"]["deploy"]["labels"], "Mode": {"Replicated": {"Replicas": 1}}}
    service = {"ID": "s", "Spec": {**spec, "TaskTemplate": {"ContainerSpec": container}}}
    (found,) = containers_of_tasks([service], [], {})
    return found

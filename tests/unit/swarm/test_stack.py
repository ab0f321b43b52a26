"""A model of compose as a stack: each key of the table, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.swarm.stack import LARGEST, Stack, contents, paths_of, stack_of
from rofecare_infra.swarm.table import Refusal

FILES = {
    "/his/docker/config/db/start.sh": b"exec db $1",
    "/his/docker/secrets/pw": b"secret",
    "/his/site/key.pem": b"key",
}


def model(service: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "his",
        "services": {"db": {"image": "db:1", "networks": {"back": None}, **service}},
        "networks": {"back": {"name": "his_back"}},
        "configs": {"start": {"name": "his_start", "file": "/his/docker/config/db/start.sh"}},
        "secrets": {"pw": {"name": "his_pw", "file": "/his/docker/secrets/pw"}},
        **more,
    }


def made(service: dict[str, Any], files: dict[str, bytes] | None = None, **more: Any) -> tuple[Stack, list[Refusal]]:
    given = {"placement": {}, "software": "/his/docker", **{key: more.pop(key) for key in _GIVEN & {*more}}}
    stack, refused = stack_of(model(service, **more), files or FILES, key=b"k", **given)
    return stack, list(refused)


_GIVEN = {"placement", "with_data", "images", "encrypted", "nodes"}


def one(service: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The service of the stack, as `docker stack deploy` gets it."""
    stack, refused = made(service, **more)
    assert refused == []
    found: dict[str, Any] = stack.part(["db"])["services"]["db"]
    return found


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({"restart": "unless-stopped"}, {"condition": "any", "delay": "5s"}),
        ({"restart": "no"}, {"condition": "none", "delay": "5s"}),
        ({"restart": "on-failure:3"}, {"condition": "on-failure", "delay": "5s", "max_attempts": 3}),
        ({"deploy": {"restart_policy": {"condition": "any"}}, "restart": "no"}, {"condition": "any"}),
    ],
)
def test_restart(service: dict[str, Any], expected: dict[str, Any]) -> None:
    assert one(service)["deploy"]["restart_policy"] == expected


def test_limits_and_replicas() -> None:
    service = {"cpus": 1.5, "mem_limit": "1073741824", "pids_limit": 9, "scale": 3, "deploy": {"placement": {}}}
    deploy = one(service)["deploy"]
    assert deploy["resources"] == {"limits": {"cpus": "1.5", "memory": "1073741824", "pids": 9}}
    assert deploy["replicas"] == 3
    assert deploy["endpoint_mode"] == "dnsrr"
    assert "placement" not in deploy


def test_a_swarm_kills_what_is_unhealthy_so_that_starts_and_data_get_more_time() -> None:
    check = {"test": ["CMD", "x"], "retries": 3, "start_period": "1m0s"}
    assert one({"healthcheck": check})["healthcheck"] == {**check, "start_period": "900s"}
    found = one({"healthcheck": {**check, "start_period": "1h0m0s"}}, placement={"db": "node1"})["healthcheck"]
    assert found == {**check, "start_period": "1h0m0s", "retries": 20}


def test_memory_folders_are_mounts() -> None:
    service = {"tmpfs": ["/tmp", "/run/db:uid=9,gid=9,mode=0755", "/c:size=64m,mode=0700"], "shm_size": "1024"}  # noqa: S108
    assert one(service)["volumes"] == [
        {"type": "tmpfs", "target": "/tmp"},  # noqa: S108
        {"type": "tmpfs", "target": "/run/db"},
        {"type": "tmpfs", "target": "/c", "tmpfs": {"size": 64 << 20, "mode": 0o700}},
        {"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": 1024}},  # noqa: S108
    ]


def test_dollar_signs_survive_the_command_and_unset_variables_disappear() -> None:
    found = one({"environment": {"A": "${x}", "B": None}, "command": ["echo", "$1"], "entrypoint": None})
    assert found["environment"] == {"A": "$${x}"}
    assert found["command"] == ["echo", "$$1"]
    assert "entrypoint" not in found


def test_files_of_the_software_are_configs_and_those_of_the_site_secrets() -> None:
    mounts = [
        {"type": "bind", "source": "/his/docker/config/db", "target": "/etc/db", "read_only": True},
        {"type": "bind", "source": "/his/site/key.pem", "target": "/run/tls/key.pem"},
        {"type": "bind", "source": "/dev/null", "target": "/run/tls/none"},
    ]
    service = {"volumes": mounts, "configs": [{"source": "start"}], "secrets": [{"source": "pw", "target": "a/b"}]}
    stack, refused = made(service)
    assert refused == []
    part = stack.part(["db"])
    found = part["services"]["db"]
    assert [use["target"] for use in found["configs"]] == ["/start", "/etc/db/start.sh"]
    assert [use["target"] for use in found["secrets"]] == ["a/b", "/run/tls/key.pem"]
    assert sorted(stack.configs.values()) == [b"exec db $1", b"exec db $1"]
    assert sorted(stack.secrets.values()) == [b"key", b"secret"]
    # They exist before the stack does, and its document contains no secret.
    assert part["secrets"] == {name: {"external": True, "name": name} for name in stack.secrets}
    assert part["configs"] == {name: {"external": True, "name": name} for name in stack.configs}
    assert "secret'" not in repr(stack)


def test_a_service_with_data_is_tied_to_the_node_with_its_label() -> None:
    service = {"volumes": [{"type": "volume", "source": "data", "target": "/data", "volume": {"nocopy": True}}]}
    volumes = {"data": {"name": "his_production_data", "external": True, "labels": {"a": "b"}}}
    stack, refused = made(service, volumes=volumes)
    assert [str(one) for one in refused] == ["db: volumes: no node is chosen for its data: inv place db <node>"]
    stack, refused = made(service, volumes=volumes, placement={"db": "node1"}, with_data=["db"])
    assert refused == []
    part = stack.part(["db"])
    assert part["volumes"] == {"data": {"name": "his_production_data", "labels": {"a": "b"}}}
    found = part["services"]["db"]
    assert found["deploy"]["placement"] == {"constraints": ["node.labels.com.rofecare.his.db == true"]}
    assert found["deploy"]["update_config"]["order"] == "stop-first"
    assert found["configs"] == [{"source": "his-data-db", "target": "/run/rofecare/data-expected"}]
    assert one({})["deploy"]["update_config"]["order"] == "start-first"


@pytest.mark.parametrize(
    ("replicas", "nodes", "order"),
    [(1, 1, "start-first"), (1, 3, "start-first"), (2, 3, "start-first"), (3, 3, "stop-first"), (2, 1, "stop-first")],
)
def test_replicas_stay_on_different_nodes_during_an_update(replicas: int, nodes: int, order: str) -> None:
    assert one({"scale": replicas}, nodes=nodes)["deploy"]["update_config"]["order"] == order


def test_networks() -> None:
    subnet = {"config": [{"subnet": "10.9.0.0/16", "gateway": "10.9.0.1"}]}
    opts = {"com.docker.network.bridge.inhibit_ipv4": "true"}
    networks = {"back": {"name": "n", "internal": True, "driver_opts": opts, "ipam": subnet}, "unused": {"name": "u"}}
    service = {"networks": {"back": {"priority": 1000, "aliases": ["x"]}}}
    stack, refused = made(service, networks=networks, encrypted=True)
    assert refused == []
    part = stack.part(["db"])
    assert part["services"]["db"]["networks"] == {"back": {"aliases": ["x"]}}
    assert part["networks"] == {
        "back": {
            "name": "n",
            "internal": True,
            "driver": "overlay",
            "ipam": {"config": [{"subnet": "10.9.0.0/16"}]},
            "driver_opts": {"encrypted": "true"},
        }
    }


def test_the_ingress_alone_is_published_on_its_nodes() -> None:
    port = {"mode": "ingress", "host_ip": "127.0.0.1", "target": 80, "published": "8080", "protocol": "tcp"}
    stack, refused = made({"ports": [port], "labels": {"com.rofecare.entry": "true"}})
    assert refused == []
    expected = {"target": 80, "published": 8080, "protocol": "tcp", "mode": "host"}
    assert stack.part(["db"])["services"]["db"]["ports"] == [expected]
    assert stack.published == ("db",)
    _, refused = made({"ports": [port]})
    assert [one.what for one in refused] == ["ports"]


def test_the_image_has_the_name_that_the_nodes_know() -> None:
    assert one({}, images={"db:1": "db:1-abc"})["image"] == "db:1-abc"


def test_what_is_required_of_the_engines() -> None:
    stack, refused = made({"security_opt": ["no-new-privileges:true", "seccomp:unconfined"]})
    assert stack.required == {"no-new-privileges"}
    assert [one.what for one in refused] == ["security_opt seccomp:unconfined"]


@pytest.mark.parametrize(
    ("service", "what"),
    [
        ({"privileged": True}, "privileged"),
        ({"network_mode": "host"}, "network_mode"),
        ({"container_name": "db"}, "container_name"),
        ({"something_new": 1}, "something_new"),
        ({"deploy": {"something_new": 1}}, "deploy.something_new"),
        ({"networks": {"back": {"ipv4_address": "10.0.0.2"}}}, "networks.back.ipv4_address"),
        ({"tmpfs": "/run/x:exec"}, "tmpfs /run/x"),
        ({"volumes": [{"type": "bind", "source": "/var/log", "target": "/logs"}]}, "volumes /var/log"),
        (
            {"ports": [{"target": 1, "published": "1-2"}], "labels": {"com.rofecare.entry": "true"}},
            "ports.published 1-2",
        ),
    ],
)
def test_refused_by_name(service: dict[str, Any], what: str) -> None:
    _, refused = made(service)
    assert what in [one.what for one in refused]
    assert {one.where for one in refused} == {"db"}


def test_refused_outside_of_services() -> None:
    secrets = {"pw": {"environment": "PW"}}
    _, refused = made({}, secrets=secrets, networks={"back": {"enable_ipv6": True}}, something={})
    assert {(one.where, one.what) for one in refused} == {("secret pw", "environment"), ("network back", "enable_ipv6")}
    _, refused = made({}, something={"a": 1})
    assert [(one.where, one.what) for one in refused] == [("top level", "something")]


@pytest.mark.parametrize("size", [0, LARGEST + 1])
def test_a_file_that_a_swarm_does_not_store(size: int) -> None:
    files = {**FILES, "/his/docker/config/db/start.sh": b"x" * size}
    _, refused = made({"configs": [{"source": "start"}]}, files)
    assert [one.why for one in refused] == [f"{size} bytes; a Swarm stores 1 to {LARGEST}"]


def test_extensions_of_compose_files_are_no_part_of_a_stack() -> None:
    assert "x-common" not in one({"x-common": {}}, **{"x-top": 1})


def test_the_files_that_a_model_uses(tmp_path: Path) -> None:
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "folder" / "sub" / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    described = model({"volumes": [{"type": "bind", "source": str(tmp_path / "folder"), "target": "/x"}]})
    described["services"]["db"]["configs"] = [{"source": "start"}]
    described["configs"]["start"]["file"] = str(tmp_path / "b")
    # The secret is not used by any service.
    found = contents(tuple(paths_of(described)))
    assert found == {str(tmp_path / "b"): b"2", str(tmp_path / "folder/sub/a"): b"1"}

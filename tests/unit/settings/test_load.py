"""Settings: precedence, refused values, and that one run reports every problem."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from rofecare_infra.settings import Settings, load

COMPOSE = """\
services:
  db: {ports: ["127.0.0.1:${DB_PORT:-5432}:5432"], image: "${IMAGE_PREFIX:-}postgres"}
  app: {image: "${APP_IMAGE:-${PREFIX:-x/}app:${TAG:-v1}}", command: ["echo", "$${NOT_OURS}"]}
"""


def project(folder: Path, env: str = "", compose: str = COMPOSE) -> Path:
    (folder / "docker").mkdir(exist_ok=True)
    (folder / "docker" / "docker-compose.yml").write_text(compose)
    (folder / ".env").write_text(env)
    return folder


def problems(root: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    return [str(problem) for problem in load(root, environ or {})[1]]


def loaded(root: Path, environ: Mapping[str, str] | None = None) -> Settings:
    settings, found = load(root, environ or {})
    assert found == ()
    return settings


def test_without_a_word_everything_has_a_default(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    settings = loaded(tmp_path)
    assert (settings.project, settings.images, settings.services) == ("rofecare", "auto", "auto")
    assert settings.gate_timeout == 300.0
    assert settings.image_prefix == ""
    assert settings.secrets_folder == tmp_path / "docker" / "secrets"
    assert settings.workspace == tmp_path.parent


def test_a_port_takes_the_default_of_the_compose_file(tmp_path: Path) -> None:
    assert loaded(project(tmp_path)).get("DB_PORT") == "5432"


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    root = project(tmp_path, "DB_PORT=5500\nGATE_TIMEOUT=20\n")
    settings = loaded(root, {"GATE_TIMEOUT": "30", "UNRELATED": "x"})
    assert settings.get("DB_PORT") == "5500"
    assert settings.values["DB_PORT"].where == ".env line 1"
    assert settings.gate_timeout == 30.0
    assert settings.values["GATE_TIMEOUT"].where == "the environment"
    assert "UNRELATED" not in settings.values


def test_an_empty_value_is_the_default(tmp_path: Path) -> None:
    settings = loaded(project(tmp_path, "GATE_TIMEOUT=\nCOMPOSE_PROJECT_NAME=\n"))
    assert (settings.gate_timeout, settings.project) == (300.0, "rofecare")


def test_an_empty_variable_of_the_environment_hides_the_file(tmp_path: Path) -> None:
    assert loaded(project(tmp_path, "TAG=v2\n"), {"TAG": ""}).get("TAG", "unset") == "unset"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("DB_PORT=54x2", ".env line 1: DB_PORT is '54x2'; expected a port, 1 to 65535"),
        ("DB_PORT=0", ".env line 1: DB_PORT is '0'; expected a port, 1 to 65535"),
        ("DB_PORT=65536", ".env line 1: DB_PORT is '65536'; expected a port, 1 to 65535"),
        ("DB_PORT=-1", ".env line 1: DB_PORT is '-1'; expected a port, 1 to 65535"),
        ("DB_PORT=٥٤٣٢", ".env line 1: DB_PORT is '٥٤٣٢'; expected a port, 1 to 65535"),
        ("BACKUP_KEEP_COUNT=0", ".env line 1: BACKUP_KEEP_COUNT is '0'; expected a number of backups above 0"),
        ("BACKUP_KEEP_DAYS=0", ".env line 1: BACKUP_KEEP_DAYS is '0'; expected a number of days above 0"),
        (
            "BACKUP_COPY_TO=copies",
            (
                ".env line 1: BACKUP_COPY_TO is 'copies'; "
                "expected an absolute path, host:path (an IPv6 address in brackets: [2001:db8::5]:/path), "
                "or rsync://host/module/path"
            ),
        ),
        ("GATE_TIMEOUT=0", ".env line 1: GATE_TIMEOUT is '0'; expected a number of seconds above 0"),
        (
            f"GATE_TIMEOUT={'9' * 10}",
            f".env line 1: GATE_TIMEOUT is '{'9' * 10}'; expected a number of seconds above 0",
        ),
        ("SECRETS_DIR='$HOME/x'", ".env line 1: SECRETS_DIR is '$HOME/x'; expected a path without '$'"),
        ("GATE_TIMEOUT=5m", ".env line 1: GATE_TIMEOUT is '5m'; expected a number of seconds above 0"),
        ("IMAGES=pakages", ".env line 1: IMAGES is 'pakages'; expected one of auto, registry, packages"),
        ("SERVICES=packages", ".env line 1: SERVICES is 'packages'; expected one of auto, source, registry, reference"),
        (
            "COMPOSE_PROJECT_NAME=Hospital A",
            (
                ".env line 1: COMPOSE_PROJECT_NAME is 'Hospital A'; expected lower-case letters, digits, '-' and '_', "
                "starting with a letter or digit"
            ),
        ),
        (
            "IMAGE_PREFIX=https://mirror/",
            (
                ".env line 1: IMAGE_PREFIX is 'https://mirror/'; expected a registry and path without a scheme, "
                "such as mirror.example:5000/"
            ),
        ),
        ("GATE_TIMOUT=9", ".env line 1: GATE_TIMOUT is not a setting; expected a setting, such as GATE_TIMEOUT"),
        ("DB_PORTS=9", ".env line 1: DB_PORTS is not a setting; expected a setting, such as DB_PORT"),
        ("this is no setting", ".env line 1: cannot read 'this is no setting'; expected NAME=value"),
    ],
)
def test_what_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    assert problems(project(tmp_path, line + "\n")) == [problem]


@pytest.mark.parametrize("line", ["MY_OWN_THING=1", "# DB_PORT=x", "", "export DB_PORT=5500", "DB_PORT='5500' # mine"])
def test_what_is_let_through(tmp_path: Path, line: str) -> None:
    assert problems(project(tmp_path, line + "\n")) == []


def test_every_problem_at_once_with_its_line(tmp_path: Path) -> None:
    env = "# ports\nDB_PORT=abc\n\nGATE_TIMEOUT=0\nIMAGE=auto\nno assignment\nDB_PORT=5432\n"
    found = problems(project(tmp_path, env), {"SERVICES": "sauce"})
    assert [one.split(":")[0] for one in found] == [
        "the environment",
        ".env line 2",
        ".env line 4",
        ".env line 5",
        ".env line 6",
        ".env line 7",
    ]
    assert found[-1] == ".env line 7: DB_PORT is set again, first at .env line 2; expected one assignment per name"


def test_a_value_that_is_refused_is_replaced_so_that_the_rest_can_be_looked_at(tmp_path: Path) -> None:
    settings, found = load(project(tmp_path, "DB_PORT=abc\n"), {})
    assert found
    assert settings.get("DB_PORT") == "5432"
    assert settings.values["DB_PORT"].where == "its default"


def test_a_bad_value_of_the_environment_says_so(tmp_path: Path) -> None:
    assert problems(project(tmp_path, "DB_PORT=5500\n"), {"DB_PORT": "x"}) == [
        "the environment: DB_PORT is 'x'; expected a port, 1 to 65535"
    ]


def test_a_dollar_that_compose_escapes_is_no_setting(tmp_path: Path) -> None:
    assert {"APP_IMAGE", "PREFIX", "TAG", "DB_PORT"} <= set(loaded(project(tmp_path)).values)
    assert "NOT_OURS" not in loaded(project(tmp_path)).values


def test_names_of_the_users_own_overlay_are_settings_too(tmp_path: Path) -> None:
    root = project(tmp_path, "MY_PORT=abc\n")
    (root / "docker" / "docker-compose.override.yml").write_text('services: {x: {ports: ["${MY_PORT:-99}:1"]}}\n')
    assert problems(root) == [".env line 1: MY_PORT is 'abc'; expected a port, 1 to 65535"]


@pytest.mark.parametrize(
    ("given", "prefix"), [("", ""), ("mirror:5000", "mirror:5000/"), ("mirror:5000/", "mirror:5000/"), ("a/b", "a/b/")]
)
def test_a_prefix_ends_with_a_slash(tmp_path: Path, given: str, prefix: str) -> None:
    assert loaded(project(tmp_path, f"IMAGE_PREFIX={given}\n")).image_prefix == prefix


def test_paths_start_in_the_folder_of_the_compose_files(tmp_path: Path) -> None:
    (tmp_path / "own.pem").touch()
    settings = loaded(project(tmp_path, "SECRETS_DIR=../private\nWORKSPACE=/srv/code\nCA_BUNDLE=../own.pem\n"))
    assert settings.secrets_folder == tmp_path / "private"
    assert settings.workspace == Path("/srv/code")
    assert settings.ca_bundle == tmp_path / "own.pem"


def test_a_tilde_is_the_users_home_and_links_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "link").symlink_to(tmp_path / "real")
    assert loaded(project(tmp_path, "SECRETS_DIR=~/x\n")).secrets_folder == tmp_path / "home" / "x"
    assert loaded(project(tmp_path, "SECRETS_DIR=~/link/x\n")).secrets_folder == tmp_path / "real" / "x"


@pytest.mark.parametrize("name", ["WORKSPACE", "SECRETS_DIR", "BACKUP_DIR"])
def test_every_folder_knows_the_home_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    settings = loaded(project(tmp_path, f"{name}=~/src\n"))
    found = {
        "WORKSPACE": settings.workspace,
        "SECRETS_DIR": settings.secrets_folder,
        "BACKUP_DIR": settings.backup_folder,
    }
    assert found[name] == Path("/home/me/src")


@pytest.mark.parametrize(
    "line", ["HOOK=https://x/T?k=ab$ecret9", 'HOOK="ab${ecret}"', "HOOK=a$$b", "export HOOK=$HOME/x", "HOOK=cost$"]
)
def test_a_dollar_that_compose_would_replace(tmp_path: Path, line: str) -> None:
    (found,) = problems(project(tmp_path, f"\n# a comment with $HOME\n{line}\n"))
    assert found.startswith(".env line 3: HOOK contains '$")
    assert found.endswith("expected the value between single quotation marks: HOOK='...$...'")


@pytest.mark.parametrize(
    "line", ["HOOK='ab$ecret9'", 'HOOK="ab\\$c"', "HOOK=a # costs $5", "HOOK = 'x' # $y", "# HOOK=$x"]
)
def test_a_dollar_that_compose_leaves_alone(tmp_path: Path, line: str) -> None:
    assert problems(project(tmp_path, f"{line}\n")) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_is_one_problem(tmp_path: Path, encoding: str) -> None:
    root = project(tmp_path)
    (root / ".env").write_bytes("A=1\nB=2\nGATE_TIMEOUT=5\n".encode(encoding))
    (found,) = problems(root)
    assert found.startswith(".env: the file is not text in UTF-8")


def test_a_byte_order_mark_and_a_comment_in_another_encoding_do_no_harm(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / ".env").write_bytes(b"\xef\xbb\xbfGATE_TIMEOUT=5\n# h\xf4pital\n")
    assert loaded(root).gate_timeout == 5.0


def test_a_value_in_another_encoding(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / ".env").write_bytes(b"A=1\nTAG=h\xf4pital\n")
    assert problems(root) == [".env line 2: TAG contains bytes that are not UTF-8; expected a file in UTF-8"]


def test_a_number_that_has_no_end(tmp_path: Path) -> None:
    assert len(problems(project(tmp_path, f"DB_PORT={'1' * 5000}\nGATE_TIMEOUT={'1' * 5000}\n"))) == 2


@pytest.mark.parametrize("chosen", ["../nowhere.pem", ".", "/nowhere/ca.pem"])
def test_certificates_that_are_not_there(tmp_path: Path, chosen: str) -> None:
    found = problems(project(tmp_path, f"CA_BUNDLE={chosen}\n", compose="secrets: {x: {file: '${CA_BUNDLE:-/x}'}}"))
    assert len(found) == 1
    assert found[0].startswith(f".env line 1: CA_BUNDLE is {chosen!r}; expected a file of certificates")


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / ".env").unlink()
    (root / ".env").mkdir()
    assert problems(root)[0].startswith(".env: the file cannot be read")


def test_a_file_that_is_not_ours_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert problems(project(tmp_path, "DB_PORT=1\n"))[0].startswith(".env: the file cannot be read: Permission denied")


def test_an_overlay_of_other_letters_or_that_is_a_folder(tmp_path: Path) -> None:
    root = project(tmp_path, "MY_PORT=abc\n")
    (root / "docker" / "docker-compose.override.yml").write_bytes(b"# caf\xe9 ${MY_PORT:-99}\n")
    (root / "docker" / "docker-compose.more.yml").mkdir()
    assert problems(root) == [".env line 1: MY_PORT is 'abc'; expected a port, 1 to 65535"]


def test_what_turns_a_protection_off_is_shown(tmp_path: Path) -> None:
    usual = loaded(project(tmp_path))
    assert (usual.kafka_protocol, usual.protections_off) == ("SASL_PLAINTEXT", ())
    older = loaded(project(tmp_path, "KAFKA_AUTHENTICATION=off\n"))
    assert older.kafka_protocol == "PLAINTEXT"
    assert [one.partition(":")[0] for one in older.protections_off] == ["KAFKA_AUTHENTICATION=off"]
    assert "on, off" in problems(project(tmp_path, "KAFKA_AUTHENTICATION=no\n"))[0]

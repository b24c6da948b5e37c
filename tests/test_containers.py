"""Dockerfile and docker-compose.yml, as far as they can be checked without a container engine."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from backend.cli import _parser
from backend.settings import Settings, environment_name, load_settings
from backend.web.auth import require_safe_address
from tests.conftest import CHECKOUT

COMPOSE = CHECKOUT / "docker-compose.yml"
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
# `zegclip` is the image's entry point; the queue server has an image of its own.
OWN_SERVICES = ("web", "inference", "inference-gpu", "training", "ingest", "scheduler")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def variables(value: object) -> set[str]:
    """The variables that a part of the file asks its caller for."""
    return set(re.findall(r"\$\{(\w+)", str(value)))


def read_strictly(compose: dict[str, Any]) -> PyCompose:
    """Read a file as the Compose specification says, with the defaults of its variables filled in."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", json.dumps(compose))
    # The engine's word for the machine that it runs on, which the checker does not know.
    return PyCompose.from_json(text.replace("host-gateway", "127.0.0.1"))


def test_it_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    read_strictly(compose).validate()


@pytest.mark.parametrize(
    "broken",
    [{"restart": "perhaps"}, {"stop_grace_period": "soon"}, {"no_such_key": 1}, {"image": 7}],
    ids=str,
)
def test_a_file_that_does_not_follow_it_would_be_noticed(
    broken: dict[str, Any], compose: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="line"):
        read_strictly(compose | {"services": {"web": compose["services"]["web"] | broken}})


@pytest.mark.parametrize("profiles", [[], ["--profile", "gpu"]], ids=["cpu", "gpu"])
def test_the_compose_client_accepts_it(profiles: list[str]) -> None:
    client = _compose_client()
    if client is None:
        pytest.skip("NO COMPOSE CLIENT: neither `docker compose` nor `docker-compose` is installed here")
    checked = subprocess.run(
        [*client, "-f", str(COMPOSE), *profiles, "config", "--quiet"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr


def _compose_client() -> list[str] | None:
    for client in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(client[0]):
            found = subprocess.run([*client, "version"], capture_output=True)
            if found.returncode == 0:
                return client
    return None


def test_every_process_of_the_product_is_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"queue", *OWN_SERVICES}
    assert compose["services"]["inference-gpu"]["profiles"] == ["gpu"]


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_every_command_is_one_of_ours(name: str, compose: dict[str, Any]) -> None:
    service = compose["services"][name]
    commands = [shlex.split(service["command"])]
    check = service.get("healthcheck", {}).get("test", [])
    if check[1:2] == ["zegclip"]:
        commands.append(check[2:])
    for command in commands:
        assert _parser(command[0]).parse_args(command).command == command[0]


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_every_variable_is_a_setting(name: str, compose: dict[str, Any]) -> None:
    known = {environment_name(field) for field in Settings.model_fields}
    assert set(compose["services"][name]["environment"]) <= known


@pytest.mark.parametrize("name", ["queue", *OWN_SERVICES])
def test_every_service_comes_back_ends_in_peace_and_keeps_its_data(
    name: str, compose: dict[str, Any]
) -> None:
    service = compose["services"][name]
    assert service["restart"] == "unless-stopped"
    assert int(service["stop_grace_period"].removesuffix("s")) >= 15
    volume, _, folder = service["volumes"][0].partition(":")
    assert volume in compose["volumes"]
    assert folder == "/data"


@pytest.mark.parametrize("name", ["queue", "web", "inference", "inference-gpu", "training", "ingest"])
def test_the_engine_can_tell_whether_it_is_well(name: str, compose: dict[str, Any]) -> None:
    assert compose["services"][name]["healthcheck"]["test"][0] == "CMD"


def test_the_queue_server_forgets_nothing(compose: dict[str, Any]) -> None:
    command = compose["services"]["queue"]["command"]
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert "ports" not in compose["services"]["queue"]


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_secrets_come_from_the_environment_alone(name: str, compose: dict[str, Any]) -> None:
    for secret in ("LABEL_STUDIO_API_KEY", "BASIC_AUTH_PASS", "ZEGCLIP_WEBHOOK_SECRET"):
        assert compose["services"][name]["environment"][secret] == f"${{{secret}:-}}"


def test_nobody_is_let_in_without_authentication_by_default(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ZEGCLIP_HOST=0.0.0.0" in DOCKERFILE
    for name in set(os.environ) & {environment_name(field) for field in Settings.model_fields}:
        monkeypatch.delenv(name)
    assert "ZEGCLIP_ALLOW_ANONYMOUS" not in variables(compose)
    with pytest.raises(Exception, match="refusing to listen"):
        require_safe_address(load_settings(host="0.0.0.0"))


def test_the_image_installs_the_versions_that_the_package_asks_for() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wanted = {pin for pin in project["dependencies"] if re.match(r"torch(vision)?==", pin)}
    assert set(re.findall(r"torch(?:vision)?==[\w.]+", DOCKERFILE)) == wanted


def test_everything_that_the_image_copies_is_let_through_by_dockerignore() -> None:
    allowed = {
        line[1:].rstrip("/")
        for line in (CHECKOUT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        name for line in DOCKERFILE.splitlines() if line.startswith("COPY ") for name in line.split()[1:-1]
    }
    assert copied == allowed


def test_the_image_runs_as_an_ordinary_user_who_owns_the_data_folder() -> None:
    assert "\nUSER zegclip\n" in DOCKERFILE
    assert "chown zegclip:zegclip /data" in DOCKERFILE
    assert 'ENTRYPOINT ["zegclip"]' in DOCKERFILE

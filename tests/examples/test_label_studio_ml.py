"""The example folder has the form of upstream's examples, and its parts fit each other."""

import ast
import re

import pytest
import yaml

from tests.conftest import CHECKOUT

FOLDER = CHECKOUT / "examples" / "label_studio_ml"


def test_it_has_the_files_of_upstream_s_examples() -> None:
    names = {path.name for path in FOLDER.iterdir() if path.is_file()}
    assert names >= {
        "model.py", "_wsgi.py", "test_api.py", "README.md", "Dockerfile", "docker-compose.yml",
        "requirements-base.txt", "requirements.txt", "requirements-test.txt",
    }  # fmt: skip


def test_the_service_is_named_after_the_folder_and_builds_its_dockerfile() -> None:
    compose = yaml.safe_load((FOLDER / "docker-compose.yml").read_text())
    ((name, service),) = compose["services"].items()
    assert name == FOLDER.name
    root = (FOLDER / service["build"]["context"]).resolve()
    assert (root / service["build"]["dockerfile"]).resolve() == FOLDER / "Dockerfile"
    assert root == CHECKOUT


def test_everything_that_the_image_copies_exists() -> None:
    for line in (FOLDER / "Dockerfile").read_text().splitlines():
        copied = re.fullmatch(r"COPY (.+) \S+", line)
        for source in copied[1].split() if copied else ():
            assert (CHECKOUT / source).exists(), line


@pytest.mark.parametrize("name", ["BASIC_AUTH_USER", "MODEL_DIR", "ZEGCLIP_DATA_DIR", "LABEL_STUDIO_API_KEY"])
def test_the_readme_explains_the_compose_file_s_variables(name: str) -> None:
    assert name in (FOLDER / "docker-compose.yml").read_text()
    assert f"`{name}`" in (FOLDER / "README.md").read_text()


def test_server_and_test_use_the_model_of_the_folder() -> None:
    for name in ("_wsgi.py", "test_api.py"):
        imports = [
            node
            for node in ast.walk(ast.parse((FOLDER / name).read_text()))
            if isinstance(node, ast.ImportFrom)
        ]
        assert [one.names[0].name for one in imports if one.module == "model"] == ["ZegCLIPBackend"]

import os
import re
from pathlib import Path

import pytest

from backend.errors import SettingsError
from backend.settings import Settings, environment_name, load_settings
from tests.conftest import CHECKOUT
from tests.processes import clean_environment

SECRETS = ("label_studio_api_key", "basic_auth_pass", "webhook_secret")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)


def test_a_flag_beats_the_environment_which_beats_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 9090
    monkeypatch.setenv("ZEGCLIP_PORT", "9191")
    assert load_settings().port == 9191
    assert load_settings(port=9292).port == 9292


def test_a_flag_that_was_not_given_leaves_the_environment_its_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEGCLIP_MODEL", "ViT-B-16/openai")
    assert load_settings(model=None).model == "ViT-B-16/openai"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("REDIS_URL", "redis_url"),
        ("ZEGCLIP_REDIS_URL", "redis_url"),
        ("BASIC_AUTH_USER", "basic_auth_user"),
    ],
)
def test_names_that_other_programs_use_are_understood(
    name: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "redis://queue:6379")
    assert getattr(load_settings(), field) == "redis://queue:6379"


@pytest.mark.parametrize("name", ["LABEL_STUDIO_API_KEY", "LABEL_STUDIO_ACCESS_TOKEN"])
def test_the_token_has_the_names_of_label_studios_own_examples(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "abc")
    key = load_settings().label_studio_api_key
    assert key is not None
    assert key.get_secret_value() == "abc"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("ZEGCLIP_BATCH_SIZE", "")
    assert load_settings().redis_url is None
    assert load_settings().batch_size == 16


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("ZEGCLIP_PORT", "ninety", "port"),
        ("ZEGCLIP_PORT", "70000", "port"),
        ("ZEGCLIP_BATCH_SIZE", "0", "batch_size"),
        ("LABEL_STUDIO_URL", "localhost:8080", "label_studio_url"),
        ("ZEGCLIP_LOG_LEVEL", "LOUD", "log_level"),
        ("ZEGCLIP_ALLOW_ANONYMOUS", "perhaps", "allow_anonymous"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable_and_its_meaning(
    name: str, value: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    description = Settings.model_fields[field].description or ""
    assert f"{field} ({name})" in str(caught.value)
    assert description in str(caught.value)


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEGCLIP_PORT", "-1")
    monkeypatch.setenv("ZEGCLIP_THREADS", "-1")
    with pytest.raises(SettingsError, match=r"(?s)port.*threads"):
        load_settings()


def test_a_wrong_secret_is_not_repeated_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASIC_AUTH_PASS", "hunter2")
    monkeypatch.setenv("ZEGCLIP_PORT", "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("field", SECRETS)
def test_secrets_are_masked_in_the_description_and_in_the_object(field: str) -> None:
    settings = load_settings(**{field: "hunter2"})
    assert settings.describe()[field] == "set (hidden)"
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)


def test_the_description_names_every_setting() -> None:
    described = load_settings().describe()
    assert set(described) == set(Settings.model_fields)
    assert described["redis_url"] == "not set"
    assert described["allowed_private_hosts"] == "none"


def test_hosts_come_as_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEGCLIP_ALLOWED_PRIVATE_HOSTS", "minio, 10.0.0.7,")
    settings = load_settings()
    assert settings.allowed_private_hosts == ("minio", "10.0.0.7")
    assert settings.describe()["allowed_private_hosts"] == "minio, 10.0.0.7"


def test_the_data_folder_is_absolute_and_knows_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(data_dir="here").data_dir == tmp_path / "here"
    assert load_settings(data_dir="~/there").data_dir == tmp_path / "there"


@pytest.mark.parametrize(
    ("host", "public"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("192.168.1.4", True)],
)
def test_it_is_known_whether_other_machines_can_reach_an_address(host: str, public: bool) -> None:
    assert load_settings(host=host).listens_publicly is public


def test_settings_survive_the_way_through_another_processs_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(
        port=9191,
        data_dir=tmp_path,
        label_studio_api_key="abc",
        basic_auth_user="anna",
        basic_auth_pass="hunter2",
        allowed_private_hosts="minio,10.0.0.7",
        allow_anonymous=True,
        predict_deadline_seconds=12.5,
    )
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_has_a_description_and_a_variable(field: str) -> None:
    assert Settings.model_fields[field].description
    assert environment_name(field).isupper()


def test_the_environment_is_read_nowhere_else_in_the_product() -> None:
    reading = re.compile(r"os\.(environ\[|environ\.get|getenv)")
    files = [
        path for name in ("backend", "training", "zegclip_core") for path in (CHECKOUT / name).rglob("*.py")
    ]
    wrong = [str(path) for path in files if "demo" not in path.parts and reading.search(path.read_text())]
    assert not wrong


def test_a_training_schedule_is_a_cron_expression() -> None:
    assert load_settings(train_schedule="0 3 * * *").train_schedule == "0 3 * * *"
    with pytest.raises(SettingsError, match="ZEGCLIP_TRAIN_SCHEDULE"):
        load_settings(train_schedule="every night")

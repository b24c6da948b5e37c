"""All settings of the product in one place: flags beat the environment, the environment beats defaults."""

from pathlib import Path
from typing import Annotated, Any, Literal

from croniter import croniter
from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend.errors import SettingsError
from zegclip_core.engines.precision import EngineWish

PREFIX = "ZEGCLIP_"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """What an operator can choose; every field tells its unit and what it is good for."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    host: str = Field("127.0.0.1", description="address the web process listens on")
    port: int = Field(9090, ge=0, le=65535, description="port the web process listens on")
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("zegclip"),
        description="folder for models, caches, events and the embedded queue server",
    )
    storage_url: str | None = Field(
        None,
        description="what machines share: a mounted folder, s3://bucket/prefix, gs://…; unset: data_dir",
    )
    model: str = Field(
        "zegclip-mini", description="zegclip-mini, ARCH/PRETRAINED such as ViT-B-16/openai, or a path"
    )
    device: str = Field("auto", description="auto, cpu or cuda")
    threads: int = Field(0, ge=0, description="CPU threads of an inference worker; 0 lets torch choose")

    engine: EngineWish = Field(
        "auto", description="auto, torch or openvino; only what `zegclip engine check` allowed is used"
    )

    redis_url: str | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", f"{PREFIX}REDIS_URL"),
        description="queue server; an embedded one is started when this is not set",
    )

    label_studio_url: str = Field(
        "http://localhost:8080",
        validation_alias=AliasChoices("LABEL_STUDIO_URL", "LABEL_STUDIO_HOST"),
        description="address of Label Studio as this machine reaches it",
    )
    label_studio_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("LABEL_STUDIO_API_KEY", "LABEL_STUDIO_ACCESS_TOKEN"),
        description="personal access token (Label Studio: Account & Settings) or legacy token",
    )

    basic_auth_user: str | None = Field(
        None,
        validation_alias=AliasChoices("BASIC_AUTH_USER", f"{PREFIX}BASIC_AUTH_USER"),
        description="user that Label Studio must give; unset means no Basic authentication",
    )
    basic_auth_pass: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("BASIC_AUTH_PASS", f"{PREFIX}BASIC_AUTH_PASS"),
        description="password that belongs to basic_auth_user",
    )
    webhook_secret: SecretStr | None = Field(
        None, description="accepted on /webhook in place of Basic authentication, which webhooks do not carry"
    )
    allow_anonymous: bool = Field(False, description="listen on a public address without any authentication")

    predict_deadline_seconds: float = Field(
        90.0, gt=0, description="longest wait for predictions; Label Studio gives up after 100 s"
    )
    batch_size: int = Field(16, ge=1, le=256, description="tasks in one inference job")
    max_waiting_requests: int = Field(
        64, ge=1, description="predict requests held at once; more get 503 with Retry-After"
    )
    client_pause_seconds: float = Field(
        20.0, gt=0, description="longest pause of a caller within a request or a reply, in seconds"
    )
    max_body_bytes: int = Field(256 * 2**20, ge=2**16, description="largest request body in bytes")

    max_image_bytes: int = Field(100 * 2**20, ge=1, description="largest image file in bytes")
    max_pixels: int = Field(50_000_000, ge=1, description="largest image in pixels")
    image_cache_bytes: int = Field(2 * 2**30, ge=0, description="cap of the download cache in bytes")
    feature_memory_bytes: int = Field(
        256 * 2**20,
        ge=0,
        description="cap in bytes of the encoded images that a worker keeps in memory",
    )
    feature_cache_bytes: int = Field(
        2 * 2**30, ge=0, description="cap in bytes of the encoded images on disk; 0 keeps none there"
    )
    local_files_root: Path | None = Field(
        None, description="folder below which /data/local-files/ addresses are read directly"
    )
    allowed_private_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="hosts on private addresses from which images may be fetched, comma-separated"
    )

    train_after: int = Field(
        20, ge=0, description="new corrections after which a project is trained; 0 never trains by number"
    )
    train_schedule: str | None = Field(
        None, description="cron expression of periodic training, such as '0 3 * * *' (UTC); unset for none"
    )
    several_annotators: Literal["newest", "majority"] = Field(
        "newest", description="which annotation of several counts when none is ground truth"
    )
    seen_pixels: int = Field(
        2000, ge=1, description="corrected pixels from which a label is learned from corrections"
    )
    transduction_images: int = Field(
        100, ge=0, description="images without correction that help the labels without corrections"
    )
    training_iterations: int = Field(
        0, ge=0, description="optimiser steps of a project's training; 0 chooses by machine"
    )
    smallest_gain: float = Field(
        0.0, ge=0, description="points of hold-out mIoU that a new version must gain to serve"
    )
    repredict: bool = Field(
        True, description="whether a new version paints the tasks again that nobody has annotated"
    )
    keep_versions: int = Field(5, ge=1, description="model versions kept beside champion and previous")
    keep_prediction_versions: int = Field(
        0, ge=0, description="versions whose predictions stay in Label Studio; 0 keeps all"
    )
    scheduler_seconds: float = Field(
        5.0, gt=0, description="pause in seconds between two looks at what is due"
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @field_validator("allowed_private_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip() for host in value.split(",") if host.strip())
        return value

    @field_validator("label_studio_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("train_schedule")
    @classmethod
    def _cron_expression(cls, value: str | None) -> str | None:
        if value is not None and not croniter.is_valid(value):
            raise ValueError("must be a cron expression of five fields, such as '0 3 * * *'")
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = value.upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return level

    @property
    def listens_publicly(self) -> bool:
        """Whether other machines can reach the web process."""
        return self.host not in LOOPBACK_HOSTS

    @property
    def has_basic_auth(self) -> bool:
        """Whether callers must give a user and a password."""
        return bool(self.basic_auth_user and self.basic_auth_pass)

    def as_environment(self) -> dict[str, str]:
        """Return the variables that give another process these settings; secrets are in clear."""
        values = {environment_name(name): getattr(self, name) for name in type(self).model_fields}
        return {name: _plain(value) for name, value in values.items() if value is not None}

    def describe(self) -> dict[str, str]:
        """Return every effective value as text, secrets masked."""
        return {name: _shown(getattr(self, name)) for name in type(self).model_fields}


def load_settings(**flags: Any) -> Settings:
    """Combine flags (`None` means not given), environment and defaults.

    Raises `SettingsError` that names each wrong setting, its environment variable and the rule.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(problem) for problem in error.errors())) from None


def environment_name(field: str) -> str:
    """Return the environment variable that sets a field."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{PREFIX}{field.upper()}"


def _explain(problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "settings"
    field = next((f for f in Settings.model_fields if name in (f, environment_name(f))), None)
    if field is None:
        return f"{name}: {problem['msg']}"
    description = Settings.model_fields[field].description
    return f"{field} ({environment_name(field)}): {problem['msg']}; it means: {description}"


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "set (hidden)" if value.get_secret_value() else "empty"
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value)

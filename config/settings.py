"""Every setting of the server: name, type, default and meaning.

A value comes from the first of: an environment variable (`DCS_WEB__PORT=8080`, two underscores
between levels), `dcs.toml` (in the data directory, else in the working directory), the default.
A secret may also be given as a file: `DCS_VAULT__MASTER_KEY_FILE=/run/secrets/master_key`.
"""

from __future__ import annotations

import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

#: The person of a server of one's own.
OWNER = "owner"

_PROVIDER_DEFAULTS = Path(__file__).with_name("providers.toml")


def _data_directory() -> Path:
    return platformdirs.user_data_path("data-connector-server", appauthor=False)


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WebSettings(_Group):
    """The web tier."""

    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(5021, description="Port that the web server listens on.")
    public_url: str | None = Field(
        None,
        description="Root of the URLs that people and providers see; default: http://HOST:PORT.",
    )
    threads: int = Field(16, description="Threads that answer requests.")
    secret_key: SecretStr | None = Field(
        None, description="Signs session cookies; embedded mode makes one, production must set it."
    )
    secret_key_file: Path | None = Field(None, description="File that holds the secret key.")
    session_hours: int = Field(24 * 14, description="How long a sign-in lasts, in hours.")
    metrics_token: SecretStr | None = Field(
        None,
        description="Bearer token that `/metrics` asks for; none: this machine alone reads it.",
    )
    metrics_token_file: Path | None = Field(None, description="File that holds that token.")


class VaultSettings(_Group):
    """Where records live, and the key that wraps the vaults' keys."""

    master_key: SecretStr | None = Field(
        None, description="Master key, 64 hexadecimal digits; wraps the key of each vault."
    )
    master_key_file: Path | None = Field(
        None, description="File with the master key; default: keys/master in the data directory."
    )
    make_master_key: bool = Field(
        True, description="Make the key file when missing (mode 0600). Off in production."
    )
    busy_timeout: float = Field(30.0, description="Seconds to wait for a locked vault file.")
    text_limit: int = Field(
        10 * 1024 * 1024, description="Largest attachment or file whose text is read, in bytes."
    )


class WorkerSettings(_Group):
    """The engine and its Celery workers."""

    concurrency: int = Field(2, description="Processes that sync, in each worker.")
    first_slice_seconds: float = Field(
        3.0,
        description="Longest time of a run's first slice, in seconds; what takes longer goes on "
        "after those that have just begun.",
    )
    slice_seconds: float = Field(
        30.0, description="Longest time a job runs before it makes room for others, in seconds."
    )
    lease_seconds: float = Field(
        15.0, description="Life of a lease without a heartbeat, in seconds."
    )
    lock_seconds: float = Field(90.0, description="Longest time a token refresh may take.")
    max_deaths: int = Field(
        5, description="Deaths of a job's process in a row before the job is set aside."
    )
    max_handler_retries: int = Field(5, description="Failed runs in a row before state `error`.")
    retry_seconds: float = Field(
        5.0, description="Wait before the first retry of a failed run; doubles each time."
    )
    error_retry_seconds: float = Field(3600.0, description="Wait before a try in state `error`.")
    vault_retry_seconds: float = Field(
        60.0, description="Wait before a vault that cannot be used is tried again, in seconds."
    )
    inline_wait_seconds: float = Field(
        5.0,
        description="Quota waits up to this many seconds happen in the worker; longer ones free it.",
    )
    tick_seconds: float = Field(1.0, description="How often beat looks for due handlers.")
    tick_limit: int = Field(200, description="Most handlers enqueued in one tick.")
    queue_limit: int = Field(
        1000, description="Most jobs in the queues; what else is due waits in the schedule."
    )
    queued_seconds: float = Field(
        900.0, description="A queued job not begun by then is taken for lost and enqueued again."
    )


class SandboxSettings(_Group):
    """The sandbox of `dcs sandbox` and `dcs demo`."""

    host: str = Field("127.0.0.1", description="Address that the sandbox listens on.")
    port: int = Field(5022, description="Port that the sandbox listens on.")


class HttpSettings(_Group):
    """The transport that all calls to providers share."""

    connect_timeout: float = Field(10.0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(60.0, description="Seconds to wait for an answer's next bytes.")
    answer_seconds: float = Field(
        300.0, description="Longest time of one whole answer, in seconds; then it is cut off."
    )
    answer_megabytes: float = Field(
        256.0, description="Largest answer, unpacked, in megabytes; then it is cut off."
    )
    retries: int = Field(3, description="Tries again after a passing fault, within one call.")
    backoff: float = Field(0.5, description="Wait before the first try again, in seconds; doubles.")
    pool_size: int = Field(8, description="Connections kept open to each host.")


class Settings(BaseSettings):
    """All settings; frozen. Make one with `load()`."""

    model_config = SettingsConfigDict(
        env_prefix="DCS_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Field(default_factory=_data_directory, description="The data directory.")
    redis_url: SecretStr | None = Field(
        None, description="Redis to use, with its password; default: an embedded server."
    )
    log_level: str = Field("INFO", description="Least level that is logged.")
    log_format: Literal["text", "json"] = Field(
        "text", description="Form of a log line: `text`, or `json` with one object a line."
    )
    sentry_dsn: SecretStr | None = Field(None, description="Where errors are reported; none: off.")
    sentry_environment: str = Field("production", description="Environment named in reports.")
    web: WebSettings = WebSettings()
    vault: VaultSettings = VaultSettings()
    worker: WorkerSettings = WorkerSettings()
    http: HttpSettings = HttpSettings()
    sandbox: SandboxSettings = SandboxSettings()
    providers: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Each provider's configuration, such as `providers.NAME.client_id`.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before environment before `dcs.toml` before `config/providers.toml`."""
        file = TomlConfigSettingsSource(settings_cls, toml_file=_settings_files())
        return init_settings, env_settings, file, _ProviderDefaults(settings_cls)

    @cached_property
    def public_url(self) -> str:
        """Root of the server's URLs, without a slash at the end."""
        return (self.web.public_url or f"http://{self.web.host}:{self.web.port}").rstrip("/")


class _ProviderDefaults(TomlConfigSettingsSource):
    """`config/providers.toml`, below everything else."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls, toml_file=_PROVIDER_DEFAULTS)

    def __call__(self) -> dict[str, Any]:
        """The file's tables, as the value of `providers`."""
        return {"providers": tomllib.loads(_PROVIDER_DEFAULTS.read_text(encoding="utf-8"))}


def _settings_files() -> list[Path]:
    home = Path(os.environ.get("DCS_HOME") or _data_directory())
    return [Path("dcs.toml"), home / "dcs.toml"]


def load(**overrides: Any) -> Settings:
    """The settings in force.

    Args:
        overrides: Values that win over environment and files, by name.

    Raises:
        pydantic.ValidationError: A value is unknown or of the wrong type.
    """
    return Settings(**overrides)

"""`Provider`: a service that a person can connect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from connectors.sdk.addresses import is_loopback
from connectors.sdk.errors import ConfigurationError, ConnectorError
from connectors.sdk.oauth import OAuth2
from connectors.sdk.quota import Quota
from connectors.sdk.records import Account

if TYPE_CHECKING:
    from connectors.sdk.handler import Handler
    from connectors.sdk.http import Api, Transport
    from connectors.sdk.signin import SignIn


class ProviderConfig(BaseModel):
    """A provider's configuration; subclasses add fields, each with a default.

    Defaults come from `config/providers.toml`, a person's values from `dcs.toml` or the
    environment (`DCS_PROVIDERS__<ID>__CLIENT_ID`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = Field("", description="OAuth client id, from the provider's console.")
    client_secret: SecretStr = Field(SecretStr(""), description="OAuth client secret.")
    base_url: str | None = Field(
        None,
        description="Replaces scheme and host of every URL of the provider; paths stay.",
    )

    @field_validator("base_url")
    @classmethod
    def _encrypted(cls, value: str | None) -> str | None:
        """Tokens and the client's secret must not travel in the clear."""
        if value and urlsplit(value).scheme != "https" and not is_loopback(value):
            raise ValueError("must begin with https:// (plain http is for loopback alone)")
        return value


class Provider(ABC):
    """Knows how to authenticate at one service, and names its handlers.

    A subclass sets the class attributes; that one is missing shows when the class is made.

    Args:
        config: The provider's configuration, of its `config_class`.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    #: URL of the application, without `www`: each record's `sourceApplication`.
    url: ClassVar[str]
    #: How it does OAuth; None where a person signs in otherwise (`sign_in`).
    oauth: ClassVar[OAuth2 | None] = None
    config_class: ClassVar[type[ProviderConfig]] = ProviderConfig
    handlers: ClassVar[tuple[type[Handler], ...]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _require(cls, "id", "label", "url", "handlers")
        if cls.oauth is None and cls.sign_in is Provider.sign_in:
            raise TypeError(f"{cls.__name__} must set oauth, or say how to sign in (sign_in)")

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    @classmethod
    def configured(cls, values: Mapping[str, Any]) -> Provider:
        """The provider with its configuration.

        Raises:
            ConfigurationError: A value is unknown or of the wrong type; names it.
        """
        try:
            return cls(cls.config_class(**values))
        except ValidationError as error:
            fields = ", ".join(
                ".".join(map(str, e["loc"])) + ": " + e["msg"].removeprefix("Value error, ")
                for e in error.errors()
            )
            raise ConfigurationError(f"settings of provider {cls.id}: {fields}") from None

    def quota(self, service: str = "") -> Quota | None:  # noqa: ARG002 - for subclasses
        """What may be spent at one of the provider's services; None when it states no quota.

        Args:
            service: A handler's `service`: providers may count each of their APIs by itself.
        """
        return None

    def handler(self, handler_id: str) -> type[Handler]:
        """The handler's class.

        Raises:
            ConfigurationError: This provider has no such handler; names those it has.
        """
        for handler in self.handlers:
            if handler.id == handler_id:
                return handler
        known = ", ".join(h.id for h in self.handlers)
        raise ConfigurationError(f"{self.id} has no handler {handler_id}; it has: {known}")

    def scopes(self) -> tuple[str, ...]:
        """All scopes to ask for: the provider's own and its handlers', sorted."""
        wanted = {scope for handler in self.handlers for scope in handler.scopes}
        own = self.oauth.scopes if self.oauth else ()
        return (*own, *sorted(wanted - set(own)))

    def sign_in(self, transport: Transport) -> SignIn:  # noqa: ARG002 - for subclasses
        """Begin a sign-in without OAuth; see `connectors.sdk.signin`.

        Args:
            transport: Shared by all calls.

        Raises:
            ConfigurationError: Something is missing on this server; says what.
        """
        raise ConfigurationError(f"{self.label} connects accounts by OAuth")

    def sign(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - for subclasses
        """Query parameters that each call carries besides its access token; never the token.

        Args:
            token: The access token that goes along.
        """
        return {}

    def headers(self) -> Mapping[str, str]:
        """Headers that each call carries, those to the token endpoint too; nothing secret."""
        return {}

    def wait_after(self, headers: Mapping[str, str]) -> float:  # noqa: ARG002 - for subclasses
        """Seconds for which the account's next call is held back after a success; 0 for none.

        For providers that tell with each answer how many calls are left. Never raises.

        Args:
            headers: The answer's headers; look-ups ignore case.
        """
        return 0.0

    @abstractmethod
    def account(self, api: Api) -> Account:
        """Ask the provider whose account this is."""

    @abstractmethod
    def classify(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ConnectorError | None:
        """The error that an answer stands for; None when it is a success. Never raises.

        Args:
            status: HTTP status.
            headers: The answer's headers; look-ups ignore case.
            body: The answer's body.
        """


def _require(cls: type, *names: str) -> None:
    missing = [name for name in names if not hasattr(cls, name)]
    if missing:
        raise TypeError(f"{cls.__name__} must set {', '.join(missing)}")

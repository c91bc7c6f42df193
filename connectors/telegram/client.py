"""One TDLib client, from its parameters to its end: asks, and listens to what comes besides.

Answers and updates come in one stream, in any order
(https://core.telegram.org/tdlib/getting-started#handling-updates). TDLib itself waits through short
flood waits without a word, for a minute at most, so that an answer may take as long as that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

from connectors.sdk.errors import (
    ConnectorError,
    InUseError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.http import Api, Classify, Transport
from connectors.telegram import calls, errors
from connectors.telegram.calls import Json
from connectors.telegram.config import TelegramConfig
from connectors.telegram.errors import SIGNED_OUT
from connectors.telegram.session import Session
from connectors.telegram.td import LibraryTd, RemoteTd, Td

_log = logging.getLogger(__name__)

#: Seconds for an answer, and for a client to close.
PATIENCE = 75.0
_LAST_SECONDS = 10.0
#: Seconds after which a wait for an answer looks whether the session is still ours.
_LOOK = 1.0
#: Refusals in a row, each with a short wait, that one request bears.
_REFUSALS = 3
_BEGUN = "authorizationStateWaitTdlibParameters"
_READY = "authorizationStateReady"
_CLOSED = "authorizationStateClosed"
_ENDS = frozenset({_CLOSED, "authorizationStateClosing", "authorizationStateLoggingOut"})


class Client:
    """A client.

    Args:
        td: TDLib.
        api: Counts the requests and keeps to what the provider asked for; None in a sign-in.
        patience: Seconds for an answer.
        check: Raises where the session is no longer ours alone; asked again and again.
    """

    def __init__(
        self,
        td: Td,
        api: Api | None = None,
        patience: float = PATIENCE,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        #: TDLib's authorization state.
        self.state: Json = {"@type": _BEGUN}
        #: Whether `close` was in vain, and it goes on by itself.
        self.lives_on = False
        #: Told of every update but that of the state.
        self.listeners: list[Callable[[Json], None]] = []
        self._td = td
        self._api = api
        self._patience = patience
        self._check = check
        self._id = td.create()
        self._asked = 0
        self._closing = False

    @property
    def standing(self) -> str:
        """The state's name, without `authorizationState`."""
        return str(self.state["@type"]).removeprefix("authorizationState")

    def ask(self, request: Json, expected: str = "ok") -> Json:
        """Send a request and wait for its answer.

        Args:
            request: One of `calls`.
            expected: The class of the answer.

        Raises:
            TokenExpiredError: The session has ended.
            InUseError: The session is no longer ours alone: close this client.
            ConnectorError: As `errors.of` says of the refusal.
        """
        tries = 0
        while True:
            if self._api is not None:
                self._api.spend(0)
            self._check()
            try:
                return self._once(request, expected, errors.of)
            except InUseError:
                # Telegram has not refused anything.
                raise
            except RateLimitedError as refusal:
                if self._api is None:
                    raise
                self._api.stats.refused += 1
                tries += 1
                if tries > _REFUSALS:
                    raise
                self._api.hold(refusal, tries)

    def try_step(self, request: Json, hint: str = "") -> None:
        """Send a request of a sign-in; what is refused is said in words for the person.

        Args:
            request: One of `calls`.
            hint: The hint for a two-step password.

        Raises:
            ConnectorError: As `errors.of_sign_in` says of the refusal.
        """
        self._once(request, "ok", lambda code, said: errors.of_sign_in(code, said, hint))

    def listen(self, seconds: float) -> None:
        """Take what has come; wait so many seconds at most where nothing has.

        Raises:
            TransientError: TDLib cannot be reached now.
        """
        while (found := self._td.receive(self._id, seconds)) is not None:
            self._take(found)
            seconds = 0.0

    def await_state(self, *states: str) -> None:
        """Wait until the state is another than these.

        Raises:
            TransientError: It stays.
        """
        until = time.monotonic() + self._patience
        while self.standing in states:
            if (left := until - time.monotonic()) <= 0:
                raise TransientError("Telegram cannot be reached now")
            self._check()
            self.listen(min(left, _LOOK))

    def hang_up(self) -> None:
        """Begin to close, from any thread; what is asked for from now on is refused."""
        if self._asked and not self._closing:
            self._closing = True
            with suppress(ConnectorError):
                self._td.send(self._id, calls.close())

    def close(self) -> bool:
        """End the client; whether it has come to its end. Never raises, and may be called again."""
        if not self._asked:
            self._td.forget(self._id)
            return False
        with suppress(ConnectorError):
            if self.state["@type"] != _CLOSED:
                self.hang_up()
            until = time.monotonic() + _LAST_SECONDS
            while self.state["@type"] != _CLOSED and (left := until - time.monotonic()) > 0:
                self.listen(left)
        has_closed = bool(self.state["@type"] == _CLOSED)
        if has_closed:
            self._td.forget(self._id)
        else:
            self.lives_on = self._td.leave(self._id)
        return has_closed

    def _once(
        self, request: Json, expected: str, error_of: Callable[[int, str], ConnectorError]
    ) -> Json:
        error: ConnectorError | None = None
        started = time.perf_counter()
        try:
            answer = self._answer(request)
            if answer.get("@type") == "error":
                raise self._refusal(answer, error_of)
            if answer.get("@type") != expected:
                raise TransientError("Telegram's answer is none to what was asked")
            return answer
        except ConnectorError as found:
            error = found
            raise
        finally:
            if self._api is not None:
                self._api.stats.requests += 1
                self._api.stats.network_seconds += time.perf_counter() - started
                self._api.stats.ended(error)

    def _answer(self, request: Json) -> Json:
        self._asked += 1
        extra = str(self._asked)
        self._td.send(self._id, {**request, "@extra": extra})
        until = time.monotonic() + self._patience
        while (left := until - time.monotonic()) > 0:
            self._check()
            found = self._td.receive(self._id, min(left, _LOOK))
            if found is not None and found.get("@extra") == extra:
                # Ours, and no part of what was answered.
                del found["@extra"]
                return found
            if found is not None:
                self._take(found)
        # There is no taking a request back: whoever gets this closes the client.
        raise TransientError(f"Telegram did not answer within {self._patience:g} s")

    def _take(self, found: Json) -> None:
        if found.get("@type") == "updateAuthorizationState":
            self.state = found["authorization_state"]
        elif "@extra" not in found:
            for hear in self.listeners:
                hear(found)

    def _refusal(
        self, answer: Json, error_of: Callable[[int, str], ConnectorError]
    ) -> ConnectorError:
        # What ends the session is told besides the answer, before or after it.
        self.listen(0.0)
        if self.state["@type"] in _ENDS and not self._closing:
            return TokenExpiredError(SIGNED_OUT)
        return error_of(int(answer.get("code", 0)), str(answer.get("message", "")))


def library(config: TelegramConfig, transport: Transport, classify: Classify) -> Td:
    """TDLib as this server is to use it.

    Args:
        config: The provider's.
        transport: Shared by all calls.
        classify: The provider's table for answers over HTTP.

    Raises:
        ConfigurationError: It is not installed.
    """
    if config.base_url:
        return RemoteTd(transport, config.base_url, classify)
    return LibraryTd()


def open_session(client: Client, config: TelegramConfig, session: Session, directory: str) -> None:
    """Give a client its parameters; its state then says who is signed in.

    Raises:
        ConfigurationError: The application's number or secret is missing or wrong.
        ConnectorError: As `Client.ask`.
    """
    parameters = calls.set_parameters(
        directory,
        session.key,
        config.api_id,
        config.client_secret.get_secret_value(),
        _our_version(),
        test_dc=config.test_dc,
    )
    client.ask(parameters)
    client.await_state("WaitTdlibParameters")


@contextmanager
def signed_in(
    config: TelegramConfig, api: Api, classify: Classify, patience: float = PATIENCE
) -> Iterator[Client]:
    """A client with the connection's session, which is kept as the client has left it.

    The session is ours alone until that is done. What goes wrong inside is raised before what goes
    wrong at the end.

    Args:
        config: The provider's.
        api: Holds the session, and what the provider asked for.
        classify: The provider's table for answers over HTTP.
        patience: Seconds for an answer.

    Raises:
        TokenExpiredError: The session has ended.
        InUseError: Somebody else has the session open, or may have it open by now.
        ConnectorError: As `open_session`.
    """
    with ExitStack() as stack:
        right = stack.enter_context(api.exclusive())
        token = api.token()
        session = Session.unpacked(token)
        directory = stack.enter_context(session.directory())
        client = Client(library(config, api.transport, classify), api, patience, right.check)
        right.watch(client.hang_up)

        def leave() -> None:
            is_open = client.standing == "Ready"
            if client.close() and is_open:
                left = session.read(directory)
                if left.files and (packed := left.packed()) != token:
                    api.keep_token(token, packed)
            elif client.lives_on:
                right.lapse()

        try:
            _enter(client, config, session, str(directory))
            yield client
        except BaseException:
            try:
                leave()
            except Exception as error:
                _log.warning("a session's newer state was not kept (%s)", type(error).__name__)
            raise
        leave()


def _enter(client: Client, config: TelegramConfig, session: Session, directory: str) -> None:
    open_session(client, config, session, directory)
    if client.state["@type"] != _READY:
        # A file that TDLib cannot read is no error to it.
        raise TokenExpiredError(SIGNED_OUT)
    for name, value in calls.OPTIONS:
        client.ask(calls.set_option(name, value))


def _our_version() -> str:
    try:
        return version("data-connector-server")
    except PackageNotFoundError:
        return "0"

"""One TDLib client, from its first request to `authorizationStateClosed`.

The order in which updates and answers come, and the texts of refusals, are those measured of tdjson
1.8.69 without a network.

https://core.telegram.org/tdlib/getting-started#user-authorization
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.telegram.network import Network
from sandbox.telegram.parse import SYNCHRONOUS, TdError, extra_of, read
from sandbox.telegram.reading import Reading
from sandbox.telegram.signin import SignIn

Json = dict[str, Any]

VERSION, COMMIT = "1.8.69", "0e88653dcbf4e44c73cb655a05b58cd749a91169"
_OK = {"@type": "ok"}
#: Answered once there are parameters.
_HELD = frozenset({"setNetworkType", "setOption"})
_OFF = ("use_file_database", "use_chat_info_database", "use_message_database", "use_secret_chats")
#: What a client answers that is closed.
ABORTED = TdError(500, "Request aborted")


class _HeldError(Exception):
    """There is no answer yet."""


class Client:
    """A client.

    Args:
        network: Telegram's servers.
        number: Of the client, from 1.
    """

    def __init__(self, network: Network, number: int) -> None:
        self.network = network
        #: The authorization state, without `authorizationState`.
        self.state = ""
        #: The key of its files.
        self.key = b""
        self.sign_in = SignIn(self)
        self._number = number
        self._state_json: Json = {}
        self._session: str | None = None
        self._account: int | None = None
        self._reading: Reading | None = None
        self._out: deque[Json] = deque()
        self._after: list[Json] = []
        self._held: list[Json] = []
        self._is_replaced = self._is_unsaved = False
        self._last_word: TdError | None = None
        #: Answered in every state but the last.
        self._always: dict[str, Callable[[Json], Json]] = {
            "close": self._close,
            "getAuthorizationState": lambda _: self._state_json,
            "getOption": self._option,
            **dict.fromkeys(SYNCHRONOUS, lambda _: _OK),
        }
        self._options: Json = {"version": _text(VERSION), "commit_hash": _text(COMMIT)}
        for name in ("version", "commit_hash"):
            self._push_option(name)
        self.turn("WaitTdlibParameters")

    # Called from outside, under the network's lock

    def call(self, request: Any, binlog: str | None) -> tuple[str, TdError | None]:
        """Take a request; what answers it is among the next `objects`.

        Args:
            request: The JSON.
            binlog: What its file holds, in base64.

        Returns:
            The request's class, and why it was refused.
        """
        if not (isinstance(request, dict) and request.get("@type") == "close"):
            # To close it calls nobody.
            self._check_alone()
        self.sign_in.tick()
        extra = extra_of(request)
        name, refused, answer = "malformed", None, {}
        try:
            name, fields = read(request)
            answer = self._answer(name, fields, binlog)
        except TdError as error:
            refused, answer = error, error.to_json()
        except _HeldError:
            self._held.append(extra)
            return name, None
        self._out.append({**answer, **extra})
        self._out.extend(self._after)
        self._after.clear()
        return name, refused

    @property
    def is_over(self) -> bool:
        """Whether nothing comes of it any more."""
        return self.state == "Closed" and not self._out and self._last_word is None

    def objects(self) -> list[Json]:
        """All that has come since the last look."""
        self.sign_in.tick()
        found = list(self._out)
        self._out.clear()
        return found

    def wake(self) -> bool:
        """Look at what is going on; whether there is anything to come."""
        self._check_alone()
        self.sign_in.tick()
        return bool(self._out)

    def binlog(self) -> str | None:
        """The content of its file, in base64, where it has changed since the last look."""
        if not self._is_unsaved or self._session is None:
            return None
        self._is_unsaved = False
        # TDLib's own changes each time, too.
        held = self.network.written(self._session, self.key)
        return base64.b64encode(held.encode()).decode()

    # Called by what it is made of

    def turn(self, state: str, **fields: Any) -> None:
        """Go into an authorization state."""
        self._out.append(self._state_update(state, **fields))

    def enter(self, account: int, session: str, *, is_new: bool) -> None:
        """Be signed in."""
        self._open(account, session)
        self._is_unsaved = is_new
        me = self.network.accounts[account].store.me.id
        self._options["my_id"] = {"@type": "optionValueInteger", "value": str(me)}
        self._push_option("my_id")
        self.turn("Ready")
        state = {"@type": "connectionStateReady"}
        self._out.append({"@type": "updateConnectionState", "state": state})

    def replace(self) -> None:
        """Another client has opened the session."""
        self._is_replaced = True
        self._unwatch()

    def lose_duplicated(self) -> None:
        """The session was found to be open twice."""
        lost = TdError(406, "AUTH_KEY_DUPLICATED")
        said = {"@type": "formattedText", "text": "Please sign in again.", "entities": []}
        self._out.append(
            {
                "@type": "updateServiceNotification",
                "type": "AUTH_KEY_DROP_DUPLICATE",
                "content": {"@type": "messageText", "text": said},
            }
        )
        self._lose(lost)

    # What it does

    def _check_alone(self) -> None:
        if self._is_replaced and self._session is not None and self.state != "Closed":
            self.network.is_double(self._session)
            self.lose_duplicated()

    def _answer(self, name: str, fields: Json, binlog: str | None) -> Json:
        if self.state == "Closed":
            word, self._last_word = self._last_word or ABORTED, None
            raise word
        if name in self._always:
            return self._always[name](fields)
        if self.state == "WaitTdlibParameters":
            return self._begin(name, fields, binlog)
        if name == "setTdlibParameters":
            raise TdError(400, "Unexpected setTdlibParameters")
        if name in _HELD:
            return self._set(name, fields)
        if name in self.sign_in.requests:
            return self.sign_in.answer(name, fields)
        return self._log_out() if name == "logOut" else self._read(name, fields)

    def _begin(self, name: str, fields: Json, binlog: str | None) -> Json:
        if name in _HELD:
            self._set(name, fields)
            raise _HeldError
        if name != "setTdlibParameters":
            raise TdError(
                400, "Initialization parameters are needed: call setTdlibParameters first"
            )
        _check_parameters(fields)
        self.key = fields["database_encryption_key"]
        session = _file_text(binlog)
        account = self.network.account_of(session)
        # What was never a session is no error to TDLib: whoever has it is simply not signed in.
        if account is None and not self.network.was_given(session):
            self.turn("WaitPhoneNumber")
        elif account is None:
            # That it has ended only the servers know: see `_read`.
            self._session = session
            self.turn("Ready")
        elif not self.network.fits(session, self.key):
            raise TdError(401, "Wrong database encryption key")
        else:
            self.enter(account, session, is_new=False)
        self._after.extend({**_OK, **extra} for extra in self._held)
        self._held.clear()
        return _OK

    def _set(self, name: str, fields: Json) -> Json:
        if name == "setOption" and fields["value"] is not None:
            self._options[fields["name"]] = _as_sent(fields["value"])
        return _OK

    def _read(self, name: str, fields: Json) -> Json:
        if self.state != "Ready":
            raise TdError(401, "Unauthorized")
        if self._session is None or self.network.account_of(self._session) is None:
            self._lose(None)
            raise TdError(401, "Unauthorized")
        assert self._reading is not None  # noqa: S101 - opened with the session
        return self._reading.answer(name, fields)

    def _open(self, account: int, session: str) -> None:
        self._account, self._session = account, session
        self.network.opened(session, self)
        known = self.network.accounts[account]
        self._reading = Reading(known, self._number, self._out.append)
        known.store.watchers.add(self._reading)

    def _option(self, fields: Json) -> Json:
        return dict(self._options.get(fields["name"], {"@type": "optionValueEmpty"}))

    def _close(self, _: Json) -> Json:
        self._after.extend({**ABORTED.to_json(), **extra} for extra in self._held)
        self._is_unsaved = self._session is not None
        self._after.extend(self._end("Closing"))
        return _OK

    def _log_out(self) -> Json:
        if self._session is not None:
            self.network.end(self._session)
        first, last = self._end("LoggingOut")
        # The answer comes between them.
        self._out.append(first)
        self._after.append(last)
        self._session = None
        return _OK

    def _lose(self, last_word: TdError | None) -> None:
        """The servers have ended the session: all that is kept of it is deleted."""
        self._out.extend(self._end("LoggingOut"))
        self._session, self._last_word = None, last_word

    def _end(self, through: str) -> list[Json]:
        """Come to the end; the updates that tell of it.

        Args:
            through: The state before the last.
        """
        self._unwatch()
        self.network.unlink(self)
        if self._session is not None:
            self.network.closed(self._session, self)
        return [self._state_update(state) for state in (through, "Closed")]

    def _unwatch(self) -> None:
        if self._account is not None and self._reading is not None:
            self.network.accounts[self._account].store.watchers.discard(self._reading)
            self._reading = None

    def _state_update(self, state: str, **fields: Any) -> Json:
        self.state = state
        self._state_json = {"@type": f"authorizationState{state}", **fields}
        return {"@type": "updateAuthorizationState", "authorization_state": self._state_json}

    def _push_option(self, name: str) -> None:
        self._out.append({"@type": "updateOption", "name": name, "value": self._options[name]})


def _check_parameters(fields: Json) -> None:
    """Raise what TDLib answers to parameters that will not do."""
    if fields["api_id"] <= 0:
        raise _needed("api_id")
    if not fields["api_hash"]:
        raise _needed("api_hash")
    for name, shown in (
        ("device_model", "Device model"),
        ("system_language_code", "System language code"),
        ("application_version", "Application version"),
    ):
        if not fields[name]:
            raise TdError(400, f"{shown} must be non-empty")
    for name in _OFF:
        if fields[name]:
            raise TdError(400, f"The sandbox does not play {name}")


def _needed(name: str) -> TdError:
    where = "Can be obtained at https://my.telegram.org"
    return TdError(400, f"Valid {name} must be provided. {where}")


def _file_text(binlog: str | None) -> str:
    """The session that a file holds; what is no text holds none."""
    try:
        text = base64.b64decode(binlog or "", validate=True).decode("ascii")
    except ValueError:
        return ""
    return text.partition(" ")[0]


def _text(value: str) -> Json:
    return {"@type": "optionValueString", "value": value}


def _as_sent(value: Json) -> Json:
    """An option's value as TDLib sends it: 64-bit integers are strings."""
    is_integer = value["@type"] == "optionValueInteger"
    return {**value, "value": str(value["value"])} if is_integer else value

"""Reading a request as TDLib reads one: what is malformed, and what is quietly let pass.

Played are the requests named here; any other is refused. Unknown fields are ignored; missing ones
and nulls are 0, false or empty. All errors are those of tdjson 1.8.69, measured.

https://github.com/tdlib/td#using-json
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_PREFIX = "Failed to parse JSON object as TDLib request: "
_INTEGER = re.compile(r"-?\d+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


class TdError(Exception):
    """A request is answered with an error.

    Args:
        code: TDLib's code.
        message: TDLib's text.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def to_json(self) -> Json:
        """The `error` object."""
        return {"@type": "error", "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A field that holds an object of one of several classes, each with its fields."""

    classes: Mapping[str, Fields]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A field that holds a list."""

    item: Field


#: `int32`, `int53`, `bool`, `string` or `bytes`; an object of one class by its fields.
Field = str | AnyOf | ListOf | Mapping[str, Any]
Fields = Mapping[str, Field]

_CHAT_LIST = AnyOf(
    {"chatListMain": {}, "chatListArchive": {}, "chatListFolder": {"chat_folder_id": "int32"}}
)
_LISTED: Fields = {"chat_list": _CHAT_LIST, "limit": "int32"}
_IN_CHAT: Fields = {"chat_id": "int53", "message_id": "int53"}
_OPTION_VALUE = AnyOf(
    {
        "optionValueBoolean": {"value": "bool"},
        "optionValueEmpty": {},
        "optionValueInteger": {"value": "int53"},
        "optionValueString": {"value": "string"},
    }
)
_NETWORK = AnyOf(
    {f"networkType{kind}": {} for kind in ("None", "Mobile", "MobileRoaming", "WiFi", "Other")}
)
_PHONE_SETTINGS: Fields = {
    "allow_flash_call": "bool",
    "allow_missed_call": "bool",
    "is_current_phone_number": "bool",
    "has_unknown_phone_number": "bool",
    "allow_sms_retriever_api": "bool",
    "authentication_tokens": ListOf("string"),
}
_REASON = AnyOf(
    {
        "resendCodeReasonUserRequest": {},
        "resendCodeReasonVerificationFailed": {"error_message": "string"},
    }
)
_LOG_STREAM = AnyOf(
    {
        "logStreamDefault": {},
        "logStreamEmpty": {},
        "logStreamFile": {
            "path": "string",
            "max_file_size": "int53",
            "redirect_stderr": "bool",
        },
    }
)

REQUESTS: Mapping[str, Fields] = {
    "checkAuthenticationCode": {"code": "string"},
    "checkAuthenticationPassword": {"password": "string"},
    "close": {},
    "getAuthorizationState": {},
    "createBasicGroupChat": {"basic_group_id": "int53", "force": "bool"},
    "getBasicGroup": {"basic_group_id": "int53"},
    "getChat": {"chat_id": "int53"},
    "getChatHistory": {
        "chat_id": "int53",
        "from_message_id": "int53",
        "offset": "int32",
        "limit": "int32",
        "only_local": "bool",
    },
    "getChats": _LISTED,
    "getMe": {},
    "getMessage": _IN_CHAT,
    "getMessages": {"chat_id": "int53", "message_ids": ListOf("int53")},
    "getOption": {"name": "string"},
    "getSupergroup": {"supergroup_id": "int53"},
    "getUser": {"user_id": "int53"},
    "loadChats": _LISTED,
    "logOut": {},
    "requestQrCodeAuthentication": {"other_user_ids": ListOf("int53")},
    "resendAuthenticationCode": {"reason": _REASON},
    "setAuthenticationPhoneNumber": {"phone_number": "string", "settings": _PHONE_SETTINGS},
    "setLogStream": {"log_stream": _LOG_STREAM},
    "setLogVerbosityLevel": {"new_verbosity_level": "int32"},
    "setNetworkType": {"type": _NETWORK},
    "setOption": {"name": "string", "value": _OPTION_VALUE},
    "setTdlibParameters": {
        "use_test_dc": "bool",
        "database_directory": "string",
        "files_directory": "string",
        "database_encryption_key": "bytes",
        "use_file_database": "bool",
        "use_chat_info_database": "bool",
        "use_message_database": "bool",
        "use_secret_chats": "bool",
        "api_id": "int32",
        "api_hash": "string",
        "system_language_code": "string",
        "device_model": "string",
        "system_version": "string",
        "application_version": "string",
    },
}
#: Requests of TDLib that a connector is likely to try and that are not played.
NOT_PLAYED = frozenset(
    {
        "checkAuthenticationEmailCode", "closeChat", "createPrivateChat",
        "createSupergroupChat", "destroy", "downloadFile", "getActiveSessions",
        "getApplicationConfig", "getBasicGroupFullInfo", "getChatMessageByDate",
        "getChatMessageCount", "getContacts", "getCurrentState", "getDatabaseStatistics",
        "getMessageLink", "getMessageLocally", "getStorageStatistics", "getSupergroupFullInfo",
        "openChat", "openMessageContent", "recoverAuthenticationPassword", "registerUser",
        "searchChatMessages", "searchMessages", "sendMessage", "setAuthenticationEmailAddress",
        "setDatabaseEncryptionKey", "viewMessages",
    }
)  # fmt: skip
#: Those that `execute` answers.
SYNCHRONOUS = frozenset({"setLogStream", "setLogVerbosityLevel"})


def read(request: Any) -> tuple[str, Json]:
    """The request's class, and its fields with everything in its place.

    Raises:
        TdError: It is malformed, or not played.
    """
    if not isinstance(request, dict):
        raise TdError(400, "Expected a JSON object")
    name = _class(request)
    if name in NOT_PLAYED:
        raise TdError(400, f"The sandbox does not play {name}")
    if name not in REQUESTS:
        raise _malformed(f'Unknown class "{name}"')
    return name, _fields(request, REQUESTS[name])


def extra_of(request: Any) -> Json:
    """What the answer carries of its request: `@extra`, where it has one."""
    has_extra = isinstance(request, dict) and "@extra" in request
    return {"@extra": request["@extra"]} if has_extra else {}


def _fields(value: Json, fields: Fields) -> Json:
    return {name: _field(value.get(name), kind) for name, kind in fields.items()}


def _field(value: Any, kind: Field) -> Any:
    if isinstance(kind, AnyOf):
        return _object_of(value, kind)
    if isinstance(kind, ListOf):
        if value is None:
            return []
        if not isinstance(value, list):
            raise _malformed(f"Expected Array, but receive {_name(value)}")
        return [_field(item, kind.item) for item in value]
    if not isinstance(kind, str):
        if value is None:
            return None
        _expect_object(value)
        return _fields(value, kind)
    match kind:
        case "bool":
            return _boolean(value)
        case "string":
            return _string(value)
        case "bytes":
            return _bytes(_string(value))
    return _integer(value, kind)


def _object_of(value: Any, kind: AnyOf) -> Json | None:
    if value is None:
        return None
    _expect_object(value)
    name = _class(value)
    if name not in kind.classes:
        raise _malformed(f'Unknown class "{name}"')
    return {"@type": name, **_fields(value, kind.classes[name])}


def _class(value: Json) -> str:
    if "@type" not in value:
        raise _malformed('Can\'t find field "@type"')
    match value["@type"]:
        case str() as name:
            return name
        case int() as number if not isinstance(number, bool):
            raise _malformed(f"Unknown constructor 0x{number & 0xFFFFFFFF:08x}")
    raise _malformed(f"Expected String or Integer, but receive {_name(value['@type'])}")


def _expect_object(value: Any) -> None:
    if not isinstance(value, dict):
        raise _malformed(f"Expected Object, but receive {_name(value)}")


def _boolean(value: Any) -> bool:
    if isinstance(value, str | list | dict):
        raise _malformed(f"Expected Boolean, but receive {_name(value)}")
    return bool(value)


def _string(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise _malformed(f"Expected String, but receive {_name(value)}")
    return value or ""


def _bytes(value: str) -> bytes:
    if len(value) % 4:
        raise _malformed("Wrong padding length")
    if not _BASE64.fullmatch(value):
        raise _malformed("Wrong character in the string")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise _malformed("Wrong padding length") from None


def _integer(value: Any, kind: str) -> int:
    if value is None:
        return 0
    if isinstance(value, bool | list | dict):
        wanted = "Number" if kind == "int32" else "String or Number"
        raise _malformed(f"Expected {wanted}, but receive {_name(value)}")
    text, bits = str(value), 31 if kind == "int32" else 63
    if not _INTEGER.fullmatch(text) or not -(2**bits) <= int(text) < 2**bits:
        raise _malformed(f'Can\'t parse as an integer string "{text}"')
    return int(text)


def _name(value: Any) -> str:
    """What TDLib calls a kind of JSON value."""
    match value:
        case None:
            return "Null"
        case bool():
            return "Boolean"
        case str():
            return "String"
        case list():
            return "Array"
        case dict():
            return "Object"
    return "Number"


def _malformed(text: str) -> TdError:
    return TdError(400, _PREFIX + text)

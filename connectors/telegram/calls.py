"""Every request that is sent to TDLib, one function each; no other module makes one.

TDLib ignores a field whose name it does not know and takes 0 for one that is missing, so a slip
would go unseen; a test proves each name with the library itself.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1_function.html
"""

from __future__ import annotations

import base64
from typing import Any, Literal

Json = dict[str, Any]
ChatList = Literal["Main", "Archive"]

CHAT_LISTS: tuple[ChatList, ...] = ("Main", "Archive")


#: What is asked of a client that is signed in: the person is not shown as online, and what was
#: missed is not replayed (it is read again; https://github.com/tdlib/td/issues/2148).
OPTIONS = (("online", False), ("ignore_background_updates", True))


def set_log_stream_empty() -> Json:
    """Write no log: its lines hold phone numbers and messages."""
    return {"@type": "setLogStream", "log_stream": {"@type": "logStreamEmpty"}}


def set_log_verbosity(level: int) -> Json:
    """Make the log as short as it gets; level 0 is for what ends the process."""
    return {"@type": "setLogVerbosityLevel", "new_verbosity_level": level}


def set_parameters(
    directory: str, key: bytes, api_id: int, api_hash: str, version: str, *, test_dc: bool
) -> Json:
    """Open a session.

    All databases are off, so that `td.binlog` is the only file. Secret chats are off, too: a client
    that has them on accepts those that are begun with the person, before the phone can.

    Args:
        directory: Where `td.binlog` is.
        key: What it is encrypted with.
        api_id: The application's number.
        api_hash: Its secret.
        version: Our own; the person reads it under "Devices".
        test_dc: Whether to use Telegram's test servers.
    """
    return {
        "@type": "setTdlibParameters",
        "use_test_dc": test_dc,
        "database_directory": directory,
        "files_directory": directory,
        "database_encryption_key": base64.b64encode(key).decode(),
        "use_file_database": False,
        "use_chat_info_database": False,
        "use_message_database": False,
        "use_secret_chats": False,
        "api_id": api_id,
        "api_hash": api_hash,
        "system_language_code": "en",
        "device_model": "Data Connector Server",
        "system_version": "",
        "application_version": version,
    }


def set_option(name: str, value: bool) -> Json:
    """Set an option that is on or off."""
    shown = {"@type": "optionValueBoolean", "value": value}
    return {"@type": "setOption", "name": name, "value": shown}


def close() -> Json:
    """End the client; the session stays."""
    return {"@type": "close"}


def log_out() -> Json:
    """End the session."""
    return {"@type": "logOut"}


def request_qr_code() -> Json:
    """Begin to sign in by a code that another device scans."""
    return {"@type": "requestQrCodeAuthentication", "other_user_ids": []}


def set_phone_number(number: str) -> Json:
    """Begin to sign in by phone number, or begin again with another one."""
    settings = {
        "@type": "phoneNumberAuthenticationSettings",
        "allow_flash_call": False,
        "allow_missed_call": False,
        "is_current_phone_number": False,
    }
    return {"@type": "setAuthenticationPhoneNumber", "phone_number": number, "settings": settings}


def check_code(code: str) -> Json:
    """Give the code that was sent."""
    return {"@type": "checkAuthenticationCode", "code": code}


def resend_code() -> Json:
    """Have the code sent again, another way."""
    reason = {"@type": "resendCodeReasonUserRequest"}
    return {"@type": "resendAuthenticationCode", "reason": reason}


def check_password(password: str) -> Json:
    """Give the two-step password."""
    return {"@type": "checkAuthenticationPassword", "password": password}


def get_me() -> Json:
    """Whose account it is."""
    return {"@type": "getMe"}


def load_chats(chat_list: ChatList, limit: int) -> Json:
    """Load more of a list; 404 when all of it is loaded."""
    shown = {"@type": f"chatList{chat_list}"}
    return {"@type": "loadChats", "chat_list": shown, "limit": limit}


def get_chats(chat_list: ChatList, limit: int) -> Json:
    """Ids of a list's chats."""
    shown = {"@type": f"chatList{chat_list}"}
    return {"@type": "getChats", "chat_list": shown, "limit": limit}


def get_chat(chat_id: int) -> Json:
    """A chat that the client has been told of."""
    return {"@type": "getChat", "chat_id": chat_id}


def get_user(user_id: int) -> Json:
    """A user that the client has been told of."""
    return {"@type": "getUser", "user_id": user_id}


def get_basic_group(basic_group_id: int) -> Json:
    """A basic group."""
    return {"@type": "getBasicGroup", "basic_group_id": basic_group_id}


def create_basic_group_chat(basic_group_id: int) -> Json:
    """A basic group's chat, also where the group was upgraded and the chat is in no list any more.

    It makes nothing at Telegram.
    https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1create_basic_group_chat.html
    """
    return {"@type": "createBasicGroupChat", "basic_group_id": basic_group_id, "force": False}


def get_history(chat_id: int, start: int, limit: int) -> Json:
    """Messages older than `start`, which need not be there itself; 0 for the newest.

    With an offset of 0 the page begins below `from_message_id`, though the documentation says
    otherwise.

    https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1get_chat_history.html
    """
    return {
        "@type": "getChatHistory",
        "chat_id": chat_id,
        "from_message_id": start,
        "offset": 0,
        "limit": limit,
        "only_local": False,
    }


def get_message(chat_id: int, message_id: int) -> Json:
    """One message; 404 when it is not there."""
    return {"@type": "getMessage", "chat_id": chat_id, "message_id": message_id}


def get_messages(chat_id: int, message_ids: list[int]) -> Json:
    """Messages by id; null in the place of one that is not there."""
    return {"@type": "getMessages", "chat_id": chat_id, "message_ids": message_ids}

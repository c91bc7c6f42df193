"""Who an account writes with: users as TDLib shows them.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1user.html
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sandbox.mail.words import FIRST_NAMES, LAST_NAMES
from sandbox.people import Person

Json = dict[str, Any]

#: User ids have outgrown 32 bits.
_FIRST_ID = 5_000_000_000
_EACH = 1_000


@dataclass(frozen=True, slots=True)
class User:
    """A user.

    Args:
        id: Telegram's id.
        first_name: First name; empty for a deleted account.
        last_name: Last name; may be empty.
        username: Without `@`; empty without one.
        phone: Digits, country code first; empty where it is not shown.
        kind: `Regular`, `Bot` or `Deleted`.
    """

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    phone: str = ""
    kind: str = "Regular"

    @property
    def title(self) -> str:
        """What a private chat with the user is called; nothing where the account is deleted."""
        return f"{self.first_name} {self.last_name}".strip()


def phone_of(account: int) -> str:
    """The phone number of an account.

    It is one of those that Telegram keeps for tests, `99966XYYYY`, of its data centre 2.

    https://core.telegram.org/api/auth#test-accounts
    """
    return f"999662{account:04d}"


def owner(account: int, person: Person) -> User:
    """The user that an account is, by its number."""
    return User(
        _FIRST_ID + account * _EACH,
        person.given_name,
        person.family_name,
        f"{person.given_name}_{person.family_name}".lower(),
        phone_of(account),
    )


def contact(account: int, number: int) -> User:
    """Someone the person of an account writes with.

    Args:
        account: Whose contact; each account has others.
        number: From 1; the third is a deleted account, and some are bots.
    """
    ident = _FIRST_ID + account * _EACH + number
    if number == 3:
        return User(ident, "", kind="Deleted")
    dice = hashlib.blake2b(f"contact/{account}/{number}".encode(), digest_size=3).digest()
    first = FIRST_NAMES[dice[0] % len(FIRST_NAMES)]
    if number % 9 == 8:
        return User(ident, f"{first}'s bot", username=f"{first.lower()}{number}bot", kind="Bot")
    # A person need not have a last name, nor a username.
    last = LAST_NAMES[dice[1] % len(LAST_NAMES)] if number % 5 else ""
    return User(ident, first, last, f"user{number}_{account}" if dice[2] % 2 else "")


def user_json(user: User, *, is_self: bool) -> Json:
    """The `user` object."""
    names = {
        "@type": "usernames",
        "active_usernames": [user.username],
        "disabled_usernames": [],
        "editable_username": user.username if is_self else "",
        "collectible_usernames": [],
    }
    return {
        "@type": "user",
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        **({"usernames": names} if user.username else {}),
        "phone_number": user.phone,
        "status": {"@type": "userStatusRecently", "by_my_privacy_settings": False},
        "accent_color_id": user.id % 7,
        "background_custom_emoji_id": "0",
        "profile_accent_color_id": -1,
        "profile_background_custom_emoji_id": "0",
        "is_contact": user.kind == "Regular",
        "is_mutual_contact": user.kind == "Regular",
        "is_close_friend": False,
        "is_premium": False,
        "is_support": False,
        "restricts_new_chats": False,
        "paid_message_star_count": 0,
        "have_access": True,
        "type": _type(user),
        "language_code": "",
        "added_to_attachment_menu": False,
    }


def _type(user: User) -> Json:
    if user.kind != "Bot":
        return {"@type": f"userType{user.kind}"}
    abilities = (
        "can_be_edited", "can_join_groups", "can_read_all_group_messages", "has_main_web_app",
        "has_topics", "allows_users_to_create_topics", "can_manage_bots", "is_inline",
        "supports_guest_queries", "is_guard", "need_location", "can_connect_to_business",
        "can_be_added_to_attachment_menu",
    )  # fmt: skip
    return {
        "@type": "userTypeBot",
        **dict.fromkeys(abilities, False),
        "inline_query_placeholder": "",
        "active_user_count": 3,
    }

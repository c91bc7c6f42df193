"""Chats, groups and messages as TDLib's JSON objects. A field that is null is left out there.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1chat.html
https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1message.html
"""

from __future__ import annotations

from typing import Any

from sandbox.telegram.chats import Chat, Message
from sandbox.telegram.content import file

Json = dict[str, Any]

_MAY = (
    "can_send_basic_messages", "can_send_audios", "can_send_documents", "can_send_photos",
    "can_send_videos", "can_send_video_notes", "can_send_voice_notes", "can_send_polls",
    "can_send_other_messages", "can_add_link_previews", "can_react_to_messages", "can_edit_tag",
    "can_change_info", "can_invite_users", "can_pin_messages", "can_create_topics",
)  # fmt: skip
_DEFAULTS = (
    "use_default_mute_for", "use_default_sound", "use_default_show_preview",
    "use_default_mute_stories", "use_default_story_sound", "use_default_show_story_poster",
    "use_default_disable_pinned_message_notifications",
    "use_default_disable_mention_notifications",
)  # fmt: skip


def chat_list(chat: Chat) -> Json:
    """The list that a chat is in."""
    return {"@type": "chatListArchive" if chat.archived else "chatListMain"}


def positions(chat: Chat) -> list[Json]:
    """Where a chat stands in its list; nothing where it is in none."""
    if chat.status != "listed":
        return []
    return [
        {
            "@type": "chatPosition",
            "list": chat_list(chat),
            "order": str(chat.order),
            "is_pinned": False,
        }
    ]


def chat_json(chat: Chat, last: Json | None, *, is_new: bool = False) -> Json:
    """The `chat` object.

    Args:
        chat: The chat.
        last: Its newest message, as it is sent.
        is_new: Whether it is told of first, by `updateNewChat`, without message and position.
    """
    listed = chat.status == "listed" and not is_new
    newest = chat.last or 0
    return {
        "@type": "chat",
        "id": chat.id,
        "type": chat_type(chat),
        "title": chat.title,
        **({"photo": _photo(chat)} if chat.photo else {}),
        "accent_color_id": abs(chat.peer) % 7,
        "background_custom_emoji_id": "0",
        "profile_accent_color_id": -1,
        "profile_background_custom_emoji_id": "0",
        "permissions": {"@type": "chatPermissions", **dict.fromkeys(_MAY, True)},
        **({"last_message": last} if last is not None and not is_new else {}),
        "positions": positions(chat) if listed else [],
        "chat_lists": [chat_list(chat)] if listed else [],
        "has_protected_content": False,
        "is_translatable": False,
        "is_marked_as_unread": False,
        "view_as_topics": False,
        "has_scheduled_messages": False,
        "can_be_deleted_only_for_self": True,
        "can_be_deleted_for_all_users": chat.kind == "private",
        "can_be_reported": chat.kind != "private",
        "default_disable_notification": False,
        "unread_count": 0,
        "last_read_inbox_message_id": newest,
        "last_read_outbox_message_id": newest,
        "unread_mention_count": 0,
        "unread_reaction_count": 0,
        "unread_poll_vote_count": 0,
        "notification_settings": _notifications(),
        "available_reactions": {"@type": "chatAvailableReactionsAll", "max_reaction_count": 11},
        "message_auto_delete_time": 0,
        "video_chat": {"@type": "videoChat", "group_call_id": 0, "has_participants": False},
        "reply_markup_message_id": 0,
        "client_data": "",
    }


def chat_type(chat: Chat) -> Json:
    """The `ChatType` object."""
    match chat.kind:
        case "private":
            return {"@type": "chatTypePrivate", "user_id": chat.peer}
        case "basic":
            return {"@type": "chatTypeBasicGroup", "basic_group_id": chat.peer}
    is_channel = chat.kind == "channel"
    return {"@type": "chatTypeSupergroup", "supergroup_id": chat.peer, "is_channel": is_channel}


def basic_group_json(chat: Chat) -> Json:
    """The `basicGroup` object."""
    return {
        "@type": "basicGroup",
        "id": chat.peer,
        "member_count": len(chat.members) + chat.member,
        "status": _member(chat),
        "is_active": not chat.upgraded_to,
        "upgraded_to_supergroup_id": chat.upgraded_to,
    }


def supergroup_json(chat: Chat) -> Json:
    """The `supergroup` object."""
    flags = (
        "has_automatic_translation", "has_linked_chat", "has_location", "sign_messages",
        "show_message_sender", "join_to_send_messages", "join_by_request", "is_slow_mode_enabled",
        "is_broadcast_group", "is_forum", "is_direct_messages_group",
        "is_administered_direct_messages_group", "has_direct_messages_group", "has_forum_tabs",
    )  # fmt: skip
    return {
        "@type": "supergroup",
        "id": chat.peer,
        "date": chat.date(chat.ids[0]) if chat.ids else 0,
        "status": _member(chat),
        "member_count": len(chat.members) + chat.member,
        "boost_level": 0,
        **dict.fromkeys(flags, False),
        "is_channel": chat.kind == "channel",
        "paid_message_star_count": 0,
    }


def _member(chat: Chat) -> Json:
    if chat.member:
        return {"@type": "chatMemberStatusMember", "member_until_date": 0}
    return {"@type": "chatMemberStatusLeft"}


def message_json(chat: Chat, message: Message) -> Json:
    """The `message` object."""
    content = message.content
    timed = content["@type"] in ("messageVideo", "messageVoiceNote")
    return {
        "@type": "message",
        "id": message.id,
        "sender_id": sender_json(message.sender),
        "chat_id": chat.id,
        "is_outgoing": message.outgoing,
        "is_pinned": False,
        "is_from_offline": False,
        "can_be_saved": True,
        "has_timestamped_media": timed,
        "is_channel_post": chat.kind == "channel",
        "is_paid_star_suggested_post": False,
        "is_paid_gram_suggested_post": False,
        "contains_unread_mention": False,
        "contains_unread_poll_votes": False,
        "date": message.date,
        "edit_date": message.edited,
        "unread_reactions": [],
        "self_destruct_in": 0.0,
        "auto_delete_in": 0.0,
        "via_bot_user_id": 0,
        "sender_business_bot_user_id": 0,
        "sender_boost_count": 0,
        "sender_tag": "",
        "paid_message_star_count": 0,
        "author_signature": "",
        "media_album_id": "0",
        "effect_id": "0",
        "summary_language_code": "",
        "content": content,
    }


def sender_json(sender: int) -> Json:
    """The `MessageSender` object."""
    if sender < 0:
        return {"@type": "messageSenderChat", "chat_id": sender}
    return {"@type": "messageSenderUser", "user_id": sender}


def _photo(chat: Chat) -> Json:
    sizes = {
        name: file(f"chat/{chat.id}/{name}", size) for name, size in (("small", 900), ("big", 9000))
    }
    return {"@type": "chatPhotoInfo", **sizes, "has_animation": False, "is_personal": False}


def _notifications() -> Json:
    return {
        "@type": "chatNotificationSettings",
        **dict.fromkeys(_DEFAULTS, True),
        "mute_for": 0,
        "sound_id": "0",
        "show_preview": True,
        "mute_stories": True,
        "story_sound_id": "0",
        "show_story_poster": True,
        "disable_pinned_message_notifications": False,
        "disable_mention_notifications": False,
    }


def for_client(value: Any, number: int, files: dict[str, int]) -> Any:
    """An object with the file ids of one client.

    Local ids hold only until the client is closed (https://github.com/tdlib/td/issues/2065), and
    even remote ones may change from time to time; `unique_id` stays
    (https://github.com/tdlib/td/issues/1025).

    Args:
        value: The object; the one given stays as it is.
        number: The client's, which remote ids end in.
        files: The client's file ids by `unique_id`; new ones are added.
    """
    if isinstance(value, list):
        return [for_client(item, number, files) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("@type") != "file":
        return {name: for_client(item, number, files) for name, item in value.items()}
    remote = value["remote"]
    # The first of each client is another one, so that nobody takes them for lasting.
    local = files.setdefault(remote["unique_id"], 100 * number + len(files) + 1)
    return {**value, "id": local, "remote": {**remote, "id": f"{remote['id']}{number:04x}"}}


def lasting(value: Any) -> Any:
    """An object without what differs from client to client: file ids."""
    if isinstance(value, list):
        return [lasting(item) for item in value]
    if not isinstance(value, dict):
        return value
    gone = {"file": "id", "remoteFile": "id"}.get(str(value.get("@type")))
    return {name: lasting(item) for name, item in value.items() if name != gone}

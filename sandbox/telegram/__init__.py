"""Telegram, as the sandbox plays it: TDLib's JSON interface over seeded chats."""

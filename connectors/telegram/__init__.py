"""Telegram, by TDLib, its official library."""

"""Addresses: where a provider's calls go, and which hosts are this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit


def rebase(url: str, base_url: str | None) -> str:
    """The URL with scheme and host of `base_url`, where one is given; the path stays."""
    if not base_url:
        return url
    base, parts = urlsplit(base_url), urlsplit(url)
    return urlunsplit(
        (base.scheme, base.netloc, base.path.rstrip("/") + parts.path, parts.query, parts.fragment)
    )


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine; a name that merely looks like it is not."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

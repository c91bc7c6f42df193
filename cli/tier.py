"""What the commands that run one tier in the foreground share."""

from __future__ import annotations

from cli.errors import Fail
from cli.guard import watch_parent
from cli.runtime import shared, with_redis
from config import logs, reporting
from config.settings import Settings, load


def begin(tier: str) -> tuple[Settings, str]:
    """Set this process up as a tier: its log, its reports of errors, its end.

    Args:
        tier: `web`, `worker`, `beat` or `flower`.

    Returns:
        The settings, and the URL of the Redis to use.

    Raises:
        Fail: There is no Redis.
    """
    watch_parent()
    settings = load()
    logs.setup(settings, tier)
    reporting.init(settings, tier=tier)
    if settings.redis_url is not None:
        return settings, settings.redis_url.get_secret_value()
    runtime = shared(settings)
    if runtime is None:
        raise Fail("set DCS_REDIS_URL, or start everything with `dcs up`")
    return with_redis(settings, runtime.redis_url), runtime.redis_url

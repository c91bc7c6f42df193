"""The sandbox, but that its quota is refused with 429 and a time to come back.

Google says that both happen; the sandbox's own quota refuses with 403 and names no time.

https://developers.google.com/workspace/gmail/api/guides/handle-errors
"""

from __future__ import annotations

import time

from sandbox.__main__ import main
from sandbox.google import errors

#: Seconds after which the refused is told to come back.
_COME_BACK = 2.0


def _refusal() -> errors.GoogleError:
    return errors.user_rate_limit(time.time(), _COME_BACK)


if __name__ == "__main__":
    errors.quota_exceeded = _refusal
    main()

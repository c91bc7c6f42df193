"""What is left of a quota, counted in Redis for all workers together.

An account's: a sliding window in a hundred slots: a slot's units leave the window when the whole slot has, so
the count errs on the provider's side by one hundredth of a window, which also takes up the jitter
between our clock and the provider's.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import redis

from connectors.sdk.quota import Quota, until_midnight

_SLOTS = 100
#: Windows for which a quota that was learned is believed.
_REMEMBERED = 15
#: The least part of the quota that may be learned.
_LEAST_PART = 0.1

_TAKE = """
local blocked = redis.call('PTTL', KEYS[2])
if blocked > 0 then return tostring(blocked / 1000) end
local units, limit, width = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if units == 0 or limit == 0 then return '0' end
local learned = tonumber(redis.call('GET', KEYS[3]) or '0')
if learned > 0 and learned < limit then limit = learned end
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local slot = math.floor(now / width)
local spent, slots = 0, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local index = tonumber(all[i])
  if index < slot - tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], all[i])
  else
    spent = spent + tonumber(all[i + 1])
    slots[#slots + 1] = {index, tonumber(all[i + 1])}
  end
end
-- A call dearer than the whole window goes out alone.
if spent == 0 or spent + units <= limit then
  redis.call('HINCRBY', KEYS[1], string.format('%d', slot), units)
  redis.call('PEXPIRE', KEYS[1], math.ceil(width * (tonumber(ARGV[4]) + 2) * 1000))
  return '0'
end
table.sort(slots, function(a, b) return a[1] < b[1] end)
local left = spent
for _, s in ipairs(slots) do
  left = left - s[2]
  if left == 0 or left + units <= limit then
    return tostring((s[1] + tonumber(ARGV[4]) + 1) * width - now + 0.001)
  end
end
return tostring(width)
"""

# What was refused was not spent, and what was is all that a window holds. A refusal after a small
# part of what is believed has another reason: too much at once, or a bad day of the provider.
_REFUSED = """
local t = redis.call('TIME')
local width = tonumber(ARGV[3])
local slot = math.floor((t[1] + t[2] / 1000000) / width)
local spent, slots = 0, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if tonumber(all[i]) >= slot - tonumber(ARGV[4]) then
    spent = spent + tonumber(all[i + 1])
    slots[#slots + 1] = {tonumber(all[i]), tonumber(all[i + 1])}
  end
end
-- Where they were put: in the slots written last.
table.sort(slots, function(a, b) return a[1] > b[1] end)
local left = tonumber(ARGV[1])
for _, s in ipairs(slots) do
  local back = math.min(left, s[2])
  if back > 0 then redis.call('HINCRBY', KEYS[1], string.format('%d', s[1]), -back) end
  left, spent = left - back, spent - back
end
if spent < tonumber(ARGV[2]) * tonumber(ARGV[5]) then return 0 end
redis.call('SET', KEYS[2], string.format('%d', spent), 'PX', ARGV[6])
return spent
"""

_TAKE_OF_DAY = """
local blocked = redis.call('PTTL', KEYS[2])
if blocked > 0 then return tostring(blocked / 1000) end
local units = tonumber(ARGV[1])
if units == 0 then return '0' end
local spent = tonumber(redis.call('GET', KEYS[1]) or '0')
if spent + units > tonumber(ARGV[2]) then return '-1' end
redis.call('INCRBY', KEYS[1], units)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return '0'
"""


class RedisBudget:
    """The budget of one account; a `connectors.sdk.quota.Budget`.

    A provider that refuses sooner than that teaches how much it grants: until it may have changed
    its mind, no more is spent. So a quota that was set too high costs a few refusals and not some
    in each window.

    Args:
        client: Redis.
        spent_key: Where units spent are counted.
        block_key: Key that, while it lives, lets nothing be spent.
        learned_key: Where the units are noted that a window turned out to hold.
        quota: What may be spent; None when the provider states none: only blocks count then.
    """

    def __init__(
        self,
        client: redis.Redis,
        spent_key: str,
        block_key: str,
        learned_key: str,
        quota: Quota | None,
    ) -> None:
        self._client = client
        self._keys = [spent_key, block_key, learned_key]
        self.message = quota.spent_message if quota else "the provider asked to wait"
        self._limit = quota.units if quota else 0
        self._width = quota.seconds / _SLOTS if quota else 1.0

    def take(self, units: int) -> float:
        """Spend units if they are there: 0, or the seconds after which to ask again."""
        script = self._client.register_script(_TAKE)
        wait = script(keys=self._keys, args=[units, self._limit, self._width, _SLOTS])
        return float(wait)

    def block(self, seconds: float) -> None:
        """Let nothing be spent for so many seconds, for any worker."""
        _block(self._client, self._keys[1], seconds)

    def refused(self, units: int) -> None:
        """Give back units that the provider refused; what was spent is what a window holds."""
        if not self._limit:
            return
        remembered = int(_REMEMBERED * _SLOTS * self._width * 1000)
        self._client.register_script(_REFUSED)(
            keys=[self._keys[0], self._keys[2]],
            args=[units, self._limit, self._width, _SLOTS, _LEAST_PART, remembered],
        )


class DailyBudget:
    """The budget of a quota by the calendar day, shared by all accounts of the project.

    Args:
        client: Redis.
        spent_key: Where units spent are counted; the date follows it.
        block_key: Key that, while it lives, lets nothing be spent.
        quota: What may be spent; its `daily` names the zone.
    """

    def __init__(self, client: redis.Redis, spent_key: str, block_key: str, quota: Quota) -> None:
        self.message = quota.spent_message
        self._client = client
        self._spent_key = spent_key
        self._block_key = block_key
        self._units = quota.units
        self._zone = quota.daily or "UTC"

    def take(self, units: int) -> float:
        """Spend units if they are there: 0, or the seconds after which to ask again."""
        # Redis's own clock, so that workers agree on the day.
        seconds, micros = self._client.time()
        now = datetime.fromtimestamp(seconds + micros / 1_000_000, UTC)
        day = now.astimezone(ZoneInfo(self._zone)).date().isoformat()
        left = until_midnight(self._zone, now)
        script = self._client.register_script(_TAKE_OF_DAY)
        keys = [f"{self._spent_key}|{day}", self._block_key]
        wait = float(script(keys=keys, args=[units, self._units, math.ceil(left) + 60]))
        return left + 1.0 if wait < 0 else wait

    def block(self, seconds: float) -> None:
        """Let nothing be spent for so many seconds, for any worker."""
        _block(self._client, self._block_key, seconds)

    def refused(self, units: int) -> None:
        """Nothing is learned: the day's quota is the project's, and is stated."""


def _block(client: redis.Redis, key: str, seconds: float) -> None:
    milliseconds = max(1, int(seconds * 1000))
    # A longer block that is already there stays: GT needs a key with a time to live.
    if not client.set(key, "1", px=milliseconds, nx=True):
        client.pexpire(key, milliseconds, gt=True)

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
#: What is still believed after a first refusal, as a part of what was before; each further one
#: squares it, since refusals that go on are no accident.
_STEP = 0.75
#: Windows for which the first refusal is remembered; doubles with each further one, up to the most.
_FIRST_WINDOWS, _MOST_WINDOWS = 2, 16
#: A window that held less than this part of the quota when the provider refused teaches nothing.
_LEAST_PART = 0.05

_TAKE = """
local blocked = math.max(redis.call('PTTL', KEYS[2]), redis.call('PTTL', KEYS[4]))
if blocked > 0 then return tostring(blocked / 1000) end
local units, limit, width = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if units == 0 or limit == 0 then return '0' end
local learned = tonumber(string.match(redis.call('GET', KEYS[3]) or '0', '^%d+'))
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

# What was refused was not spent. A provider's one refusal may have another reason than its quota
# (too much at once, a bad moment), so belief goes down by a quarter at first, for a short while;
# each further one counts for more, and for twice as long. It never goes below what the window was seen to hold.
# Calls that were on their way together are one lesson: a further one needs units spent since.
_REFUSED = """
local t = redis.call('TIME')
local limit, width = tonumber(ARGV[2]), tonumber(ARGV[3])
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
if spent < limit * tonumber(ARGV[5]) then return 0 end
local before, lessons = limit, 0
local units, first, count, moment = string.match(
  redis.call('GET', KEYS[2]) or '', '^(%d+) (%d+) (%d+) (%d+)$')
local same = units and not (slots[1] and slots[1][1] > tonumber(moment))
if units then before, lessons = tonumber(same and first or units), tonumber(count) end
before = math.min(before, limit)
local part = tonumber(ARGV[6]) ^ (2 ^ (same and lessons - 1 or lessons))
local believed = math.min(before, math.max(spent, math.floor(before * part), 1))
if same then
  -- What was on its way with the first refused call has counted as held by the window till now.
  redis.call('SET', KEYS[2], string.format('%d %d %d %d', believed, before, lessons, moment),
    'KEEPTTL')
  return believed
end
local windows = math.min(tonumber(ARGV[7]) * 2 ^ lessons, tonumber(ARGV[8]))
redis.call('SET', KEYS[2], string.format('%d %d %d %d', believed, before, lessons + 1, slot),
  'PX', string.format('%d', math.ceil(windows * width * tonumber(ARGV[4]) * 1000)))
return believed
"""

_TAKE_OF_DAY = """
local blocked = math.max(redis.call('PTTL', KEYS[2]), redis.call('PTTL', KEYS[3]))
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

    A provider that refuses sooner than that teaches how much it grants: a first refusal costs a
    quarter, each further one more, so that a stray one costs little and a quota that was set ten
    times too high is found after about four, those of calls on their way together being one. What
    was learned is forgotten after 2 windows, or up to 16 where more refusals came meanwhile: the
    provider may grant more by then. A quota set over twenty times too high is never learned: each
    window has its refusals.

    Args:
        client: Redis.
        spent_key: Where units spent are counted.
        block_key: Key that, while it lives, lets nothing be spent.
        learned_key: Where it is noted what a window is believed to hold after refusals, what was
            believed before the last, how many there were, and when the last was.
        quota: What may be spent; None when the provider states none: only blocks count then.
        block_all_key: Key that does so for all accounts of the provider; default: `block_key`.
    """

    def __init__(
        self,
        client: redis.Redis,
        spent_key: str,
        block_key: str,
        learned_key: str,
        quota: Quota | None,
        block_all_key: str | None = None,
    ) -> None:
        self._client = client
        self._keys = [spent_key, block_key, learned_key, block_all_key or block_key]
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

    def block_all(self, seconds: float) -> None:
        """The same for all accounts of the provider."""
        _block(self._client, self._keys[3], seconds)

    def refused(self, units: int) -> None:
        """Give back units that the provider refused, and believe in less for a while."""
        if not self._limit:
            return
        lesson = [_LEAST_PART, _STEP, _FIRST_WINDOWS, _MOST_WINDOWS]
        self._client.register_script(_REFUSED)(
            keys=[self._keys[0], self._keys[2]],
            args=[units, self._limit, self._width, _SLOTS, *lesson],
        )


class DailyBudget:
    """The budget of a quota by the calendar day, shared by all accounts of the project.

    Args:
        client: Redis.
        spent_key: Where units spent are counted; the date follows it.
        block_key: Key that, while it lives, lets nothing be spent.
        quota: What may be spent; its `daily` names the zone.
        block_all_key: Key that does so for all accounts of the provider; default: `block_key`.
    """

    def __init__(
        self,
        client: redis.Redis,
        spent_key: str,
        block_key: str,
        quota: Quota,
        block_all_key: str | None = None,
    ) -> None:
        self.message = quota.spent_message
        self._client = client
        self._spent_key = spent_key
        self._block_key = block_key
        self._block_all_key = block_all_key or block_key
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
        keys = [f"{self._spent_key}|{day}", self._block_key, self._block_all_key]
        wait = float(script(keys=keys, args=[units, self._units, math.ceil(left) + 60]))
        return left + 1.0 if wait < 0 else wait

    def block(self, seconds: float) -> None:
        """Let nothing be spent for so many seconds, for any worker."""
        _block(self._client, self._block_key, seconds)

    def block_all(self, seconds: float) -> None:
        """The same for all accounts of the provider."""
        _block(self._client, self._block_all_key, seconds)

    def refused(self, units: int) -> None:
        """Nothing is learned: the day's quota is the project's, and is stated."""


def _block(client: redis.Redis, key: str, seconds: float) -> None:
    milliseconds = max(1, int(seconds * 1000))
    # A longer block that is already there stays: GT needs a key with a time to live.
    if not client.set(key, "1", px=milliseconds, nx=True):
        client.pexpire(key, milliseconds, gt=True)

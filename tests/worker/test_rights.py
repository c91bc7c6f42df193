"""What may be open once: who has it open, and who no longer."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from fakeredis import FakeRedis, FakeServer

from connectors.sdk.errors import InUseError
from worker.rights import sole

KEY = "dcs:session:owner|acme:1"


def test_one_at_a_time_has_it_and_the_others_are_told_when_to_come_back(fake: FakeRedis) -> None:
    with sole(fake, KEY, 5.0) as right:
        right.check()
        with pytest.raises(InUseError, match="one place at a time") as busy, sole(fake, KEY, 5.0):
            pytest.fail("two have it")
        assert busy.value.retry_after is not None
        assert 0 < busy.value.retry_after <= 5
    with sole(fake, KEY, 5.0):
        pass
    assert not fake.exists(KEY)


def test_another_connection_is_another_matter(fake: FakeRedis) -> None:
    with sole(fake, KEY, 5.0), sole(fake, KEY + "2", 5.0):
        pass


def test_it_lasts_for_as_long_as_its_holder(fake: FakeRedis) -> None:
    with sole(fake, KEY, 0.9) as right:
        time.sleep(1.1)
        right.check()
        assert fake.exists(KEY)


def test_a_holder_that_was_killed_keeps_nobody_out_for_long(fake: FakeRedis) -> None:
    fake.set(KEY, "dead", px=50)
    time.sleep(0.1)
    with sole(fake, KEY, 5.0):
        pass


@pytest.mark.parametrize("by", ["another", "nobody"])
def test_who_has_lost_it_is_told_and_takes_nothing_from_the_next(fake: FakeRedis, by: str) -> None:
    with sole(fake, KEY, 0.3) as right:
        if by == "another":
            fake.set(KEY, "another's")
        else:
            fake.delete(KEY)
        # Redis knows at once.
        with pytest.raises(InUseError):
            right.confirm()
        with pytest.raises(InUseError):
            right.check()
    assert fake.get(KEY) == (b"another's" if by == "another" else None)


def test_it_is_lost_where_redis_is_away_for_longer_than_it_lives() -> None:
    server = FakeServer()
    client = FakeRedis(server=server)
    with sole(client, KEY, 0.6) as right:
        server.connected = False
        right.check()
        # Sooner than another may have it.
        time.sleep(0.45)
        with pytest.raises(InUseError):
            right.check()
    # Giving it back to a Redis that is away fails nobody.
    server.connected = True
    client.close()


def test_what_may_still_be_open_keeps_others_out_until_it_ends_by_itself(fake: FakeRedis) -> None:
    with sole(fake, KEY, 0.6) as right:
        right.lapse()
    with pytest.raises(InUseError), sole(fake, KEY, 0.6):
        pytest.fail("two have it")
    time.sleep(0.65)
    with sole(fake, KEY, 0.6):
        pass


def test_an_error_gives_it_back(fake: FakeRedis) -> None:
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ZeroDivisionError))
        stack.enter_context(sole(fake, KEY, 5.0))
        _ = 1 / 0
    assert not fake.exists(KEY)

"""Who may sync, and who no longer."""

from __future__ import annotations

import time

from fakeredis import FakeRedis

from worker.keys import DUE, Job
from worker.leases import Leases
from worker.metrics import LEASES_LOST, read


def test_a_lease_is_held_by_one_at_a_time(fake: FakeRedis, job: Job) -> None:
    leases = Leases(fake, seconds=5)
    first = leases.acquire(job, floor=0)
    assert first is not None
    assert leases.acquire(job, floor=0) is None


def test_leases_of_other_jobs_do_not_matter(fake: FakeRedis, job: Job) -> None:
    leases = Leases(fake, seconds=5)
    assert leases.acquire(job, floor=0)
    assert leases.acquire(Job("owner", "google:5678", "gmail"), floor=0)


def test_the_fence_grows_with_every_lease(fake: FakeRedis, job: Job) -> None:
    leases = Leases(fake, seconds=5)
    fences = []
    for _ in range(3):
        lease = leases.acquire(job, floor=0)
        assert lease is not None
        with lease:
            fences.append(lease.fence)
    assert fences == [1, 2, 3]


def test_the_fence_is_above_the_vaults_when_redis_was_wiped(fake: FakeRedis, job: Job) -> None:
    lease = Leases(fake, seconds=5).acquire(job, floor=41)
    assert lease is not None
    assert lease.fence == 42


def test_a_released_lease_can_be_taken_at_once(fake: FakeRedis, job: Job) -> None:
    leases = Leases(fake, seconds=5)
    lease = leases.acquire(job, floor=0)
    assert lease is not None
    with lease:
        pass
    assert leases.acquire(job, floor=0) is not None


def test_a_lease_ends_by_itself_without_a_heartbeat(fake: FakeRedis, job: Job) -> None:
    leases = Leases(fake, seconds=0.05)
    assert leases.acquire(job, floor=0)
    time.sleep(0.1)
    assert leases.acquire(job, floor=0)


def test_a_heartbeat_keeps_the_lease_beyond_its_life(fake: FakeRedis, job: Job) -> None:
    leases = Leases(fake, seconds=0.15)
    lease = leases.acquire(job, floor=0)
    assert lease is not None
    with lease:
        time.sleep(0.4)
        assert not lease.lost
        assert leases.acquire(job, floor=0) is None


def test_a_lease_taken_over_is_noticed_and_not_released(fake: FakeRedis, job: Job) -> None:
    leases = Leases(fake, seconds=0.3)
    old = leases.acquire(job, floor=0)
    assert old is not None
    with old:
        fake.delete(job.lease())
        new = leases.acquire(job, floor=0)
        assert new is not None
        deadline = time.monotonic() + 2
        while not old.lost and time.monotonic() < deadline:
            time.sleep(0.01)
        assert old.lost
    assert fake.get(job.lease()) is not None
    assert new.renew()


def test_taking_a_lease_moves_the_due_time_to_its_end(fake: FakeRedis, job: Job) -> None:
    """A worker that dies before its first heartbeat must not leave its job for long."""
    fake.zadd(DUE, {job.member: time.time() + 900})
    assert Leases(fake, seconds=15).acquire(job, floor=0)
    score = fake.zscore(DUE, job.member)
    assert score is not None
    assert score - time.time() < 16


def test_a_heartbeat_puts_no_job_back_that_was_taken_out(fake: FakeRedis, job: Job) -> None:
    lease = Leases(fake, seconds=15).acquire(job, floor=0)
    assert lease is not None
    fake.zrem(DUE, job.member)
    assert lease.renew()
    assert fake.zscore(DUE, job.member) is None


def test_a_heartbeat_moves_the_due_time_to_the_leases_end(fake: FakeRedis, job: Job) -> None:
    lease = Leases(fake, seconds=30).acquire(job, floor=0)
    assert lease is not None
    fake.zadd(DUE, {job.member: 0})
    assert lease.renew()
    score = fake.zscore(DUE, job.member)
    assert score is not None
    assert 25 < score - time.time() < 31


def test_a_lost_lease_is_counted(fake: FakeRedis, job: Job) -> None:
    lease = Leases(fake, seconds=0.06).acquire(job, floor=0)
    assert lease is not None
    with lease:
        fake.set(job.lease(), "another's")
        time.sleep(0.15)
        assert lease.lost
    assert read(fake)[LEASES_LOST] == {("google",): 1}

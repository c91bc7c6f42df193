"""When jobs come due, and to whom."""

from __future__ import annotations

import time

from fakeredis import FakeRedis

from worker.keys import Job
from worker.schedule import Schedule


def jobs(count: int) -> list[Job]:
    return [Job("owner", f"google:{number}", "gmail") for number in range(count)]


def test_only_what_is_due_is_popped(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    now, later = jobs(2)
    schedule.put(now, 0)
    schedule.put(later, 60)
    assert schedule.pop(10) == [now]
    assert schedule.pop(10) == []


def test_a_popped_job_that_gets_lost_comes_due_again(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=0.05)
    [job] = jobs(1)
    schedule.put(job, 0)
    assert schedule.pop(10) == [job]
    assert schedule.pop(10) == []
    time.sleep(0.1)
    assert schedule.pop(10) == [job]


def test_a_pop_takes_no_more_than_its_limit(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    for job in jobs(5):
        schedule.put(job, 0)
    assert len(schedule.pop(3)) == 3
    assert len(schedule.pop(3)) == 2


def test_a_planned_time_is_not_overwritten_by_a_rebuild(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    schedule.put(job, 60)
    schedule.put_new(job, 0)
    assert schedule.pop(10) == []


def test_a_removed_job_is_not_due_and_its_run_has_ended(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    schedule.put(job, 0)
    schedule.remove(job)
    assert schedule.pop(10) == []
    assert not schedule.in_run(job, run)


def test_a_run_keeps_its_id_until_it_ends(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    assert schedule.run_of(job) == run
    assert schedule.in_run(job, run)
    schedule.end_run(job)
    assert schedule.run_of(job) != run


def test_a_run_that_redis_forgot_is_taken_up_again(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    fake.flushall()
    schedule.keep_run(job, run)
    assert schedule.in_run(job, run)


def test_a_member_survives_the_way_to_redis_and_back() -> None:
    job = Job("owner", "google:a%7Cb", "gmail")
    assert Job.of(job.member.encode()) == job
    assert job.provider == "google"

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


def test_jobs_that_are_put_back_are_due_now(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    popped = jobs(3)
    for job in popped:
        schedule.put(job, 0)
    assert len(schedule.pop(3)) == 3
    schedule.put_back(popped[1:])
    schedule.put_back([])
    assert set(schedule.pop(3)) == set(popped[1:])


def test_a_message_is_spare_while_one_sent_before_waits(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    assert schedule.ticket(job, 30) == 1
    assert schedule.ticket(job, 30) is None
    # A lost one is replaced in the end, and who must send one gets a number always.
    assert schedule.ticket(job, 0) == 2
    assert schedule.in_run(job, run, 1)
    assert schedule.ticket(job, 30) == 3


def test_a_slice_answers_what_was_sent_before_it_began_and_nothing_later(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    assert schedule.tickets([job, *jobs(3)[1:]]) == [1, 1, 1]
    assert [schedule.ticket(job) for _ in range(2)] == [2, 3]
    # None is void before one has begun, or a long queue would keep the job from its turn.
    assert schedule.in_run(job, run, 1)
    assert not schedule.in_run(job, run, 2)
    assert not schedule.in_run(job, run, 3)
    assert schedule.in_run(job, run, 1)
    fourth = schedule.ticket(job)
    assert fourth == 4
    assert schedule.in_run(job, run, fourth)
    assert not schedule.in_run(job, run, 1)
    # What was sent by an older version of this server has no number.
    assert schedule.in_run(job, run, 0)


def test_a_message_that_redis_has_forgotten_is_answered(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    fake.flushall()
    schedule.keep_run(job, run)
    assert schedule.ticket(job) == 1
    assert schedule.in_run(job, run, 15)
    assert not schedule.in_run(job, run, 1)
    assert schedule.ticket(job) == 16


def test_numbers_and_force_end_with_their_run(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    schedule.force(job, run)
    schedule.ticket(job)
    entry = schedule.in_run(job, run, 1)
    assert entry is not None
    assert entry.forced
    schedule.end_run(job)
    assert not fake.keys("*")
    entry = schedule.in_run(job, schedule.run_of(job))
    assert entry is not None
    assert not entry.forced


def test_numbers_are_forgotten_after_some_days(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    schedule.ticket(job)
    assert 0 < fake.ttl(job.tickets()) <= 7 * 24 * 3600
    schedule.in_run(job, schedule.run_of(job), 1)
    assert 0 < fake.ttl(job.tickets()) <= 7 * 24 * 3600


def test_an_unwritten_end_is_remembered_until_the_next_slice_begins(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    assert not schedule.unwritten(job)
    schedule.leave_unwritten(job)
    schedule.begun(job, unwritten=False)
    assert schedule.unwritten(job)
    assert 0 < fake.ttl(job.unwritten()) <= 24 * 3600
    schedule.begun(job, unwritten=True)
    assert not schedule.unwritten(job)


def test_a_member_survives_the_way_to_redis_and_back() -> None:
    job = Job("owner", "google:a%7Cb", "gmail")
    assert Job.of(job.member.encode()) == job
    assert job.provider == "google"

"""When jobs come due, and to whom."""

from __future__ import annotations

import time

import pytest
from fakeredis import FakeRedis

from worker.keys import Job
from worker.leases import Leases
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
    assert schedule.ticket(job, run, 30) == 1
    assert schedule.ticket(job, run, 30) is None
    # A lost one is replaced in the end, and who must send one gets a number always.
    assert schedule.ticket(job, run, 0) == 2
    assert schedule.in_run(job, run, 1)
    assert schedule.ticket(job, run, 30) == 3


def test_a_slice_answers_what_was_sent_before_it_began_and_nothing_later(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    assert schedule.tickets([job, *jobs(3)[1:]], [run, "b", "c"]) == [1, 1, 1]
    assert [schedule.ticket(job, run) for _ in range(2)] == [2, 3]
    # None is void before one has begun, or a long queue would keep the job from its turn.
    assert schedule.in_run(job, run, 1)
    assert not schedule.in_run(job, run, 2)
    assert not schedule.in_run(job, run, 3)
    assert schedule.in_run(job, run, 1)
    fourth = schedule.ticket(job, run)
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
    assert schedule.ticket(job, run) == 1
    assert schedule.in_run(job, run, 15)
    assert not schedule.in_run(job, run, 1)
    assert schedule.ticket(job, run) == 16


def test_numbers_and_force_end_with_their_run(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    schedule.force(job, run)
    schedule.ticket(job, run)
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
    run = schedule.run_of(job)
    schedule.ticket(job, run)
    assert 0 < fake.ttl(job.tickets()) <= 7 * 24 * 3600
    schedule.in_run(job, run, 1)
    assert 0 < fake.ttl(job.tickets()) <= 7 * 24 * 3600


def test_an_unwritten_end_is_remembered_until_the_next_slice_begins(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    assert not schedule.unwritten(job)
    schedule.leave_unwritten(job)
    assert schedule.unwritten(job)
    assert 0 < fake.ttl(job.unwritten()) <= 24 * 3600
    schedule.written(job)
    assert not schedule.unwritten(job)


def test_the_end_of_a_run_leaves_the_run_that_came_after_it_alone(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    first = schedule.run_of(job)
    schedule.remove(job)
    second = schedule.run_of(job)
    schedule.put(job, 0)
    for delay in (None, 60.0):
        assert schedule.rest(job, first, delay) == second
    assert schedule.in_run(job, second)
    assert schedule.keep_run(job, first) == second
    assert schedule.pop(10) == [job]


@pytest.mark.parametrize("delay", [None, 60.0])
def test_what_was_asked_for_before_a_run_ended_is_due_at_once(
    fake: FakeRedis, delay: float | None
) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    schedule.ask_again(job)
    assert schedule.rest(job, run, delay) is None
    # As after an answer that got lost on its way.
    assert schedule.rest(job, run, delay) is None
    assert schedule.pop(10) == [job]
    assert schedule.run_of(job) != run
    # A slice that begins answers it.
    assert Leases(fake, seconds=5).acquire(job, 0)
    assert schedule.rest(job, schedule.run_of(job), None) is None
    assert schedule.due_at(job) is None


def test_what_was_asked_for_by_force_follows_by_force(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    run = schedule.run_of(job)
    schedule.ask_again(job, force=True)
    schedule.ask_again(job)
    following = schedule.rest(job, run, None)
    assert following is not None
    assert following != run
    assert schedule.rest(job, run, None) == following
    assert schedule.pop(10) == [job]
    entry = schedule.in_run(job, schedule.run_of(job))
    assert entry is not None
    assert entry.forced


def test_a_message_of_a_run_that_ended_keeps_none_of_the_next_from_being_sent(
    fake: FakeRedis,
) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    [job] = jobs(1)
    first = schedule.run_of(job)
    schedule.remove(job)
    # Whoever asked saw the run before it was ended.
    assert schedule.ticket(job, first, 30) == 1
    second = schedule.run_of(job)
    assert schedule.ticket(job, second, 30) == 1
    assert not schedule.in_run(job, first, 1)
    assert schedule.in_run(job, second, 1)


def test_only_what_is_due_is_noted_as_sent(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    due, later, out = jobs(3)
    schedule.put(due, 0)
    schedule.put(later, 10)
    for job in (due, later, out):
        schedule.sent(job)
    now = time.time()
    assert 90 < (schedule.due_at(due) or 0) - now <= 101
    assert 5 < (schedule.due_at(later) or 0) - now <= 11
    assert schedule.due_at(out) is None


def test_a_comparison_adds_what_lacks_and_is_made_by_one_at_a_time(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    planned, lost = jobs(2)
    schedule.put(planned, 60)
    comparison = schedule.compare()
    assert comparison is not None
    assert schedule.compare() is None
    assert comparison.add([(planned, 0), (lost, 0)])
    assert comparison.add([])
    assert comparison.done(3600)
    assert schedule.pop(10) == [lost]
    assert schedule.built()
    assert 0 < fake.ttl("dcs:due:built") <= 3600
    assert schedule.compare() is not None


def test_a_comparison_that_redis_has_forgotten_is_void(fake: FakeRedis) -> None:
    schedule = Schedule(fake, queued_seconds=100)
    comparison = schedule.compare()
    assert comparison is not None
    fake.flushall()
    assert not comparison.add([(job, 0) for job in jobs(2)])
    assert not comparison.done(3600)
    assert not fake.keys("*")


def test_a_member_survives_the_way_to_redis_and_back() -> None:
    job = Job("owner", "google:a%7Cb", "gmail")
    assert Job.of(job.member.encode()) == job
    assert job.provider == "google"

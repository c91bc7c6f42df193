"""What Redis says of a position."""

from __future__ import annotations

from fakeredis import FakeRedis

from worker.checkpoints import Checkpoint, Checkpoints
from worker.keys import Job


def test_a_saved_checkpoint_is_loaded(fake: FakeRedis, job: Job) -> None:
    checkpoints = Checkpoints(fake)
    assert checkpoints.load(job) is None
    saved = Checkpoint(3, 1, {"page": "abc"})
    checkpoints.save(job, saved)
    assert checkpoints.load(job) == saved


def test_an_overtaken_worker_cannot_put_the_checkpoint_back(fake: FakeRedis, job: Job) -> None:
    checkpoints = Checkpoints(fake)
    checkpoints.save(job, Checkpoint(10, 2, {"page": "new"}))
    checkpoints.save(job, Checkpoint(9, 1, {"page": "old"}))
    assert checkpoints.load(job) == Checkpoint(10, 2, {"page": "new"})


def test_sequence_numbers_are_compared_as_numbers(fake: FakeRedis, job: Job) -> None:
    checkpoints = Checkpoints(fake)
    checkpoints.save(job, Checkpoint(9, 1, {}))
    checkpoints.save(job, Checkpoint(10, 1, {}))
    assert checkpoints.load(job) == Checkpoint(10, 1, {})


def test_the_vault_wins_over_a_newer_checkpoint(fake: FakeRedis, job: Job) -> None:
    """A checkpoint is ahead only when the vault was put back from an older copy."""
    checkpoints = Checkpoints(fake)
    checkpoints.save(job, Checkpoint(10, 2, {"page": "ahead"}))
    assert not checkpoints.agree(job, 4, 2, {"page": "vault"})
    assert checkpoints.load(job) == Checkpoint(4, 2, {"page": "vault"})


def test_a_lost_checkpoint_is_restored_from_the_vault(fake: FakeRedis, job: Job) -> None:
    checkpoints = Checkpoints(fake)
    assert not checkpoints.agree(job, 4, 2, {"page": "vault"})
    assert checkpoints.load(job) == Checkpoint(4, 2, {"page": "vault"})
    assert checkpoints.agree(job, 4, 3, {"page": "vault"})


def test_rubbish_counts_as_no_checkpoint(fake: FakeRedis, job: Job) -> None:
    fake.hset(job.checkpoint(), mapping={"seq": "x", "fence": "1", "position": "{}"})
    assert Checkpoints(fake).load(job) is None


def test_a_checkpoint_goes_along_with_what_else_is_sent(fake: FakeRedis, job: Job) -> None:
    checkpoints = Checkpoints(fake)
    pipe = fake.pipeline(transaction=False)
    checkpoints.save(job, Checkpoint(1, 1, {"page": "a"}), pipe)
    assert checkpoints.load(job) is None
    pipe.execute()
    assert checkpoints.load(job) == Checkpoint(1, 1, {"page": "a"})

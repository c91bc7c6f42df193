"""Checkpoints: the position as Redis tells it to those who only look.

Written after the vault's commit, never before: a position must not run ahead of its records.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import redis
from redis.client import Pipeline

from connectors.sdk.records import Position
from worker.keys import Job

# A checkpoint with a lower sequence number comes from a worker that was overtaken.
_SAVE = """
local old = redis.call('HGET', KEYS[1], 'seq')
if old and tonumber(old) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'seq', ARGV[1], 'fence', ARGV[2], 'position', ARGV[3])
return 1
"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A position with its sequence number.

    Args:
        seq: Number of commits of this handler so far.
        fence: The lease under which it was written.
        position: The handler's position.
    """

    seq: int
    fence: int
    position: Position


class Checkpoints:
    """Saves and reads checkpoints."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def save(self, job: Job, checkpoint: Checkpoint, pipe: Pipeline | None = None) -> None:
        """Save it, unless a later one is there.

        Args:
            job: Whose it is.
            checkpoint: Its position.
            pipe: Takes it along, to be executed by the caller; default: at once.
        """
        position = json.dumps(checkpoint.position, separators=(",", ":"))
        # By its text: a pipeline asks first whether a script's hash is known.
        client = self._client if pipe is None else pipe
        client.eval(_SAVE, 1, job.checkpoint(), checkpoint.seq, checkpoint.fence, position)

    def load(self, job: Job) -> Checkpoint | None:
        """The last checkpoint; None when there is none or it cannot be read."""
        saved = self._client.hgetall(job.checkpoint())
        try:
            return Checkpoint(
                int(saved[b"seq"]), int(saved[b"fence"]), json.loads(saved[b"position"])
            )
        except (KeyError, ValueError):
            return None

    def agree(self, job: Job, seq: int, fence: int, position: Position) -> bool:
        """Bring the checkpoint in line with the vault, which is right; tells whether it was.

        A checkpoint above the vault's sequence number means that the vault was put back from an
        older copy: what was kept in between is gone and must be fetched again.
        """
        saved = self.load(job)
        if saved is not None and saved.seq == seq and saved.position == position:
            return True
        self.forget(job)
        if seq:
            self.save(job, Checkpoint(seq, fence, position))
        return False

    def forget(self, job: Job) -> None:
        """Drop the checkpoint, as after a reset."""
        self._client.delete(job.checkpoint())

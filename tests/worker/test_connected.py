"""What was connected last, and that a worker's refresh is no connection."""

from __future__ import annotations

from fakeredis import FakeRedis

from worker import connected


def test_each_time_has_another_mark(fake: FakeRedis) -> None:
    assert connected.last(fake, "owner", "google") is None
    connected.note(fake, "owner", "google", "google:1")
    first = connected.last(fake, "owner", "google")
    connected.note(fake, "owner", "google", "google:1")
    second = connected.last(fake, "owner", "google")
    assert first is not None
    assert second is not None
    assert first != second
    assert first[1] == second[1] == "google:1"
    assert connected.last(fake, "owner", "other") is None
    assert connected.last(fake, "else", "google") is None

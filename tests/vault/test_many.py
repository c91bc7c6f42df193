"""Many vaults in one process."""

from __future__ import annotations

import contextlib
from pathlib import Path


def test_more_people_than_descriptors_can_be_served(vaults, connection, monkeypatch):
    monkeypatch.setattr("vault.vaults._MOST_OPEN", 4)
    opened = [vaults.open(f"person{n}", create=True) for n in range(12)]
    assert len(vaults._open) == 4
    assert len({name for name in _open_files() if name.endswith(".vault")}) == 4
    # Whoever still has one that was let go can go on using it.
    opened[0].save_connection(connection())
    assert [c.id for c in vaults.open("person0").connections()] == [connection().id]


def _open_files():
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            yield str(descriptor.readlink())

"""Making a vault: whole or not at all, whatever dies or interferes meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sqlalchemy import Connection

from config.settings import Settings, load
from vault import migrations
from vault.errors import KeyMissingError, NotFoundError, VaultError, VaultLockedError
from vault.keys import KeyRing
from vault.locks import locked
from vault.vaults import Vaults

ROOT = Path(__file__).resolve().parents[2]
DIES = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from config.settings import load
    from vault import making
    from vault.vaults import Vaults

    def dying(function, number):
        calls = iter(range(1, 9))

        def call(*arguments):
            if next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return call

    name, number = sys.argv[2], int(sys.argv[3])
    setattr(making, name, dying(getattr(making, name), number))
    Vaults(load(home=Path(sys.argv[1]))).open("owner", create=True)
""")


def names(settings: Settings) -> list[str]:
    return sorted(file.name for file in (settings.home / "vaults").iterdir())


@pytest.mark.parametrize(
    ("name", "number", "there"),
    [
        ("write_new", 1, False),
        ("make_engine", 1, False),
        ("_sync", 1, False),
        ("_sync", 2, True),
        ("write_new", 2, True),
    ],
)
def test_a_process_killed_while_it_makes_a_vault_leaves_one_that_can_be_made_or_finished(
    settings: Settings, name: str, number: int, there: bool
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", DIES, str(settings.home), name, str(number)], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert (settings.home / "vaults" / "owner.vault").exists() == there
    assert not (settings.home / "vaults" / "owner.key").exists()
    vaults = Vaults(settings)
    if not there:
        with pytest.raises(NotFoundError):
            vaults.open("owner")
    assert vaults.open("owner", create=not there).check() == []
    vaults.close()
    assert names(settings) == ["owner.key", "owner.vault"]


def test_a_key_left_behind_that_does_not_open_the_vault_is_not_put_in_its_place(
    settings: Settings, vaults: Vaults
) -> None:
    vaults.open("owner", create=True)
    vaults.close()
    key = settings.home / "vaults" / "owner.key"
    other = KeyRing(settings.vault, settings.home).wrap("owner", b"k" * 32)
    key.with_suffix(".key.new").write_bytes(other)
    held = key.read_bytes()
    key.unlink()
    with pytest.raises(KeyMissingError, match=r"owner\.key is missing"):
        vaults.open("owner", create=True)
    assert not key.exists()
    key.write_bytes(held)
    assert vaults.open("owner").check() == []


def test_a_vault_put_back_while_one_is_made_is_not_replaced(
    settings: Settings, vaults: Vaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings.home / "vaults" / "owner.vault"
    create = migrations.create

    def meanwhile(connection: Connection) -> None:
        create(connection)
        file.write_bytes(b"put back")

    monkeypatch.setattr(migrations, "create", meanwhile)
    with pytest.raises(VaultError, match="put there by somebody else"):
        vaults.open("owner", create=True)
    assert file.read_bytes() == b"put back"


def test_who_waits_for_the_making_of_another_vault_is_told_after_the_timeout(
    settings: Settings, vaults: Vaults
) -> None:
    vaults.open("owner", create=True)
    impatient = Vaults(load(home=settings.home, vault={"busy_timeout": 0.05}))
    with (
        locked(settings.home / "vaults", 0, "a"),
        pytest.raises(VaultLockedError, match="busy_timeout"),
    ):
        impatient.open("ann", create=True)
    impatient.open("ann", create=True)
    impatient.close()

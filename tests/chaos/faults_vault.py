"""The vault's disk is full, its file is held by somebody else, or damaged."""

from __future__ import annotations

import os
import shutil
import time
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
import sqlcipher3

from tests.chaos.fault import Fault, Scene
from tests.chaos.people import Person
from tests.chaos.stage import Stage
from vault.engine import make_engine
from vault.errors import VaultError

_PAGE = 4096
#: Seconds that the damage has to be told, and that other people have to be whole meanwhile.
_TOLD_SECONDS = 15.0
_OTHERS_SECONDS = 40.0


class DiskFull(Fault):
    """Not a byte is left for any vault."""

    name = "vaults' disk full"
    lasts = (2.0, 4.0)
    stirs = True

    @classmethod
    def missing(cls, stage: Stage) -> str | None:
        return None if stage.mounted else "no disk of its own can be mounted (are we root?)"

    def inject(self, scene: Scene) -> None:
        self._marks = scene.stage.marks()
        self._ballast = scene.stage.vaults / "ballast"
        with self._ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, _PAGE):
                with suppress(OSError):
                    while file.write(b"\0" * size) == size:
                        pass

    def hits(self, scene: Scene) -> int:
        return scene.stage.told(self._marks, "no space is left for")

    def heal(self, scene: Scene) -> None:
        self._ballast.unlink()


class VaultLocked(Fault):
    """Another process holds the file for longer than the busy timeout."""

    name = "vault locked by another process"
    lasts = (1.5, 4.0)
    stirs = True

    def inject(self, scene: Scene) -> None:
        person = self.chance.choice(scene.syncing() or scene.people)
        self._marks = scene.stage.marks()
        self._held = _raw(person)
        _begin(self._held, "BEGIN EXCLUSIVE")

    def hits(self, scene: Scene) -> int:
        return scene.stage.told(self._marks, "is in use by another process")

    def heal(self, scene: Scene) -> None:
        self._held.rollback()
        self._held.close()


class _Damaged(Fault):
    """One person's file is damaged: said plainly, and nobody else's business.

    Then the copy made before is put in its place as docs/deploy.md says: moved there, and synced.
    """

    alone = True
    people = 2

    def inject(self, scene: Scene) -> None:
        victim, *others = scene.people
        path = scene.stage.vaults / f"{victim.name}.vault"
        self._copy = path.with_suffix(".copy")
        held = _raw(victim)
        for _ in range(100):
            # Everything into the file itself, so that one file is the whole copy.
            held.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            _begin(held, "BEGIN IMMEDIATE")
            if not Path(f"{path}-wal").exists() or Path(f"{path}-wal").stat().st_size == 0:
                break
            held.rollback()
        shutil.copy(path, self._copy)
        self.damage(path)
        held.rollback()
        held.close()
        scene.stage.close_vaults()
        self._look(scene, victim, others)

    @abstractmethod
    def damage(self, path: Path) -> None:
        """Spoil the file where it lies."""

    def _look(self, scene: Scene, victim: Person, others: list[Person]) -> None:
        deadline = time.monotonic() + _TOLD_SECONDS
        told: set[str] = set()
        while time.monotonic() < deadline and not any("damaged" in line for line in told):
            for job in victim.jobs:
                run = scene.stage.services.schedule.run_of(job)
                scene.stage.services.queue.send(job, run)
            time.sleep(0.5)
            with suppress(redis.RedisError):
                views = scene.stage.services.progress.snapshot(victim.name)
                told |= {view.message or "" for view in views}
        if not any("damaged" in line for line in told):
            # A sync that finds nothing new may touch no page that is damaged; a check must see it.
            told |= {f"the check says: {line}" for line in _problems(victim)[:1]}
        scene.expect(any("damaged" in line for line in told), "nobody says that it is damaged")
        scene.notes.append(f"the person reads: {' / '.join(sorted(told - {''}))}")
        deadline = time.monotonic() + _OTHERS_SECONDS
        while not all(other.whole() for other in others) and time.monotonic() < deadline:
            time.sleep(0.1)
        scene.expect(all(other.whole() for other in others), "other people's vaults suffered")

    def heal(self, scene: Scene) -> None:
        scene.stage.close_vaults()
        path = scene.stage.vaults / f"{scene.people[0].name}.vault"
        for side in ("-wal", "-shm"):
            Path(f"{path}{side}").unlink(missing_ok=True)
        self._copy.replace(path)
        # What the copy lacks is fetched by the next sync, which need not be waited for.
        for job in scene.people[0].jobs:
            scene.stage.services.queue.sync(job.person, job.connection, job.handler)


class VaultCut(_Damaged):
    name = "vault file cut short"

    def damage(self, path: Path) -> None:
        half = path.stat().st_size // 2 // _PAGE * _PAGE + 100
        # What is cut to nothing must not pass for a new vault.
        os.truncate(path, self.chance.choice((0, half)))


class VaultFlipped(_Damaged):
    name = "vault file with flipped bytes"

    def damage(self, path: Path) -> None:
        with path.open("r+b") as file:
            for page in range(path.stat().st_size // _PAGE):
                file.seek(page * _PAGE + self.chance.randrange(64, _PAGE - 64))
                found = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([found[0] ^ 0xFF]))


def _problems(person: Person) -> list[str]:
    """What a check of the vault says, when it is opened anew."""
    try:
        return person.vault.check()
    except VaultError as error:
        return [str(error)]


def _raw(person: Person) -> Any:
    """A connection to the person's file that bypasses the vault."""
    vault = person.vault
    engine = make_engine(vault.path, vault._key, 10.0)
    return engine.raw_connection().driver_connection


def _begin(connection: Any, how: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            connection.execute(how)
            return
        except sqlcipher3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)

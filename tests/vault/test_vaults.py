"""Files, keys, damage, processes."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect

from config.settings import load
from connectors.sdk.oauth import Tokens
from vault import migrations
from vault.errors import (
    KeyMissingError,
    NotFoundError,
    VaultDamagedError,
    VaultError,
    VaultLockedError,
)
from vault.keys import KeyRing
from vault.vaults import Vaults

ACCOUNT = "google:1"
ROOT = Path(__file__).resolve().parents[2]
CHILD = textwrap.dedent("""
    import importlib.util, sys
    from pathlib import Path
    from config.settings import load
    from vault.vaults import Vaults
    spec = importlib.util.spec_from_file_location("made", "tests/vault/conftest.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    vault = Vaults(load(home=Path(sys.argv[1]))).open("owner", create=True)
""")


def child(home: Path, code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + textwrap.dedent(code), str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


def files(home: Path) -> list[Path]:
    return sorted((home / "vaults").iterdir())


def test_a_vault_that_is_not_there_is_not_made_by_chance(vaults, settings):
    with pytest.raises(NotFoundError):
        vaults.open("owner")
    assert vaults.people() == []
    assert not settings.home.exists()


@pytest.mark.parametrize("person", ["", "A", "../x", "a/b", "a.b", "x" * 65, "ü", "a\n"])
def test_a_person_s_id_cannot_lead_elsewhere(vaults, person):
    with pytest.raises(NotFoundError):
        vaults.open(person, create=True)


def test_files_are_the_owner_s_alone(vault, settings):
    for file in [*files(settings.home), settings.home / "keys" / "master"]:
        assert file.stat().st_mode & 0o777 == 0o600, file
    assert (settings.home / "vaults").stat().st_mode & 0o777 == 0o700
    assert (settings.home / "keys").stat().st_mode & 0o777 == 0o700


def test_a_vault_is_opened_once_in_a_process(vaults):
    assert vaults.open("a", create=True) is vaults.open("a")
    vaults.open("b", create=True)
    assert vaults.people() == ["a", "b"]


def test_after_close_one_file_holds_everything(vaults, vault, email, batch, settings):
    vault.commit(batch(*(email(n) for n in range(50))))
    vaults.close()
    assert [f.name for f in files(settings.home)] == ["owner.key", "owner.vault"]
    assert vaults.open("owner").count("email") == 50


def test_no_plain_text_is_on_the_disk_neither_open_nor_closed(
    vaults, vault, email, batch, settings
):
    words = [b"xylophone", b"marzipan", b"quokka", b"ya29-token", b"rhubarb", b"google:1"]
    vault.save_tokens(ACCOUNT, Tokens("ya29-token", "ya29-token-refresh"))
    vault.commit(
        batch(
            *(
                email(n, name="xylophone", messageText="marzipan", sourceData={"a": "quokka"})
                for n in range(200)
            ),
            position={"at": "rhubarb"},
        )
    )

    def look():
        seen = [f for f in files(settings.home) if f.stat().st_size]
        for file in seen:
            content = file.read_bytes()
            assert not [w for w in [*words, b"SQLite format 3"] if w in content], file
        return [f.name for f in seen]

    assert "owner.vault-wal" in look()
    vaults.close()
    assert look() == ["owner.key", "owner.vault"]


def test_other_programs_see_no_database(vaults, vault, settings):
    vaults.close()
    plain = sqlite3.connect(settings.home / "vaults" / "owner.vault")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        plain.execute("select * from sqlite_master")
    plain.close()


def test_a_wrong_master_key_is_said_and_changes_nothing(vaults, vault, settings):
    vaults.close()
    before = (settings.home / "vaults" / "owner.key").read_bytes()
    other = Vaults(load(home=settings.home, vault={"master_key": "ab" * 32}))
    with pytest.raises(KeyMissingError, match="does not open the vault of owner"):
        other.open("owner", create=True)
    assert (settings.home / "vaults" / "owner.key").read_bytes() == before
    assert vaults.open("owner").connections()


def test_a_lost_master_key_is_never_replaced(vaults, vault, settings):
    vaults.close()
    (settings.home / "keys" / "master").unlink()
    for person in ("owner", "new"):
        with pytest.raises(KeyMissingError, match="backup"):
            Vaults(settings).open(person, create=True)
    assert not (settings.home / "keys" / "master").exists()


def test_production_makes_no_master_key(settings):
    production = load(home=settings.home, vault={"make_master_key": False})
    with pytest.raises(KeyMissingError, match="openssl rand"):
        Vaults(production).open("owner", create=True)


@pytest.mark.parametrize("key", ["", "ab", "zz" * 32, "ab" * 33])
def test_a_malformed_master_key_is_refused_and_not_shown(settings, key):
    given = load(home=settings.home, vault={"master_key": key})
    with pytest.raises(KeyMissingError) as caught:
        Vaults(given).open("owner", create=True)
    assert "64 hexadecimal digits" in str(caught.value)
    assert key not in str(caught.value) or len(key) < 3


@pytest.mark.parametrize("given", ["setting", "file"])
def test_a_malformed_master_key_is_to_be_put_back_where_vaults_need_it(
    vaults, vault, settings, given
):
    master = settings.home / "keys" / "master"
    if given == "file":
        master.write_text("ab")
    values = {"master_key": "ab"} if given == "setting" else {}
    with pytest.raises(KeyMissingError) as caught:
        Vaults(load(home=settings.home, vault=values)).open("new", create=True)
    assert "put it back from a backup" in str(caught.value)
    assert "openssl" not in str(caught.value)


def test_a_malformed_master_key_may_be_made_anew_where_no_vault_needs_it(settings):
    with pytest.raises(KeyMissingError, match="openssl rand"):
        Vaults(load(home=settings.home, vault={"master_key": "ab"})).open("new", create=True)


def test_a_master_key_can_come_from_a_file(settings, tmp_path):
    file = tmp_path / "secret"
    file.write_text("cd" * 32 + "\n")
    given = load(home=settings.home, vault={"master_key_file": file, "make_master_key": False})
    opened = Vaults(given)
    assert opened.open("owner", create=True).connections() == []
    opened.close()


def test_a_wrapped_key_belongs_to_its_person(settings):
    ring = KeyRing(settings.vault, settings.home)
    wrapped = ring.wrap("ada", b"k" * 32)
    assert ring.unwrap("ada", wrapped) == b"k" * 32
    assert b"k" * 8 not in wrapped
    assert ring.wrap("ada", b"k" * 32) != wrapped
    flipped = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for person, key in (("bob", wrapped), ("ada", flipped), ("ada", wrapped[:9]), ("ada", b"")):
        with pytest.raises(KeyMissingError):
            ring.unwrap(person, key)


def test_a_lost_vault_key_is_never_replaced(vaults, vault, settings):
    vaults.close()
    (settings.home / "vaults" / "owner.key").unlink()
    with pytest.raises(KeyMissingError, match=r"owner\.key is missing"):
        vaults.open("owner", create=True)


@pytest.mark.parametrize("place", [20, 2000])
def test_damage_in_the_first_page_is_said_on_opening(vaults, vault, settings, place):
    vaults.close()
    flip(settings.home / "vaults" / "owner.vault", place)
    with pytest.raises(VaultDamagedError, match="backup"):
        vaults.open("owner")


def test_damage_further_on_is_found_by_check_and_said_on_reading(
    vaults, vault, email, batch, settings
):
    vault.commit(batch(*(email(n, messageText="x" * 3000) for n in range(100))))
    assert vault.check() == []
    vaults.close()
    file = settings.home / "vaults" / "owner.vault"
    size = file.stat().st_size
    # The tables' definitions stand in the first half; without them nothing opens.
    for place in range(size // 8192 * 4096, size, 4096):
        flip(file, place + 100)
    opened = vaults.open("owner")
    assert opened.check()
    with pytest.raises(VaultDamagedError):
        list(opened.export())


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def test_a_file_cut_short_is_damage(vaults, vault, email, batch, settings):
    vault.commit(batch(*(email(n, messageText="x" * 3000) for n in range(50))))
    vaults.close()
    file = settings.home / "vaults" / "owner.vault"
    os.truncate(file, file.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(VaultDamagedError):
        list(vaults.open("owner").export())


def test_a_vault_from_a_newer_server_is_said(vaults, vault):
    with vault._write() as database:
        database.exec_driver_sql("PRAGMA user_version = 99")
    vaults.close()
    with pytest.raises(VaultError, match="newer version of the server"):
        vaults.open("owner")


def test_an_older_vault_is_brought_up_step_by_step(vault):
    done = []

    def step(name):
        def run(database: Connection) -> None:
            done.append(name)

        return run

    with vault._write() as database:
        database.exec_driver_sql("PRAGMA user_version = 1")
        migrations.bring_up(database, [step("to 2"), step("to 3")])
        migrations.bring_up(database, [step("to 2"), step("to 3"), step("to 4")])
        assert database.exec_driver_sql("PRAGMA user_version").scalar_one() == 4
    assert done == ["to 2", "to 3", "to 4"]


def test_a_new_vault_has_all_tables_and_the_promised_pragmas(vault):
    with vault._read() as database:
        names = set(inspect(database).get_table_names())
        assert names >= set(migrations.tables.metadata.tables)
        read = {
            name: database.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "temp_store")
        }
    assert read == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "temp_store": 2}


def test_neither_key_nor_content_shows_in_reprs_and_errors(vault, email, batch):
    vault.commit(batch(email(1)))
    with pytest.raises(VaultError) as caught, vault._write() as database:
        database.exec_driver_sql("insert into runs(id) values (?)", ("very private",))
    key = vault._key.hex()
    shown = repr(vault) + repr(vault._engine) + repr(caught.value) + repr(caught.value.__cause__)
    assert "private" not in shown
    assert key not in shown


def test_a_vault_held_by_another_writer_is_said_after_the_timeout(settings, vault):
    impatient = Vaults(load(home=settings.home, vault={"busy_timeout": 0.05}))
    other = impatient.open("owner")
    with vault._write(), pytest.raises(VaultLockedError, match="busy_timeout"):
        other.reset(ACCOUNT, delete_data=False)
    impatient.close()


def test_two_processes_write_and_neither_loses_anything(vaults, vault, settings):
    code = """
    import os
    for n in range(15):
        vault.commit(made.make_commit(made.make_email(f"{os.getpid()}-{n}")))
    """
    writers = [child(settings.home, code) for _ in range(2)]
    assert [w.communicate()[0] for w in writers] == [b"", b""]
    assert [w.returncode for w in writers] == [0, 0]
    assert vault.count("email") == 30
    assert vault.handler(ACCOUNT, "gmail").seq == 30


def test_processes_that_make_a_vault_at_once_make_the_same_one(settings):
    code = "vault.save_connection(made.make_connection(sys.argv[1][-1] + str(id(vault))))"
    makers = [child(settings.home, code) for _ in range(3)]
    for maker in makers:
        maker.communicate()
    assert [m.returncode for m in makers] == [0, 0, 0]
    opened = Vaults(settings)
    assert opened.open("owner").check() == []
    assert 1 <= len(opened.open("owner").connections()) <= 3
    opened.close()


def test_a_process_killed_in_the_middle_leaves_whole_batches_with_their_position(settings):
    code = """
    if not vault.connections():
        vault.save_connection(made.make_connection())
    vault.ensure_handler("google:1", "gmail")
    position, seq = vault.claim("google:1", "gmail", vault.last_fence("google:1", "gmail") + 1)
    fence = vault.last_fence("google:1", "gmail")
    print("ready", flush=True)
    while True:
        start = position.get("n", 0)
        batch = [made.make_email(n, messageText="x " * 9000) for n in range(start, start + 20)]
        position = {"n": start + 20}
        vault.commit(made.make_commit(*batch, fence=fence, position=position))
    """
    chance = random.Random(7)
    opened = Vaults(settings)
    last = 0
    for _ in range(6):
        worker = child(settings.home, code)
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.02, 0.3))
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        vault = opened.open("owner")
        state = vault.handler(ACCOUNT, "gmail")
        count = vault.count("email")
        assert count == state.kept == state.position.get("n", 0) == state.seq * 20
        assert vault.search_count("subject") == count
        assert count >= last
        last = count
        assert vault.check() == []
    assert last > 0
    opened.close()


def _in_child(vaults, vault, batch, email, answers):
    vault.commit(batch(email("child")))
    answers.put((vaults.open("owner") is vault, vault.count("email")))
    vaults.close()


def test_a_forked_child_opens_its_own(vaults, vault, email, batch):
    vault.commit(batch(email("parent")))
    inherited = vault._engine
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    process = context.Process(target=_in_child, args=(vaults, vault, batch, email, answers))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert answers.get() == (True, 2)
    assert vault._engine is inherited
    vault.commit(batch(email("parent again")))
    assert vault.count("email") == 3
    assert vault.check() == []

"""`dcs doctor`: what it advises goes by the cause, and it changes nothing."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from config.settings import OWNER
from vault.locks import locked
from worker.services import Services

Dcs = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[2]


def told(dcs: Dcs, area: str = "vaults") -> list[str]:
    """The problems of an area, with their advice."""
    said = json.loads(dcs("doctor", "--offline", "--json").stdout)
    return _problems(said, area)


def _problems(said: dict[str, Any], area: str) -> list[str]:
    return [
        f"{one['text']} | {one['advice']}"
        for one in said["findings"]
        if one["area"] == area and one["level"] == "problem"
    ]


def _without_roots_rights() -> None:
    # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: without them modes hold for root, too.
    libc = ctypes.CDLL(None)
    for capability in (1, 2):
        libc.prctl(24, capability, 0, 0, 0)


def told_to_a_user(home: Path, area: str) -> tuple[int, list[str]]:
    """Exit code, and the problems of an area, of a process for which modes hold."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "doctor", "--offline", "--json"],
        cwd=ROOT,
        env={**os.environ, "DCS_HOME": str(home)},
        preexec_fn=_without_roots_rights if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, _problems(json.loads(done.stdout), area)


@pytest.fixture
def folder(filled: Services) -> Path:
    """The vaults of a server that is stopped."""
    filled.vaults.close()
    return filled.settings.home / "vaults"


def form(services: Services, number: int) -> None:
    with services.vaults.open(OWNER)._write() as database:
        database.exec_driver_sql(f"PRAGMA user_version = {number:d}")
    services.vaults.close()


def test_an_empty_vault_is_damaged_and_stays_empty(dcs: Dcs, folder: Path) -> None:
    (folder / "owner.vault").write_bytes(b"")
    (text,) = told(dcs)
    assert "owner.vault is damaged: it is empty" in text
    assert "back from the backup" in text
    assert (folder / "owner.vault").stat().st_size == 0


def test_a_vault_that_a_process_opens_without_end_is_told_and_keeps_nobody_waiting(
    dcs: Dcs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCS_VAULT__BUSY_TIMEOUT", "0.1")
    with locked(folder / "owner.key", 0, "owner.vault"):
        (text,) = told(dcs)
    assert "owner.vault is in use by another process" in text
    assert "Wait for the process that holds it" in text
    assert "backup" not in text


def test_a_vault_of_a_newer_form_asks_for_the_newer_server(dcs: Dcs, filled: Services) -> None:
    form(filled, 99)
    (text,) = told(dcs)
    assert "has form 99" in text
    assert "Install the newer version" in text
    assert "backup" not in text


def test_a_vault_of_an_older_form_is_left_as_it_is(dcs: Dcs, filled: Services) -> None:
    form(filled, 1)
    before = (filled.settings.home / "vaults" / "owner.vault").read_bytes()
    result = dcs("doctor", "--offline")
    assert result.exit_code == 0
    assert "is brought up when the server next opens it" in " ".join(result.stdout.split())
    assert (filled.settings.home / "vaults" / "owner.vault").read_bytes() == before


def test_a_full_disk_asks_for_room_and_not_for_the_backup(
    dcs: Dcs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The database says the same of this as of a disk on which it cannot make that file.
    (folder / "owner.vault-wal").mkdir()
    (text,) = told(dcs)
    assert "could not be read or written" in text
    assert "Put " not in text
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, 1000))
    assert all("Make room" in text and "backup" not in text for text in told(dcs))


def test_search_that_lacks_records_is_told_to_harm_search_alone(dcs: Dcs, filled: Services) -> None:
    with filled.vaults.open(OWNER)._write() as database:
        database.exec_driver_sql("DELETE FROM records_text WHERE rowid = 3")
    (text,) = told(dcs)
    assert "all else of the vault works" in text
    assert "`dcs reset-provider PROVIDER --delete-data`" in text


def test_a_key_without_its_vault_names_the_missing_file(dcs: Dcs, folder: Path) -> None:
    (folder / "owner.vault").unlink()
    (text,) = told(dcs)
    assert "vaults/owner.vault is missing" in text
    assert "or the disk that it is on" in text
    # Connecting anew makes none while the key is there.
    assert "move vaults/owner.key away, then run `dcs connect PROVIDER`" in text


def test_a_link_to_nowhere_is_told_and_hides_no_other_vault(dcs: Dcs, filled: Services) -> None:
    filled.vaults.open("zoe", create=True)
    filled.vaults.close()
    file = filled.settings.home / "vaults" / "owner.vault"
    file.unlink()
    file.symlink_to("/nonexistent")
    (text,) = told(dcs)
    assert "is a link to /nonexistent, which is not there" in text
    assert told(dcs, "disk") == []
    assert "the vault of zoe is sound" in " ".join(dcs("doctor", "--offline").stdout.split())


def test_a_malformed_master_key_is_to_be_put_back_where_vaults_need_it(
    dcs: Dcs, folder: Path
) -> None:
    (folder.parent / "keys" / "master").write_text("abc")
    (text,) = told(dcs, "keys")
    assert "Put the master key back" in text
    assert "openssl" not in text


def test_a_data_directory_that_is_a_file_is_told(
    dcs: Dcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DCS_HOME", str(tmp_path / "file"))
    (text,) = told(dcs, "files")
    assert "is not a folder" in text


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_vaults_folder_that_is_shut_asks_for_permissions(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    try:
        code, texts = told_to_a_user(folder.parent, "vaults")
    finally:
        folder.chmod(0o700)
    assert code == 1
    assert texts
    assert all(f"chmod -R u+rwX {folder}" in text and "backup" not in text for text in texts)


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_vault_that_is_shut_asks_for_permissions(folder: Path, mode: int) -> None:
    file = folder / "owner.vault"
    file.chmod(mode)
    code, (text,) = told_to_a_user(folder.parent, "vaults")
    assert code == 1
    assert f"chmod -R u+rwX {file}" in text


def test_a_data_directory_that_is_shut_is_a_finding_with_advice(folder: Path) -> None:
    home = folder.parent
    home.chmod(0)
    try:
        code, (text,) = told_to_a_user(home, "files")
    finally:
        home.chmod(0o700)
    assert code == 1
    assert f"chmod -R u+rwX {home}" in text

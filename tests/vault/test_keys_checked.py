"""The cheap look whether vaults could be opened and written: it must change nothing."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from config.settings import load
from vault.errors import KeyMissingError, VaultError
from vault.vaults import Vaults


def test_a_fresh_home_is_usable_and_nothing_is_made(settings):
    Vaults(settings).check()
    assert not (settings.home / "keys").exists()
    assert not (settings.home / "vaults").exists()


def test_one_damaged_key_is_not_the_others_fault(vaults, vault, settings):
    vaults.open("zoe", create=True)
    (settings.home / "vaults" / "owner.key").write_bytes(os.urandom(60))
    Vaults(settings).check()
    (settings.home / "vaults" / "zoe.key").write_bytes(os.urandom(60))
    with pytest.raises(KeyMissingError, match="does not open"):
        Vaults(settings).check()


def test_a_wrong_a_lost_and_a_malformed_master_key_are_told(vaults, vault, settings):
    with pytest.raises(KeyMissingError, match="does not open"):
        Vaults(load(home=settings.home, vault={"master_key": "ab" * 32})).check()
    with pytest.raises(KeyMissingError, match="hexadecimal"):
        Vaults(load(home=settings.home, vault={"master_key": "nonsense"})).check()
    (settings.home / "keys" / "master").unlink()
    with pytest.raises(KeyMissingError, match="missing"):
        Vaults(settings).check()
    assert not (settings.home / "keys" / "master").exists()


def test_production_without_a_master_key_is_not_usable(settings):
    with pytest.raises(KeyMissingError, match="openssl rand"):
        Vaults(load(home=settings.home, vault={"make_master_key": False})).check()


def test_a_full_disk_is_told(vaults, vault, settings, monkeypatch):
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12, 4096))
    with pytest.raises(VaultError, match="full"):
        Vaults(settings).check()


def test_a_folder_that_cannot_be_written_is_told(vaults, vault, settings, monkeypatch):
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and real(path, mode))
    with pytest.raises(VaultError, match="cannot be written"):
        Vaults(settings).check()


def test_the_look_stays_cheap_with_many_vaults(vaults, vault, settings):
    folder = settings.home / "vaults"
    held = (folder / "owner.key").read_bytes()
    for number in range(3000):
        (folder / f"p{number}.vault").touch()
    (folder / "owner.key").write_bytes(held)
    found = Vaults(settings)
    found.check()
    started = time.perf_counter()
    for _ in range(10):
        found.check()
    assert (time.perf_counter() - started) / 10 < 0.1

"""Nothing of a person's content, and no token, is readable outside the vault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests


@pytest.mark.timeout(180)
def test_no_file_and_no_log_of_a_synced_account_holds_content_or_tokens(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = stage.environment()
    # The level at which libraries tell most.
    monkeypatch.setattr(stage, "environment", lambda: environment | {"DCS_LOG_LEVEL": "DEBUG"})
    job = stage.connect()
    # A refresh in the middle puts new tokens through the worker's hands.
    requests.post(f"{stage.sandbox.url}/_sandbox/tokens/expire-access", json={}, timeout=10)
    stage.start("beat")
    stage.start("worker")
    stage.until_done(job)
    canaries = _canaries(stage)
    vault = stage.services.vaults.open("owner")
    tokens = vault.tokens(job.connection)
    assert tokens is not None
    assert tokens.access_token in canaries
    # The canaries are what is really kept: the vault itself gives them back.
    names = {record["name"] for record in vault.query("email", None, limit=2000)}
    assert len(names.intersection(canaries)) > 20
    for when in ("open", "closed"):
        if when == "closed":
            stage.services.vaults.close()
        for path in _files(stage):
            content = path.read_bytes()
            found = [word for word in canaries if word.encode() in content]
            assert not found, f"{path.name} ({when}) holds {len(found)} of them"
    assert stage.logs.joinpath("worker.log").stat().st_size > 1000


def _canaries(stage: Any) -> list[str]:
    answer = requests.get(f"{stage.sandbox.url}/_sandbox/canaries", timeout=30).json()
    words = answer if isinstance(answer, list) else answer["canaries"]
    # Shorter ones could stand in a file by chance.
    found = [word for word in words if len(word) >= 8]
    assert len(found) > 1000
    tokens = [word for word in found if word.startswith(("ya29.", "1//"))]
    assert len(tokens) >= 2
    # Every token, and enough of the rest to leave nothing to chance in a bearable time.
    return tokens + found[::25]


def _files(stage: Any) -> list[Path]:
    """The vault with its side files, keys, logs, and Redis's append-only file."""
    redis_data = Path(stage.redis.data_dir)
    folders = [stage.home, stage.logs, redis_data]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    names = {path.name for path in found}
    assert "owner.vault" in names
    assert any("aof" in name for name in names)
    return found

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
import redis

from cli.embedded import answers
from cli.errors import Fail
from cli.home import read_note
from cli.runtime import Needs, check_port, free_port, running
from config.settings import load


def test_the_embedded_redis_keeps_its_data_and_opens_no_port(tmp_path: Path) -> None:
    # Longer than a socket's path may be.
    settings = load(home=tmp_path / ("deep" * 40))
    with running(settings, Needs(), command="test", tell=print) as runtime:
        client = redis.Redis.from_url(runtime.redis_url)
        client.set("kept", "yes")
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client.config_get("port") == {"port": "0"}
        client.close()
        folder = Path(runtime.redis_url.removeprefix("unix://").partition("?")[0]).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        note = read_note(settings.home)
        assert note is not None
        assert (note.command, note.ready, note.pid) == ("test", False, os.getpid())
    assert not folder.exists()
    with running(settings, Needs(), command="test", tell=print) as runtime:
        assert runtime.redis_url not in {"", note.redis_url}
        with redis.Redis.from_url(runtime.redis_url) as client:
            assert client.get("kept") == b"yes"
    assert not answers(runtime.redis_url)


def test_a_redis_of_the_settings_is_used(tmp_path: Path, redis_server: object) -> None:
    url = redis_server.url  # type: ignore[attr-defined]  # the fixture's own class
    settings = load(home=tmp_path / "home", redis_url=url)
    with running(settings, Needs(), command="test", tell=print) as runtime:
        assert runtime.redis_url == url
        assert not (tmp_path / "home" / "redis").exists()
        # Its URL may hold a password.
        assert url not in (tmp_path / "home" / "run.json").read_text()


def test_a_redis_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    port = free_port("127.0.0.1", 0)
    settings = load(home=tmp_path / "home", redis_url=f"redis://:secret-word@127.0.0.1:{port}/0")
    with (
        pytest.raises(Fail, match=r"Redis does not answer at 127\.0\.0\.1") as caught,
        running(settings, Needs(), command="test", tell=print),
    ):
        pass
    assert "secret-word" not in str(caught.value)


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Fail, match="set DCS_WEB__PORT to another"):
            check_port("127.0.0.1", port, "DCS_WEB__PORT")
        assert free_port("127.0.0.1", port) != port

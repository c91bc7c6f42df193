"""What is logged, and what is not."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import logs, settings

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Z]+ \w+ [\w.]+ .+")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """A stream in the place of standard error; the loggers' state is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    held = {name: logging.getLogger(name).level for name in (*logs._LEVELS, *logs.ROOMS)}
    stream = io.StringIO()
    with warnings.catch_warnings():
        yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, one in held.items():
        logging.getLogger(name).setLevel(one)


def start(out: io.StringIO, home: Path, **values: object) -> logging.Logger:
    logs.setup(settings.load(home=home, **values), "worker", stream=out)
    return logging.getLogger("worker.engine")


SECRETS = [
    "Authorization: Bearer abcDEF123456",
    "{'Authorization': 'Bearer abcDEF123456'}",
    "got access_token=abcDEF123456 for it",
    '{"refresh_token": "abcDEF123456", "expires_in": 3599}',
    "client_secret='abcDEF123456'",
    "GET /connect/x/authorized?state=1&code=abcDEF123456 HTTP/1.1",
    "https://example.org/o/token?code=abcDEF123456",
    "code=abcDEF123456",
    "code_verifier=abcDEF123456&grant_type=authorization_code",
    '"code": "abcDEF123456"',
    "token ya29.abcDEF123456 was refused",
    "token 1//abcDEF123456 was refused",
    "a web token eyJhbGciOiJI.abcDEF123456.sig",
    "redis://:abcDEF123456@redis:6379/0",
    "redis://user:abcDEF123456@redis:6379/0",
    "Cookie: session=abcDEF123456",
    "DCS_WEB__SECRET_KEY=abcDEF123456",
    "mail for abcDEF123456@example.org",
    "GET /messages?q=subject%3AabcDEF123456",
]


@pytest.mark.parametrize("text", SECRETS)
def test_nothing_that_looks_like_a_secret_is_left(text: str) -> None:
    assert "abcDEF123456" not in logs.redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "kept 25 records in 1.2 s",
        "ended with code=137",
        "the provider answered 503",
        "google:1234 gmail 4f2a: is it done? not yet",
        "redis://redis:6379/0",
        "set web.secret_key in dcs.toml",
    ],
)
def test_what_is_harmless_stays(text: str) -> None:
    assert logs.redact(text) == text


def test_a_record_is_one_line_with_time_level_tier_logger_and_ids(
    out: io.StringIO, tmp_path: Path
) -> None:
    log = start(out, tmp_path)
    with logs.bind(connection="google:1"), logs.bind(handler="gmail", run="4f2a"):
        log.info("kept %d\nrecords", 25)
    log.info("done")
    first, second = out.getvalue().splitlines()
    assert LINE.fullmatch(first)
    assert first.endswith(r"INFO worker worker.engine [google:1 gmail 4f2a] kept 25\nrecords")
    assert second.endswith("INFO worker worker.engine done")


def test_an_exception_is_logged_without_its_message(out: io.StringIO, tmp_path: Path) -> None:
    log = start(out, tmp_path)
    error = ValueError("subject: holiday in Rome")
    try:
        raise error from KeyError("Dear diary")
    except ValueError:
        log.exception("it failed: %s", error)
    line = out.getvalue()
    assert line.count("\n") == 1
    assert "diary" not in line
    assert "Rome" not in line
    assert "it failed: ValueError | ValueError (config/test_logs.py:" in line
    assert "from KeyError ()" in line


def test_a_connectors_own_message_is_logged(out: io.StringIO, tmp_path: Path) -> None:
    from connectors.sdk.errors import TransientError

    start(out, tmp_path).warning("again later: %s", TransientError("the provider answered 503"))
    assert "again later: the provider answered 503" in out.getvalue()


def test_a_trace_names_type_and_places_alone() -> None:
    def inner() -> None:
        raise ValueError("subject: holiday in Rome")

    with pytest.raises(ValueError, match="Rome") as caught:
        inner()
    text = logs.trace(caught.value)
    assert re.fullmatch(
        r"ValueError \(config/test_logs\.py:\d+:\w+, config/test_logs\.py:\d+:inner\)", text
    )


def test_a_trace_of_errors_that_cause_each_other_ends() -> None:
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    assert logs.trace(first) == "ValueError () from KeyError ()"


def test_a_tasks_error_result_and_arguments_are_not_logged(
    out: io.StringIO, tmp_path: Path
) -> None:
    start(out, tmp_path)
    content = {"name": "sync.handler", "id": "7", "exc": "ValueError('Rome')", "args": "('Rome',)"}
    logging.getLogger("celery.app.trace").error("Task %(name)s[%(id)s] raised: %(exc)s", content)
    line = out.getvalue()
    assert "Task sync.handler[7] raised: [...]" in line
    assert "Rome" not in line
    assert content["exc"] == "ValueError('Rome')"


@pytest.mark.parametrize("name", ["flask_dance.consumer.oauth2", "requests_oauthlib", "urllib3"])
def test_loggers_that_tell_secrets_are_quiet_even_at_debug(
    out: io.StringIO, tmp_path: Path, name: str
) -> None:
    log = start(out, tmp_path, log_level="debug")
    logging.getLogger(name).debug("token is %s", "zzz")
    log.debug("shown")
    assert "shown" in out.getvalue()
    assert "zzz" not in out.getvalue()


def test_other_packages_are_quiet_below_warning(out: io.StringIO, tmp_path: Path) -> None:
    start(out, tmp_path, log_level="DEBUG")
    logging.getLogger("some_library").info("hidden")
    logging.getLogger("some_library").warning("shown")
    assert "hidden" not in out.getvalue()
    assert "some_library shown" in out.getvalue()


def test_a_level_that_does_not_exist_is_refused(out: io.StringIO, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        start(out, tmp_path, log_level="chatty")


def test_the_servers_own_secrets_never_show(out: io.StringIO, tmp_path: Path) -> None:
    log = start(
        out,
        tmp_path,
        vault={"master_key": "c0ffee00" * 8},
        providers={"any": {"client_secret": "hush-hush-1", "client_id": "not-a-secret"}},
    )
    log.info("key %s and %s of %s", "c0ffee00" * 8, "hush-hush-1", "not-a-secret")
    assert "key [...] and [...] of not-a-secret" in out.getvalue()


def test_a_warning_is_logged_without_its_text(out: io.StringIO, tmp_path: Path) -> None:
    start(out, tmp_path)
    warnings.simplefilter("always")
    warnings.warn("cell A1 says Rome", UserWarning, stacklevel=1)
    assert "UserWarning at config/test_logs.py:" in out.getvalue()
    assert "Rome" not in out.getvalue()


def test_setting_up_twice_does_not_double_lines(out: io.StringIO, tmp_path: Path) -> None:
    start(out, tmp_path)
    start(out, tmp_path).info("once")
    assert out.getvalue().count("once") == 1


def test_an_error_remembers_the_ids_it_was_raised_under() -> None:
    with pytest.raises(ValueError) as caught, logs.bind(run="7"):
        raise ValueError
    assert logs.bound(caught.value) == {"run": "7"}
    assert logs.bound() == {}


def test_as_json_a_record_is_one_object_with_the_ids_by_name(
    out: io.StringIO, tmp_path: Path
) -> None:
    log = start(out, tmp_path, log_format="json")
    with logs.bind(connection="google:1", handler="gmail", run="4f2a"):
        log.info("kept %d\nrecords", 25)
    log.info("done")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.pop("time"))
    assert first == {
        "level": "INFO",
        "tier": "worker",
        "logger": "worker.engine",
        "connection": "google:1",
        "handler": "gmail",
        "run": "4f2a",
        "message": "kept 25\nrecords",
    }
    assert "run" not in second


def test_as_json_an_error_has_its_type_and_places_and_not_its_message(
    out: io.StringIO, tmp_path: Path
) -> None:
    log = start(out, tmp_path, log_format="json")
    try:
        int("subject: holiday in Rome")
    except ValueError:
        log.exception("it failed")
    (line,) = out.getvalue().splitlines()
    found = json.loads(line)
    assert found["error"] == "ValueError"
    assert found["places"].startswith("ValueError (config/test_logs.py:")
    assert "Rome" not in line


@pytest.mark.parametrize("text", SECRETS)
def test_as_json_secrets_are_struck_out_too(out: io.StringIO, tmp_path: Path, text: str) -> None:
    log = start(out, tmp_path, log_format="json", web={"secret_key": "hush-hush-key"})
    with logs.bind(connection="x:someone@example.org"):
        log.warning("%s and hush-hush-key", text)
    (line,) = out.getvalue().splitlines()
    json.loads(line)
    assert "abcDEF123456" not in line
    assert "hush-hush" not in line
    assert "someone" not in line


@pytest.mark.parametrize("form", ["line", "json"])
def test_a_record_that_cannot_be_formatted_is_told_without_what_it_holds(
    out: io.StringIO, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    log = start(out, tmp_path, **({"log_format": "json"} if form == "json" else {}))
    log.warning("kept %d", "subject: holiday in Rome")
    (line,) = out.getvalue().splitlines()
    assert "a record could not be written (TypeError, at config/test_logs.py:" in line
    assert "worker.engine" in line
    assert "Rome" not in line + capsys.readouterr().err


def test_as_json_a_record_is_one_line_of_ascii_whatever_it_holds(
    out: io.StringIO, tmp_path: Path
) -> None:
    text = "a\u2028b\x85c d\u00e9j\u00e0 \ud800"
    start(out, tmp_path, log_format="json").warning("%s", text)
    (line,) = out.getvalue().splitlines()
    assert line.isascii()
    assert json.loads(line)["message"] == text

"""The raw limit of a mailbox: the least that keeping the same answers could cost here.

One process and one thread parse the JSON of each message, decode the texts of its bodies, and
insert rows with `executemany` into SQLCipher: the same table of records with its indexes, the same
full-text index, the same pragmas, a transaction for each answer. There is no network, no schema,
no HTML to text, no attachment, no position, no lease, no progress, no look at what is there
already.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import requests
import sqlcipher3

from connectors.sdk.schemas.email import Email
from vault import index
from vault.engine import make_engine
from vault.tables import metadata

_PARTS = 25
_BOUNDARY = "bench"
_COLUMNS = (
    "row", "id", "connection_id", "handler_id", "schema_uri", "source_id", "name", "inserted_at",
    "sort_at", "change", "hash", "payload", "source",
)  # fmt: skip
_INSERT = f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_INDEX = "INSERT INTO records_text (rowid, name, summary, text) VALUES (?, ?, ?, ?)"
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY")


def capture(url: str, token: str) -> list[bytes]:
    """The whole mailbox as the sandbox answers it: the bodies of batch answers, 25 messages each.

    Args:
        url: The sandbox's root.
        token: An access token.
    """
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    base = "/gmail/v1/users/me/messages"
    ids: list[str] = []
    page: dict[str, str] = {"maxResults": "500"}
    while True:
        found = session.get(f"{url}{base}", params=page, timeout=60).json()
        ids += [message["id"] for message in found.get("messages", ())]
        if "nextPageToken" not in found:
            break
        page["pageToken"] = found["nextPageToken"]
    kind = {"Content-Type": f"multipart/mixed; boundary={_BOUNDARY}"}
    bodies = []
    for start in range(0, len(ids), _PARTS):
        parts = [
            f"--{_BOUNDARY}\r\nContent-Type: application/http\r\n\r\n"
            f"GET {base}/{ident}?format=full HTTP/1.1\r\n\r\n\r\n"
            for ident in ids[start : start + _PARTS]
        ]
        body = f"{''.join(parts)}--{_BOUNDARY}--".encode()
        answer = session.post(f"{url}/batch/gmail/v1", data=body, headers=kind, timeout=60)
        bodies.append(answer.content)
    return bodies


def keep(folder: Path, bodies: Sequence[bytes]) -> float:
    """Keep the answers in a fresh file; the seconds that took, making the tables left out.

    Args:
        folder: Where the file is made; an older one is replaced.
        bodies: As `capture` gives them.
    """
    path, key = folder / "raw.vault", secrets.token_bytes(32)
    for old in folder.glob("raw.vault*"):
        old.unlink()
    engine = make_engine(path, key, 5.0)
    with engine.begin() as connection:
        metadata.create_all(connection)
        index.create(connection)
    engine.dispose()
    database = sqlcipher3.connect(str(path), isolation_level=None)
    database.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    for pragma in _PRAGMAS:
        database.execute(f"PRAGMA {pragma}")
    row = 0
    started = time.perf_counter()
    for body in bodies:
        rows, words = [], []
        for source in _messages(body):
            row += 1
            values, told = _row(row, source)
            rows.append(values)
            words.append(told)
        database.execute("BEGIN IMMEDIATE")
        database.executemany(_INSERT, rows)
        database.executemany(_INDEX, words)
        database.execute("COMMIT")
    seconds = time.perf_counter() - started
    kept = database.execute("SELECT count(*) FROM records").fetchone()[0]
    database.close()
    if kept != row:
        raise SystemExit(f"the raw limit kept {kept} of {row} rows")
    return seconds


def _messages(body: bytes) -> Iterator[str]:
    mark = body[: body.index(b"\r\n")]
    for part in body.split(mark)[1:-1]:
        # Headers of the part, then those of the answer in it, then its JSON.
        yield part.split(b"\r\n\r\n", 2)[2].decode().strip()


def _row(row: int, source: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    message = json.loads(source)
    payload = message["payload"]
    headers = {h["name"].lower(): h["value"] for h in payload.get("headers", ())}
    plain, markup = _texts(payload)
    sent = datetime.fromtimestamp(int(message["internalDate"]) / 1000, UTC).isoformat()
    name, address = parseaddr(headers.get("from", ""))
    ident, subject = f"raw-{message['id']}", headers.get("subject", "")
    kept = {
        "_id": ident,
        "name": subject,
        "fromName": name,
        "fromEmail": address,
        "messageText": plain,
        "messageHTML": markup,
        "labels": message.get("labelIds", []),
        "sentAt": sent,
    }
    text = json.dumps(kept, ensure_ascii=False)
    where = ("raw:1", "gmail", Email.uri)
    return (
        (row, ident, *where, message["id"], subject, sent, sent, row, b"", text, source),
        (row, subject, message.get("snippet", ""), plain or markup),
    )


def _texts(part: dict[str, Any]) -> tuple[str, str]:
    """The plain and the HTML text of a message's parts."""
    kind, body = part.get("mimeType", ""), part.get("body", {})
    if kind in ("text/plain", "text/html") and "data" in body:
        text = base64.urlsafe_b64decode(body["data"]).decode("utf-8", "replace")
        return (text, "") if kind == "text/plain" else ("", text)
    plain = markup = ""
    for inner in part.get("parts", ()):
        more_plain, more_markup = _texts(inner)
        plain, markup = plain or more_plain, markup or more_markup
    return plain, markup

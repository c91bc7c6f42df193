"""What a connection holds in place of a token: TDLib's session, packed.

TDLib keeps a session in the file `td.binlog`, encrypted with a key of ours. It neither may be open
twice nor be copied while it is open (https://github.com/tdlib/td/issues/1546), so it is packed
after the client has closed. A file that is cut or garbled is no error to TDLib, which then takes the
person for not signed in: that it is whole is for the vault to see to.
"""

from __future__ import annotations

import base64
import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from connectors.sdk.errors import TokenExpiredError
from connectors.telegram.errors import SIGNED_OUT

#: TDLib's only file where all of its databases are off.
BINLOG = "td.binlog"
_VERSION = 1
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """A session. Never shown by `repr`.

    Args:
        key: What its file is encrypted with.
        files: Contents of its files, by name.
    """

    key: bytes = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """One that is signed in nowhere."""
        return cls(secrets.token_bytes(_KEY_BYTES), {})

    @classmethod
    def unpacked(cls, token: str) -> Self:
        """A session of what a connection holds.

        Raises:
            TokenExpiredError: It is none.
        """
        try:
            held = json.loads(base64.urlsafe_b64decode(token))
            version = held["v"]
            key = base64.b64decode(held["key"], validate=True)
            binlog = base64.b64decode(held["files"][BINLOG], validate=True)
        except (ValueError, TypeError, KeyError):
            raise TokenExpiredError(SIGNED_OUT) from None
        if version != _VERSION:
            raise TokenExpiredError(SIGNED_OUT)
        return cls(key, {BINLOG: binlog})

    def packed(self) -> str:
        """The form in which a connection holds it."""
        files = {name: base64.b64encode(data).decode() for name, data in self.files.items()}
        key = base64.b64encode(self.key).decode()
        held = {"v": _VERSION, "key": key, "files": files}
        text = json.dumps(held, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode()

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """A directory that only this user can read, with the session's files; gone afterwards.

        A process that is killed leaves it behind, encrypted with a key that is on no disk.
        """
        # A client that did not come to its end may still write to it.
        with tempfile.TemporaryDirectory(prefix="dcs-", ignore_cleanup_errors=True) as made:
            directory = Path(made)
            for name, data in self.files.items():
                path = directory / name
                path.touch(mode=0o600)
                path.write_bytes(data)
            yield directory

    def read(self, directory: Path) -> Session:
        """The session as its client has left it."""
        path = directory / BINLOG
        return Session(self.key, {BINLOG: path.read_bytes()} if path.exists() else {})

"""What to do about a file that cannot be used: by the cause, never at a guess.

Advice to put back a backup costs whoever follows it all that is newer: only damage deserves it.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from config.logs import message_of
from vault.errors import (
    VaultDamagedError,
    VaultFullError,
    VaultLockedError,
    VaultUnreadableError,
)

#: With less room than this, in bytes, an error of the disk is for want of room: the database needs
#: some for what it keeps beside a vault that is open.
_NO_ROOM = 16 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)


def advice_on(error: Exception, path: Path) -> str:
    """What to do, as a sentence.

    Args:
        error: What came of using the file.
        path: The file or folder.
    """
    if isinstance(error, VaultLockedError):
        return "Wait for the process that holds it, or stop it; then run `dcs doctor` again."
    if isinstance(error, VaultDamagedError):
        return put_back(path)
    if isinstance(error, VaultFullError) or (isinstance(error, OSError) and error.errno in _FULL):
        return make_room(path)
    if isinstance(error, (VaultUnreadableError, OSError)):
        return _way_in(error, path)
    return "Report it, with this line; it holds no content."


def put_back(vault: Path) -> str:
    """How a single vault is put back from the backup."""
    name = f"vaults/{vault.name}"
    return (
        f"Put {name} back from the backup: remove {name}-wal and {name}-shm, move the copy into its"
        " place with `mv`, then run `dcs sync` (docs/deploy.md, Backup); what is newer is fetched"
        " again."
    )


def make_room(path: Path) -> str:
    """What to do about a full disk."""
    return f"Make room on the disk of {path}; nothing that was kept is harmed."


def _way_in(error: VaultUnreadableError | OSError, path: Path) -> str:
    shut = closed(path)
    if shut is not None:
        return let_in(shut)
    if isinstance(error, PermissionError):
        return let_in(path)
    if _room(path) < _NO_ROOM:
        return make_room(path)
    return (
        f"Look at the disk of {path} (`df`, `dmesg`), at what lies beside it (`ls -la"
        f" {path.parent}`) and at its permissions; a backup is needed only when the file is lost."
    )


def closed(path: Path) -> Path | None:
    """The first of the folders above a path, or itself, that this user may not use.

    A file must be readable and writable, the folder that holds it and a folder itself also
    searchable, those above that one searchable alone.
    """
    above = [one for one in reversed(path.parents) if one != path.parent]
    for folder in above:
        if folder.exists() and not os.access(folder, os.X_OK):
            return folder
    for one in (path.parent, path):
        # Whatever is above can be searched: this cannot raise.
        if one.exists():
            wanted = os.R_OK | os.W_OK | (os.X_OK if one.is_dir() else 0)
            if not os.access(one, wanted):
                return one
    return None


def let_in(path: Path) -> str:
    """How this user is let at a file or folder."""
    if _mounted_read_only(path):
        return f"Its disk is mounted for reading alone: mount {path} for writing."
    who = f"{os.geteuid()}:{os.getegid()}"
    return (
        f"Give it to the user that the server runs as (this one is {who}): `chown -R {who} {path}`"
        f" and `chmod -R u+rwX {path}`; its content is not harmed."
    )


def reason(error: Exception) -> str:
    """What went wrong, for people; no content is in it."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return message_of(error)


def _mounted_read_only(path: Path) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _room(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return _NO_ROOM

"""Keys, files and disk: what lies in the data directory."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from cli.doctor.advice import advice_on, let_in
from cli.doctor.findings import Finding, Level, size
from config.settings import Settings
from vault.errors import KeyMissingError
from vault.keys import KeyRing
from vault.vaults import Vaults

#: Free space below which a disk is too full, and below which it soon will be, in bytes.
TOO_FULL, NEARLY_FULL = 200_000_000, 2_000_000_000
#: Most paths named in one finding.
_NAMED = 5


def usable(settings: Settings) -> Finding | None:
    """What keeps the data directory as a whole from being looked at; None when nothing does."""
    home = settings.home
    if home.exists() and not home.is_dir():
        text = f"the data directory {home} is not a folder; nothing in it was looked at"
        return Finding("files", "problem", text, "Move it away, or set DCS_HOME to a folder.")
    return None


def keys(settings: Settings) -> Iterator[Finding]:
    """The master key, and whether it opens each vault's own key."""
    vaults = Vaults(settings)
    wrapped = {path.stem for path in (settings.home / "vaults").glob("*.key")}
    people = sorted({*vaults.people(), *wrapped})
    file = settings.vault.master_key_file or settings.home / "keys" / "master"
    try:
        KeyRing(settings.vault, settings.home).check()
    except KeyMissingError as error:
        yield _no_master(settings, file, str(error), needed=bool(people))
        return
    if settings.vault.master_key is None and not file.exists():
        yield Finding("keys", "ok", "there is no master key yet; the first account makes one")
        return
    yield _master(settings, file)
    closed = []
    for person in people:
        try:
            vaults.unwraps(person)
        except KeyMissingError as error:
            closed.append(person)
            yield Finding(
                "keys",
                "problem",
                str(error),
                f"Put vaults/{person}.key, or the right master key, back from the backup "
                "(docs/deploy.md, Backup).",
            )
        except OSError as error:
            closed.append(person)
            path = settings.home / "vaults" / f"{person}.key"
            yield Finding(
                "keys", "problem", f"{path.name}: {error.strerror}", advice_on(error, path)
            )
    if people and not closed:
        yield Finding("keys", "ok", f"the master key opens the keys of all vaults ({len(people)})")


def _no_master(settings: Settings, file: Path, text: str, *, needed: bool) -> Finding:
    given = settings.vault.master_key is not None
    if not given and file.exists() and not os.access(file, os.R_OK):
        return Finding("keys", "problem", text, let_in(file))
    if not needed:
        advice = "Make one, and keep a copy of it away from this machine."
        return Finding("keys", "problem", text, advice)
    # How a new one is made is no help where vaults need the one that they were made with.
    text = text.partition(": `openssl")[0]
    return Finding(
        "keys",
        "problem",
        text,
        "Put the master key back from its copy; no command can make a lost one again, and a new"
        " one opens none of the vaults.",
    )


def _master(settings: Settings, file: Path) -> Finding:
    if settings.vault.master_key is not None:
        return Finding("keys", "ok", "the master key is given as a setting")
    found = file.stat()
    # A file that a container's runtime provides has the owner and the mode that it gives.
    level: Level = "problem" if file.is_relative_to(settings.home) else "warning"
    if found.st_uid not in _trusted(settings.home):
        return Finding(
            "keys",
            level,
            f"the master key {file} belongs to another user of this machine (uid {found.st_uid})",
            f"Run `chown {max(_trusted(settings.home))} {file}` as root, and think of the key as known to them.",
        )
    mode = stat.S_IMODE(found.st_mode)
    if not mode & 0o077:
        return Finding("keys", "ok", f"the master key {file} is readable by its owner alone")
    return Finding(
        "keys",
        level,
        f"the master key {file} can be read by others of this machine (mode {mode:04o})",
        f"Run `chmod 600 {file}`, and think of the key as known to them.",
    )


def _trusted(home: Path) -> set[int]:
    """Users whom the master key may belong to: this one and root.

    Where root looks after somebody else's server, that is whom the data directory belongs to.
    """
    us = os.geteuid()
    return {0, us} if us else {0, home.stat().st_uid}


def files(settings: Settings) -> Iterator[Finding]:
    """Whether others of this machine can get at the data directory."""
    home = settings.home
    if not home.exists():
        yield Finding("files", "ok", f"there is no data directory yet at {home}; `dcs up` makes it")
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "files",
            "warning",
            f"the data directory {home} is open to others of this machine (mode {mode:04o})",
            f"Run `chmod 700 {home}`.",
        )
    # The master key has a finding of its own.
    master = home / "keys" / "master"
    open_ = [path for path in sorted(home.rglob("*")) if path != master and _is_open(path)]
    if open_:
        named = ", ".join(str(path.relative_to(home)) for path in open_[:_NAMED])
        more = f" and {len(open_) - _NAMED} more" if len(open_) > _NAMED else ""
        yield Finding(
            "files",
            "warning",
            f"others of this machine can get at {named}{more}",
            f"Run `chmod -R go-rwx {home}`.",
        )
    elif not mode & 0o077:
        yield Finding("files", "ok", f"the data directory {home} is open to its owner alone")


def _is_open(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        # Gone meanwhile: the server works beside us.
        return False
    kind = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return kind and bool(stat.S_IMODE(found.st_mode) & 0o077)


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        # A link to nowhere, or gone meanwhile: the vaults' own findings tell.
        return 0


def disk(settings: Settings) -> Iterator[Finding]:
    """Room on the data directory's disk, measured against the vaults."""
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    # With what is not yet in the files themselves: the logs beside them.
    sizes = [_length(path) for path in (settings.home / "vaults").glob("*.vault*")]
    # The longest vault may be written anew as a whole when it is brought to a new form.
    wanted = max(NEARLY_FULL, max(sizes, default=0))
    level: Level = "ok" if free >= wanted else "warning" if free >= TOO_FULL else "problem"
    text = f"{size(free)} free at {folder}, vaults hold {size(sum(sizes))}"
    advice = f"Make room on the disk, or move {settings.home} and set DCS_HOME."
    yield Finding("disk", level, text, None if level == "ok" else advice)

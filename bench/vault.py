"""The vault alone: keeping and reading records, beside plain SQLite with the same tables.

python -m bench.vault --records 10000 --records 1000000
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench.plain import Plain
from bench.report import Grid, Report, Spread, number, out_option, quick_option, run
from bench.samples import COMMON, RARE, Samples
from config.settings import load
from connectors.sdk.records import Record
from connectors.sdk.schemas.email import Email
from vault.model import Commit, Connection
from vault.vault import Vault
from vault.vaults import Vaults

#: Records in one transaction: as few as a large provider's page, so that a million is bearable.
BATCH = 500
#: Records that are kept once more, unchanged.
AGAIN = 10_000
_PAGE = 20
_CHANGES = 100
_CONNECTION, _HANDLER = "bench:1", "mail"

#: Does one operation on the vault, and the same on plain SQLite.
_Pair = tuple[Callable[[], Any], Callable[[], Any]]


@click.command()
@click.option("--records", type=int, multiple=True, help="Sizes.  [default: 10000, 1000000]")
@quick_option
@out_option
def main(records: tuple[int, ...], quick: bool, out: Path) -> None:
    """Fill a vault, and read from it."""
    sizes = records or ((1000,) if quick else (10_000, 1_000_000))
    run("vault", out, quick=quick, measure=partial(_measure, sizes=sizes))


def _measure(report: Report, sizes: tuple[int, ...]) -> None:
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="dcs-") as name:
            found.append(_case(report, Path(name), size))
    report.figures["cases"] = found
    for figures in found:
        rows = [
            [op["name"], op["vault_text"], op["plain_text"], number(op["times"])]
            for op in figures["operations"]
        ]
        title = (
            f"{figures['records']:,} records; milliseconds, median (least to most); the file has"
            f" {figures['vault_mb']:,.0f} MB, plain {figures['plain_mb']:,.0f} MB"
        )
        report.grids.append(Grid(title, ["operation", "vault", "plain SQLite", "times"], rows))


def _case(report: Report, folder: Path, size: int) -> dict[str, Any]:
    vaults = Vaults(load(home=folder / "home"))
    vault = _vault(vaults)
    plain = Plain(folder / "plain.db")
    samples = Samples()
    report.tell(f"inserting {size} records into each")
    insert = _write(samples, range(size), _keeper(vault), partial(plain.put, new=True))
    again = range(min(AGAIN, size))
    report.tell("keeping the same again, reading")
    upsert = _write(samples, again, _keeper(vault), partial(plain.put, new=False))
    operations = [
        _told(f"insert, each ({BATCH} a transaction)", *insert),
        _told("the same again, each", *upsert),
    ]
    operations += [
        _told(name, *_times(pair, repeats)) for name, repeats, pair in _reads(vault, plain, size)
    ]
    vaults.close()
    plain.close()
    files = folder / "home" / "vaults"
    return {
        "records": size,
        "operations": operations,
        "vault_mb": sum(path.stat().st_size for path in files.glob("*.vault*")) / 1e6,
        "plain_mb": sum(path.stat().st_size for path in folder.glob("plain.db*")) / 1e6,
    }


def _vault(vaults: Vaults) -> Vault:
    vault = vaults.open("owner", create=True)
    now = datetime.now(UTC)
    vault.save_connection(
        Connection(_CONNECTION, "bench", "1", {"name": "Bench"}, "active", None, now, now)
    )
    vault.ensure_handler(_CONNECTION, _HANDLER)
    return vault


def _keeper(vault: Vault) -> Callable[[Sequence[Record]], Any]:
    def keep(records: Sequence[Record]) -> None:
        vault.commit(
            Commit(
                connection_id=_CONNECTION,
                handler_id=_HANDLER,
                fence=1,
                schemas={Email.uri: Email},
                position={},
                records=records,
            )
        )

    return keep


def _write(
    samples: Samples, numbers: range, *ways: Callable[[Sequence[Record]], Any]
) -> list[list[float]]:
    """Seconds for each record, batch by batch, of each way to keep them."""
    times: list[list[float]] = [[] for _ in ways]
    for start in range(0, len(numbers), BATCH):
        batch = [samples.record(n) for n in numbers[start : start + BATCH]]
        for way, seconds in zip(ways, times, strict=True):
            began = time.perf_counter()
            way(batch)
            seconds.append((time.perf_counter() - began) / len(batch))
    return times


def _reads(vault: Vault, plain: Plain, size: int) -> Iterator[tuple[str, int, _Pair]]:
    """Name, repeats, and the two ways of each reading operation."""
    dice, samples = random.Random(3), Samples()

    def some() -> int:
        return dice.randrange(size)

    page = partial(vault.query, "email", limit=_PAGE)
    yield (
        "read one by id",
        500,
        (lambda: vault.get(samples.id(some())), lambda: plain.get(samples.id(some()))),
    )
    yield f"the newest {_PAGE}", 50, (page, lambda: plain.latest(_PAGE))
    yield (
        f"the newest {_PAGE} of a sender",
        3,
        (
            lambda: page({"fromEmail": samples.sender(some())}),
            lambda: plain.sent_by(samples.sender(some()), _PAGE),
        ),
    )
    for kind, word in (("rare (1 in 1,000)", RARE), ("common (1 in 10)", COMMON)):
        yield (
            f"search for a {kind} word",
            3,
            (
                partial(vault.search, word, limit=_PAGE),
                partial(plain.search, word, _PAGE),
            ),
        )
    yield (
        f"{_CHANGES} changes",
        50,
        (
            lambda: vault.changes(some(), _CHANGES),
            lambda: plain.changes(some(), _CHANGES),
        ),
    )


def _times(pair: _Pair, repeats: int) -> list[list[float]]:
    """Seconds of each run of each of the two, in turns."""
    times: list[list[float]] = [[], []]
    for _ in range(repeats):
        for way, seconds in zip(pair, times, strict=True):
            began = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - began)
    return times


def _told(name: str, vault: Sequence[float], plain: Sequence[float]) -> dict[str, Any]:
    ours, theirs = Spread.of(vault), Spread.of(plain)
    return {
        "name": name,
        "vault_ms": ours.median * 1000,
        "plain_ms": theirs.median * 1000,
        "times": ours.median / theirs.median,
        "vault_text": ours.text(1000),
        "plain_text": theirs.text(1000),
    }


if __name__ == "__main__":
    main()

"""Asks the real TDLib, with its network off, and prints what it says; run as a program.

In a process of its own: the library's log and its way to end belong to the whole process.
"""

from __future__ import annotations

import copy
import inspect
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, get_args

from connectors.telegram import calls
from connectors.telegram.td import LibraryTd

Json = dict[str, Any]

_OFF = {"@type": "setNetworkType", "type": {"@type": "networkTypeNone"}}
_SAMPLES: dict[str, Any] = {
    "int": 1, "str": "1", "bytes": bytes(32), "bool": False, "list[int]": [1],
}  # fmt: skip
#: Seconds for an answer of a request that needs no network.
_SECONDS = 2.0
_ENDS = ("close", "logOut")


class OfflineTd(LibraryTd):
    """The library, told that there is no network before anything else."""

    def create(self) -> int:
        client = super().create()
        self.send(client, _OFF)
        return client


def requests(directory: str) -> Iterator[Json]:
    """Every request that the connector can send, with made-up arguments."""
    for name, make in sorted(inspect.getmembers(calls, inspect.isfunction)):
        if make.__module__ != calls.__name__:
            continue
        chosen: list[Json] = [{}]
        for parameter in inspect.signature(make).parameters.values():
            values = _values(parameter.name, str(parameter.annotation), directory)
            chosen = [{**one, parameter.name: value} for one in chosen for value in values]
        if name == "set_option":
            chosen = [{"name": option, "value": value} for option, value in calls.OPTIONS]
        yield from (make(**arguments) for arguments in chosen)


def _values(name: str, annotation: str, directory: str) -> list[Any]:
    if annotation == "ChatList":
        return list(get_args(calls.ChatList))
    return [directory if name == "directory" else _SAMPLES[annotation]]


def broken(value: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Json]]:
    """The request once for each of its fields, which then holds what no field can hold."""

    def replaced(where: tuple[str, ...], into: Any) -> Json:
        made = copy.deepcopy(value)
        holder = made
        for step in where[:-1]:
            holder = holder[step]
        holder[where[-1]] = into
        return made

    def walk(part: Json, where: tuple[str, ...]) -> Iterator[tuple[str, Json]]:
        for name, held in part.items():
            if name != "@type":
                yield ".".join((*where, name)), replaced((*where, name), [["x"]])
                if isinstance(held, dict):
                    yield from walk(held, (*where, name))

    yield from walk(value, path)


class Asker:
    """A client that is signed in nowhere."""

    def __init__(self, td: LibraryTd, directory: str) -> None:
        self.td, self.client, self.count = td, td.create(), 0
        self.begun = self.ask(next(r for r in requests(directory) if "Parameters" in r["@type"]))

    def ask(self, request: Json) -> Json:
        """The answer; nothing where there is none in time."""
        if request["@type"].startswith("setLog"):
            return self.td.execute(request)
        self.count += 1
        self.td.send(self.client, {**request, "@extra": self.count})
        until = time.monotonic() + _SECONDS
        while (left := until - time.monotonic()) > 0:
            found = self.td.receive(self.client, left)
            if found and found.get("@extra") == self.count:
                return found
        return {"@type": "nothing"}


def main() -> None:
    """Print, as JSON, what comes of every request."""
    td = OfflineTd()
    said: Json = {"version": "", "requests": [], "fields": [], "control": None}
    with tempfile.TemporaryDirectory() as directory:
        asker = Asker(td, directory)
        option = asker.ask({"@type": "getOption", "name": "version"})
        said["version"] = option["value"]
        for request in requests(directory):
            name = request["@type"]
            for path, wrong in broken(request):
                answer = asker.ask(wrong)
                said["fields"].append([name, path, answer.get("message", answer["@type"])])
            if name == "setTdlibParameters":
                answer = asker.begun
            elif name in _ENDS:
                with tempfile.TemporaryDirectory() as other:
                    answer = Asker(td, other).ask(request)
            else:
                answer = asker.ask(request)
            said["requests"].append([name, answer.get("code", 200), answer.get("message", "")])
        wrong = asker.ask({"@type": "getChat", "chat_identifier": [["x"]]})
        said["control"] = [wrong.get("code"), wrong.get("message")]
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()

"""A sequence whose members are made when they are asked for, so that hundreds cost nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar, overload

_T = TypeVar("_T")


class Lazy(Sequence[_T]):
    """Each member is made once, at its first use; safe to use from several threads.

    Args:
        count: How many members there are.
        make: Makes the member of a number.
    """

    def __init__(self, count: int, make: Callable[[int], _T]) -> None:
        self._count = count
        self._make = make
        self._made: dict[int, _T] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_T]: ...
    def __getitem__(self, index: int | slice) -> _T | Sequence[_T]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        number = range(self._count)[index]
        if number not in self._made:
            with self._lock:
                if number not in self._made:
                    self._made[number] = self._make(number)
        return self._made[number]

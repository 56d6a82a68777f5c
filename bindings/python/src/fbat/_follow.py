"""Waiting on asyncio: by the descriptor of a store, without a thread."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from fbat import _fast
from fbat._error import Error, WaitTimeoutError, call, error_of
from fbat._handle import address_of, struct
from fbat._native import ffi, lib
from fbat._options import Options
from fbat._structs import Frontier

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from typing import Self

    from fbat._page import Page, Record
    from fbat._region import Cancel
    from fbat._store import Store
    from fbat._structs import QueryOptions

__all__ = ["Follower"]

_U64_MAX: Final = 2**64 - 1
# How many sequences are passed before other tasks get their turn: some milliseconds.
_STEP: Final = 10_000


class _Sleepers:
    """The tasks of one loop that sleep, and their share in the descriptor. Only the thread of the
    loop changes it.
    """

    __slots__ = ("count", "descriptor", "failed", "known", "loop", "told")

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        import asyncio  # noqa: PLC0415, programs without a loop do without it

        self.loop, self.count, self.told = loop, 0, asyncio.Event()
        self.known, self.failed = Frontier(0, 0), False
        # A number of its own: the store's may be in this loop already, for something else.
        self.descriptor = os.dup(store.fileno())
        try:
            loop.add_reader(self.descriptor, self._readable, store)
        except BaseException:
            os.close(self.descriptor)
            raise

    def _readable(self, store: Store) -> None:
        known = self.known
        try:
            if store._news.look(store, self) == known and not store.is_read_only:
                _check_may_wait(store)  # seldom is a store that is written to readable for nothing
        except Error:
            self.failed = True
        self.told.set()

    def learn(self, found: Frontier | None) -> None:
        """What a look has found; None where it failed."""
        if found is None:
            self.failed = True
        else:
            visible, durable = self.known.visible, self.known.durable
            self.known = Frontier(max(found.visible, visible), max(found.durable, durable))
        self.told.set()

    def close(self) -> None:
        self.loop.remove_reader(self.descriptor)
        os.close(self.descriptor)


class News:
    """Wakes the tasks that sleep until there is something new in a store, on whatever loops.

    A look at the frontier makes the store's descriptor unreadable for everybody. So every look, by
    whomever, is told to all loops for which it is news. Who goes to sleep looks a last time when it
    can be told already: no news gets lost.
    """

    __slots__ = ("_loops",)

    def __init__(self) -> None:
        self._loops: dict[asyncio.AbstractEventLoop, _Sleepers] = {}

    def look(self, store: Store, own: _Sleepers | None = None) -> Frontier:
        """The frontier. Those of the own loop are told at once."""
        out, found = struct("fbat_frontier"), None
        try:
            call(lib.fbat_store_frontier, store._pointer, out)
            found = Frontier._of(out)
        finally:
            for one in list(self._loops.values()):
                known = one.known
                if found and found.visible <= known.visible and found.durable <= known.durable:
                    continue
                if one is own:
                    one.learn(found)
                else:
                    _call(one, one.learn, found)
        return found

    def wake(self) -> None:
        """Has all who sleep see whether their tokens were triggered."""
        for one in list(self._loops.values()):
            _call(one, one.told.set)

    @contextlib.contextmanager
    def _joined(self, store: Store, cancel: Cancel | None) -> Iterator[_Sleepers]:
        import asyncio  # noqa: PLC0415, as above

        loop = asyncio.get_running_loop()
        sleepers = self._loops.get(loop)
        if sleepers is None:
            sleepers = self._loops[loop] = _Sleepers(store, loop)
        sleepers.count += 1
        if cancel is not None:
            cancel._told.append(self)
        try:
            yield sleepers
        finally:
            if cancel is not None:
                cancel._told.remove(self)
            sleepers.count -= 1
            if sleepers.count == 0:
                del self._loops[loop]
                sleepers.close()

    async def above(
        self, store: Store, after: int, *, durable: bool, cancel: Cancel | None = None
    ) -> Frontier:
        """The frontier, as soon as it is above a sequence."""
        found = self.look(store)
        if (found.durable if durable else found.visible) > after:
            return found
        with self._joined(store, cancel) as sleepers:
            self.look(store, sleepers)
            while True:
                sleepers.told.clear()
                if cancel is not None and cancel.is_triggered:
                    raise error_of(lib.FBAT_ERR_CANCELLED)
                if sleepers.failed:
                    self.look(store, sleepers)
                    _check_may_wait(store)
                found = sleepers.known
                # The log says of an event that it is on the disk only with a later one.
                if durable and found.visible > after >= found.durable and store.is_read_only:
                    found = store.sync()
                if (found.durable if durable else found.visible) > after:
                    return found
                await sleepers.told.wait()


def _call(one: _Sleepers, function: Callable[..., None], *arguments: object) -> None:
    """Calls a function in a loop, from any thread."""
    with contextlib.suppress(RuntimeError):  # the loop was closed
        one.loop.call_soon_threadsafe(function, *arguments)


def _check_may_wait(store: Store) -> None:
    """Raises where nothing can come any more: an earlier failure ended writing."""
    given = Options("fbat_wait_options", {"flags": lib.FBAT_WAIT_HAS_TIMEOUT})
    with contextlib.suppress(WaitTimeoutError):
        call(lib.fbat_store_wait, store._pointer, _U64_MAX, given.pointer, ffi.NULL)


class Follower:
    """The events of a query as they come, for ``async for`` on asyncio: those that are there, and
    from then on each new one, for ever, or as far as ``until`` and ``limit`` go.

    Made by :meth:`Store.follow_async`. It may be left at any time, and a task that is cancelled
    loses no event: the next one comes with the next ``async for``. What has to be read is read in
    the loop, a page at a time; other tasks run in between. For one task at a time.
    """

    __slots__ = (
        "_busy", "_cancel", "_durable", "_given", "_known", "_left", "_records", "_store", "_until",
    )  # fmt: skip

    def __init__(self, store: Store, durable: bool, options: QueryOptions) -> None:
        self._store, self._durable, self._cancel = store, durable, options.get("cancel")
        self._given = Options("fbat_query", options)
        query = self._given.pointer
        self._until, self._left = query.until or _U64_MAX, query.limit or _U64_MAX
        self._known = 0  # how far there is something to read
        self._records: Iterator[Record] = iter(())
        self._busy = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Record:
        while (record := next(self._records, None)) is None:
            page = await self.next_page()
            if page is None:
                raise StopAsyncIteration
            self._records = iter(page)
        return record

    async def next_page(self) -> Page | None:
        """The next page that has rows, as soon as there is one; None where none can come.

        What the iteration has left of the page before is passed over. :class:`BusyError`: another
        task is in here.
        """
        import asyncio  # noqa: PLC0415, programs without a loop do without it

        if self._busy:
            raise error_of(lib.FBAT_ERR_BUSY)
        self._busy = True
        query = self._given.pointer
        try:
            while self._left and query.after < self._until:
                # Others get their turn before a page is read: what was read can't get lost.
                await asyncio.sleep(0)
                if query.after >= self._known:
                    self._known = await self._news()
                if page := self._step():
                    return page
            return None
        finally:
            self._busy = False

    async def _news(self) -> int:
        """How far there is something to read, once that is further than what was read."""
        after = self._given.pointer.after
        frontier = await self._store._news.above(
            self._store, after, durable=self._durable, cancel=self._cancel
        )
        return min(self._until, frontier.durable if self._durable else frontier.visible)

    def _step(self) -> Page:
        """Reads a page, which may be empty."""
        query = self._given.pointer
        query.until, query.limit = min(query.after + _STEP, self._known), self._left
        page = _fast.query(self._store._address, address_of(query))
        query.after = query.until if page.is_end else page.resume
        self._left -= len(page)
        return page

"""Tasks that follow a store on asyncio: no thread sleeps, and no loop is held up."""

from __future__ import annotations

import asyncio
import select
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import GUARD, KIND, Appender, event, fill, python

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.usefixtures("guard")
FEW = 0.05  # seconds in which nothing comes


def polls() -> int:
    """How many descriptors for polling this process has."""
    links = (str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return sum("eventpoll" in link for link in links)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Runs a loop, which leaves no descriptor and no thread behind."""
    threads = threading.active_count()

    async def guarded() -> Any:
        before = polls()
        answer = await asyncio.wait_for(main, GUARD)
        assert polls() <= before + 1  # the store's own
        assert threading.active_count() == threads
        return answer

    return asyncio.run(guarded())


async def asleep(*tasks: asyncio.Task[Any]) -> None:
    """Returns when the tasks had time to go to sleep."""
    for _ in range(20):
        await asyncio.sleep(0)
    await asyncio.sleep(FEW)
    assert not any(task.done() for task in tasks)


@pytest.fixture(params=["writer", "reader"])
def both(
    request: pytest.FixtureRequest, open_store: Callable[..., fbat.Store]
) -> tuple[fbat.Store, fbat.Store]:
    """A store that is written to, and one that waits: the same, or one that only reads."""
    writer = open_store()
    reads = request.param == "reader"
    return writer, open_store(mode=fbat.OpenMode.READ_ONLY) if reads else writer


async def collect(follower: fbat.Follower) -> list[int]:
    return [record.sequence async for record in follower]


def test_a_task_sleeps_until_the_next_event(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both

    async def main() -> None:
        assert (await waiter.wait_async(0)).visible == 1
        for last in range(1, 6):
            task = asyncio.create_task(waiter.wait_async(last))
            await asleep(task)
            # Nothing is to be done in the meantime.
            assert select.select([waiter], [], [], 0)[0] == []
            writer.append(event())
            assert (await task).visible == last + 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(FEW):
                await waiter.wait_async(6)
        with pytest.raises(fbat.InvalidError, match="after is -1"):
            await waiter.wait_async(-1)

    run(main())


def test_tasks_that_follow_another_process_have_each_event_once(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    async def main() -> None:
        one = reader.follow_async(limit=2000)
        found = [(record.sequence, record.payload) async for record in one]
        assert found == [(i + 2, b"%d" % i) for i in range(2000)]

    async def several() -> None:
        followers = [reader.follow_async(limit=2000) for _ in range(8)]
        own = [reader.follow_async(entity=f"thing:{i}", until=2001) for i in range(7)]
        tasks = [asyncio.create_task(collect(follower)) for follower in followers + own]
        await asleep(*tasks)
        appender.go()
        answers = await asyncio.gather(*tasks)
        assert answers[:8] == [list(range(2, 2002))] * 8
        assert answers[8:] == [[i + 2 for i in range(n, 2000, 7)] for n in range(7)]

    with Appender(tmp_path / "store", 2000) as appender:
        reader = open_store(mode=fbat.OpenMode.READ_ONLY)
        run(several())
        run(main())


def test_loops_of_several_threads_follow_one_store(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both
    answers: list[list[list[int]]] = []
    barrier = threading.Barrier(4)

    async def main() -> None:
        tasks = [asyncio.create_task(collect(waiter.follow_async(limit=500))) for _ in range(3)]
        await asleep(*tasks)
        barrier.wait()
        answers.append(await asyncio.wait_for(asyncio.gather(*tasks), GUARD))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(3)]
    for thread in threads:
        thread.start()
    barrier.wait()
    for i in range(500):
        writer.append(event(i))
    for thread in threads:
        thread.join()
    assert answers == [[list(range(2, 502))] * 3] * 3


def test_looks_at_the_frontier_by_others_lose_no_wake_up(
    both: tuple[fbat.Store, fbat.Store],
) -> None:
    writer, waiter = both
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.0001):
            waiter.frontier()

    def append() -> None:
        for i in range(300):
            writer.append(event(i))
            over.wait(0.0005)

    async def main() -> None:
        task = asyncio.create_task(collect(waiter.follow_async(limit=300)))
        await asleep(task)
        threads = [threading.Thread(target=call) for call in (look, look, append)]
        for thread in threads:
            thread.start()
        try:
            assert await asyncio.wait_for(task, GUARD) == list(range(2, 302))
        finally:
            over.set()
            for thread in threads:
                thread.join()

    asyncio.run(main())


def test_a_look_by_the_same_loop_loses_no_wake_up(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both

    async def main() -> None:
        task = asyncio.create_task(collect(waiter.follow_async(limit=1)))
        await asleep(task)
        writer.append(event())
        assert waiter.frontier().visible == 2  # before the loop gets to see it
        assert await task == [2]

    run(main())


def test_what_comes_before_one_sleeps_is_seen(tmp_path: Path) -> None:
    class Racing(fbat.Store):
        """Where a task is about to sleep, something comes, and another takes the news of it."""

        def fileno(self) -> int:
            descriptor = super().fileno()
            self.append(event())
            assert self.frontier().visible == 2
            return descriptor

    async def main() -> None:
        assert (await store.wait_async(1)).visible == 2

    with Racing(tmp_path / "store", durability=fbat.Durability.OS) as store:
        run(main())


def test_from_now_on_begins_after_what_is_there(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both
    fill(writer, 10)

    async def main() -> None:
        follower = waiter.follow_async(after=waiter.frontier().visible, limit=2)
        task = asyncio.create_task(collect(follower))
        await asleep(task)
        fill(writer, 3)
        assert await task == [12, 13]
        assert await collect(follower) == []

    run(main())


def test_pages_are_followed(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both
    fill(writer, 5)

    async def main() -> None:
        follower = waiter.follow_async(page_rows=2, until=8)
        pages: list[list[int]] = []
        for _ in range(3):
            page = await follower.next_page()
            assert page is not None
            pages.append([record.sequence for record in page])
        task = asyncio.create_task(follower.next_page())
        await asleep(task)
        with pytest.raises(fbat.BusyError):
            await follower.next_page()
        with pytest.raises(fbat.BusyError):
            await anext(follower)
        fill(writer, 5)
        page = await task
        while page is not None:
            pages.append([record.sequence for record in page])
            page = await follower.next_page()
        assert pages == [[2, 3], [4, 5], [6], [7, 8]]

    run(main())


def test_a_task_that_is_cancelled_loses_no_event(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both

    async def main() -> None:
        found: list[int] = []
        follower = waiter.follow_async(page_rows=3)
        appending = asyncio.create_task(append())
        while len(found) < 400:
            try:
                async with asyncio.timeout(0.001):
                    async for record in follower:
                        found.append(record.sequence)
                        if len(found) % 5 == 0:
                            break
            except TimeoutError:
                pass
        await appending
        assert found == list(range(2, 402))

    async def append() -> None:
        for i in range(400):
            writer.append(event(i))
            await asyncio.sleep(0.0005 if i % 3 else 0)

    run(main())


def test_what_is_durable_is_followed(store: fbat.Store) -> None:
    async def main() -> None:
        following = asyncio.create_task(collect(store.follow_async(durable=True, limit=3)))
        waiting = asyncio.create_task(store.wait_async(3, durable=True))
        fill(store, 3)
        await asleep(following, waiting)
        store.sync()
        assert await following == [2, 3, 4]
        assert (await waiting).durable == 4

    run(main())


def test_one_that_reads_makes_durable_what_it_follows(
    open_store: Callable[..., fbat.Store],
) -> None:
    writer = open_store()
    reader = open_store(mode=fbat.OpenMode.READ_ONLY)

    async def main() -> None:
        task = asyncio.create_task(collect(reader.follow_async(durable=True, limit=2)))
        await asleep(task)
        fill(writer, 2)
        assert await task == [2, 3]

    run(main())


def test_a_failure_to_write_ends_those_who_sleep(tmp_path: Path) -> None:
    program = """if True:
        import asyncio, fbat, os, sys
        async def follow(store):
            async for record in store.follow_async(after=store.frontier().visible):
                print(record)
        async def main(store):
            task = asyncio.create_task(follow(store))
            await asyncio.sleep(0.05)
            # Where the log was, there is something that can't be written to.
            for fd in map(int, os.listdir("/proc/self/fd")):
                if os.path.realpath(f"/proc/self/fd/{fd}").endswith(".log"):
                    os.dup2(os.open("/dev/null", os.O_RDONLY), fd)
            try:
                store.append(fbat.Event("a", "b", 0x1001))
            except OSError as error:
                print(error.name)
            await asyncio.wait_for(task, 30)
        store = fbat.Store(sys.argv[1])
        try:
            asyncio.run(main(store))
        except fbat.ClosedError as error:
            print(error.name, flush=True)
        os._exit(0)
    """
    done = subprocess.run(
        python("-W", "ignore", "-c", program, str(tmp_path / "store")),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "FBAT_ERR_IO\nFBAT_ERR_POISONED\n", done.stderr


@pytest.mark.parametrize("how", ["a token", "a close"])
def test_what_ends_a_follower(both: tuple[fbat.Store, fbat.Store], how: str) -> None:
    _, waiter = both
    cancel = fbat.Cancel()

    async def main() -> None:
        followers = [waiter.follow_async(cancel=cancel) for _ in range(3)]
        tasks = [asyncio.create_task(collect(follower)) for follower in followers]
        await asleep(*tasks)
        call = cancel.trigger if how == "a token" else waiter.close
        thread = threading.Thread(target=call)
        thread.start()
        for error in await asyncio.gather(*tasks, return_exceptions=True):
            assert type(error) is (fbat.CancelledError if how == "a token" else fbat.ClosedError)
        thread.join()
        with pytest.raises((fbat.CancelledError, fbat.ClosedError)):
            await anext(followers[0])

    run(main())


def test_a_token_ends_its_own_followers_only(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both
    cancel = fbat.Cancel()

    async def main() -> None:
        own = asyncio.create_task(collect(waiter.follow_async(cancel=cancel)))
        other = asyncio.create_task(collect(waiter.follow_async(limit=1)))
        await asleep(own, other)
        cancel.trigger()
        with pytest.raises(fbat.CancelledError):
            await own
        await asleep(other)
        writer.append(event())
        assert await other == [2]

    run(main())


def test_other_tasks_run_while_one_reads(store: fbat.Store) -> None:
    for _ in range(6):
        fill(store, 10_000)

    async def main(**query: Any) -> int:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        turning = asyncio.create_task(turn())
        async for record in store.follow_async(until=60_001, **query):
            assert record.sequence > 1
        turning.cancel()
        return turns

    assert run(main()) >= 60
    # Also where nothing matches.
    assert run(main(versions=(100_000, None))) >= 6


def test_who_always_finds_something_lets_others_run(store: fbat.Store) -> None:
    async def main() -> None:
        over = asyncio.create_task(asyncio.sleep(FEW))
        store.append(event())
        async for _ in store.follow_async():
            store.append(event())
            if over.done():
                break

    run(main())


def test_who_leaves_a_loop_holds_nothing(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both
    fill(writer, 3)

    async def main() -> None:
        before = fbat.live_handles()
        async for record in waiter.follow_async():
            assert record.sequence == 2
            assert fbat.live_handles() > before
            break
        del record
        assert fbat.live_handles() == before
        task = asyncio.create_task(collect(waiter.follow_async()))
        await asleep(task)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        assert fbat.live_handles() == before

    run(main())


def test_a_loop_that_ends_in_the_middle_does_no_harm(both: tuple[fbat.Store, fbat.Store]) -> None:
    writer, waiter = both
    loop = asyncio.new_event_loop()
    task = loop.create_task(collect(waiter.follow_async(limit=1)))
    loop.run_until_complete(asyncio.sleep(FEW))
    waiter.frontier()
    fill(writer, 1)
    assert loop.run_until_complete(task) == [2]
    loop.close()
    waiter.frontier()


def test_the_descriptor_may_be_in_the_same_loop(store: fbat.Store) -> None:
    async def main() -> None:
        told: list[int] = []
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(collect(store.follow_async(limit=1, kind=KIND)))
        await asleep(task)
        loop.add_reader(store, told.append, 1)
        store.append(event())
        assert await task == [2]
        assert loop.remove_reader(store)

    run(main())

"""Threads that sleep until there is something new, and iterations that follow a store."""

from __future__ import annotations

import concurrent.futures
import functools
import math
import select
import signal
import subprocess
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import GUARD, KIND, Appender, event, fill, python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("guard")
FEW = 0.15  # seconds in which nothing comes; more than a nap of the main thread


@pytest.fixture(params=["writer", "reader"])
def both(
    request: pytest.FixtureRequest, open_store: Callable[..., fbat.Store]
) -> tuple[fbat.Store, fbat.Store]:
    """A store that is written to, and one that waits: the same, or one that only reads."""
    writer = open_store()
    reads = request.param == "reader"
    return writer, open_store(mode=fbat.OpenMode.READ_ONLY) if reads else writer


@pytest.fixture
def soon() -> Iterator[Callable[..., None]]:
    """Calls a function on another thread, in a moment."""
    timers: list[threading.Timer] = []

    def start(call: Callable[..., object], *arguments: object) -> None:
        timers.append(threading.Timer(FEW, call, arguments))
        timers[-1].start()

    yield start
    for timer in timers:
        timer.join()
    timers.clear()


def here(call: Callable[[], Any]) -> Any:
    return call()


def on_a_thread(call: Callable[[], Any]) -> Any:
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        return executor.submit(call).result()


Where = pytest.mark.parametrize("where", [here, on_a_thread])


# ---- the frontier --------------------------------------------------------------------------------


@Where
def test_a_wait_ends_with_the_next_event(
    both: tuple[fbat.Store, fbat.Store],
    soon: Callable[..., None],
    where: Callable[[Callable[[], Any]], Any],
) -> None:
    writer, waiter = both
    assert waiter.stats().news is fbat.News.NONE
    assert where(lambda: waiter.wait(0)).visible == 1
    for last in (1, 2):
        soon(writer.append, event())
        assert where(functools.partial(waiter.wait, last, timeout=GUARD)).visible == last + 1
    assert waiter.stats().news is (fbat.News.PROCESS if waiter is writer else fbat.News.KERNEL)


@Where
def test_nothing_in_time_is_a_timeout(
    both: tuple[fbat.Store, fbat.Store], where: Callable[[Callable[[], Any]], Any]
) -> None:
    _, waiter = both
    cursor = waiter.cursor()
    for ask in (functools.partial(waiter.wait, 1), cursor.wait):
        for timeout in (0, 0.01, 2 * FEW):
            begun = time.monotonic()
            with pytest.raises(TimeoutError, match="nothing after sequence 1") as caught:
                where(functools.partial(ask, timeout=timeout))
            assert timeout <= time.monotonic() - begun < GUARD
            error = caught.value
            assert isinstance(error, fbat.WaitTimeoutError)
            assert isinstance(error, fbat.CancelledError)
            assert (error.code, error.actual, error.allowed) == (fbat.Status.TIMEOUT, 1, 1)


def test_another_process_ends_a_wait(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    with Appender(tmp_path / "store", 1) as appender:
        reader = open_store(mode=fbat.OpenMode.READ_ONLY)
        threading.Timer(FEW, appender.go).start()
        assert reader.wait(1, timeout=GUARD).visible == 2


def test_what_is_durable_is_waited_for(store: fbat.Store, soon: Callable[..., None]) -> None:
    fill(store, 3)
    cursor = store.cursor()
    durable = store.frontier().durable
    for ask in (functools.partial(store.wait, durable), cursor.wait):
        with pytest.raises(TimeoutError):
            ask(timeout=0.01, durable=True)
    soon(store.sync)
    assert store.wait(3, timeout=GUARD, durable=True).durable == 4
    page = cursor.wait(timeout=GUARD, durable=True)
    assert page is not None
    assert len(page) == 3


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"after": -1}, fbat.InvalidError, "after is -1, and not 0 to 18446744073709551615"),
        ({"timeout": -1}, fbat.InvalidError, "timeout is -1, and not 0 or more seconds"),
        ({"timeout": math.nan}, fbat.InvalidError, "timeout is nan, and not 0 or more"),
        ({"timeout": "5"}, TypeError, "timeout is str, not a number of seconds"),
        ({"timeout": True}, TypeError, "timeout is bool, not a number of seconds"),
        ({"cancel": 5}, TypeError, "cancel is int, not a Cancel"),
        ({"after": "1"}, TypeError, "after is str, not an integer"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    store: fbat.Store, parts: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        store.wait(**{"after": 0, **parts})
    if "after" not in parts:
        with pytest.raises(error, match=message):
            store.cursor().wait(**parts)


@pytest.mark.parametrize("timeout", [math.inf, 1e300, 10**30, None])
def test_a_time_that_never_comes_is_for_ever(store: fbat.Store, timeout: float | None) -> None:
    assert store.wait(0, timeout=timeout).visible == 1


# ---- what ends a wait ----------------------------------------------------------------------------

# Each sleeps for ever in an empty store.
SLEEPS: dict[str, Callable[[fbat.Store, fbat.Cancel], object]] = {
    "wait": lambda store, cancel: store.wait(1, cancel=cancel),
    "wait durable": lambda store, cancel: store.wait(1, cancel=cancel, durable=True),
    "cursor": lambda store, cancel: store.cursor().wait(cancel=cancel),
    "cursor of a query": lambda store, cancel: store.cursor(cancel=cancel).wait(),
    "follow": lambda store, cancel: next(store.follow(cancel=cancel)),
}


@Where
@pytest.mark.parametrize("name", SLEEPS)
def test_a_token_ends_a_wait(
    both: tuple[fbat.Store, fbat.Store],
    soon: Callable[..., None],
    name: str,
    where: Callable[[Callable[[], Any]], Any],
) -> None:
    cancel = fbat.Cancel()
    soon(cancel.trigger)
    for _ in range(2):
        with pytest.raises(fbat.CancelledError) as caught:
            where(lambda: SLEEPS[name](both[1], cancel))
        assert caught.value.code == fbat.Status.CANCELLED


@Where
@pytest.mark.parametrize("name", SLEEPS)
def test_a_close_ends_a_wait(
    both: tuple[fbat.Store, fbat.Store],
    soon: Callable[..., None],
    name: str,
    where: Callable[[Callable[[], Any]], Any],
) -> None:
    soon(both[1].close)
    for _ in range(2):
        with pytest.raises(fbat.ClosedError) as caught:
            where(lambda: SLEEPS[name](both[1], fbat.Cancel()))
        assert caught.value.code == fbat.Status.CLOSED


@pytest.mark.parametrize("name", SLEEPS)
def test_what_a_handler_of_a_signal_raises_ends_a_wait(
    both: tuple[fbat.Store, fbat.Store], name: str
) -> None:
    class Rung(Exception):
        pass

    def rise(number: int, frame: object) -> None:
        raise Rung

    signal.signal(signal.SIGALRM, rise)
    signal.setitimer(signal.ITIMER_REAL, FEW)
    try:
        with pytest.raises(Rung):
            SLEEPS[name](both[1], fbat.Cancel())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_a_handler_that_does_not_raise_lets_a_wait_go_on(
    both: tuple[fbat.Store, fbat.Store],
) -> None:
    writer, waiter = both
    signal.signal(signal.SIGALRM, lambda number, frame: fill(writer, 1))
    signal.setitimer(signal.ITIMER_REAL, FEW)
    try:
        # The handler appends what it waits for.
        assert waiter.wait(1, timeout=GUARD).visible == 2
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_ctrl_c_ends_a_wait(tmp_path: Path) -> None:
    program = """if True:
        import fbat, signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with fbat.Store(sys.argv[1]) as store:
            try:
                print("began", flush=True)
                for record in store.follow():
                    print(record)
            except KeyboardInterrupt:
                print("interrupted")
        del store
        print(fbat.live_handles())
    """
    with subprocess.Popen(
        python("-c", program, str(tmp_path / "store")), stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "began\n"
        time.sleep(FEW)
        child.send_signal(signal.SIGINT)
        try:
            out, _ = child.communicate(timeout=GUARD)
        finally:
            child.kill()
    assert (child.returncode, out) == (0, "interrupted\n0\n")


def test_a_thread_that_sleeps_lets_the_interpreter_end(tmp_path: Path) -> None:
    program = """
        import fbat, sys, threading, time
        store = fbat.Store(sys.argv[1])
        def work():
            for record in store.follow():
                print(record)
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.1)
    """
    done = subprocess.run(
        python("-W", "ignore", "-c", textwrap.dedent(program), str(tmp_path / "store")),
        capture_output=True, text=True, check=False, timeout=GUARD,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


# ---- following -----------------------------------------------------------------------------------


def test_who_follows_another_process_has_each_event_once(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    with Appender(tmp_path / "store", 2000) as appender:
        reader = open_store(mode=fbat.OpenMode.READ_ONLY)
        appender.go()
        found = on_a_thread(
            lambda: [(record.sequence, record.payload) for record in reader.follow(limit=2000)]
        )
    assert found == [(i + 2, b"%d" % i) for i in range(2000)]


def test_a_writer_that_is_killed_is_followed_by_the_next(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    found: list[int] = []
    with Appender(tmp_path / "store", 1_000_000) as appender:
        reader = open_store(mode=fbat.OpenMode.READ_ONLY, segment_bytes=65536)
        follow = reader.follow()
        appender.go()
        for record in follow:
            found.append(record.sequence)
            if len(found) == 500:
                appender.kill()
                break
    with Appender(tmp_path / "store", 500) as appender:
        appender.go()
        last = b""
        for record in follow:
            found.append(record.sequence)
            last = record.payload
            if last == b"499" and len(found) >= 1000:
                break
    del follow, record
    assert found == [record.sequence for record in reader]


def test_from_now_on_begins_after_what_is_there(
    both: tuple[fbat.Store, fbat.Store], soon: Callable[..., None]
) -> None:
    writer, waiter = both
    fill(writer, 10)
    follow = waiter.follow(after=waiter.frontier().visible)
    soon(fill, writer, 2)
    assert [next(follow).sequence for _ in range(2)] == [12, 13]


def test_only_what_a_query_selects_is_followed(
    both: tuple[fbat.Store, fbat.Store], soon: Callable[..., None]
) -> None:
    writer, waiter = both
    fill(writer, 3)
    follow = waiter.follow(entity="other", kind=KIND, until=7, columns=fbat.Columns.FIXED)
    soon(writer.append, fbat.Event("other:1", "tests", KIND, b"payload"))
    record = next(follow)
    assert (record.sequence, record.payload, record.stored_payload_len) == (5, b"", 7)
    soon(fill, writer, 2)
    assert list(follow) == []


def test_pages_are_followed_and_a_timeout_loses_none(
    both: tuple[fbat.Store, fbat.Store], soon: Callable[..., None]
) -> None:
    writer, waiter = both
    fill(writer, 3)
    cursor = waiter.cursor(page_rows=2, limit=5)
    pages: list[list[int]] = []
    for _ in range(2):
        page = cursor.wait(timeout=GUARD)
        assert page is not None
        pages.append([record.sequence for record in page])
    with pytest.raises(TimeoutError):
        cursor.wait(timeout=0.01)
    soon(fill, writer, 9)
    while (page := cursor.wait(timeout=GUARD)) is not None:
        pages.append([record.sequence for record in page])
    assert pages == [[2, 3], [4], [5, 6]]
    assert [r.sequence for r in waiter.follow(limit=5, page_rows=2)] == [2, 3, 4, 5, 6]
    assert waiter.cursor(flags=fbat.QueryFlags.BACKWARD, after=9, until=8).wait() is None


def test_who_leaves_a_loop_holds_nothing(store: fbat.Store) -> None:
    fill(store, 3)
    before = fbat.live_handles()
    for record in store.follow():
        assert record.sequence == 2
        assert fbat.live_handles() > before
        break
    del record
    assert fbat.live_handles() == before


def test_what_can_not_be_followed_is_refused_at_the_call(store: fbat.Store) -> None:
    for ask in (store.follow, store.follow_async):
        with pytest.raises(fbat.InvalidError, match=r"flags is .*BACKWARD.*, and not forward"):
            ask(flags=fbat.QueryFlags.BACKWARD)
        with pytest.raises(fbat.InvalidError, match=r"page_rows .*65537"):
            ask(page_rows=65537)
        with pytest.raises(TypeError, match="'timeout' is no keyword of this call"):
            ask(timeout=5)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="flags is str, not an integer"):
            ask(flags="x")  # type: ignore[arg-type]


# ---- the descriptor ------------------------------------------------------------------------------


def is_readable(store: fbat.Store, timeout: float) -> bool:
    return select.select([store], [], [], timeout)[0] == [store]


def test_a_descriptor_is_readable_when_there_is_something_new(
    both: tuple[fbat.Store, fbat.Store],
) -> None:
    writer, waiter = both
    assert waiter.fileno() == waiter.fileno() >= 3
    assert is_readable(waiter, 0)
    for last in range(1, 20):
        assert waiter.frontier().visible == last
        fill(writer, 1)
        assert is_readable(waiter, GUARD)
    waiter.close()
    with pytest.raises(fbat.ClosedError):
        waiter.fileno()

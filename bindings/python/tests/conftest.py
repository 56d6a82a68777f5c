"""What tests share: stores in a directory of their own, and nothing left alive at their ends."""

from __future__ import annotations

import faulthandler
import gc
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

import fbat

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path
    from typing import Self

KIND = fbat.kind(1, 1)
ROOT = os.environ["FBAT_ROOT"]
FAILED = pytest.StashKey[bool]()
ALIVE = [0]  # what failed tests still hold
GUARD = 30.0  # seconds, after which something that should have come does not come


def pytest_collection_finish() -> None:
    gc.freeze()  # what pytest has made so far stays: no need to look at it after every test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Every test ends with no object alive; where it failed, its frames hold some for a while."""
    yield
    fbat.set_log_callback(None)
    item.funcargs.clear()  # type: ignore[attr-defined]
    if fbat.live_handles() > ALIVE[0]:
        gc.collect()
    before, alive = ALIVE[0], fbat.live_handles()
    ALIVE[0] = alive
    assert item.stash[FAILED] or alive <= before, "objects of the library are left"


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., fbat.Store]]:
    """Opens a store by name; it is closed at the end of the test."""
    opened: list[fbat.Store] = []

    def open_by_name(name: str = "store", **parts: object) -> fbat.Store:
        parts.setdefault("durability", fbat.Durability.OS)
        opened.append(fbat.Store(tmp_path / name, **parts))  # type: ignore[arg-type]
        return opened[-1]

    yield open_by_name
    while opened:
        opened.pop().close()


@pytest.fixture
def store(open_store: Callable[..., fbat.Store]) -> fbat.Store:
    return open_store()


@pytest.fixture
def guard() -> Iterator[None]:
    """Ends the run, and says where, when a test sleeps for ever."""
    faulthandler.dump_traceback_later(2 * GUARD, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def event(i: int = 0, **parts: object) -> fbat.Event:
    payload = f"payload {i}".encode()
    return fbat.Event(f"thing:{i % 7}", "tests", KIND, payload, **parts)  # type: ignore[arg-type]


def fill(store: fbat.Store, count: int) -> list[fbat.Receipt]:
    return store.append_batch([event(i) for i in range(count)])


def python(*arguments: str, cwd: Path | None = None) -> list[str]:
    """The command line of a strict interpreter."""
    return [sys.executable, "-X", "dev", "-W", "error", *arguments]


class Appender:
    """Another process that appends so many events, one by one, from when it is told to."""

    PROGRAM = """
        import fbat, sys
        with fbat.Store(sys.argv[1], durability=fbat.Durability.OS) as store:
            print("ready", flush=True)
            if sys.stdin.readline():
                for i in range(int(sys.argv[2])):
                    store.append(fbat.Event("thing:%d" % (i % 7), "tests", 0x1001, b"%d" % i))
            sys.stdin.readline()
    """

    def __init__(self, path: Path, count: int) -> None:
        self._child = subprocess.Popen(
            python("-c", textwrap.dedent(self.PROGRAM), str(path), str(count)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._child.stdout is not None
        assert self._child.stdout.readline() == "ready\n"

    def go(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()

    def kill(self) -> None:
        self._child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.__exit__(None, None, None)

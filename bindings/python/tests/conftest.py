"""What tests share: stores in a directory of their own, and nothing left alive at their ends."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest

import fbat

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

KIND = fbat.kind(1, 1)
ROOT = os.environ["FBAT_ROOT"]
FAILED = pytest.StashKey[bool]()
ALIVE = [0]  # what failed tests still hold


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


def event(i: int = 0, **parts: object) -> fbat.Event:
    payload = f"payload {i}".encode()
    return fbat.Event(f"thing:{i % 7}", "tests", KIND, payload, **parts)  # type: ignore[arg-type]


def fill(store: fbat.Store, count: int) -> list[fbat.Receipt]:
    return store.append_batch([event(i) for i in range(count)])


def python(*arguments: str, cwd: Path | None = None) -> list[str]:
    """The command line of a strict interpreter."""
    return [sys.executable, "-X", "dev", "-W", "error", *arguments]

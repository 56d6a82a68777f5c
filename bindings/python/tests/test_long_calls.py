"""Handlers of signals run while a call lasts, also one without callbacks; what they raise ends it.

SIGALRM, so that it does not matter what becomes of SIGINT.
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

import fbat

from conftest import KIND

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterator
    from pathlib import Path

EVENTS = 200_000
NOTHING = fbat.Region(versions=(2 * EVENTS, None))
# Each takes a large store, an empty one, and the path of none.
CALLS: dict[str, Callable[[fbat.Store, fbat.Store, Path], object]] = {
    "query": lambda store, empty, path: store.query(**NOTHING),
    "cursor": lambda store, empty, path: store.cursor(**NOTHING).next_page(),
    "import": lambda store, empty, path: empty.import_from(store, "n"),
    "import of nothing": lambda store, empty, path: empty.import_from(store, "n", **NOTHING),
    "verify": lambda store, empty, path: store.verify(),
    "backup": lambda store, empty, path: store.backup(path),
    "repair": lambda store, empty, path: fbat.repair(f"{store.path}-copy", path),
    "open": lambda store, empty, path: opened(f"{store.path}-copy"),
}


def opened(path: str) -> None:
    fbat.Store(path, mode=fbat.OpenMode.READ_ONLY).close()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large store, and beside it a copy that was not closed."""
    directory = tmp_path_factory.mktemp("large")
    with fbat.Store(directory / "store", durability=fbat.Durability.OS) as store:
        event = fbat.Event("a", "b", KIND, bytes(200))
        for _ in range(0, EVENTS, 10_000):
            store.append_batch([event] * 10_000, receipts=False)
        store.verify()  # waits for what goes on in the background, so that the files stay
        shutil.copytree(directory / "store", directory / "store-copy")
    (directory / "store-copy" / "LOCK").unlink()
    return directory


@pytest.fixture
def large(directory: Path) -> Iterator[fbat.Store]:
    with fbat.Store(directory / "store", mode=fbat.OpenMode.READ_ONLY) as store:
        yield store


def ring(handler: Callable[[int, object], object], after: float = 0.003) -> None:
    """Calls a handler soon, while the call that comes next lasts."""
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, after)


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


@pytest.mark.parametrize("name", ["query", "import"])
def test_a_handler_that_does_not_raise_lets_a_call_go_on(
    large: fbat.Store, store: fbat.Store, tmp_path: Path, name: str
) -> None:
    rung: list[int] = []
    ring(lambda number, frame: rung.append(number))
    CALLS[name](large, store, tmp_path / "new")
    assert rung == [signal.SIGALRM]


@pytest.mark.parametrize("name", CALLS)
def test_what_a_handler_raises_ends_a_call(
    large: fbat.Store, store: fbat.Store, tmp_path: Path, name: str
) -> None:
    class Rung(Exception):
        pass

    def rise(number: int, frame: object) -> None:
        raise Rung

    ended: list[int] = []

    def profile(frame: types.FrameType, what: str, _: object) -> None:
        if what == "call" and frame.f_code.co_name == "raised_by":
            ended.append(frame.f_locals["status"])

    raised: BaseException | None = None
    for attempt in range(6):  # on a busy machine, the call may begin too late
        ring(rise, 0.003 * 2**attempt)
        sys.setprofile(profile)
        try:
            CALLS[name](large, store, tmp_path / f"new{attempt}")
        except Rung as rung:
            raised = rung
        finally:
            sys.setprofile(None)
        if ended:
            break
    # The call was stopped with it: it was not raised before, or when the call had returned.
    assert raised
    assert len(ended) == 1
    assert ended[0] < 0
    if name.startswith("import"):
        assert fbat.import_report_of(raised) is not None


def test_a_call_of_another_thread_goes_on(large: fbat.Store) -> None:
    rung: list[int] = []
    found: list[int] = []
    ring(lambda number, frame: rung.append(number))
    thread = threading.Thread(target=lambda: found.append(len(large.query(**NOTHING))))
    thread.start()
    thread.join()
    assert (rung, found) == ([signal.SIGALRM], [0])

from __future__ import annotations

import logging
import subprocess
import textwrap
import weakref
from typing import TYPE_CHECKING

import pytest

import fbat

from conftest import event, python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def damage_index(open_store: Callable[..., fbat.Store], path: Path) -> None:
    """Makes a store whose next opening has something to tell: an index that does not hold."""
    store = open_store("logged", segment_bytes=65536)
    for i in range(400):
        store.append(event(i, extensions={"test.filling": bytes(400)}))
    store.close()
    index = min((path / "logged").glob("*.idx"))
    data = bytearray(index.read_bytes())
    data[len(data) // 2] ^= 0xFF
    data[8] ^= 0xFF
    index.write_bytes(data)


def test_the_log_goes_to_a_function(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    lines: list[tuple[fbat.LogLevel, str]] = []
    damage_index(open_store, tmp_path)
    fbat.set_log_callback(lambda level, message: lines.append((level, message)))
    store = open_store("logged")
    assert store.open_report.indexes_rebuilt == 1
    assert lines
    assert isinstance(lines[0][0], fbat.LogLevel)
    assert "missing or damaged" in lines[0][1]


def test_the_log_goes_to_a_logger(
    open_store: Callable[..., fbat.Store], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage_index(open_store, tmp_path)
    with caplog.at_level(logging.INFO, logger="fbat"):
        fbat.log_to()
        open_store("logged")
    assert any(
        record.name == "fbat" and "missing or damaged" in record.getMessage()
        for record in caplog.records
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_the_function_raises_is_unraisable_and_changes_nothing(
    open_store: Callable[..., fbat.Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[BaseException | None] = []
    monkeypatch.setattr(
        "sys.unraisablehook", lambda unraisable: raised.append(unraisable.exc_value)
    )
    damage_index(open_store, tmp_path)

    def fail(level: fbat.LogLevel, message: str) -> None:
        raise RuntimeError(message)

    fbat.set_log_callback(fail)
    assert sum(1 for _ in open_store("logged")) == 400
    assert raised
    assert isinstance(raised[0], RuntimeError)
    raised.clear()


def test_the_function_before_is_let_go_of() -> None:
    class Sink:
        def __call__(self, level: fbat.LogLevel, message: str) -> None: ...

    sink = Sink()
    gone = weakref.ref(sink)
    fbat.set_log_callback(sink)
    del sink
    assert gone() is not None
    fbat.set_log_callback(None)
    assert gone() is None


def test_a_log_function_does_no_harm_when_the_interpreter_ends(tmp_path: Path) -> None:
    # A store that is freed after everything else is, and that logs then: its directory is gone.
    program = f"""
        import fbat, os, shutil, sys, warnings
        warnings.simplefilter("ignore")
        fbat.set_log_callback(lambda level, message: print("log:", message, flush=True))
        store = fbat.Store({str(tmp_path / "store")!r}, durability=fbat.Durability.OS)
        store.append(fbat.Event("thing:1", "tests", fbat.kind(1, 1)))
        shutil.rmtree({str(tmp_path / "store")!r})
        sys.modules["fbat._store"].kept_until_the_end = store
        del store
        print("end", flush=True)
    """
    done = subprocess.run(
        python("-W", "ignore", "-c", textwrap.dedent(program)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "end"

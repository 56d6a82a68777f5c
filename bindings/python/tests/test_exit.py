"""Callbacks end with their interpreter: a thread that is in a call then does not take it down."""

from __future__ import annotations

import signal
import subprocess
import textwrap
from typing import TYPE_CHECKING

import pytest

from conftest import python

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
    import atexit, fbat, os, sys, threading, time
    place = sys.argv[1]
    began = threading.Event()
    def store(name, **options):
        return fbat.Store(f"{place}/{name}", durability=fbat.Durability.OS, **options)
    source = store("source", segment_bytes=65536)
    for _ in range(20):
        batch = [fbat.Event("e:%d" % i, "s", 0x1001, bytes(50)) for i in range(1000)]
        source.append_batch(batch, receipts=False)
    def busy(told):
        began.set()
        return sum(i for i in range(300)) >= 0
    def asleep(told):
        began.set()
        time.sleep(0.01)
        return True
    def for_ever(told):
        began.set()
        threading.Event().wait()
"""
IMPORT = "store('d%d' % i).import_from(source, 'n', chunk_size=1, {0})"
WORK = {
    "a filter": IMPORT.format("filter=busy"),
    "a filter that sleeps": IMPORT.format("filter=asleep"),
    "a filter for ever": IMPORT.format("filter=for_ever"),
    "progress": IMPORT.format("progress=busy"),
    "progress that sleeps": IMPORT.format("progress=asleep"),
    "a query": "list(source.records(versions=(9999, None), progress=busy))",
    "verify": "source.verify(progress=asleep)",
    "backup": "source.backup(f'{place}/b{time.time_ns()}', progress=busy)",
    "repair": "fbat.repair(f'{place}/broken', f'{place}/r{time.time_ns()}', progress=busy)",
    "a log": "fbat.set_log_callback(lambda level, text: busy(text)); broken(i)",
}
BROKEN = """
    source.backup(f"{place}/broken")
    def broken(i):  # an index that is rebuilt is logged
        for index in os.scandir(f"{place}/broken"):
            if index.name.endswith(".idx"):
                os.truncate(index.path, 10)
        began.set()
        fbat.Store(f"{place}/broken", mode=fbat.OpenMode.READ_ONLY).close()
"""


def run(program: str, place: Path) -> subprocess.CompletedProcess[str]:
    place.mkdir()
    return subprocess.run(
        python("-W", "ignore", "-c", textwrap.dedent(program), str(place)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", WORK)
def test_a_daemon_thread_in_a_callback_lets_the_interpreter_end(tmp_path: Path, name: str) -> None:
    threads = f"""
    def work(i):
        while True:
            try:
                {WORK[name]}
            except fbat.Error as error:
                pass
    for i in range(3):
        threading.Thread(target=work, args=(i,), daemon=True).start()
    began.wait()
    time.sleep(0.05)
    """
    for attempt in range(3):
        broken = BROKEN if "broken" in WORK[name] else ""
        done = run(HEAD + broken + threads, tmp_path / str(attempt))
        assert done.returncode == 0, done.stderr
        assert "Fatal" not in done.stderr


def test_callbacks_of_the_main_thread_work_until_its_end(tmp_path: Path) -> None:
    program = """
    def late():
        destination = store("late")
        report = destination.import_from(source, "n", filter=busy, progress=busy)
        destination.close()
        print(report.imported, flush=True)
    # Those that were registered earlier run later.
    atexit._clear()
    import fbat._log
    atexit.register(late)
    atexit.register(fbat._log._end)
    """
    done = run(HEAD + program, tmp_path / "place")
    assert (done.returncode, done.stdout) == (0, "20000\n"), done.stderr


def test_an_exit_does_not_wait_for_a_callback_that_never_returns(tmp_path: Path) -> None:
    program = """
    thread = threading.Thread(
        target=lambda: store("d").import_from(source, "n", filter=for_ever), daemon=True
    )
    thread.start()
    began.wait()
    signal.alarm(20)
    """
    done = run(HEAD + f"    import signal\n{program}", tmp_path / "place")
    assert done.returncode not in (-signal.SIGALRM, -signal.SIGABRT), done.stderr
    assert done.returncode == 0


def test_what_a_callback_held_is_released_at_the_exit(tmp_path: Path) -> None:
    program = """
    class Logged:
        def __call__(self, level, text): ...
        def __del__(self): os.write(1, b"log released\\n")
    class Kept:
        def __call__(self, record): return asleep(record)
        def __del__(self): os.write(1, b"filter released\\n")
    fbat.set_log_callback(Logged())
    def work():
        try:
            store("d").import_from(source, "n", filter=Kept(), chunk_size=1)
        except fbat.CancelledError as error:
            os.write(1, b"import ended\\n")
    threading.Thread(target=work, daemon=True).start()
    began.wait()
    """
    done = run(HEAD + program, tmp_path / "place")
    assert done.returncode == 0, done.stderr
    assert "log released\n" in done.stdout

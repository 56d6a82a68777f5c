"""Ctrl-C: a real SIGINT ends an import promptly, with and without callbacks."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import textwrap
import time
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import KIND, python

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = 60_000
# The whole import would take much longer: every event is a chunk of its own, and is synced.
SLOW = "chunk_size=1, durability=fbat.ImportDurability.CHUNK"

PROGRAM = """
    import fbat, json, signal, sys, time
    directory = sys.argv[1]
    def keep(record):
        return True
    def told(report):
        pass
    # Python leaves a signal alone that is ignored when it begins, as it is after a shell's `&`.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "handler" in sys.argv:
        seen = []
        signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    with (
        fbat.Store(directory + "/source", mode=fbat.OpenMode.READ_ONLY) as source,
        fbat.Store(directory + "/destination") as destination,
    ):
        report = None
        try:
            print("began", flush=True)
            report = destination.import_from(source, "n", {parts})
            outcome = "done"
        except KeyboardInterrupt as interrupt:
            outcome = "interrupted"
            report = fbat.import_report_of(interrupt)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ended = time.time()
        kept = sum(1 for _ in destination)
    if "handler" in sys.argv:
        outcome += f" {{len(seen)}}"
    del source, destination
    figures = [report.imported, report.deduplicated] if report else None
    print(json.dumps([outcome, figures, kept, ended, fbat.live_handles()]))
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("signals")
    with fbat.Store(directory / "source", durability=fbat.Durability.OS) as store:
        for start in range(0, EVENTS, 2000):
            store.append_batch(
                [fbat.Event("a", "b", KIND, b"%d" % (start + i)) for i in range(2000)],
                receipts=False,
            )
    return directory


def interrupt(directory: Path, parts: str, *arguments: str, delay: float = 0.3) -> list[Any]:
    """Runs the program and sends SIGINT: what it printed, and how long it took to stop."""
    program = textwrap.dedent(PROGRAM).format(parts=parts)
    with subprocess.Popen(
        python("-c", program, str(directory), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "began\n"
        time.sleep(delay)
        sent = time.time()
        child.send_signal(signal.SIGINT)
        try:
            out, err = child.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    if child.returncode == -signal.SIGINT:
        return ["late", None, 0, 0.0]  # the import had ended a moment before
    assert child.returncode == 0, err
    outcome, figures, kept, ended, alive = json.loads(out)
    assert alive == 0
    return [outcome, figures, kept, ended - sent]


@pytest.fixture(autouse=True)
def no_destination(directory: Path) -> None:
    shutil.rmtree(directory / "destination", ignore_errors=True)


@pytest.mark.parametrize(
    "callback",
    ["", "filter=keep,", "filter=bool,", "progress=told,", "filter=keep, progress=told,"],
)
def test_ctrl_c_ends_an_import_promptly(directory: Path, callback: str) -> None:
    outcome, (imported, _), kept, seconds = interrupt(directory, callback + SLOW)
    assert outcome == "interrupted"
    assert 0 < imported == kept < EVENTS
    assert seconds < 2


def test_ctrl_c_ends_an_import_of_what_is_there_already(directory: Path) -> None:
    # Nothing is committed, and nothing is told of it: the signal arrives all the same.
    with (
        fbat.Store(directory / "source", mode=fbat.OpenMode.READ_ONLY) as source,
        fbat.Store(directory / "destination", durability=fbat.Durability.OS) as destination,
    ):
        destination.import_from(source, "n")
    for delay in (0.01, 0.02, 0.03, 0.005, 0.04, 0.002):  # it takes some 50 ms
        outcome, figures, *_ = interrupt(directory, "flags=fbat.ImportFlags.REHASH", delay=delay)
        if outcome == "interrupted" and figures is not None:  # else the signal came before or after
            assert figures[0] == 0
            assert figures[1] < EVENTS
            return
    pytest.fail("no import was interrupted")


@pytest.mark.parametrize("callback", ["", "filter=keep,"])
def test_a_handler_that_does_not_raise_lets_the_import_go_on(
    directory: Path, callback: str
) -> None:
    outcome, (imported, _), kept, _ = interrupt(
        directory, callback + "chunk_size=16", "handler", delay=0.05
    )
    assert outcome in ("done 1", "done 0")
    assert imported == kept == EVENTS

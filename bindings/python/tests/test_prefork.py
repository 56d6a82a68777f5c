"""Servers and pools that fork their workers: gunicorn, multiprocessing, daemons."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import fbat

from conftest import event, python

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

# What an application does at its import happens in the parent with --preload, in each worker
# without.
APPLICATION = """
import os, pathlib, fbat

root = pathlib.Path(os.environ["STORES"])
imported_in = os.getpid()
shared = fbat.Store(root / f"imported-in-{imported_in}")
shared.append(fbat.Event("import:1", "tests", 0x1001))
own = None

def append_to_shared():
    try:
        shared.append(fbat.Event("request:1", "tests", 0x1001))
        return "OK"
    except fbat.ClosedError as error:
        return f"{error.name}: {error}"

def append_to_own():
    global own
    if own is None:
        own = fbat.Store(root / f"own-{os.getpid()}")
    own.append(fbat.Event("request:2", "tests", 0x1001))
    return f"OK {os.getpid()}"

def read_shared():
    with fbat.Store(root / f"imported-in-{imported_in}", mode=fbat.OpenMode.READ_ONLY) as store:
        return f"OK {len(list(store))}"

def app(environ, start_response):
    calls = {"/shared": append_to_shared, "/own": append_to_own, "/read": read_shared}
    body = calls[environ["PATH_INFO"]]().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket that is a file."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def get(address: str, path: str) -> str:
    connection = UnixConnection(address)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def events_of(path: Path) -> int:
    """The events of a store in which verify finds nothing."""
    with fbat.Store(path) as store:
        assert not store.open_report.flags & fbat.OpenReportFlags.UNCLEAN
        _, findings = store.verify()
        assert not findings
        return len(list(store))


@pytest.mark.parametrize("preload", [False, True], ids=["each-worker", "preload"])
def test_workers_of_gunicorn(tmp_path: Path, preload: bool) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)
    stores, address = tmp_path / "stores", str(tmp_path / "socket")
    stores.mkdir()
    command = [sys.executable, "-m", "gunicorn", "--workers", "3"]
    command += ["--bind", f"unix:{address}", "--worker-tmp-dir", str(tmp_path)]
    server = subprocess.Popen(
        [*command, *(["--preload"] if preload else []), "application:app"],
        cwd=tmp_path,
        env={**os.environ, "STORES": str(stores)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not Path(address).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        shared = [get(address, "/shared") for _ in range(60)]
        own = [get(address, "/own") for _ in range(60)]
        read = {get(address, "/read") for _ in range(20)}
    finally:
        server.terminate()
        _, said = server.communicate(timeout=60)
    assert server.returncode == 0, said
    assert all(answer.startswith("OK ") for answer in [*own, *read]), (own, read, said)
    opened = sorted(path.name for path in stores.iterdir())
    if preload:
        assert opened[0] == f"imported-in-{server.pid}"
        assert all(a.startswith("FBAT_ERR_FORKED: ") and "after fork()" in a for a in shared), (
            shared
        )
        assert read == {"OK 1"}
    else:
        assert set(shared) == {"OK"}
    of_workers = [name for name in opened if name.startswith("own-")]
    assert {answer.removeprefix("OK ") for answer in own} == {n[4:] for n in of_workers}
    assert sum(events_of(stores / name) for name in of_workers) == 60
    of_imports = [name for name in opened if name.startswith("imported-in-")]
    expected = 1 if preload else len(of_imports) + 60
    assert sum(events_of(stores / name) for name in of_imports) == expected


HELD: list[fbat.Store] = []


def work(arguments: tuple[str, int]) -> tuple[str, str]:
    """What a worker of a pool does: the parent's store is refused, one of its own works."""
    directory, number = arguments
    try:
        HELD[0].append(event())
        refused = "OK"
    except fbat.ClosedError as error:
        refused = error.name
    with fbat.Store(f"{directory}/{number}", durability=fbat.Durability.OS) as store:
        store.append_batch([event(i) for i in range(10)])
        assert len(list(store)) == 10
        return refused, str(store.id)


def test_pools_of_multiprocessing_with_fork(store: fbat.Store, tmp_path: Path) -> None:
    HELD.append(store)
    store.append(event())
    try:
        # Each task in a child of its own, and then many in few.
        for tasks_of_a_child in (1, None):
            directory = tmp_path / f"pool-{tasks_of_a_child}"
            directory.mkdir()
            tasks = [(str(directory), number) for number in range(60)]
            context = multiprocessing.get_context("fork")
            with context.Pool(4, maxtasksperchild=tasks_of_a_child) as pool:
                answers = pool.map(work, tasks, chunksize=1)
                pool.close()
                pool.join()
            assert {refused for refused, _ in answers} == {"FBAT_ERR_FORKED"}
            assert len({identity for _, identity in answers}) == 60, "store ids repeat"
        store.append(event())
        assert len(list(store)) == 2
    finally:
        HELD.clear()


def test_a_store_that_was_opened_before_becoming_a_daemon(tmp_path: Path) -> None:
    program = f"""
        import os, fbat
        store = fbat.Store({str(tmp_path / "store")!r})
        tell, told = os.pipe()
        if os.fork():
            os.close(told)
            os._exit(0 if os.read(tell, 2) == b"OK" else 1)
        os.setsid()
        if os.fork():
            os._exit(0)
        try:
            store.append(fbat.Event("a", "b", 0x1001))
        except fbat.ClosedError as error:
            assert "daemon()" in str(error), error
        with fbat.Store({str(tmp_path / "own")!r}) as own:
            own.append(fbat.Event("a", "b", 0x1001))
        os.write(told, b"OK")
        os._exit(0)
    """
    done = subprocess.run(
        python("-c", textwrap.dedent(program)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")

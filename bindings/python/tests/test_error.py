from __future__ import annotations

import errno
import pickle
from typing import TYPE_CHECKING

import pytest

import fbat
from fbat._error import error_of
from fbat._native import lib

from conftest import KIND, event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXCEPTIONS = {
    fbat.Category.INVALID: (fbat.InvalidError, ValueError),
    fbat.Category.NOT_FOUND: (fbat.NotFoundError, KeyError),
    fbat.Category.CONFLICT: (fbat.ConflictError, fbat.Error),
    fbat.Category.BUSY: (fbat.BusyError, fbat.Error),
    fbat.Category.CLOSED: (fbat.ClosedError, fbat.Error),
    fbat.Category.IO: (fbat.IoError, OSError),
    fbat.Category.CORRUPT: (fbat.CorruptError, fbat.Error),
    fbat.Category.UNSUPPORTED: (fbat.UnsupportedError, fbat.Error),
    fbat.Category.CANCELLED: (fbat.CancelledError, fbat.Error),
    fbat.Category.INTERNAL: (fbat.InternalError, fbat.Error),
}


def test_every_status_of_the_header_is_a_member_of_status() -> None:
    names = {
        name.removeprefix("FBAT_ERR_"): getattr(lib, name)
        for name in dir(lib)
        if name.startswith("FBAT_ERR_")
    }
    assert names | {"OK": 0} == {status.name: status.value for status in fbat.Status}


def test_every_category_of_the_header_is_a_member_of_category() -> None:
    prefix = "FBAT_CATEGORY_"
    names = {
        name.removeprefix(prefix): getattr(lib, name)
        for name in dir(lib)
        if name.startswith(prefix)
    }
    assert names == {category.name: category.value for category in fbat.Category}


@pytest.mark.parametrize("status", [status for status in fbat.Status if status != fbat.Status.OK])
def test_every_status_has_the_exception_of_its_category(status: fbat.Status) -> None:
    error = error_of(status)
    ours, base = EXCEPTIONS[fbat.status_category(status)]
    also = {
        fbat.Status.STORE_NOT_FOUND: (fbat.StoreNotFoundError, FileNotFoundError),
        fbat.Status.TIMEOUT: (fbat.WaitTimeoutError, TimeoutError),
    }
    if status in also:
        assert issubclass(also[status][0], ours)
        ours, base = also[status]
    assert type(error) is ours
    assert isinstance(error, base)
    assert isinstance(error, fbat.Error)
    assert error.code is status
    assert error.name == f"FBAT_ERR_{status.name}"
    assert error.category == fbat.status_category(status)
    assert str(error) == f"{fbat.status_message(status)} ({error.name})"


def test_a_status_of_a_later_version_keeps_to_its_hundred() -> None:
    error = error_of(299)
    assert isinstance(error, fbat.NotFoundError)
    assert error.code == 299
    assert not isinstance(error.code, fbat.Status)
    assert error.name == "FBAT_ERR_UNKNOWN"


def test_negative_statuses_are_of_callbacks() -> None:
    assert fbat.status_name(-5) == "FBAT_STOPPED_BY_CALLBACK"
    assert fbat.status_category(-5) == fbat.Category.CANCELLED
    assert fbat.status_name(0) == "FBAT_OK"


def test_detail_of_a_batch_is_carried_in_full(store: fbat.Store) -> None:
    store.append(event(0))
    with pytest.raises(fbat.ConflictError) as caught:
        store.append_batch([event(1), event(0, expect=fbat.Expect.VERSION, expected_version=7)])
    error = caught.value
    assert error.code == fbat.Status.VERSION_CONFLICT
    assert (error.item, error.actual, error.allowed) == (1, 1, 7)
    assert (error.os_error, error.path, error.offset, error.sequence) == (0, None, None, None)
    assert error.message in str(error)


def test_detail_names_the_event(store: fbat.Store) -> None:
    key = fbat.operation_key("tests", "1")
    store.append(event(0, key=key))
    with pytest.raises(fbat.ConflictError) as caught:
        store.append(event(1, key=key))
    assert caught.value.code == fbat.Status.IDEMPOTENCY_CONFLICT
    assert caught.value.event_id == key


def test_the_operating_systems_failure_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file") as caught:
        fbat.Store(tmp_path / "file" / "store")
    error = caught.value
    assert isinstance(error, fbat.IoError)
    assert error.errno == error.os_error == errno.ENOTDIR
    assert error.strerror == "Not a directory"
    assert error.filename == error.path
    assert str(error.filename).startswith(str(tmp_path))


def test_a_missing_store_is_a_missing_file(tmp_path: Path) -> None:
    for mode in (fbat.OpenMode.MUST_EXIST, fbat.OpenMode.READ_ONLY):
        with pytest.raises(FileNotFoundError, match="does not exist") as caught:
            fbat.Store(tmp_path / "nothing", mode=mode)
        error = caught.value
        assert isinstance(error, fbat.StoreNotFoundError)
        assert isinstance(error, fbat.NotFoundError)
        assert isinstance(error, KeyError)
        assert (error.errno, error.filename, error.os_error) == (
            errno.ENOENT,
            str(tmp_path / "nothing"),
            0,
        )
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), copy.errno, copy.filename) == (
            fbat.StoreNotFoundError,
            errno.ENOENT,
            error.filename,
        )


def test_a_missing_directory_above_a_store_is_an_io_error_with_its_errno(tmp_path: Path) -> None:
    with pytest.raises(fbat.IoError) as caught:
        fbat.Store(tmp_path / "nothing" / "store")
    assert caught.value.errno == errno.ENOENT


def test_damage_tells_file_offset_and_event(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    store = open_store("damaged")
    receipt = store.append(fbat.Event("thing:1", "tests", KIND, b"payload to be damaged"))
    store.close()
    log = next((tmp_path / "damaged").glob("*.log"))
    data = bytearray(log.read_bytes())
    data[data.index(b"payload to be") + 3] ^= 1
    log.write_bytes(data)
    with pytest.raises(fbat.CorruptError) as caught:
        list(open_store("damaged", mode=fbat.OpenMode.READ_ONLY).records())
    error = caught.value
    assert error.path == str(log)
    assert error.offset is not None
    assert 0 < error.offset < len(data)
    assert error.sequence in (None, receipt.sequence)


def test_errors_survive_pickling(store: fbat.Store) -> None:
    with pytest.raises(fbat.NotFoundError) as caught:
        store.head("nobody")
    caught.value.add_note("a note")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is fbat.NotFoundError
    assert copy.__dict__ == caught.value.__dict__
    assert str(copy) == str(caught.value)
    assert copy.__notes__ == ["a note"]


def test_io_errors_survive_pickling(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(fbat.IoError) as caught:
        fbat.Store(tmp_path / "file" / "store")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.errno, copy.filename, copy.path) == (
        caught.value.errno,
        caught.value.filename,
        caught.value.path,
    )


def test_a_path_with_a_nul_is_refused_and_not_cut_short(tmp_path: Path) -> None:
    with pytest.raises(fbat.InvalidError, match="NUL"):
        fbat.Store(f"{tmp_path}/store\0more")
    assert not (tmp_path / "store").exists()

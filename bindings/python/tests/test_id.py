from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import fbat
from fbat._native import ffi, lib

from conftest import ROOT

TEXT = "0123456789abcdef0011223344556677"
VECTORS: dict[str, Any] = json.loads(Path(ROOT, "tests/golden/vectors/fbatip.json").read_text())


def test_ids_are_bytes_with_a_text_form() -> None:
    id_ = fbat.Id.from_hex(TEXT.upper())
    assert id_ == bytes.fromhex(TEXT)
    assert str(id_) == f"{id_}" == TEXT
    assert repr(id_) == f"Id.from_hex('{TEXT}')"
    assert fbat.Id(memoryview(id_)) == id_
    assert hash(id_) == hash(bytes(id_))
    assert id_ in {id_: 1}
    assert type(pickle.loads(pickle.dumps(id_))) is type(copy.deepcopy(id_)) is fbat.Id


def test_hashes_are_bytes_with_a_text_form() -> None:
    hash_ = fbat.Hash.from_hex(2 * TEXT)
    assert hash_ == 2 * bytes.fromhex(TEXT)
    assert str(hash_) == 2 * TEXT
    assert repr(hash_) == f"Hash.from_hex('{2 * TEXT}')"
    assert pickle.loads(pickle.dumps(hash_)) == hash_


def test_text_forms_are_those_of_the_library() -> None:
    # In Python they are made by bytes.hex(), which works in a forked child too.
    id_text, hash_text = (
        ffi.new("char[]", lib.FBAT_ID_HEX_SIZE),
        ffi.new("char[]", lib.FBAT_HASH_HEX_SIZE),
    )
    id_, hash_ = fbat.Id.from_hex(TEXT), fbat.content_hash(b"x")
    assert lib.fbat_id_to_hex(ffi.new("fbat_id *", (id_,)), id_text, len(id_text)) == 0
    assert lib.fbat_hash_to_hex(ffi.new("fbat_hash *", (hash_,)), hash_text, len(hash_text)) == 0
    assert ffi.string(id_text).decode() == str(id_)
    assert ffi.string(hash_text).decode() == str(hash_)


@pytest.mark.parametrize(
    "text", ["", TEXT[:-1], TEXT + "0", "g" + TEXT[1:], " " + TEXT[1:], "\ud800" * 11, "é" * 16]
)
def test_anything_but_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(fbat.InvalidError):
        fbat.Id.from_hex(text)
    with pytest.raises(
        ValueError, match=r"^text is .*, and not 64 hex digits \(FBAT_ERR_INVALID_ARGUMENT\)"
    ):
        fbat.Hash.from_hex(text)


def test_another_length_is_refused() -> None:
    with pytest.raises(fbat.InvalidError, match="Id has 16 bytes, not 15") as caught:
        fbat.Id(bytes(15))
    assert (caught.value.actual, caught.value.allowed) == (15, 16)
    with pytest.raises(fbat.InvalidError):
        fbat.Hash(bytes(33))


@pytest.mark.parametrize("value", [5, 0, True, [0] * 16, (1, 2), None, TEXT])
def test_an_id_of_anything_but_bytes_is_refused(store: fbat.Store, value: Any) -> None:
    message = f" is {type(value).__name__}, not .*; Id.from_hex\\(\\) reads text"
    for use in (fbat.Id, store.get, store.__contains__):
        with pytest.raises(TypeError, match=message):
            use(value)
    with pytest.raises(TypeError, match="not 32 bytes"):
        fbat.Hash(value)


def test_hex_digits_are_text() -> None:
    with pytest.raises(TypeError, match="text is bytes, not text"):
        fbat.Id.from_hex(TEXT.encode())  # type: ignore[arg-type]


def test_kinds_are_category_and_type() -> None:
    assert fbat.kind(1, 1) == 0x1001
    assert (fbat.kind_category(0xF0AB), fbat.kind_type(0xF0AB)) == (15, 0x0AB)
    for category, type_ in [(16, 0), (0, 4096), (-1, 0), (0, -1), (2**40, 0)]:
        wrong = (
            rf"category is {category}, and not 0 to 15 "
            if category
            else rf"type is {type_}, and not 0 to 4095 "
        )
        with pytest.raises(fbat.InvalidError, match=f"^{wrong}"):
            fbat.kind(category, type_)


def test_kinds_out_of_range_are_no_kinds() -> None:
    for part in (fbat.kind_category, fbat.kind_type):
        with pytest.raises(fbat.InvalidError, match="kind is 65536, and not 0 to 65535"):
            part(65536)
        with pytest.raises(TypeError, match="kind is str, not an integer"):
            part("order")  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", VECTORS["operation_keys"])
def test_operation_keys_of_golden_vectors(vector: dict[str, Any]) -> None:
    assert str(fbat.operation_key(vector["domain"], *vector["parts"])) == vector["key"]
    assert (
        str(fbat.operation_key(vector["domain"].encode(), *map(str.encode, vector["parts"])))
        == vector["key"]
    )


@pytest.mark.parametrize(
    "value", [5, 0, 2**70, True, False, None, 1.5, [1, 2], (1, 2), [], object()]
)
def test_keys_of_anything_but_text_or_bytes_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=f"^part 0 is {type(value).__name__}, not text or bytes$"):
        fbat.operation_key("tests", value)
    with pytest.raises(TypeError, match=f"^part 1 is {type(value).__name__}, not text or bytes$"):
        fbat.operation_key("tests", "a", value)
    with pytest.raises(TypeError, match=f"^domain is {type(value).__name__}, not text or bytes$"):
        fbat.operation_key(value, "a")


def test_keys_are_the_same_of_every_form_of_the_same_bytes() -> None:
    key = fbat.operation_key("tests", "five")
    for part in (b"five", bytearray(b"five"), memoryview(b"five"), memoryview(b"-five-")[1:-1]):
        assert fbat.operation_key("tests", part) == key
    assert len({fbat.operation_key("tests", part) for part in ("", "0", "False", b"\0")}) == 4


@pytest.mark.parametrize("vector", VECTORS["content_hashes"])
def test_content_hashes_of_golden_vectors(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["bytes_hex"])
    for form in (data, bytearray(data), memoryview(data)):
        assert str(fbat.content_hash(form)) == vector["content_hash"]


@pytest.mark.parametrize("value", [5, "text", None])
def test_a_content_hash_is_of_bytes(value: Any) -> None:
    with pytest.raises(TypeError, match=f"data is {type(value).__name__}, not bytes-like"):
        fbat.content_hash(value)


@pytest.mark.parametrize("vector", VECTORS["data_dir_namespaces"])
def test_namespaces_of_golden_paths(vector: dict[str, Any]) -> None:
    path = Path(vector["path"])
    if not path.is_dir() or path.resolve() != path:
        pytest.skip(f"{path} is no directory here")
    assert fbat.namespace_from_path(path) == vector["namespace"]
    assert fbat.namespace_from_path(bytes(path)) == vector["namespace"]


def test_a_path_of_nothing_has_no_namespace(tmp_path: Path) -> None:
    with pytest.raises(fbat.NotFoundError):
        fbat.namespace_from_path(tmp_path / "nothing")

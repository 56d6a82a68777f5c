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
VECTORS: dict[str, Any] = json.loads(Path(ROOT, "tests/vectors/fbatip.json").read_text())


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
    id_text, hash_text = ffi.new("char[]", lib.FBAT_ID_HEX_SIZE), ffi.new("char[]", lib.FBAT_HASH_HEX_SIZE)
    id_, hash_ = fbat.Id.from_hex(TEXT), fbat.content_hash(b"x")
    assert lib.fbat_id_to_hex(ffi.new("fbat_id *", (id_,)), id_text, len(id_text)) == 0
    assert lib.fbat_hash_to_hex(ffi.new("fbat_hash *", (hash_,)), hash_text, len(hash_text)) == 0
    assert ffi.string(id_text).decode() == str(id_)
    assert ffi.string(hash_text).decode() == str(hash_)


@pytest.mark.parametrize("text", ["", TEXT[:-1], TEXT + "0", "g" + TEXT[1:], " " + TEXT[1:], "\ud800" * 11, "é" * 16])
def test_anything_but_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(fbat.InvalidError):
        fbat.Id.from_hex(text)
    with pytest.raises(ValueError, match="FBAT_ERR_INVALID_ARGUMENT"):
        fbat.Hash.from_hex(text)


def test_another_length_is_refused() -> None:
    with pytest.raises(fbat.InvalidError, match="Id has 16 bytes, not 15") as caught:
        fbat.Id(bytes(15))
    assert (caught.value.found, caught.value.supported) == (15, 16)
    with pytest.raises(fbat.InvalidError):
        fbat.Hash(bytes(33))


def test_kinds_are_category_and_type() -> None:
    assert fbat.kind(1, 1) == 0x1001
    assert (fbat.kind_category(0xF0AB), fbat.kind_type(0xF0AB)) == (15, 0x0AB)
    for category, type_ in [(16, 0), (0, 4096), (-1, 0), (0, -1), (2**40, 0)]:
        with pytest.raises(fbat.InvalidError):
            fbat.kind(category, type_)


def test_kinds_out_of_range_are_no_kinds() -> None:
    with pytest.raises(OverflowError):
        fbat.kind_category(65536)


@pytest.mark.parametrize("vector", VECTORS["operation_keys"])
def test_operation_keys_of_golden_vectors(vector: dict[str, Any]) -> None:
    assert str(fbat.operation_key(vector["domain"], *vector["parts"])) == vector["key"]
    assert str(fbat.operation_key(vector["domain"].encode(), *map(str.encode, vector["parts"]))) == vector["key"]


@pytest.mark.parametrize("vector", VECTORS["content_hashes"])
def test_content_hashes_of_golden_vectors(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["bytes_hex"])
    for form in (data, bytearray(data), memoryview(data)):
        assert str(fbat.content_hash(form)) == vector["content_hash"]


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

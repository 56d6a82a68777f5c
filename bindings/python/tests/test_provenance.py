from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fbat

from conftest import ROOT

VECTORS: dict[str, Any] = json.loads(Path(ROOT, "tests/golden/vectors/fbatip.json").read_text())
HEADER_BYTES = 12
FLAGS = {"strict": fbat.WireFlags.STRICT, "lenient": fbat.WireFlags.LENIENT}


def fields(vector: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": vector["schema_version"],
        "namespace": bytes.fromhex(vector["source_namespace_hex"]).decode(),
        "event_id": fbat.Id.from_hex(vector.get("source_event_id") or vector["source_event_id_hex"]),
        "sequence": int(vector["source_global_sequence"]),
        "kind": vector["source_kind"],
        "content_hash": fbat.Hash.from_hex(vector["source_content_hash"]),
    }


def named(vectors: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def decode(data: bytes, flags: fbat.WireFlags, status: str, *, bare: bool = False) -> fbat.Provenance | fbat.Error:
    """Decodes, and checks that the answer has this status."""
    read = fbat.Provenance.from_extension if bare else fbat.Provenance.decode
    if status == "OK":
        return read(data, flags)
    with pytest.raises(fbat.Error) as caught:
        read(data, flags)
    assert caught.value.code == fbat.Status[status]
    return caught.value


@named(VECTORS["frames"])
@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_golden_frames_encode_and_decode_to_the_byte(vector: dict[str, Any], mode: str) -> None:
    frame, expected = bytes.fromhex(vector["frame_hex"]), fields(vector["fields"])
    for bare, data in ((False, frame), (True, frame[HEADER_BYTES:])):
        answer = decode(data, FLAGS[mode], vector[mode], bare=bare)
        if isinstance(answer, fbat.Provenance):
            assert answer.as_dict() == expected
        else:
            assert (answer.found, answer.supported) == (expected["schema_version"], fbat.SCHEMA_VERSION)
    made = fbat.Provenance(**expected)
    assert made.as_dict() == expected
    if vector["strict"] == "OK":
        assert made.encode() == frame
        assert made.encode_body() == frame[HEADER_BYTES:]
    else:
        with pytest.raises(fbat.UnsupportedError) as caught:
            made.encode()
        assert (caught.value.found, caught.value.supported) == (2, 1)


@named(VECTORS["damaged_frames"])
@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_damaged_frames_are_refused_each_with_its_own_status(vector: dict[str, Any], mode: str) -> None:
    answer = decode(bytes.fromhex(vector["frame_hex"]), FLAGS[mode], vector[mode])
    if isinstance(answer, fbat.Provenance):
        assert answer.as_dict() == fields(vector["lenient_fields"])
    elif answer.code == fbat.Status.FUTURE_VERSION:
        assert isinstance(answer, fbat.UnsupportedError)
        assert (answer.found, answer.supported) == (vector["found"], vector["supported"])
    else:
        assert isinstance(answer, fbat.CorruptError)


def test_frames_are_anything_like_bytes() -> None:
    frame = bytes.fromhex(VECTORS["frames"][0]["frame_hex"])
    assert frame.startswith(fbat.PROVENANCE_MAGIC)
    expected = fbat.Provenance.decode(frame)
    for form in (bytearray(frame), memoryview(frame), memoryview(b"x" + frame)[1:]):
        assert fbat.Provenance.decode(form) == expected
        assert fbat.Provenance.decode(form, flags=fbat.WireFlags.LENIENT) == expected
    with pytest.raises(fbat.InvalidError):
        fbat.Provenance.decode(frame, 2)
    with pytest.raises(TypeError, match="frame is str, not bytes-like"):
        fbat.Provenance.decode("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="body is int, not bytes-like"):
        fbat.Provenance.from_extension(5)  # type: ignore[arg-type]


def test_parts_are_set_and_read_back() -> None:
    provenance = fbat.Provenance()
    assert provenance.as_dict() == {
        "schema_version": fbat.SCHEMA_VERSION,
        "namespace": "",
        "event_id": bytes(16),
        "sequence": 0,
        "kind": 0,
        "content_hash": bytes(32),
    }
    with pytest.raises(fbat.InvalidError):
        provenance.encode()
    provenance.namespace = "Ü"
    assert fbat.Provenance.decode(provenance.encode()) == provenance
    assert repr(provenance).startswith("Provenance(schema_version=1, namespace='Ü'")
    assert provenance != fbat.Provenance(namespace="Ü", sequence=1)
    assert provenance != "Ü"
    with pytest.raises(TypeError):
        hash(provenance)


@pytest.mark.parametrize("name", ["", "x" * 1025])
def test_namespaces_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(fbat.InvalidError):
        fbat.Provenance().namespace = name
    with pytest.raises(fbat.InvalidError):
        fbat.Provenance(event_id=b"short")  # type: ignore[arg-type]


def test_an_event_that_is_not_there_has_no_provenance(store: fbat.Store) -> None:
    with pytest.raises(fbat.NotFoundError):
        store.provenance(fbat.Id(b"x" * 16))

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import fbat

from conftest import KIND, ROOT

VECTORS: dict[str, Any] = json.loads(Path(ROOT, "tests/golden/vectors/fbatip.json").read_text())
HEADER_BYTES = 12
FLAGS = {"strict": fbat.WireFlags(0), "lenient": fbat.WireFlags.LENIENT}


def fields(vector: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": vector["schema_version"],
        "source_namespace": bytes.fromhex(vector["source_namespace_hex"]).decode(),
        "source_event_id": fbat.Id.from_hex(
            vector.get("source_event_id") or vector["source_event_id_hex"]
        ),
        "source_sequence": int(vector["source_global_sequence"]),
        "source_kind": vector["source_kind"],
        "source_content_hash": fbat.Hash.from_hex(vector["source_content_hash"]),
    }


def named(vectors: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def decode(
    data: bytes, flags: fbat.WireFlags, status: str, *, bare: bool = False
) -> fbat.Provenance | fbat.Error:
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
            assert answer == fbat.Provenance(**expected)
        else:
            assert (answer.actual, answer.allowed) == (
                expected["schema_version"],
                fbat.SCHEMA_VERSION,
            )
    made = fbat.Provenance(**expected)
    assert dataclasses.asdict(made) == expected
    if vector["strict"] == "OK":
        assert made.encode() == frame
        assert made.encode_body() == frame[HEADER_BYTES:]
    else:
        with pytest.raises(fbat.UnsupportedError) as caught:
            made.encode()
        assert (caught.value.actual, caught.value.allowed) == (2, 1)


@named(VECTORS["damaged_frames"])
@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_damaged_frames_are_refused_each_with_its_own_status(
    vector: dict[str, Any], mode: str
) -> None:
    answer = decode(bytes.fromhex(vector["frame_hex"]), FLAGS[mode], vector[mode])
    if isinstance(answer, fbat.Provenance):
        assert answer == fbat.Provenance(**fields(vector["lenient_fields"]))
    elif answer.code == fbat.Status.FUTURE_VERSION:
        assert isinstance(answer, fbat.UnsupportedError)
        assert (answer.actual, answer.allowed) == (vector["found"], vector["supported"])
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


def provenance(**parts: Any) -> fbat.Provenance:
    """A provenance with other parts than usual."""
    usual: dict[str, Any] = {
        "source_namespace": "Ü",
        "source_event_id": fbat.Id(b"i" * 16),
        "source_sequence": 5,
        "source_kind": KIND,
        "source_content_hash": fbat.content_hash(b""),
    }
    return fbat.Provenance(**(usual | parts))


def test_a_provenance_is_a_value() -> None:
    one = provenance()
    assert one == provenance() == fbat.Provenance.decode(one.encode())
    assert one == fbat.Provenance.from_extension(one.encode_body())
    assert hash(one) == hash(provenance())
    assert one.schema_version == fbat.SCHEMA_VERSION
    assert one != provenance(source_sequence=1)
    assert repr(one).startswith("Provenance(source_namespace='Ü', source_event_id=Id.from_hex(")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.source_kind = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("parts", "exception", "message"),
    [
        ({"source_namespace": ""}, fbat.InvalidError, "source_namespace"),
        ({"source_namespace": "x" * 1025}, fbat.InvalidError, "source_namespace"),
        ({"source_namespace": None}, TypeError, "source_namespace is NoneType, not text"),
        ({"source_event_id": b"short"}, fbat.InvalidError, "Id has 16 bytes, not 5"),
        ({"source_event_id": 5}, TypeError, "the value of Id is int"),
        ({"source_sequence": -1}, fbat.InvalidError, "source_sequence is -1, and not 0 to"),
        ({"source_sequence": "5"}, TypeError, "source_sequence is str, not an integer"),
        ({"source_kind": 65536}, fbat.InvalidError, "source_kind is 65536, and not 0 to 65535"),
        ({"source_content_hash": b""}, fbat.InvalidError, "Hash has 32 bytes, not 0"),
        ({"schema_version": 2}, fbat.UnsupportedError, "2"),
        ({"schema_version": -1}, fbat.InvalidError, "schema_version is -1"),
    ],
)
def test_parts_that_are_wrong_are_refused_by_name(
    parts: Any, exception: type[Exception], message: str
) -> None:
    for write in (fbat.Provenance.encode, fbat.Provenance.encode_body):
        with pytest.raises(exception, match=message):
            write(provenance(**parts))

"""Stores that are compared as sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fbat

if TYPE_CHECKING:
    from pathlib import Path


def test_stores_are_compared_as_sets(tmp_path: Path) -> None:
    with fbat.Store(tmp_path / "a") as a, fbat.Store(tmp_path / "b") as b:
        for number in range(5):
            a.append(fbat.Event("dev", "s", 0x1001, b"%d" % number))
        assert b.set_digest().events == 0
        found = list(a.diff(b, page_rows=2))
        assert [row.in_other for row in found] == [0] * 5
        assert [row.position for row in a.diff(b, after=found[2].position)] == [
            row.position for row in found[3:]
        ]
        assert [row.in_other for row in b.diff(a)] == [1] * 5
        b.import_from(a, identity=fbat.ImportIdentity.ORIGIN)
        assert not list(a.diff(b))
        assert a.set_digest() == b.set_digest()
        assert a.set_digest(entity="dev") == b.set_digest()
        assert b.set_digest(entity="other").events == 0
        (origin,) = b.origins(page_rows=1)
        assert (origin.source_namespace, origin.events) == (a.namespace, 5)
        assert origin.fingerprint == a.set_digest().fingerprint

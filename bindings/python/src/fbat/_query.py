"""Which events to read, and reading them page after page."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, TypedDict

from fbat._argument import check_instance, set_number, set_text, set_versions
from fbat._error import Detail, check, text_of
from fbat._handle import Handle, owned
from fbat._native import ffi, lib
from fbat._page import Columns, Page

if TYPE_CHECKING:
    from typing import Self

    from fbat._store import Store

VERSIONS_ALL: Final = (0, 2**64 - 1)
"""Every version of an entity: the default of ``versions``."""


class QueryFlags(enum.IntFlag):
    """Direction, and whether the library's own events are read."""

    NONE = 0
    """Forward, without the library's own events."""
    BACKWARD = lib.FBAT_QUERY_BACKWARD
    """Highest sequence first."""
    SYSTEM = lib.FBAT_QUERY_SYSTEM
    """The library's own events too."""


class KindMatch(enum.IntEnum):
    """Whether a kind or a category is selected."""

    ANY = lib.FBAT_KIND_MATCH_ANY
    """Every kind."""
    EXACT = lib.FBAT_KIND_MATCH_EXACT
    """One kind."""
    CATEGORY = lib.FBAT_KIND_MATCH_CATEGORY
    """All kinds of one category."""


class QueryParts(TypedDict, total=False):
    """What a :class:`Query` is made of, as keyword arguments."""

    entity: str
    scope: str
    kind: int | None
    category: int | None
    versions: tuple[int, int]
    after: int
    until: int
    limit: int
    columns: Columns | int
    flags: QueryFlags | int


class Query(Handle):
    """Which events to read: a region (entity, scope, kind, versions, all of which must hold), a range of sequences, and
    what to read of each.

    Without arguments: all events, forward, 1000 rows a page, with payload and extensions. Setting one part never resets
    another. May be read by any number of threads at once, and be changed by one at a time.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        entity: str = "",
        scope: str = "",
        kind: int | None = None,
        category: int | None = None,
        versions: tuple[int, int] = VERSIONS_ALL,
        after: int = 0,
        until: int = 0,
        limit: int | None = None,
        columns: Columns | int | None = None,
        flags: QueryFlags | int = QueryFlags.NONE,
    ) -> None:
        if kind is not None and category is not None:
            raise TypeError("either a kind or a category")
        self._pointer = owned(lib.fbat_query_new(), lib.fbat_query_free)
        self.entity = entity
        self.scope = scope
        if kind is not None:
            self.kind = kind
        if category is not None:
            self.category = category
        self.versions = versions
        self.after = after
        self.until = until
        if limit is not None:
            self.limit = limit
        if columns is not None:
            self.columns = columns
        self.flags = flags

    @property
    def entity(self) -> str:
        """The entity: ``e`` matches ``e`` itself and everything below ``e:``; empty for any."""
        return text_of(lib.fbat_query_get_entity(self._pointer))

    @entity.setter
    def entity(self, value: str) -> None:
        set_text(lib.fbat_query_set_entity, self._pointer, "entity", value, "at most 1024 bytes of UTF-8")

    @property
    def scope(self) -> str:
        """The exact scope; empty for any."""
        return text_of(lib.fbat_query_get_scope(self._pointer))

    @scope.setter
    def scope(self, value: str) -> None:
        set_text(lib.fbat_query_set_scope, self._pointer, "scope", value, "at most 1024 bytes of UTF-8")

    @property
    def kind_match(self) -> KindMatch:
        """Whether a kind or a category is set."""
        return KindMatch(lib.fbat_query_get_kind_match(self._pointer))

    @property
    def kind(self) -> int | None:
        """One exact kind, in place of a kind or category before; None for every kind."""
        return lib.fbat_query_get_kind(self._pointer) if self.kind_match == KindMatch.EXACT else None

    @kind.setter
    def kind(self, value: int | None) -> None:
        if value is None:
            check(lib.fbat_query_set_any_kind(self._pointer))
        else:
            set_number(lib.fbat_query_set_kind, self._pointer, "kind", value, "0 to 65535")

    @property
    def category(self) -> int | None:
        """A whole category, 0 to 15, in place of a kind or category before; None for every kind."""
        kind = lib.fbat_query_get_kind(self._pointer)
        return lib.fbat_kind_category(kind) if self.kind_match == KindMatch.CATEGORY else None

    @category.setter
    def category(self, value: int | None) -> None:
        if value is None:
            check(lib.fbat_query_set_any_kind(self._pointer))
        else:
            set_number(lib.fbat_query_set_category, self._pointer, "category", value, "0 to 15")

    @property
    def versions(self) -> tuple[int, int]:
        """The lowest and the highest entity version."""
        pointer = self._pointer
        return lib.fbat_query_get_version_first(pointer), lib.fbat_query_get_version_last(pointer)

    @versions.setter
    def versions(self, value: tuple[int, int]) -> None:
        set_versions(lib.fbat_query_set_versions, self._pointer, value)

    @property
    def after(self) -> int:
        """The global sequence above which to read, exclusive; 0 for all."""
        return lib.fbat_query_get_after(self._pointer)

    @after.setter
    def after(self, value: int) -> None:
        set_number(lib.fbat_query_set_after, self._pointer, "after", value, "0 to 18446744073709551615")

    @property
    def until(self) -> int:
        """The last global sequence to read, inclusive; 0 for no bound."""
        return lib.fbat_query_get_until(self._pointer)

    @until.setter
    def until(self, value: int) -> None:
        set_number(lib.fbat_query_set_until, self._pointer, "until", value, "0 to 18446744073709551615")

    @property
    def limit(self) -> int:
        """How many rows a page may have: 1 to 65,536. A page is also cut after the row with which it has 64 MiB."""
        return lib.fbat_query_get_limit(self._pointer)

    @limit.setter
    def limit(self, value: int) -> None:
        set_number(lib.fbat_query_set_limit, self._pointer, "limit", value, "1 to 65536")

    @property
    def columns(self) -> Columns:
        """What to read of each event beside the rest."""
        return Columns(lib.fbat_query_get_columns(self._pointer))

    @columns.setter
    def columns(self, value: Columns | int) -> None:
        set_number(lib.fbat_query_set_columns, self._pointer, "columns", value, "bits of Columns")

    @property
    def flags(self) -> QueryFlags:
        """The direction, and whether the library's own events are read."""
        return QueryFlags(lib.fbat_query_get_flags(self._pointer))

    @flags.setter
    def flags(self, value: QueryFlags | int) -> None:
        set_number(lib.fbat_query_set_flags, self._pointer, "flags", value, "bits of QueryFlags")


class Cursor(Handle):
    """Iterates over the pages of a query. For one thread at a time.

    At the end the iteration stops. A forward cursor may be iterated again later: it goes on with what was appended
    since, and so follows the log.
    """

    __slots__ = ("_store",)

    def __init__(self, store: Store, query: Query | None = None) -> None:
        from fbat._store import Store  # noqa: PLC0415, stores make cursors

        check_instance("store", store, Store)
        self._store = store
        out = ffi.new("fbat_cursor **")
        with Detail() as err:
            pointer = ffi.NULL if query is None else query._pointer
            err.check(lib.fbat_cursor_new(store._pointer, pointer, out, err.out))
        self._pointer = owned(out[0], lib.fbat_cursor_free)

    def next_page(self) -> Page | None:
        """The next page that has rows; None at the end."""
        out = ffi.new("fbat_page **")
        with Detail() as err:
            err.check(lib.fbat_cursor_next(self._pointer, out, err.out))
        return None if out[0] == ffi.NULL else Page(out[0])

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Page:
        page = self.next_page()
        if page is None:
            raise StopIteration
        return page

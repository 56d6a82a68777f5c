"""Copying events from one store into another, exactly once, with a record of where each came from."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypedDict, TypeVar

from fbat import _fast
from fbat._argument import check_callable, check_instance, set_number, set_text, set_versions
from fbat._error import Detail, check, error_of, text_of
from fbat._handle import Handle, members, owned, struct
from fbat._native import ffi, lib
from fbat._page import Columns
from fbat._query import VERSIONS_ALL, KindMatch

if TYPE_CHECKING:
    from fbat._native import CData
    from fbat._page import Record
    from fbat._store import Store


class ImportDurability(enum.IntEnum):
    """When imported events are made durable."""

    END = lib.FBAT_IMPORT_DURABILITY_END
    """One durable point, before the import returns. Safe, since a repeat completes it."""
    CHUNK = lib.FBAT_IMPORT_DURABILITY_CHUNK
    """Each chunk is durable before the next."""


class OnConflict(enum.IntEnum):
    """What becomes of an event that is there with other content."""

    FAIL = lib.FBAT_ON_CONFLICT_FAIL
    """It ends the import with a :class:`ConflictError`."""
    SKIP = lib.FBAT_ON_CONFLICT_SKIP
    """It is counted in ``conflicts`` and left out."""


class ImportFlags(enum.IntFlag):
    """Switches of an import."""

    NONE = 0
    """None of them."""
    REHASH = lib.FBAT_IMPORT_REHASH
    """Hash every payload again, instead of trusting the checksum of its frame."""
    ONE_THREAD = lib.FBAT_IMPORT_ONE_THREAD
    """Do everything on the thread that calls."""


@dataclasses.dataclass(frozen=True, slots=True)
class ImportReport:
    """Where every examined event went.

    ``imported``, ``deduplicated``, the three ``skipped_`` and ``conflicts`` add up to the events examined. For an
    import that failed, was stopped or cancelled it covers the chunks that were committed.

    - ``imported``: Appended to the destination.
    - ``deduplicated``: There already, since before this import.
    - ``skipped_reserved``: The source's own events, of reserved kinds.
    - ``skipped_filtered``: Left out by the filter.
    - ``skipped_reimported``: Came from this very namespace: earlier output of the same import.
    - ``conflicts``: There with other content, and left out with :attr:`OnConflict.SKIP`.
    - ``overtaken``: Those of ``imported`` that another import or append brought in during this one. ``imported -
      overtaken``, summed over concurrent imports, is exact.
    - ``source_high_watermark``: The last sequence of the source that was examined: where to go on, as ``after``. 0:
      none was.
    - ``source_ceiling``: The last sequence of the source that this import was to examine, fixed at the call.
    - ``destination_visible``: The destination's frontier after the import, or the chunk that progress is told of: what
      readers may see.
    - ``destination_durable``: And what is known to be on the disk.
    """

    imported: int
    deduplicated: int
    skipped_reserved: int
    skipped_filtered: int
    skipped_reimported: int
    conflicts: int
    overtaken: int
    source_high_watermark: int
    source_ceiling: int
    destination_visible: int
    destination_durable: int

    @property
    def examined(self) -> int:
        """How many events were examined."""
        skipped = self.skipped_reserved + self.skipped_filtered + self.skipped_reimported
        return self.imported + self.deduplicated + skipped + self.conflicts


_REPORT_MEMBERS: Final = tuple(field.name for field in dataclasses.fields(ImportReport))


def _report_of(value: CData) -> ImportReport:
    return ImportReport(**members(value, _REPORT_MEMBERS))


def import_report_of(exception: BaseException) -> ImportReport | None:
    """What an import had committed before this exception left it, also where it is an exception of a callback's own."""
    report = getattr(exception, "import_report", None)
    return report if isinstance(report, ImportReport) else None


class Cancel(Handle):
    """Ends the imports that carry it, from any thread.

    Once triggered it stays so: make one for each call, or for each group of calls that are to end together.
    """

    __slots__ = ("__weakref__", "_followers", "_lock")

    def __init__(self) -> None:
        self._pointer = owned(lib.fbat_cancel_new(), lib.fbat_cancel_free)
        self._followers: weakref.WeakSet[Cancel] = weakref.WeakSet()
        self._lock = threading.Lock()

    def trigger(self) -> None:
        """Imports that carry this token end with :class:`CancelledError`."""
        with self._lock:
            check(lib.fbat_cancel_trigger(self._pointer))
            for follower in self._followers:
                follower.trigger()

    @property
    def is_triggered(self) -> bool:
        """Whether it was triggered."""
        return lib.fbat_cancel_is_triggered(self._pointer)

    def _take_along(self, follower: Cancel) -> None:
        """Triggers another token whenever this one is."""
        with self._lock:
            self._followers.add(follower)
            if self.is_triggered:
                follower.trigger()


Filter = Callable[["Record"], bool]
"""Says whether to import an event: True imports it, False leaves it out, and so does anything else that is true or
false, but for None, which is a :class:`TypeError`: a function that forgets to answer would leave out everything. What
it raises stops the import, and leaves it as it is."""

Progress = Callable[[ImportReport], object]
"""Told what was done after each committed chunk. What it raises stops the import, and leaves it as it is."""


F = TypeVar("F")


@dataclasses.dataclass(frozen=True, slots=True)
class _Callback(Generic[F]):
    """A function of the caller's, and what is called in its place; who lets go of the latter ends its use."""

    function: F
    called: Callable[..., object]


def _call_progress(function: Progress, address: int, /) -> None:
    function(_report_of(ffi.cast("const fbat_import_report *", address)))


def _user_data(callback: _Callback[F] | None) -> tuple[CData, CData]:
    """User data and its destroy function. The library holds no more than a weak reference, so that options that can be
    reached from their own callback are collected.
    """
    if callback is None:
        return ffi.NULL, ffi.NULL
    address = _fast.retain(weakref.ref(callback.called))
    return ffi.cast("void *", address), ffi.cast("fbat_destroy_fn", _fast.RELEASE)


class ImportParts(TypedDict, total=False):
    """What :class:`ImportOptions` are made of beside the namespace, as keyword arguments."""

    entity: str
    scope: str
    kind: int | None
    category: int | None
    versions: tuple[int, int]
    after: int
    chunk_size: int
    durability: ImportDurability | int
    on_conflict: OnConflict | int
    flags: ImportFlags | int
    filter: Filter | None
    filter_columns: Columns | int
    progress: Progress | None
    cancel: Cancel | None


class ImportOptions(Handle):
    """What to import, and how. Setting one part never resets another.

    An import takes a copy when it begins: the same options may serve any number of imports, at once too (the callbacks
    then have to bear that). They may be read by any number of threads at once, and be changed by one at a time.
    """

    __slots__ = ("_cancel", "_filter", "_progress")
    _filter: _Callback[Filter] | None
    _progress: _Callback[Progress] | None
    _cancel: Cancel | None

    def __init__(
        self,
        namespace: str,
        *,
        entity: str = "",
        scope: str = "",
        kind: int | None = None,
        category: int | None = None,
        versions: tuple[int, int] = VERSIONS_ALL,
        after: int = 0,
        chunk_size: int | None = None,
        durability: ImportDurability | int = ImportDurability.END,
        on_conflict: OnConflict | int = OnConflict.FAIL,
        flags: ImportFlags | int = ImportFlags.NONE,
        filter: Filter | None = None,  # noqa: A002
        filter_columns: Columns | int = Columns.EXTENSIONS,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> None:
        if kind is not None and category is not None:
            raise TypeError("either a kind or a category")
        self._pointer = owned(lib.fbat_import_options_new(), lib.fbat_import_options_free)
        self.namespace = namespace
        self.entity = entity
        self.scope = scope
        if kind is not None:
            self.kind = kind
        if category is not None:
            self.category = category
        self.versions = versions
        self.after = after
        if chunk_size is not None:
            self.chunk_size = chunk_size
        self.durability = durability
        self.on_conflict = on_conflict
        self.flags = flags
        self.filter = filter
        self.filter_columns = filter_columns
        self.progress = progress
        self.cancel = cancel

    def copy(self) -> ImportOptions:
        """Options with the same parts."""
        return ImportOptions(
            self.namespace,
            entity=self.entity,
            scope=self.scope,
            kind=self.kind,
            category=self.category,
            versions=self.versions,
            after=self.after,
            chunk_size=self.chunk_size,
            durability=self.durability,
            on_conflict=self.on_conflict,
            flags=self.flags,
            filter=self.filter,
            filter_columns=self.filter_columns,
            progress=self.progress,
            cancel=self.cancel,
        )

    @property
    def namespace(self) -> str:
        """The name that the source's events are known by in the destination: 1 to 1024 bytes of UTF-8.

        The same name means the same source: importing again adds nothing.
        """
        return text_of(lib.fbat_import_options_get_namespace(self._pointer))

    @namespace.setter
    def namespace(self, value: str) -> None:
        set_text(lib.fbat_import_options_set_namespace, self._pointer, "namespace", value, "1 to 1024 bytes of UTF-8")

    @property
    def entity(self) -> str:
        """The entity: ``e`` matches ``e`` itself and everything below ``e:``; empty for any."""
        return text_of(lib.fbat_import_options_get_entity(self._pointer))

    @entity.setter
    def entity(self, value: str) -> None:
        set_text(lib.fbat_import_options_set_entity, self._pointer, "entity", value, "at most 1024 bytes of UTF-8")

    @property
    def scope(self) -> str:
        """The exact scope; empty for any."""
        return text_of(lib.fbat_import_options_get_scope(self._pointer))

    @scope.setter
    def scope(self, value: str) -> None:
        set_text(lib.fbat_import_options_set_scope, self._pointer, "scope", value, "at most 1024 bytes of UTF-8")

    @property
    def kind_match(self) -> KindMatch:
        """Whether a kind or a category is set."""
        return KindMatch(lib.fbat_import_options_get_kind_match(self._pointer))

    @property
    def kind(self) -> int | None:
        """One exact kind, in place of a kind or category before; None for every kind."""
        kind = lib.fbat_import_options_get_kind(self._pointer)
        return kind if self.kind_match == KindMatch.EXACT else None

    @kind.setter
    def kind(self, value: int | None) -> None:
        if value is None:
            check(lib.fbat_import_options_set_any_kind(self._pointer))
        else:
            set_number(lib.fbat_import_options_set_kind, self._pointer, "kind", value, "0 to 65535")

    @property
    def category(self) -> int | None:
        """A whole category, 0 to 15, in place of a kind or category before; None for every kind."""
        kind = lib.fbat_import_options_get_kind(self._pointer)
        return lib.fbat_kind_category(kind) if self.kind_match == KindMatch.CATEGORY else None

    @category.setter
    def category(self, value: int | None) -> None:
        if value is None:
            check(lib.fbat_import_options_set_any_kind(self._pointer))
        else:
            set_number(lib.fbat_import_options_set_category, self._pointer, "category", value, "0 to 15")

    @property
    def versions(self) -> tuple[int, int]:
        """The lowest and the highest entity version in the source."""
        pointer = self._pointer
        first = lib.fbat_import_options_get_version_first(pointer)
        return first, lib.fbat_import_options_get_version_last(pointer)

    @versions.setter
    def versions(self, value: tuple[int, int]) -> None:
        set_versions(lib.fbat_import_options_set_versions, self._pointer, value)

    @property
    def after(self) -> int:
        """The global sequence of the source above which to import, exclusive; 0 for all."""
        return lib.fbat_import_options_get_after(self._pointer)

    @after.setter
    def after(self, value: int) -> None:
        set_number(lib.fbat_import_options_set_after, self._pointer, "after", value, "0 to 18446744073709551615")

    @property
    def chunk_size(self) -> int:
        """How many events become visible together; 256 by default. Chunks are also cut by bytes."""
        return lib.fbat_import_options_get_chunk_size(self._pointer)

    @chunk_size.setter
    def chunk_size(self, value: int) -> None:
        set_number(lib.fbat_import_options_set_chunk_size, self._pointer, "chunk_size", value, "0 to 4294967295")

    @property
    def durability(self) -> ImportDurability:
        """When imported events are made durable."""
        return ImportDurability(lib.fbat_import_options_get_durability(self._pointer))

    @durability.setter
    def durability(self, value: ImportDurability | int) -> None:
        set_number(lib.fbat_import_options_set_durability, self._pointer, "durability", value, "an ImportDurability")

    @property
    def on_conflict(self) -> OnConflict:
        """What becomes of an event that is there with other content."""
        return OnConflict(lib.fbat_import_options_get_on_conflict(self._pointer))

    @on_conflict.setter
    def on_conflict(self, value: OnConflict | int) -> None:
        set_number(lib.fbat_import_options_set_on_conflict, self._pointer, "on_conflict", value, "an OnConflict")

    @property
    def flags(self) -> ImportFlags:
        """Switches."""
        return ImportFlags(lib.fbat_import_options_get_flags(self._pointer))

    @flags.setter
    def flags(self, value: ImportFlags | int) -> None:
        set_number(lib.fbat_import_options_set_flags, self._pointer, "flags", value, "bits of ImportFlags")

    @property
    def filter(self) -> Filter | None:
        """Says which events to import: True imports an event, False leaves it out and is counted as
        ``skipped_filtered``, None is a :class:`TypeError`. It sees what the region and ``after`` let through, but not
        events of reserved kinds; with the columns of ``filter_columns``. It may read both stores and append to the
        destination, not close them.
        """
        return self._filter.function if self._filter else None

    @filter.setter
    def filter(self, value: Filter | None) -> None:
        if value is not None:
            check_callable("filter", value)
        callback = None if value is None else _Callback(value, functools.partial(value))
        function = ffi.cast("fbat_filter_fn", _fast.FILTER if callback else 0)
        check(lib.fbat_import_options_set_filter(self._pointer, function, *_user_data(callback)))
        self._filter = callback

    @property
    def filter_columns(self) -> Columns:
        """What the filter sees beside the rest; the extensions by default."""
        return Columns(lib.fbat_import_options_get_filter_columns(self._pointer))

    @filter_columns.setter
    def filter_columns(self, value: Columns | int) -> None:
        set_number(
            lib.fbat_import_options_set_filter_columns, self._pointer, "filter_columns", value, "bits of Columns"
        )

    @property
    def progress(self) -> Progress | None:
        """Told after each committed chunk; the next one may be about to be committed meanwhile, unless
        :attr:`ImportFlags.ONE_THREAD` is set.
        """
        return self._progress.function if self._progress else None

    @progress.setter
    def progress(self, value: Progress | None) -> None:
        if value is not None:
            check_callable("progress", value)
        callback = None if value is None else _Callback(value, functools.partial(_call_progress, value))
        function = ffi.cast("fbat_progress_fn", _fast.PROGRESS if callback else 0)
        check(lib.fbat_import_options_set_progress(self._pointer, function, *_user_data(callback)))
        self._progress = callback

    @property
    def cancel(self) -> Cancel | None:
        """The token that ends imports with these options."""
        return self._cancel

    @cancel.setter
    def cancel(self, value: Cancel | None) -> None:
        if value is not None:
            check_instance("cancel", value, Cancel)
        check(lib.fbat_import_options_set_cancel(self._pointer, value._pointer if value else ffi.NULL))
        self._cancel = value


def import_events(destination: Store, source: Store, options: ImportOptions) -> ImportReport:
    """Copies events of one store into another, exactly once.

    Signals: a handler that raises, as that of Ctrl-C does, ends an import of the main thread. With callbacks that
    happens when one of them returns; without, at once, for which the import then has a thread of its own.
    """
    has_callback = options.filter is not None or options.progress is not None
    if has_callback or threading.current_thread() is not threading.main_thread():
        return _run(destination, source, options)
    return _run_interruptibly(destination, source, options)


def _run(destination: Store, source: Store, options: ImportOptions) -> ImportReport:
    held = options._filter, options._progress  # see _user_data
    report = struct("fbat_import_report")
    with Detail() as err:
        status = lib.fbat_import(destination._pointer, source._pointer, options._pointer, report, err.out)
        del held
        if status != lib.FBAT_OK:
            # No name here for the exception: it would hold this frame, which would hold it.
            raise _with_report(_exception_of(status, err.out[0]), _report_of(report))
    return _report_of(report)


def _exception_of(status: int, detail: CData) -> BaseException:
    """What a callback stopped the import with; else the library's own failure."""
    return _fast.stopped.pop(status) if status in _fast.stopped else error_of(status, detail)


def _with_report(exception: BaseException, report: ImportReport | None) -> BaseException:
    with contextlib.suppress(AttributeError):  # of an exception without a __dict__
        exception.import_report = report  # type: ignore[attr-defined]
    return exception


def _run_interruptibly(destination: Store, source: Store, options: ImportOptions) -> ImportReport:
    """Handlers of signals run on the main thread only, so the main thread is kept free for them."""
    token, private, outcome, done = Cancel(), options.copy(), _Outcome(), threading.Semaphore(0)
    private.cancel = token
    if options.cancel:
        options.cancel._take_along(token)

    claim = [True]  # whoever takes it decides whether the import begins

    def work() -> None:
        if not _take(claim):
            return
        try:
            outcome.report = _run(destination, source, private)
        except BaseException as exception:  # noqa: BLE001, it is raised again on the thread that waits
            outcome.exception = exception
        finally:
            done.release()

    # Not join(): interrupted, it takes the thread for ended (CPython 3.11 and 3.12).
    worker = threading.Thread(target=work, name="fbat import")
    try:
        worker.start()
        done.acquire()
    except BaseException as interrupt:
        if _take(claim):
            raise
        token.trigger()
        _acquire_always(done)
        worker.join()
        _with_report(interrupt, import_report_of(outcome.exception) if outcome.exception else outcome.report)
        outcome.exception = None  # which holds a frame that holds this
        raise
    worker.join()
    return outcome.get()


def _take(claim: list[bool]) -> bool:
    try:
        return claim.pop()
    except IndexError:
        return False


def _acquire_always(done: threading.Semaphore) -> None:
    """Waits through further signals: the stores must not be closed below a running import."""
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            done.acquire()
            return


@dataclasses.dataclass(slots=True)
class _Outcome:
    report: ImportReport | None = None
    exception: BaseException | None = None

    def get(self) -> ImportReport:
        if self.exception is not None:
            try:
                raise self.exception
            finally:
                self.exception = None  # which holds the frame that holds this
        assert self.report is not None, "an import ends with a report or an exception"
        return self.report

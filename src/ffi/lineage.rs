//! Lineage
//!
//! Where events are from: found by the name of their origin, names with two contents, and which
//! stores fed this one.

use super::boundary::answer;
use super::boundary::args::{self, Sized0, Text};
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::{fbat_hash, fbat_id, fbat_str};
use super::boundary::{guard, handle};
use super::import::{FBAT_IMPORT_IDENTITY_ORIGIN, FBAT_IMPORT_IDENTITY_SOURCE};
use super::page::{self, fbat_page, PageObject};
use crate::engine::import::ImportIdentity;
use crate::engine::model::error::{Code, Error};
use crate::engine::model::event::Columns;
use crate::engine::model::id::Id;
use crate::engine::store::lineage::SourceRow;
use crate::engine::store::origin::Conflict;
use std::ptr::{null, null_mut};

/// A filter chose among the events of the source.
/// @since 0.2
pub const FBAT_SOURCE_FILTERED: u32 = 1u32;
/// Events whose name existed with other content were left out.
/// @since 0.2
pub const FBAT_SOURCE_CONFLICTS_LEFT_OUT: u32 = 2u32;
/// Imports from this store had both identities: events of it may be here twice, under the name that
/// an import gave it, and under its own.
/// @since 0.2
pub const FBAT_SOURCE_TWO_NAMES: u32 = 4u32;

/// Two contents of one name. Lives as long as its list.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_conflict {
    /// The size of this struct as the library knows it.
    pub struct_size: usize,
    /// The global sequence of the library's own event that says so: where to go on, as `after`.
    pub sequence: u64,
    /// The name of the origin of both.
    pub source_namespace: fbat_str,
    /// Their id there.
    pub source_event_id: fbat_id,
    /// The id of the one that was here first.
    pub first_id: fbat_id,
    /// Its global sequence; 0 where it was lost since.
    pub first_sequence: u64,
    /// Its content hash.
    pub first_content_hash: fbat_hash,
    /// The id of the one that was kept beside it.
    pub kept_id: fbat_id,
    /// Its global sequence; 0 where it was lost since.
    pub kept_sequence: u64,
    /// Its content hash.
    pub kept_content_hash: fbat_hash,
}

/// What one store brought by one selection: the sum over the imports that left a record. Lives as
/// long as its list.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_source {
    /// The size of this struct as the library knows it.
    pub struct_size: usize,
    /// The id of the source's log.
    pub log_id: fbat_id,
    /// Its store id.
    pub store_id: fbat_id,
    /// What its own events are called by here.
    pub source_namespace: fbat_str,
    /// Its label, when it was last imported.
    pub label: fbat_str,
    /// What the caller calls the import; empty where it has no name.
    pub name: fbat_str,
    /// The region in words, for people; empty for all events.
    pub region: fbat_str,
    /// By what an event is known to be there: an `FBAT_IMPORT_IDENTITY_...`.
    pub identity: u32,
    /// Bits: `FBAT_SOURCE_...`.
    pub source_flags: u32,
    /// How many records there are.
    pub runs: u64,
    /// As in the reports of these imports, summed up.
    pub imported: u64,
    /// As above.
    pub deduplicated: u64,
    /// As above.
    pub restored: u64,
    /// As above.
    pub conflicts: u64,
    /// As above.
    pub conflicts_kept: u64,
    /// When the first of the records was written: microseconds since 1970.
    pub first_us: i64,
    /// When the last one was.
    pub last_us: i64,
    /// The global sequence of the last one.
    pub last_sequence: u64,
    /// The last sequence of the source that the last one covers.
    pub watermark: u64,
    /// The source's log hash there.
    pub watermark_log_hash: fbat_hash,
}

args::sized!(fbat_conflict: 160, fbat_source: 224);

/// Names with two contents, in the order in which they were met. Owned by the caller, who frees it
/// with fbat_conflicts_free(). Outlives the store.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.2
pub struct fbat_conflicts {
    _opaque: [u8; 0],
}

/// Stores that fed one, in the order in which they first did. Owned by the caller, who frees it
/// with fbat_sources_free(). Outlives the store.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.2
pub struct fbat_sources {
    _opaque: [u8; 0],
}

/// What a handle to conflicts leads to.
pub(crate) struct ConflictsObject {
    rows: Vec<fbat_conflict>,
    is_end: bool,
    /// What the rows point into.
    _names: Vec<Text>,
}

// SAFETY: the rows point to text that the object owns and never changes.
unsafe impl Send for ConflictsObject {}
// SAFETY: as above.
unsafe impl Sync for ConflictsObject {}

impl handle::Object for ConflictsObject {
    type Raw = fbat_conflicts;
    const TAG: u8 = 0x19;
    const NAME: &'static str = "conflicts";
}

impl ConflictsObject {
    fn new((found, is_end): (Vec<Conflict>, bool)) -> ConflictsObject {
        let names: Vec<Text> = found.iter().map(|of| Text::new(&of.namespace)).collect();
        let row = |(of, name): (&Conflict, &Text)| fbat_conflict {
            sequence: of.sequence,
            source_namespace: name.lend(),
            source_event_id: of.event_id.into(),
            first_id: of.first.id.into(),
            first_sequence: of.first.sequence,
            first_content_hash: of.first.content_hash.into(),
            kept_id: of.kept.id.into(),
            kept_sequence: of.kept.sequence,
            kept_content_hash: of.kept.content_hash.into(),
            ..fbat_conflict::initial()
        };
        let rows = found.iter().zip(&names).map(row).collect();
        ConflictsObject { rows, is_end, _names: names }
    }
}

/// What a handle to sources leads to.
pub(crate) struct SourcesObject {
    rows: Vec<fbat_source>,
    /// What the rows point into.
    _texts: Vec<[Text; 4]>,
}

// SAFETY: the rows point to text that the object owns and never changes.
unsafe impl Send for SourcesObject {}
// SAFETY: as above.
unsafe impl Sync for SourcesObject {}

impl handle::Object for SourcesObject {
    type Raw = fbat_sources;
    const TAG: u8 = 0x1a;
    const NAME: &'static str = "sources";
}

impl SourcesObject {
    fn new(found: &[SourceRow]) -> SourcesObject {
        let texts_of = |row: &SourceRow| {
            [&row.of.namespace, &row.label, &row.of.name, &row.region].map(Text::new)
        };
        let texts: Vec<[Text; 4]> = found.iter().map(texts_of).collect();
        let rows = found.iter().zip(&texts).map(|(of, texts)| source(of, texts)).collect();
        SourcesObject { rows, _texts: texts }
    }
}

fn source(row: &SourceRow, texts: &[Text; 4]) -> fbat_source {
    let [source_namespace, label, name, region] = texts.each_ref().map(Text::lend);
    let flag = |is: bool, flag: u32| if is { flag } else { 0 };
    let SourceRow { of, .. } = row;
    answer::members_of!(row => fbat_source {
        runs, imported, deduplicated, restored, conflicts, conflicts_kept, first_us, last_us,
        last_sequence, watermark, watermark_log_hash
    },
        log_id: of.log_id.into(),
        store_id: of.store_id.into(),
        source_namespace: source_namespace,
        label: label,
        name: name,
        region: region,
        identity: match of.identity {
            ImportIdentity::Source => FBAT_IMPORT_IDENTITY_SOURCE,
            ImportIdentity::Origin => FBAT_IMPORT_IDENTITY_ORIGIN,
        },
        source_flags: flag(of.is_filtered, FBAT_SOURCE_FILTERED)
            | flag(of.conflicts_left_out, FBAT_SOURCE_CONFLICTS_LEFT_OUT)
            | flag(row.has_two_names, FBAT_SOURCE_TWO_NAMES),
    )
}

/// Reads the events that have a name as their origin.
///
/// The name of an event that was appended to this store is fbat_store_namespace() and its id; that
/// of an imported one is in its provenance. There is one event of a name, and one more for each
/// other content that #FBAT_ON_CONFLICT_KEEP has kept; they come in the order in which they did. At
/// most 65,536 rows, ending after the row that reaches 64 MiB; fbat_page_is_end() says whether
/// there are more.
/// @param store the store.
/// @param source_namespace the name of the origin: of a store, or that of an import by source.
/// @param source_event_id the id there.
/// @param columns what of each is read: bits `FBAT_COLUMN_...`; 0: payload and extensions.
/// @param out_page a page of one row or more; NULL on failure. Free it with fbat_page_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a column is unknown, or the namespace is
/// none.
/// @retval FBAT_ERR_INVALID_UTF8 the namespace is not UTF-8.
/// @retval FBAT_ERR_NOT_FOUND there is no such event.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_WIRE_BODY the provenance of an event can't be read; the error names it.
/// @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
/// @retval FBAT_ERR_FUTURE_VERSION as above.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_event_by_origin(
    store: *const fbat_store,
    source_namespace: fbat_str,
    source_event_id: *const fbat_id,
    columns: u32,
    out_page: *mut *mut fbat_page,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_page", out_page, null_mut(), err, |call| {
            let columns = page::columns("columns", columns, Columns::default())?;
            let namespace = args::text_of("source_namespace", source_namespace, args::NAMESPACE)?;
            let id = Id::from(args::read("source_event_id", source_event_id)?);
            let store = &call.store(store)?.engine;
            let page = PageObject::of_origin(store, namespace, id, columns)?;
            let missing = || {
                let message = format!("no event is from '{namespace}' with the id {id}");
                Error::new(Code::NotFound, message).with_event(id, 0)
            };
            handle::insert_arc(page.ok_or_else(missing)?)
        })
    }
}

/// Lists names with two contents, a page at a time.
///
/// A row is there for each event that #FBAT_ON_CONFLICT_KEEP has kept. To go on, set `after` to the
/// `sequence` of the last row, unless fbat_conflicts_is_end(). A store without conflicts is looked
/// at by its indexes alone.
/// @param store the store.
/// @param after only rows after this one; 0: from the first.
/// @param page_rows at most so many rows: 1 to 65,536; 0: 1,000.
/// @param out_conflicts the rows, which may be none; NULL on failure. Free it with
/// fbat_conflicts_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or `page_rows` is out of range.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_conflicts(
    store: *const fbat_store,
    after: u64,
    page_rows: usize,
    out_conflicts: *mut *mut fbat_conflicts,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_conflicts", out_conflicts, null_mut(), err, |call| {
            let store = call.store(store)?;
            let page_rows = if page_rows == 0 { 1000 } else { page_rows };
            handle::insert(ConflictsObject::new(store.engine.conflicts(after, page_rows)?))
        })
    }
}

/// Lists the stores that fed this one: a row for each, and for each selection, name and identity.
///
/// It is read from the records that imports leave in the log. One that brought nothing leaves one
/// only where it examined much, so it may not be counted.
/// @param store the store.
/// @param out_sources the rows, which may be none; NULL on failure. Free it with
/// fbat_sources_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL.
/// @retval FBAT_ERR_LIMIT_EXCEEDED there are more than 65,536 rows.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_sources(
    store: *const fbat_store,
    out_sources: *mut *mut fbat_sources,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_sources", out_sources, null_mut(), err, |call| {
            let store = call.store(store)?;
            handle::insert(SourcesObject::new(&store.engine.sources()?))
        })
    }
}

fn with_conflicts<T>(
    conflicts: *const fbat_conflicts,
    none: T,
    get: impl FnOnce(&ConflictsObject) -> T,
) -> T {
    guard::value(None, || handle::lookup::<ConflictsObject>(conflicts).map(|c| get(&c)))
        .unwrap_or(none)
}

/// How many rows there are.
/// @param conflicts the list.
/// @return the number; 0 where `conflicts` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_conflicts_len(conflicts: *const fbat_conflicts) -> usize {
    with_conflicts(conflicts, 0, |c| c.rows.len())
}

/// One of the rows.
/// @param conflicts the list.
/// @param index which, counted from 0.
/// @return the row, which lives as long as the list; NULL where there is none, or `conflicts` is
/// not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_conflicts_get(
    conflicts: *const fbat_conflicts,
    index: usize,
) -> *const fbat_conflict {
    with_conflicts(conflicts, null(), |c| c.rows.get(index).map_or(null(), |row| &raw const *row))
}

/// Whether nothing more was there when the list was read.
/// @param conflicts the list.
/// @return whether it is so; true where `conflicts` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_conflicts_is_end(conflicts: *const fbat_conflicts) -> bool {
    with_conflicts(conflicts, true, |c| c.is_end)
}

/// Frees a list.
/// @param conflicts the list; NULL is allowed.
/// @par Threads
/// Any; the list must not be used by others.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_conflicts_free(conflicts: *mut fbat_conflicts) {
    guard::free::<ConflictsObject>(conflicts)
}

/// How many rows there are.
/// @param sources the list.
/// @return the number; 0 where `sources` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_sources_len(sources: *const fbat_sources) -> usize {
    let body = || handle::lookup::<SourcesObject>(sources).map_or(0, |s| s.rows.len());
    guard::value(0, body)
}

/// One of the rows.
/// @param sources the list.
/// @param index which, counted from 0.
/// @return the row, which lives as long as the list; NULL where there is none, or `sources` is not
/// live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_sources_get(
    sources: *const fbat_sources,
    index: usize,
) -> *const fbat_source {
    let get = |s: &SourcesObject| s.rows.get(index).map_or(null(), |row| &raw const *row);
    let body = || handle::lookup::<SourcesObject>(sources).map_or(null(), |s| get(&s));
    guard::value(null(), body)
}

/// Frees a list.
/// @param sources the list; NULL is allowed.
/// @par Threads
/// Any; the list must not be used by others.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_sources_free(sources: *mut fbat_sources) {
    guard::free::<SourcesObject>(sources)
}

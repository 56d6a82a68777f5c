//! Counting and listing
//!
//! How many events there are, and of which entities and scopes: read from indexes, not from the
//! log.

use super::boundary::answer;
use super::boundary::args::{self, Sized0, Text};
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::fbat_str;
use super::boundary::{guard, handle};
use super::query::{fbat_query, Reading};
use crate::engine::model::error::{Error, Result};
use crate::engine::store::count::{Listing, Of, Summary};
use std::ptr::{null, null_mut};

/// The library's own entity and scope too.
/// @since 0.2
pub const FBAT_LIST_SYSTEM: u32 = 1u32;

/// Which part of a list. All zero except the size lists from the beginning.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_list_options {
    /// `sizeof(fbat_list_options)`.
    pub struct_size: usize,
    /// Of entities: this one and every one below it, as in a region. NULL and 0: every entity. Of
    /// scopes: NULL and 0.
    pub entity: fbat_str,
    /// Only names after this one, which need not exist: the last of the list before. NULL and 0:
    /// from the first.
    pub after: fbat_str,
    /// At most so many rows: 1 to 65,536; 0: 1,000.
    pub page_rows: usize,
    /// Bits: `FBAT_LIST_...`.
    pub flags: u32,
    /// Not used; 0.
    pub reserved: u32,
}

/// What there is of one entity, or of one scope. Lives as long as its list.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_summary {
    /// The size of this struct as the library knows it.
    pub struct_size: usize,
    /// The entity, or the scope.
    pub name: fbat_str,
    /// How many events it has.
    pub events: u64,
    /// The global sequence of its first event.
    pub first_sequence: u64,
    /// The global sequence of its last event.
    pub last_sequence: u64,
    /// The time of its first event: microseconds since 1970.
    pub first_timestamp_us: i64,
    /// The time of its last event: microseconds since 1970.
    pub last_timestamp_us: i64,
}

args::sized!(fbat_list_options: 56, fbat_summary: 64);

/// A part of a list of entities or scopes, in the order of their bytes. Owned by the caller, who
/// frees it with fbat_summaries_free(). Outlives the store.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.2
pub struct fbat_summaries {
    _opaque: [u8; 0],
}

/// What a handle to summaries leads to.
pub(crate) struct SummariesObject {
    rows: Vec<fbat_summary>,
    is_end: bool,
    /// What the rows point into.
    _names: Vec<Text>,
}

// SAFETY: the rows point to text that the object owns and never changes.
unsafe impl Send for SummariesObject {}
// SAFETY: as above.
unsafe impl Sync for SummariesObject {}

impl handle::Object for SummariesObject {
    type Raw = fbat_summaries;
    const TAG: u8 = 9;
    const NAME: &'static str = "summaries";
}

impl SummariesObject {
    fn new((found, is_end): (Vec<Summary>, bool)) -> SummariesObject {
        let names: Vec<Text> = found.iter().map(|summary| Text::new(&summary.name)).collect();
        let row = |(of, name): (&Summary, &Text)| fbat_summary {
            name: name.lend(),
            events: of.events,
            first_sequence: of.first_sequence,
            last_sequence: of.last_sequence,
            first_timestamp_us: of.first_timestamp_us,
            last_timestamp_us: of.last_timestamp_us,
            ..fbat_summary::initial()
        };
        let rows = found.iter().zip(&names).map(row).collect();
        SummariesObject { rows, is_end, _names: names }
    }
}

/// Counts the events of a query.
///
/// The count is exact: as many as a cursor of this query has rows. It is read from indexes where
/// the region is empty, or has only an entity, only kinds or only scopes, and for the zones that
/// lie in the range of `after`, `until` and times as a whole. What is left is read in the log: at
/// most 64 events at each end of a range, and with two parts of a region, or with versions, as much
/// as a query would read.
/// @param store the store.
/// @param query which events; NULL for all of them. `page_rows` and `columns` do not matter.
/// @param out_count how many there are; 0 on failure.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT as for fbat_store_query().
/// @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
/// @retval FBAT_ERR_LIMIT_EXCEEDED the region has too many kinds or scopes.
/// @retval FBAT_ERR_CANCELLED the token of the query was triggered.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @return or the negative number with which the progress callback stopped the call.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_count(
    store: *const fbat_store,
    query: *const fbat_query,
    out_count: *mut u64,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_count", out_count, 0, err, |call| {
            let store = call.store(store)?;
            Reading::new(query)?.count(store)
        })
    }
}

/// Lists entities in the order of their names, a page at a time.
///
/// To go on, set `after` to the name of the last row, unless fbat_summaries_is_end(). What was
/// appended before the call is in it.
/// @param store the store.
/// @param options which entities; NULL for all of them, from the first.
/// @param out_summaries the rows, which may be none; NULL on failure. Free it with
/// fbat_summaries_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
/// options is out of range.
/// @retval FBAT_ERR_INVALID_UTF8 `entity` or `after` is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE `entity` or `after` is longer than any.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_entities(
    store: *const fbat_store,
    options: *const fbat_list_options,
    out_summaries: *mut *mut fbat_summaries,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises, which are the same.
    unsafe { list(Of::Entities, store, options, out_summaries, err) }
}

/// Lists scopes in the order of their names, a page at a time, as fbat_store_entities() does.
/// @param store the store.
/// @param options which scopes; NULL for all of them, from the first.
/// @param out_summaries the rows, which may be none; NULL on failure. Free it with
/// fbat_summaries_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, a member of the
/// options is out of range, or an entity is given.
/// @retval FBAT_ERR_INVALID_UTF8 `after` is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE `after` is longer than any scope.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_scopes(
    store: *const fbat_store,
    options: *const fbat_list_options,
    out_summaries: *mut *mut fbat_summaries,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises, which are the same.
    unsafe { list(Of::Scopes, store, options, out_summaries, err) }
}

/// # Safety
/// As fbat_store_entities().
unsafe fn list(
    of: Of,
    store: *const fbat_store,
    options: *const fbat_list_options,
    out_summaries: *mut *mut fbat_summaries,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_summaries", out_summaries, null_mut(), err, |call| {
            let store = call.store(store)?;
            let listing = listing(of, args::options(options)?)?;
            handle::insert(SummariesObject::new(store.engine.list(&listing)?))
        })
    }
}

/// # Safety
/// The text of `given` is live.
unsafe fn listing(of: Of, given: fbat_list_options) -> Result<Listing> {
    args::check_bits("flags", given.flags, FBAT_LIST_SYSTEM)?;
    // SAFETY: the caller's promise.
    let (entity, after) = unsafe {
        (
            args::optional_text("entity", given.entity, args::COORDINATE)?,
            args::optional_text("after", given.after, args::COORDINATE)?,
        )
    };
    if of == Of::Scopes && entity.is_some() {
        return Err(Error::invalid("entity is given; scopes are listed of the whole store"));
    }
    let default = Listing::new(of);
    Ok(Listing {
        entity: entity.map(str::to_owned),
        after: after.map(str::to_owned),
        page_rows: if given.page_rows == 0 { default.page_rows } else { given.page_rows },
        system: given.flags & FBAT_LIST_SYSTEM != 0,
        ..default
    })
}

fn with<T>(
    summaries: *const fbat_summaries,
    none: T,
    get: impl FnOnce(&SummariesObject) -> T,
) -> T {
    guard::value(None, || handle::lookup::<SummariesObject>(summaries).map(|s| get(&s)))
        .unwrap_or(none)
}

/// How many rows there are.
/// @param summaries the list.
/// @return the number; 0 where `summaries` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_summaries_len(summaries: *const fbat_summaries) -> usize {
    with(summaries, 0, |s| s.rows.len())
}

/// One of the rows.
/// @param summaries the list.
/// @param index which, counted from 0.
/// @return the row, which lives as long as the list; NULL where there is none, or `summaries` is
/// not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_summaries_get(
    summaries: *const fbat_summaries,
    index: usize,
) -> *const fbat_summary {
    with(summaries, null(), |s| s.rows.get(index).map_or(null(), |row| &raw const *row))
}

/// Whether nothing more was there when the list was read.
/// @param summaries the list.
/// @return whether it is so; true where `summaries` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_summaries_is_end(summaries: *const fbat_summaries) -> bool {
    with(summaries, true, |s| s.is_end)
}

/// Frees a list.
/// @param summaries the list; NULL is allowed.
/// @par Threads
/// Any; the list must not be used by others.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_summaries_free(summaries: *mut fbat_summaries) {
    guard::free::<SummariesObject>(summaries)
}

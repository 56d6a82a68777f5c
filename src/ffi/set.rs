//! Sets
//!
//! What a store holds, whatever order, ids and batches it has it in: whether two stores hold the
//! same, and what only one of them has.

use super::boundary::answer;
use super::boundary::args::{self, Sized0, Text};
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::{fbat_hash, fbat_id, fbat_str};
use super::boundary::{guard, handle};
use super::region::{self, fbat_region};
use crate::engine::store::diff::{DiffPage, Difference, Side};
use crate::engine::store::set::{OriginListing, OriginSummary};
use std::ptr::{null, null_mut};

/// What stands for a set of events. An element of the set is the origin of an event (a namespace
/// and its id there) with its content hash. Equal sets have equal digests in all stores.
///
/// That is equality between stores that trust each other, and no proof against a forger.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_set_digest {
    /// `sizeof(fbat_set_digest)`.
    pub struct_size: usize,
    /// How many events there are, the library's own left out.
    pub events: u64,
    /// The sum of the hashes of the elements. All zero where there are none.
    pub fingerprint: fbat_hash,
}

/// Which part of the list of origins. All zero except the size lists from the beginning.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_origins_options {
    /// `sizeof(fbat_origins_options)`.
    pub struct_size: usize,
    /// Which events are counted; NULL for all.
    pub region: *const fbat_region,
    /// Only namespaces after this one, which need not exist: the last of the list before. NULL and
    /// 0: from the first.
    pub after: fbat_str,
    /// At most so many rows: 1 to 65,536; 0: 1,000.
    pub page_rows: usize,
}

/// The events of one origin. Lives as long as its list.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_origin {
    /// The size of this struct as the library knows it.
    pub struct_size: usize,
    /// The native namespace of the store where they were first appended, or the name that an import
    /// by source gave it.
    pub source_namespace: fbat_str,
    /// How many there are.
    pub events: u64,
    /// As in fbat_set_digest.
    pub fingerprint: fbat_hash,
    /// The greatest sequence that one of them has there. It decides nothing.
    pub last_source_sequence: u64,
}

/// Which part of the differences. All zero except the size lists from the beginning.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_diff_options {
    /// `sizeof(fbat_diff_options)`.
    pub struct_size: usize,
    /// Which events are compared; NULL for all. What each store has of its own (version, recorded
    /// time) should not select: an event that the other store has at all is no difference.
    pub region: *const fbat_region,
    /// Only differences after this `position`, of the last row of the list before. NULL and 0: from
    /// the first.
    pub after: fbat_str,
    /// At most so many rows: 1 to 65,536; 0: 1,000.
    pub page_rows: usize,
}

/// An event that only one of two stores has. Lives as long as its list.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_difference {
    /// The size of this struct as the library knows it.
    pub struct_size: usize,
    /// Its origin.
    pub source_namespace: fbat_str,
    /// Its id there.
    pub source_event_id: fbat_id,
    /// Its sequence there.
    pub source_sequence: u64,
    /// BLAKE3 of its payload.
    pub content_hash: fbat_hash,
    /// Its sequence in the store that has it.
    pub sequence: u64,
    /// Which store has it: 0 for the first, 1 for the other.
    pub in_other: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// Text that stands for its place among the differences; `after` of the next page.
    pub position: fbat_str,
}

args::sized!(
    fbat_set_digest: 48, fbat_origins_options: 40, fbat_origin: 72, fbat_diff_options: 40,
    fbat_difference: 112
);

/// A part of the list of origins, in the order of their bytes. Owned by the caller, who frees it
/// with fbat_origins_free(). Outlives the store.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.2
pub struct fbat_origins {
    _opaque: [u8; 0],
}

/// A part of the differences between two stores, in the order of namespace, sequence at the origin,
/// id and content hash. Owned by the caller, who frees it with fbat_differences_free(). Outlives
/// both stores.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.2
pub struct fbat_differences {
    _opaque: [u8; 0],
}

/// What a handle to a list leads to.
pub(crate) struct List<R> {
    rows: Vec<R>,
    is_end: bool,
    /// What the rows point into.
    _texts: Vec<[Text; 2]>,
}

// SAFETY: the rows point to text that the object owns and never changes.
unsafe impl<R> Send for List<R> {}
// SAFETY: as above.
unsafe impl<R> Sync for List<R> {}

impl<R> List<R> {
    fn new<E>(
        (found, is_end): (Vec<E>, bool),
        texts: impl Fn(&E) -> [Text; 2],
        row: impl Fn(&E, [fbat_str; 2]) -> R,
    ) -> List<R> {
        let texts: Vec<[Text; 2]> = found.iter().map(texts).collect();
        let lend = |texts: &[Text; 2]| [texts[0].lend(), texts[1].lend()];
        let rows = found.iter().zip(&texts).map(|(one, texts)| row(one, lend(texts))).collect();
        List { rows, is_end, _texts: texts }
    }
}

impl handle::Object for List<fbat_origin> {
    type Raw = fbat_origins;
    const TAG: u8 = 13;
    const NAME: &'static str = "origins";
}

impl handle::Object for List<fbat_difference> {
    type Raw = fbat_differences;
    const TAG: u8 = 14;
    const NAME: &'static str = "differences";
}

/// Computes what stands for the events of a region, the library's own left out.
///
/// Of everything it is read from sums that are kept in files beside the log; the first call reads
/// the log. A region is read in the log.
/// @param store the store.
/// @param region which events; NULL for all of them.
/// @param out_digest what stands for them; zero except its size on failure.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
/// region is out of range.
/// @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
/// @retval FBAT_ERR_LIMIT_EXCEEDED the region has too many kinds or scopes.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_set_digest(
    store: *const fbat_store,
    region: *const fbat_region,
    out_digest: *mut fbat_set_digest,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_digest, false, err, |call| {
            let (region, store) = (region::engine_region(region)?, call.store(store)?);
            let digest = store.engine.set_digest(&region)?;
            Ok(fbat_set_digest {
                events: digest.events,
                fingerprint: digest.fingerprint.into(),
                ..fbat_set_digest::initial()
            })
        })
    }
}

/// Lists the origins of events in the order of their namespaces, a page at a time.
///
/// To go on, set `after` to the namespace of the last row, unless fbat_origins_is_end().
/// @param store the store.
/// @param options which part; NULL for all events, from the first origin.
/// @param out_origins the rows, which may be none; NULL on failure. Free it with
/// fbat_origins_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
/// options is out of range.
/// @retval FBAT_ERR_INVALID_UTF8 `after`, entity or scope is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
/// @retval FBAT_ERR_LIMIT_EXCEEDED the region has too many kinds or scopes.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_origins(
    store: *const fbat_store,
    options: *const fbat_origins_options,
    out_origins: *mut *mut fbat_origins,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_origins", out_origins, null_mut(), err, |call| {
            let (given, store) = (args::options(options)?, call.store(store)?);
            let default = OriginListing::default();
            let after = args::optional_text("after", given.after, args::NAMESPACE)?;
            let listing = OriginListing {
                region: region::engine_region(given.region)?,
                after: after.map(str::to_owned),
                page_rows: rows_of_page(given.page_rows, default.page_rows),
            };
            let found = store.engine.origins(&listing)?;
            let texts = |origin: &OriginSummary| [Text::new(&origin.namespace), Text::new("")];
            handle::insert(List::new(found, texts, origin))
        })
    }
}

/// Lists the events that only one of two stores has, a page at a time.
///
/// To go on, set `after` to the `position` of the last row, unless fbat_differences_is_end(). What
/// is equal is not read: sums of 1,024 events each say where the stores differ.
/// @param store one store.
/// @param other the other one.
/// @param options which part; NULL for all events, from the first difference.
/// @param out_differences the rows, which may be none; NULL on failure. Free it with
/// fbat_differences_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
/// options is out of range.
/// @retval FBAT_ERR_INVALID_UTF8 a namespace, entity or scope is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
/// @retval FBAT_ERR_LIMIT_EXCEEDED the region has too many kinds or scopes.
/// @retval FBAT_ERR_CLOSED a store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_diff(
    store: *const fbat_store,
    other: *const fbat_store,
    options: *const fbat_diff_options,
    out_differences: *mut *mut fbat_differences,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_differences", out_differences, null_mut(), err, |call| {
            let (given, stores) =
                (args::options(options)?, [call.store(store)?, call.store(other)?]);
            let after = args::optional_text("after", given.after, args::POSITION)?;
            let page = DiffPage {
                region: region::engine_region(given.region)?,
                after: after.map(Difference::at).transpose()?,
                page_rows: rows_of_page(given.page_rows, DiffPage::default().page_rows),
            };
            let found = stores[0].engine.diff(&stores[1].engine, &page)?;
            let texts = |row: &Difference| [Text::new(&row.namespace), Text::new(row.position())];
            handle::insert(List::new(found, texts, difference))
        })
    }
}

fn rows_of_page(given: usize, default: usize) -> usize {
    if given == 0 {
        default
    } else {
        given
    }
}

fn origin(of: &OriginSummary, [source_namespace, _]: [fbat_str; 2]) -> fbat_origin {
    fbat_origin {
        source_namespace,
        events: of.events,
        fingerprint: of.fingerprint.into(),
        last_source_sequence: of.last_sequence,
        ..fbat_origin::initial()
    }
}

fn difference(of: &Difference, texts: [fbat_str; 2]) -> fbat_difference {
    let [source_namespace, position] = texts;
    fbat_difference {
        source_namespace,
        position,
        source_event_id: of.event_id.into(),
        source_sequence: of.source_sequence,
        content_hash: of.content_hash.into(),
        sequence: of.sequence,
        in_other: u32::from(of.side == Side::Second),
        ..fbat_difference::initial()
    }
}

fn with<R, T>(
    list: *const <List<R> as handle::Object>::Raw,
    none: T,
    get: impl FnOnce(&List<R>) -> T,
) -> T
where
    List<R>: handle::Object,
{
    guard::value(None, || handle::lookup::<List<R>>(list).map(|list| get(&list))).unwrap_or(none)
}

/// How many rows there are.
/// @param origins the list.
/// @return the number; 0 where `origins` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_origins_len(origins: *const fbat_origins) -> usize {
    with::<fbat_origin, _>(origins, 0, |list| list.rows.len())
}

/// One of the rows.
/// @param origins the list.
/// @param index which, counted from 0.
/// @return the row, which lives as long as the list; NULL where there is none, or `origins` is not
/// live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_origins_get(
    origins: *const fbat_origins,
    index: usize,
) -> *const fbat_origin {
    with::<fbat_origin, _>(origins, null(), |list| {
        list.rows.get(index).map_or(null(), |row| &raw const *row)
    })
}

/// Whether nothing more was there when the list was read.
/// @param origins the list.
/// @return whether it is so; true where `origins` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_origins_is_end(origins: *const fbat_origins) -> bool {
    with::<fbat_origin, _>(origins, true, |list| list.is_end)
}

/// Frees a list.
/// @param origins the list; NULL is allowed.
/// @par Threads
/// Any; the list must not be used by others.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_origins_free(origins: *mut fbat_origins) {
    guard::free::<List<fbat_origin>>(origins)
}

/// How many rows there are.
/// @param differences the list.
/// @return the number; 0 where `differences` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_differences_len(differences: *const fbat_differences) -> usize {
    with::<fbat_difference, _>(differences, 0, |list| list.rows.len())
}

/// One of the rows.
/// @param differences the list.
/// @param index which, counted from 0.
/// @return the row, which lives as long as the list; NULL where there is none, or `differences` is
/// not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_differences_get(
    differences: *const fbat_differences,
    index: usize,
) -> *const fbat_difference {
    with::<fbat_difference, _>(differences, null(), |list| {
        list.rows.get(index).map_or(null(), |row| &raw const *row)
    })
}

/// Whether nothing more was there when the list was read.
/// @param differences the list.
/// @return whether it is so; true where `differences` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_differences_is_end(differences: *const fbat_differences) -> bool {
    with::<fbat_difference, _>(differences, true, |list| list.is_end)
}

/// Frees a list.
/// @param differences the list; NULL is allowed.
/// @par Threads
/// Any; the list must not be used by others.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_differences_free(differences: *mut fbat_differences) {
    guard::free::<List<fbat_difference>>(differences)
}

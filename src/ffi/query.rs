//! Queries
//!
//! Which events, in which order, and how much of each; one page at a time, or a cursor over all.

use super::error::fbat_error;
use super::guard::{self, Call};
use super::handle;
use super::page::{self, fbat_page, PageObject};
use super::raw::{self, Out, Text};
use super::status::fbat_status;
use super::store::{fbat_store, StoreObject};
use super::types::fbat_str;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::Kind;
use crate::engine::model::limits;
use crate::engine::model::region::{KindFilter, Region};
use crate::engine::store::query::{PageEnd, Query};
use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Highest sequence first.
/// @since 0.1
pub const FBAT_QUERY_BACKWARD: u32 = 1u32;
/// The library's own events too.
/// @since 0.1
pub const FBAT_QUERY_SYSTEM: u32 = 2u32;

/// Every kind.
/// @since 0.1
pub const FBAT_KIND_MATCH_ANY: u32 = 0u32;
/// One kind.
/// @since 0.1
pub const FBAT_KIND_MATCH_EXACT: u32 = 1u32;
/// All kinds of one category.
/// @since 0.1
pub const FBAT_KIND_MATCH_CATEGORY: u32 = 2u32;

/// Which events to read: a region (entity, scope, kind, versions, all of which must hold), a
/// range of sequences, and what to read of each. Setting one part never resets another.
///
/// There is no index by time. `recorded_us` never goes back along sequences, so that a bisection
/// with `after` and a limit of 1 finds where a time begins; `timestamp_us` is the caller's own, and
/// needs a scan.
/// @par Threads
/// `const` functions may run at once with each other, not with the others.
/// @since 0.1
pub struct fbat_query {
    _opaque: [u8; 0],
}

/// Reads page after page. Owned by the caller, who frees it with fbat_cursor_free().
/// @par Threads
/// One at a time.
/// @since 0.1
pub struct fbat_cursor {
    _opaque: [u8; 0],
}

/// A region with text to lend; the parts of both query and import options.
#[derive(Clone, Default)]
pub(crate) struct RegionSettings {
    /// Empty: any.
    pub entity: Text,
    pub scope: Text,
    pub kind: Option<KindFilter>,
    pub versions: Option<(u64, u64)>,
}

impl RegionSettings {
    pub(crate) fn to_engine(&self) -> Region {
        let part = |text: &Text| (!text.bytes().is_empty()).then(|| text.as_str().to_owned());
        let (entity, scope) = (part(&self.entity), part(&self.scope));
        Region { entity, scope, kind: self.kind, versions: self.versions }
    }

    pub(crate) fn set_category(&mut self, category: u32) -> Result<()> {
        match u8::try_from(category) {
            Ok(category @ 0..=15) => self.kind = Some(KindFilter::Category(category)),
            _ => {
                return Err(Error::invalid(format!("category {category} is out of range"))
                    .with_numbers(category.into(), 15))
            }
        }
        Ok(())
    }

    pub(crate) fn set_versions(&mut self, first: u64, last: u64) -> Result<()> {
        if first > last {
            return Err(Error::invalid(format!(
                "the versions end ({last}) before they begin ({first})"
            )));
        }
        self.versions = ((first, last) != (0, u64::MAX)).then_some((first, last));
        Ok(())
    }

    pub(crate) fn kind_match(&self) -> u32 {
        match self.kind {
            None => FBAT_KIND_MATCH_ANY,
            Some(KindFilter::Exact(_)) => FBAT_KIND_MATCH_EXACT,
            Some(KindFilter::Category(_)) => FBAT_KIND_MATCH_CATEGORY,
        }
    }

    pub(crate) fn kind_value(&self) -> u16 {
        match self.kind {
            None => 0,
            Some(KindFilter::Exact(kind)) => kind.0,
            Some(KindFilter::Category(category)) => u16::from(category) << 12,
        }
    }
}

/// What a handle to a query leads to.
pub(crate) struct QueryObject(Mutex<QuerySettings>);

#[derive(Clone, Default)]
struct QuerySettings {
    region: RegionSettings,
    /// All but the region.
    rest: Query,
}

impl handle::Object for QueryObject {
    type Raw = fbat_query;
    const TAG: u8 = 7;
    const NAME: &'static str = "query";
}

impl QueryObject {
    fn lock(&self) -> MutexGuard<'_, QuerySettings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn to_engine(&self) -> Query {
        let settings = self.lock();
        Query { region: settings.region.to_engine(), ..settings.rest.clone() }
    }
}

/// The query to run; everything where `query` is null.
fn engine_query(query: *const fbat_query) -> Result<Query> {
    match query.is_null() {
        true => Ok(Query::default()),
        false => Ok(handle::get::<QueryObject>(query)?.to_engine()),
    }
}

fn get<T>(query: *const fbat_query, none: T, get: impl FnOnce(&QuerySettings) -> T) -> T {
    guard::value(None, || handle::lookup::<QueryObject>(query).map(|object| get(&object.lock())))
        .unwrap_or(none)
}

fn set(query: *mut fbat_query, set: impl FnOnce(&mut QuerySettings) -> Result<()>) -> fbat_status {
    let body = |_: &Call| set(&mut handle::get::<QueryObject>(query)?.lock());
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), body) }
}

/// Makes a query for all events: forward, 1000 rows a page, with payload and extensions.
/// @return the query, which fbat_query_free() frees; NULL in a forked child, and where 16 million
/// objects are live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_query_new() -> *mut fbat_query {
    guard::value(null_mut(), || handle::insert(QueryObject(Mutex::default())).unwrap_or(null_mut()))
}

/// Frees a query. Cursors that were made with it go on.
/// @param query the query; NULL is allowed.
/// @par Threads
/// Any; the query must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_free(query: *mut fbat_query) {
    guard::free::<QueryObject>(query)
}

/// Sets the entity: `e` matches `e` itself and everything below `e:`.
/// @param query the query.
/// @param entity UTF-8; empty for any.
/// @param entity_len in bytes.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a length without a pointer.
/// @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE over 1024 bytes.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_entity(
    query: *mut fbat_query,
    entity: *const c_char,
    entity_len: usize,
) -> fbat_status {
    set(query, |settings| {
        // SAFETY: the caller's promise: `entity_len` bytes.
        settings.region.entity =
            Text::new(unsafe { raw::text("entity", entity, entity_len, raw::COORDINATE) }?);
        Ok(())
    })
}

/// The entity.
/// @param query the query.
/// @return text that lives until it is set again or the query is freed; empty for any.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_entity(query: *const fbat_query) -> fbat_str {
    get(query, fbat_str::NONE, |settings| settings.region.entity.lend())
}

/// Sets the exact scope.
/// @param query the query.
/// @param scope UTF-8; empty for any.
/// @param scope_len in bytes.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a length without a pointer.
/// @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE over 1024 bytes.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_scope(
    query: *mut fbat_query,
    scope: *const c_char,
    scope_len: usize,
) -> fbat_status {
    set(query, |settings| {
        // SAFETY: the caller's promise: `scope_len` bytes.
        settings.region.scope =
            Text::new(unsafe { raw::text("scope", scope, scope_len, raw::COORDINATE) }?);
        Ok(())
    })
}

/// The scope.
/// @param query the query.
/// @return text that lives until it is set again or the query is freed; empty for any.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_scope(query: *const fbat_query) -> fbat_str {
    get(query, fbat_str::NONE, |settings| settings.region.scope.lend())
}

/// Sets one exact kind, in place of a kind or category before.
/// @param query the query.
/// @param kind the kind.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_kind(query: *mut fbat_query, kind: u16) -> fbat_status {
    set(query, |settings| {
        settings.region.kind = Some(KindFilter::Exact(Kind(kind)));
        Ok(())
    })
}

/// Sets a whole category, in place of a kind or category before.
/// @param query the query.
/// @param category 0 to 15.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT out of range.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_category(
    query: *mut fbat_query,
    category: u32,
) -> fbat_status {
    set(query, |settings| settings.region.set_category(category))
}

/// Takes kind and category back: every kind.
/// @param query the query.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_any_kind(query: *mut fbat_query) -> fbat_status {
    set(query, |settings| {
        settings.region.kind = None;
        Ok(())
    })
}

/// Whether a kind or a category is set.
/// @param query the query.
/// @return an `FBAT_KIND_MATCH_...`; #FBAT_KIND_MATCH_ANY where `query` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_kind_match(query: *const fbat_query) -> u32 {
    get(query, FBAT_KIND_MATCH_ANY, |settings| settings.region.kind_match())
}

/// The kind, or the first kind of the category.
/// @param query the query.
/// @return the kind; 0 with #FBAT_KIND_MATCH_ANY.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_kind(query: *const fbat_query) -> u16 {
    get(query, 0, |settings| settings.region.kind_value())
}

/// Sets a range of entity versions.
/// @param query the query.
/// @param first the lowest version.
/// @param last the highest version; 0 and `UINT64_MAX` together are all, the default.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the range ends before it begins.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_versions(
    query: *mut fbat_query,
    first: u64,
    last: u64,
) -> fbat_status {
    set(query, |settings| settings.region.set_versions(first, last))
}

/// The lowest entity version.
/// @param query the query.
/// @return the version; 0 by default.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_version_first(query: *const fbat_query) -> u64 {
    get(query, 0, |settings| settings.region.versions.map_or(0, |v| v.0))
}

/// The highest entity version.
/// @param query the query.
/// @return the version; `UINT64_MAX` by default.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_version_last(query: *const fbat_query) -> u64 {
    get(query, u64::MAX, |settings| settings.region.versions.map_or(u64::MAX, |v| v.1))
}

/// Sets the global sequence above which to read.
/// @param query the query.
/// @param after exclusive; 0, the default, for all.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_after(query: *mut fbat_query, after: u64) -> fbat_status {
    set(query, |settings| {
        settings.rest.after = after;
        Ok(())
    })
}

/// The global sequence above which to read.
/// @param query the query.
/// @return the sequence, exclusive.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_after(query: *const fbat_query) -> u64 {
    get(query, 0, |settings| settings.rest.after)
}

/// Sets the last global sequence to read.
/// @param query the query.
/// @param until inclusive; 0, the default, for no bound.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_until(query: *mut fbat_query, until: u64) -> fbat_status {
    set(query, |settings| {
        settings.rest.until = until;
        Ok(())
    })
}

/// The last global sequence to read.
/// @param query the query.
/// @return the sequence, inclusive; 0 for no bound.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_until(query: *const fbat_query) -> u64 {
    get(query, 0, |settings| settings.rest.until)
}

/// Sets how many rows a page may have. A page is also cut after the row with which it reaches 64
/// MiB.
/// @param query the query.
/// @param rows 1 to 65,536; the default is 1000.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT out of range.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_limit(query: *mut fbat_query, rows: usize) -> fbat_status {
    set(query, |settings| {
        let max = limits::PAGE_ROWS_MAX;
        if !(1..=max).contains(&rows) {
            let error = Error::invalid(format!("a limit of {rows} rows; 1 to {max} are allowed"));
            return Err(error.with_numbers(rows as u64, max as u64));
        }
        settings.rest.limit = rows;
        Ok(())
    })
}

/// How many rows a page may have.
/// @param query the query.
/// @return the number; 0 where `query` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_limit(query: *const fbat_query) -> usize {
    get(query, 0, |settings| settings.rest.limit)
}

/// Sets what to read of each event beside the rest.
/// @param query the query.
/// @param columns bits `FBAT_COLUMN_...`; the default is payload and extensions.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bit is unknown.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_columns(
    query: *mut fbat_query,
    columns: u32,
) -> fbat_status {
    set(query, |settings| {
        settings.rest.columns = page::columns(columns)?;
        Ok(())
    })
}

/// What to read of each event beside the rest.
/// @param query the query.
/// @return bits `FBAT_COLUMN_...`.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_columns(query: *const fbat_query) -> u32 {
    get(query, 0, |settings| page::column_bits(settings.rest.columns))
}

/// Sets the direction, and whether the library's own events are read.
/// @param query the query.
/// @param flags bits `FBAT_QUERY_...`; the default is none.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bit is unknown.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_set_flags(query: *mut fbat_query, flags: u32) -> fbat_status {
    set(query, |settings| {
        raw::check_bits("flags", flags, FBAT_QUERY_BACKWARD | FBAT_QUERY_SYSTEM)?;
        settings.rest.backward = flags & FBAT_QUERY_BACKWARD != 0;
        settings.rest.system = flags & FBAT_QUERY_SYSTEM != 0;
        Ok(())
    })
}

/// The direction, and whether the library's own events are read.
/// @param query the query.
/// @return bits `FBAT_QUERY_...`.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_query_get_flags(query: *const fbat_query) -> u32 {
    let flag = |is_set: bool, bit: u32| if is_set { bit } else { 0 };
    get(query, 0, |settings| {
        flag(settings.rest.backward, FBAT_QUERY_BACKWARD)
            | flag(settings.rest.system, FBAT_QUERY_SYSTEM)
    })
}

/// Reads one page.
///
/// What was appended before the call is seen if it lies in the query's range. To go on, set
/// `after` (or `until`, backward) to fbat_page_next(), as a cursor does, unless fbat_page_is_end().
/// @param store the store.
/// @param query which events; NULL for all of them.
/// @param out_page the rows, which may be none; NULL on failure. Free it with fbat_page_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_query(
    store: *const fbat_store,
    query: *const fbat_query,
    out_page: *mut *mut fbat_page,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_page, null_mut()) };
    let body = |call: &Call| {
        out.check("out_page")?;
        let store = call.store(store)?;
        let query = engine_query(query)?;
        out.set(handle::insert(PageObject::of_query(&store.engine, &query)?)?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// What a handle to a cursor leads to.
pub(crate) struct CursorObject {
    store: Arc<StoreObject>,
    place: Mutex<Place>,
}

/// The query for the next page, and whether there is none.
struct Place {
    query: Query,
    over: bool,
}

impl handle::Object for CursorObject {
    type Raw = fbat_cursor;
    const TAG: u8 = 8;
    const NAME: &'static str = "cursor";
}

impl CursorObject {
    /// The next page that has rows; none when nothing more is there.
    fn next(&self) -> Result<Option<PageObject>> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        while !place.over {
            let page = PageObject::of_query(&self.store.engine, &place.query)?;
            let PageEnd { next, end } = page.place();
            match place.query.backward {
                // Nothing comes to be below what was read: backward, an end is final.
                true => (place.query.until, place.over) = (next, end),
                false => place.query.after = next,
            }
            if !page.is_empty() {
                return Ok(Some(page));
            }
            if end {
                break;
            }
        }
        Ok(None)
    }
}

/// Makes a cursor at the beginning of a query.
/// @param store the store. When it is closed or freed, the cursor gives #FBAT_ERR_CLOSED.
/// @param query which events, copied; NULL for all of them.
/// @param out_cursor the cursor; NULL on failure. Free it with fbat_cursor_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_cursor_new(
    store: *const fbat_store,
    query: *const fbat_query,
    out_cursor: *mut *mut fbat_cursor,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_cursor, null_mut()) };
    let body = |call: &Call| {
        out.check("out_cursor")?;
        let store = Arc::clone(call.store(store)?);
        let place = Mutex::new(Place { query: engine_query(query)?, over: false });
        out.set(handle::insert(CursorObject { store, place })?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Reads the next page that has rows.
///
/// At the end it gives #FBAT_OK and a NULL page. A forward cursor may be asked again later: it
/// goes on with what was appended since, and so follows the log.
/// @param cursor the cursor.
/// @param out_page the page; NULL on failure and at the end. Free it with fbat_page_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK a page, or NULL at the end.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where. The cursor stays where it was.
/// @retval FBAT_ERR_IO the operating system failed. The cursor stays where it was.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_cursor_next(
    cursor: *mut fbat_cursor,
    out_page: *mut *mut fbat_page,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_page, null_mut()) };
    let body = |call: &Call| {
        out.check("out_page")?;
        let cursor = handle::get::<CursorObject>(cursor)?;
        call.hold(Arc::clone(&cursor.store))?;
        if let Some(page) = cursor.next()? {
            out.set(handle::insert(page)?);
        }
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Frees a cursor.
/// @param cursor the cursor; NULL is allowed.
/// @par Threads
/// Any; the cursor must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_cursor_free(cursor: *mut fbat_cursor) {
    guard::free::<CursorObject>(cursor)
}

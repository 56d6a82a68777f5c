//! Queries
//!
//! Which events, in which order, and how much of each; one page at a time, or a cursor over all.

use super::boundary::answer::{self};
use super::boundary::args::{self};
use super::boundary::error::fbat_error;
use super::boundary::guard::{self};
use super::boundary::handle;
use super::boundary::status::fbat_status;
use super::boundary::store::{fbat_store, StoreObject};
use super::cancel::{fbat_cancel, fbat_progress_fn, Watched};
use super::page::{self, fbat_page, PageObject};
use super::region::{self, fbat_region};
use super::wait::{fbat_wait_options, Terms};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::platform::watch::Cancel;
use crate::engine::store::query::{PageEnd, Query};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

/// Highest sequence first.
/// @since 0.1
pub const FBAT_QUERY_BACKWARD: u32 = 1u32;
/// The library's own events too.
/// @since 0.1
pub const FBAT_QUERY_SYSTEM: u32 = 2u32;

/// What to read, and how. All zero except the size reads every event, oldest first.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_query {
    /// `sizeof(fbat_query)`.
    pub struct_size: usize,
    /// Which events; NULL for all.
    pub region: *const fbat_region,
    /// Only sequences above this one.
    pub after: u64,
    /// Only sequences up to and with this one; 0: no bound.
    pub until: u64,
    /// At most so many rows in all; 0: no limit. Then the page, or the cursor, is at its end.
    pub limit: u64,
    /// A page has at most so many rows: 1 to 65,536; 0: 1,000. It may have fewer, and ends after
    /// the row that reaches 64 MiB.
    pub page_rows: usize,
    /// What of each event is read: bits `FBAT_COLUMN_...`; 0: payload and extensions.
    pub columns: u32,
    /// Bits: `FBAT_QUERY_...`.
    pub flags: u32,
    /// Reports how far the call is, in sequences that it has passed; NULL for none.
    pub progress: fbat_progress_fn,
    /// Handed to `progress`.
    pub progress_data: *mut c_void,
    /// Ends the call; NULL for none.
    pub cancel: *const fbat_cancel,
}

args::sized!(fbat_query: 80);

/// Reads page after page. Owned by the caller, who frees it with fbat_cursor_free().
/// @par Threads
/// One at a time.
/// @since 0.1
pub struct fbat_cursor {
    _opaque: [u8; 0],
}

/// A query of the engine, and what watches over it.
pub(crate) struct Reading {
    query: Query,
    watched: Watched,
}

impl Reading {
    /// The query that a caller passes in; NULL for all events.
    ///
    /// # Safety
    /// `query` and what it points to are as the header requires it.
    pub(crate) unsafe fn new(query: *const fbat_query) -> Result<Reading> {
        // SAFETY: the caller's promise.
        let given = unsafe { args::options(query) }?;
        args::check_bits("flags", given.flags, FBAT_QUERY_BACKWARD | FBAT_QUERY_SYSTEM)?;
        let default = Query::default();
        let query = Query {
            // SAFETY: the caller's promise.
            region: unsafe { region::engine_region(given.region) }?,
            after: given.after,
            until: given.until,
            limit: if given.limit == 0 { u64::MAX } else { given.limit },
            page_rows: if given.page_rows == 0 { default.page_rows } else { given.page_rows },
            backward: given.flags & FBAT_QUERY_BACKWARD != 0,
            system: given.flags & FBAT_QUERY_SYSTEM != 0,
            columns: page::columns("columns", given.columns, default.columns)?,
        };
        query.check()?;
        let watched = Watched::new(given.progress, given.progress_data, given.cancel)?;
        Ok(Reading { query, watched })
    }

    pub(crate) fn count(&self, store: &StoreObject) -> Result<u64> {
        self.watched.run(|watch| store.engine.count(&self.query, watch))
    }

    fn page(&self, store: &StoreObject) -> Result<Arc<PageObject>> {
        self.watched.run(|watch| PageObject::of_query(&store.engine, &self.query, watch))
    }
}

/// Reads one page.
///
/// What was appended before the call is seen if it is in the query's range. To go on, set
/// `after` (or `until`, backward) to fbat_page_resume(), as a cursor does, unless
/// fbat_page_is_end(). A `limit` is that of this call: who goes on lowers it by fbat_page_len().
/// @param store the store.
/// @param query which events; NULL for all of them.
/// @param out_page the rows, which may be none; NULL on failure. Free it with fbat_page_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
/// query or its region is out of range.
/// @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
/// @retval FBAT_ERR_CANCELLED the token of the query was triggered.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @return or the negative number with which the progress callback stopped the call.
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
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_page", out_page, null_mut(), err, |call| {
            let store = call.store(store)?;
            handle::insert_arc(Reading::new(query)?.page(store)?)
        })
    }
}

/// What a handle to a cursor leads to.
pub(crate) struct CursorObject {
    store: Arc<StoreObject>,
    position: Mutex<Position>,
}

/// Where a cursor is: what it reads next.
struct Position {
    reading: Reading,
    over: bool,
}

impl handle::Object for CursorObject {
    type Raw = fbat_cursor;
    const TAG: u8 = 8;
    const NAME: &'static str = "cursor";
}

impl CursorObject {
    fn position(&self) -> Result<MutexGuard<'_, Position>> {
        // Not to wait for a call whose own callback this may be.
        match self.position.try_lock() {
            Ok(position) => Ok(position),
            Err(TryLockError::Poisoned(position)) => Ok(position.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(Code::Busy, "another call reads by this cursor"))
            }
        }
    }

    fn next(&self) -> Result<Option<Arc<PageObject>>> {
        self.position()?.next(&self.store, 0)
    }

    /// As `next`, and waits for what comes later; none where nothing can.
    fn wait(&self, terms: &Terms) -> Result<Option<Arc<PageObject>>> {
        let mut position = self.position()?;
        loop {
            let Query { after, until, backward, .. } = position.reading.query;
            if position.over || backward || (until > 0 && after >= until) {
                return position.next(&self.store, 0);
            }
            let tokens: Vec<&Cancel> = terms
                .token
                .to_engine()
                .into_iter()
                .chain(position.reading.watched.token())
                .collect();
            let frontier = self.store.engine.wait(after, &terms.to_engine(&tokens))?;
            let bound = if terms.durable { frontier.durable } else { frontier.visible };
            if let Some(page) = position.next(&self.store, bound)? {
                return Ok(Some(page));
            }
        }
    }
}

impl Position {
    /// A page, up to `bound` where that is not 0.
    fn page(&mut self, store: &StoreObject, bound: u64) -> Result<Arc<PageObject>> {
        let until = self.reading.query.until;
        if bound > 0 && (until == 0 || bound < until) {
            self.reading.query.until = bound;
        }
        let page = self.reading.page(store);
        self.reading.query.until = until;
        page
    }

    /// The next page that has rows; none when nothing more exists up to `bound`, where that is not
    /// 0.
    fn next(&mut self, store: &StoreObject, bound: u64) -> Result<Option<Arc<PageObject>>> {
        while !self.over {
            let page = self.page(store, bound)?;
            let PageEnd { next, end } = page.place();
            let query = &mut self.reading.query;
            query.limit -= page.len() as u64;
            let limit_reached = query.limit == 0;
            match query.backward {
                // Nothing is added below what was read: backward, an end is final.
                true => (query.until, self.over) = (next, end),
                false => (query.after, self.over) = (next, limit_reached),
            }
            if page.len() > 0 {
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
/// @param query which events, copied; NULL for all of them. Its `progress` and `cancel` go for each
/// fbat_cursor_next(): they must live as long as the cursor, except the token, which it keeps.
/// @param out_cursor the cursor; NULL on failure. Free it with fbat_cursor_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT as for fbat_store_query().
/// @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
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
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_cursor", out_cursor, null_mut(), err, |call| {
            let store = Arc::clone(call.store(store)?);
            let position = Position { reading: Reading::new(query)?, over: false };
            handle::insert(CursorObject { store, position: Mutex::new(position) })
        })
    }
}

/// Reads the next page that has rows.
///
/// At the end it gives #FBAT_OK and a NULL page. A forward cursor may be asked again later: it
/// goes on with what was appended since, and so follows the log. The end that `limit` makes is
/// final.
/// @param cursor the cursor.
/// @param out_page the page; NULL on failure and at the end. Free it with fbat_page_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK a page, or NULL at the end.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @retval FBAT_ERR_CANCELLED the token of the query was triggered.
/// @retval FBAT_ERR_BUSY another call reads by this cursor, as that whose progress callback this
/// is.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where. The cursor stays where it was.
/// @retval FBAT_ERR_IO the operating system failed. The cursor stays where it was.
/// @return or the negative number with which the progress callback stopped the call.
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
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_page", out_page, null_mut(), err, |call| {
            let cursor = handle::get::<CursorObject>(cursor)?;
            call.hold(Arc::clone(&cursor.store))?;
            cursor.next()?.map_or(Ok(null_mut()), handle::insert_arc)
        })
    }
}

/// Reads the next page that has rows, and waits for it where there is none yet.
///
/// Page after page a cursor reads each event once, and misses none: also while the writer is
/// another process, dies, and is followed by another one. To begin with what comes from now on, set
/// the query's `after` to the frontier's `visible`.
/// @param cursor the cursor. For one that reads backward, or has come to its `until` or `limit`,
/// this is fbat_cursor_next().
/// @param options how to wait; NULL for ever. With #FBAT_WAIT_DURABLE it reads durable events only.
/// @param out_page the page; NULL on failure, and where no page can come. Free it with
/// fbat_page_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK a page, or NULL where no page can come.
/// @retval FBAT_ERR_TIMEOUT no event that matches came in time. The cursor has passed the others.
/// @retval FBAT_ERR_CANCELLED the token of the options or of the query was triggered, whatever
/// there is.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, a bad `struct_size`, an unknown bit, or a
/// time without its bit.
/// @retval FBAT_ERR_BUSY another call reads by this cursor, as that whose progress callback this
/// is.
/// @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
/// @retval FBAT_ERR_POISONED the store is open for writing, and an earlier failure ended that.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where. The cursor stays where it was.
/// @retval FBAT_ERR_IO the operating system failed. The cursor stays where it was.
/// @return or the negative number with which the progress callback stopped the call.
/// @par Threads
/// One at a time. The calling thread sleeps.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_cursor_wait(
    cursor: *mut fbat_cursor,
    options: *const fbat_wait_options,
    out_page: *mut *mut fbat_page,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_page", out_page, null_mut(), err, |call| {
            let (terms, cursor) = (Terms::new(options)?, handle::get::<CursorObject>(cursor)?);
            call.hold(Arc::clone(&cursor.store))?;
            cursor.wait(&terms)?.map_or(Ok(null_mut()), handle::insert_arc)
        })
    }
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

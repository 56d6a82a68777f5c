//! Waiting
//!
//! Until there is something new, without a loop that asks. What is waited for is the frontier: who
//! reads events up to a sequence and waits for what comes after it misses none, and repeats none.
//!
//! A handle that writes is told by its own process. A handle that reads is told by the kernel
//! (inotify) of what any process writes into the directory. Where the kernel does not tell, it
//! looks by itself: after 10 ms at first, and up to 250 ms later. So it is on file systems that
//! other machines write to (NFS, SMB, FUSE, 9P), and where the user has no instance of inotify
//! left. On file systems that the library does not know the kernel tells, and the handle looks each
//! 100 ms besides. fbat_stats says which it is. The library has no thread for it. A process takes
//! one instance of inotify for all of its stores.

use super::boundary::answer;
use super::boundary::args;
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::cancel::{fbat_cancel, Token};
use super::store::fbat_frontier;
use crate::engine::model::error::{Error, Result};
use crate::engine::platform::watch::Cancel;
use crate::engine::store::wait::WaitOptions;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Wait for what is durable, instead of what is visible.
/// @since 0.2
pub const FBAT_WAIT_DURABLE: u32 = 1u32;
/// `timeout_ms` is given.
/// @since 0.2
pub const FBAT_WAIT_HAS_TIMEOUT: u32 = 2u32;

/// How to wait. All zero except the size waits for a visible event, for ever.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_wait_options {
    /// `sizeof(fbat_wait_options)`.
    pub struct_size: usize,
    /// With #FBAT_WAIT_HAS_TIMEOUT: how long at most, in milliseconds, 0 to look once; else 0.
    pub timeout_ms: u64,
    /// Bits: `FBAT_WAIT_...`.
    pub flags: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// Ends the call; NULL for none.
    pub cancel: *const fbat_cancel,
}

args::sized!(fbat_wait_options: 32);

/// How a call waits, as its options have it.
pub(crate) struct Terms {
    pub durable: bool,
    until: Option<Instant>,
    pub token: Token,
}

impl Terms {
    /// # Safety
    /// `options` and what it points to are as the header requires it.
    pub(crate) unsafe fn new(options: *const fbat_wait_options) -> Result<Terms> {
        // SAFETY: the caller's promise.
        let given = unsafe { args::options(options) }?;
        args::check_bits("flags", given.flags, FBAT_WAIT_DURABLE | FBAT_WAIT_HAS_TIMEOUT)?;
        args::check_bits("reserved", given.reserved, 0)?;
        let (has, ms) = (given.flags & FBAT_WAIT_HAS_TIMEOUT != 0, given.timeout_ms);
        if ms > 0 && !has {
            let message = format!("timeout_ms is {ms} without FBAT_WAIT_HAS_TIMEOUT");
            return Err(Error::invalid(message));
        }
        // What no clock can say is for ever.
        let in_time = || Instant::now().checked_add(Duration::from_millis(ms));
        let until = has.then(in_time).flatten();
        let durable = given.flags & FBAT_WAIT_DURABLE != 0;
        Ok(Terms { durable, until, token: Token::new(given.cancel)? })
    }

    pub(crate) fn to_engine<'a>(&self, tokens: &'a [&'a Cancel]) -> WaitOptions<'a> {
        WaitOptions { durable: self.durable, until: self.until, tokens }
    }
}

/// Waits until the frontier is above a sequence. It never returns #FBAT_OK before.
///
/// What ends a wait otherwise is a status: time, the token, or that another thread closes or frees
/// the store. A writer in another process that ends, dies or recovers the store does not: the wait
/// goes on until there is a next event.
///
/// With #FBAT_WAIT_DURABLE, a handle that writes waits for syncs, its own included, and begins
/// none. A handle that reads syncs what it waits for once that is visible, as fbat_store_sync()
/// does: the log says of an event that it is durable only with a later one.
/// @param store the store.
/// @param after the frontier is to be above this: the last sequence that is known.
/// @param options how to wait; NULL for a visible event, for ever.
/// @param out_frontier the frontier; may be NULL.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK the frontier is above `after`.
/// @retval FBAT_ERR_TIMEOUT it was not in time. The error's `actual` is what it was, its `allowed`
/// is `after`.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered, whatever there is.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, an unknown bit, or a time without its
/// bit.
/// @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
/// @retval FBAT_ERR_POISONED the store is open for writing, and an earlier failure ended that.
/// @retval FBAT_ERR_CORRUPT what came is damaged.
/// @retval FBAT_ERR_IO the operating system failed, or the store was removed.
/// @par Threads
/// Any. The calling thread sleeps.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_wait(
    store: *const fbat_store,
    after: u64,
    options: *const fbat_wait_options,
    out_frontier: *mut fbat_frontier,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_frontier, true, err, |call| {
            let (terms, store) = (Terms::new(options)?, call.store(store)?);
            Ok(store
                .engine
                .wait(after, &terms.to_engine(terms.token.to_engine().as_slice()))?
                .into())
        })
    }
}

/// A descriptor for an event loop (poll, epoll, libuv, asyncio). It is readable when there may be
/// something new in the store, and at first. fbat_store_frontier() makes it unreadable, and then
/// says what there is: what comes later makes it readable again.
///
/// So a loop goes: wait until it is readable, call fbat_store_frontier(), read events from the last
/// known sequence on until there are none. It may be readable for nothing. Once the store is closed
/// or poisoned it is readable for good: fbat_store_wait(), which may look once, says why. A handle
/// that reads learns what is durable by fbat_store_sync().
/// @param store the store.
/// @param out_fd the descriptor, close-on-exec; -1 on failure. It is the store's: do not read it,
/// write to it or close it. It is gone once the store is freed: take it out of the loop before. One
/// epoll takes some 500 of handles that read, a limit of the kernel.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done. The same descriptor each time.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_IO the operating system failed: no descriptor is left.
/// @par Threads
/// Any. One loop at a time: fbat_store_frontier() by another thread makes it unreadable, too.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_store_wait_fd(
    store: *const fbat_store,
    out_fd: *mut i32,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_fd", out_fd, -1, err, |call| {
            let descriptor = call.store(store)?.engine.wait_descriptor()?;
            Result::Ok(descriptor.as_raw_fd())
        })
    }
}

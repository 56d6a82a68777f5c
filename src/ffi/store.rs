//! Stores
//!
//! Opening, closing, and what there is to know about a store.

use super::boundary::answer::{self, members_of};
use super::boundary::args::{self};
use super::boundary::error::fbat_error;
use super::boundary::guard::{self, Call};
use super::boundary::handle;
use super::boundary::status::fbat_status;
use super::boundary::store::{fbat_store, StoreObject};
use super::boundary::types::{fbat_hash, fbat_id, fbat_str};
use super::cancel::{fbat_cancel, fbat_progress_fn, Watched};
use crate::engine::log::options::{Durability, OpenMode, Options};
use crate::engine::log::state::Frontier;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::limits::Limits;
use crate::engine::platform::news::Teller;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::Arc;

/// Opens the store for writing, or makes a new one.
/// @since 0.1
pub const FBAT_OPEN_CREATE_IF_MISSING: u32 = 0u32;
/// Opens for writing; the store must be there.
/// @since 0.1
pub const FBAT_OPEN_MUST_EXIST: u32 = 1u32;
/// Makes a new store; none may be there.
/// @since 0.1
pub const FBAT_OPEN_MUST_BE_NEW: u32 = 2u32;
/// Opens for reading; takes no lock and changes nothing. Works while another process writes.
/// @since 0.1
pub const FBAT_OPEN_READ_ONLY: u32 = 3u32;

/// An append returns when its events are on the disk. Concurrent callers share a sync.
/// @since 0.1
pub const FBAT_DURABILITY_DURABLE: u32 = 0u32;
/// An append returns when the operating system has its events: they survive a killed process, not
/// a power cut. fbat_store_sync() makes them durable.
/// @since 0.1
pub const FBAT_DURABILITY_OS: u32 = 1u32;

/// How far the log goes. Every store begins with an event of the library's own, its genesis: a new
/// store is at 1.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_frontier {
    /// `sizeof(fbat_frontier)`.
    pub struct_size: usize,
    /// The highest sequence that readers may see.
    pub visible: u64,
    /// The highest sequence that is known to have reached the disk.
    pub durable: u64,
}

/// The newest event of an entity.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_head {
    /// `sizeof(fbat_head)`.
    pub struct_size: usize,
    /// How many events the entity has.
    pub version: u64,
    /// The event's global sequence.
    pub sequence: u64,
    /// The event's id.
    pub event_id: fbat_id,
    /// The event's hash.
    pub event_hash: fbat_hash,
}

/// Nobody has waited with this handle yet.
/// @since 0.2
pub const FBAT_NEWS_NONE: u32 = 0u32;
/// Told by the process itself: the handle writes.
/// @since 0.2
pub const FBAT_NEWS_PROCESS: u32 = 1u32;
/// Told by the kernel.
/// @since 0.2
pub const FBAT_NEWS_KERNEL: u32 = 2u32;
/// Told by nobody: the handle looks each 10 to 250 ms.
/// @since 0.2
pub const FBAT_NEWS_POLL: u32 = 3u32;

/// Figures about a store.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_stats {
    /// `sizeof(fbat_stats)`.
    pub struct_size: usize,
    /// Events in the log, the library's own included: every store begins with one, its genesis,
    /// which names it.
    pub events: u64,
    /// Files that the log consists of.
    pub segments: u64,
    /// Size of the log on disk, in bytes.
    pub log_bytes: u64,
    /// Size of its indexes on disk, in bytes.
    pub index_bytes: u64,
    /// Events that are indexed in memory only, so far.
    pub unindexed_events: u64,
    /// Memory that the store's tables take, in bytes.
    pub memory_bytes: u64,
    /// How far the clock is behind the recorded time of the last event, in microseconds; 0 where it
    /// is not. Recorded time never goes back: it stands still until the clock has caught up.
    pub clock_behind_us: u64,
    /// Those of `events` that the library itself wrote. `events - system_events` is what was
    /// appended and imported.
    pub system_events: u64,
    /// What tells this handle of something new: an `FBAT_NEWS_...`.
    pub news: u32,
    /// Not used; 0.
    pub reserved: u32,
}

/// fbat_store_open() made the store.
/// @since 0.1
pub const FBAT_OPEN_REPORT_CREATED: u32 = 1u32;
/// The last writer wrote something and did not close the store.
/// @since 0.1
pub const FBAT_OPEN_REPORT_UNCLEAN: u32 = 2u32;

/// What fbat_store_open() found and did.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_open_report {
    /// `sizeof(fbat_open_report)`.
    pub struct_size: usize,
    /// Bits: `FBAT_OPEN_REPORT_...`.
    pub flags: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// Size of a torn tail that was cut off, in bytes; 0 when there was none.
    pub dropped_bytes: u64,
    /// Where it began in its file.
    pub dropped_offset: u64,
    /// That file, or NULL and 0. Lives as long as the store's handle.
    pub dropped_path: fbat_str,
    /// Whole batches after the hole that were dropped with it.
    pub dropped_batches: u64,
    /// The events of those batches.
    pub dropped_events: u64,
    /// The first of the sequences that were jumped because somebody may have seen them; 0: none
    /// were.
    pub gap_first: u64,
    /// The last of them.
    pub gap_last: u64,
    /// Indexes that were missing or damaged and were rebuilt.
    pub indexes_rebuilt: u64,
    /// How far the clock was behind the recorded time of the last event, in microseconds; 0 where
    /// it was not. More than a minute is also a line in the log.
    pub clock_behind_us: u64,
}

/// How to open a store. All zero except the size is the default.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_open_options {
    /// `sizeof(fbat_open_options)`.
    pub struct_size: usize,
    /// Which stores are accepted: an `FBAT_OPEN_...`.
    pub mode: u32,
    /// When an append returns: an `FBAT_DURABILITY_...`.
    pub durability: u32,
    /// A label for people, which a new store keeps: at most 1024 bytes, without NUL. It is no
    /// identity.
    pub label: fbat_str,
    /// The limit on the payload of one event, in bytes: 1 to 33,554,432 (32 MiB); 0: 32 MiB.
    pub payload_bytes_max: usize,
    /// The limit on the events of one batch: 1 to 65,536; 0: 65,536.
    pub batch_events_max: usize,
    /// The limit on the bytes of one batch (payloads, extensions, entities and scopes): 1 to
    /// 67,108,864 (64 MiB); 0: 64 MiB.
    pub batch_bytes_max: usize,
    /// At which size a file of the log is sealed and a new one begun. In bytes: 65,536 (64 KiB) to
    /// 1,073,741,824 (1 GiB); 0: 64 MiB.
    pub segment_bytes: u64,
    /// How many of the store's files that are only read have a descriptor at once: 1 to 65,536; 0:
    /// 128. Those that were not read for longest are closed, and opened again when they are needed.
    /// Besides, a store has at most 8 descriptors. What is read from mapped memory needs none.
    pub files_max: usize,
    /// Reports how far recovery has come, in bytes of the log that it reads; NULL for none.
    pub progress: fbat_progress_fn,
    /// Handed to `progress`.
    pub progress_data: *mut c_void,
    /// Ends the call; NULL for none.
    pub cancel: *const fbat_cancel,
}

args::sized!(
    fbat_frontier: 24,
    fbat_head: 72,
    fbat_stats: 80,
    fbat_open_report: 96,
    fbat_open_options: 96,
);

/// Says how small parts of files are read from now on, in the whole process. They come from mapped
/// memory, which is the default and several times as fast, or by system calls.
///
/// Mapping puts a handler for SIGBUS in place, once. A page that fails to load (the file was cut
/// short, the disk fails) is an error then, as with a system call. Every other SIGBUS goes to the
/// handler that was installed before. A program that puts its own in place later should do the
/// same, and no thread that uses the library should block SIGBUS.
/// @param mapped false before the first store is opened: no handler is put in place.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_set_mapped_reads(mapped: bool) {
    guard::value((), || crate::engine::platform::os::allow_mapping(mapped))
}

/// The options of the engine.
///
/// # Safety
/// The pointers of `options` are as the header requires them.
pub(crate) unsafe fn engine_options(options: &fbat_open_options) -> Result<Options> {
    let modes =
        [OpenMode::CreateIfMissing, OpenMode::MustExist, OpenMode::MustBeNew, OpenMode::ReadOnly];
    // SAFETY: the caller's promise.
    let label = unsafe { args::optional_text("label", options.label, args::LABEL) }?;
    let label = label.unwrap_or_default();
    if label.contains('\0') {
        return Err(Error::invalid("the label has a NUL inside"));
    }
    let default = Limits::default();
    let or = |value: usize, default: usize| if value == 0 { default } else { value };
    let limits = Limits {
        payload_bytes_max: or(options.payload_bytes_max, default.payload_bytes_max),
        batch_events_max: or(options.batch_events_max, default.batch_events_max),
        batch_bytes_max: or(options.batch_bytes_max, default.batch_bytes_max),
        segment_bytes: or(options.segment_bytes as usize, default.segment_bytes as usize) as u64,
        files_max: or(options.files_max, default.files_max),
    };
    limits.check()?;
    Ok(Options {
        mode: args::choice("mode", options.mode, &modes)?,
        durability: args::choice(
            "durability",
            options.durability,
            &[Durability::Durable, Durability::Os],
        )?,
        limits,
        label: label.to_owned(),
        ..Options::default()
    })
}

/// Opens the store in a directory.
///
/// At most one handle in all processes has a store open for writing; readers are not limited.
///
/// Opening for writing puts a handler for SIGXFSZ in place, unless that is ignored: the signal of a
/// write of the library's own beyond RLIMIT_FSIZE is swallowed, and the call gives
/// #FBAT_ERR_NO_SPACE. Every other goes to the handler that was installed before.
///
/// The store is the directory that the path leads to now: it stays the same one when it is moved,
/// and when something else takes its path. A writer whose directory, log or file `LOCK` is removed
/// or replaced gets #FBAT_ERR_IO at its next sync at the latest, and is poisoned then. New files
/// take owner (where root makes them), group and mode of the store.
/// @param path the directory, NUL-terminated. A new store makes it, not what is above it.
/// @param options how; NULL for the defaults.
/// @param out_store the store; NULL on failure. Close it with fbat_store_close(), then free it.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done. fbat_store_open_report() reports what had to be repaired.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, the path is empty, or the directory has
/// files that are no store's.
/// @retval FBAT_ERR_INVALID_UTF8 the label is not UTF-8.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered; nothing was made, and
/// recovery starts again at the next open.
/// @retval FBAT_ERR_STORE_NOT_FOUND no store exists, and the mode does not make one.
/// @retval FBAT_ERR_STORE_EXISTS a store exists, and the mode asks for a new one.
/// @retval FBAT_ERR_BUSY the store is open for writing; the message says by whom.
/// @retval FBAT_ERR_CORRUPT the store is damaged where recovery must not guess.
/// @retval FBAT_ERR_FUTURE_VERSION a newer version of the library made the store.
/// @retval FBAT_ERR_IO the operating system failed.
/// @retval FBAT_ERR_NO_SPACE no space is left for a new store, or to recover one that was not
/// closed. Opening for reading needs none.
/// @return or the negative number with which the progress callback stopped the call.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_open(
    path: *const c_char,
    options: *const fbat_open_options,
    out_store: *mut *mut fbat_store,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises, which are the same.
    unsafe { open_with(path, options, |given| given, out_store, err) }
}

/// Opens the store in a directory for reading: fbat_store_open() with #FBAT_OPEN_READ_ONLY and all
/// else as it is by default.
/// @param path the directory, NUL-terminated.
/// @param out_store the store; NULL on failure. Close it with fbat_store_close(), then free it.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the path is empty.
/// @retval FBAT_ERR_STORE_NOT_FOUND no store exists.
/// @retval FBAT_ERR_CORRUPT the store is damaged.
/// @retval FBAT_ERR_FUTURE_VERSION a newer version of the library made the store.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_open_read_only(
    path: *const c_char,
    out_store: *mut *mut fbat_store,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let read_only = |given| Options { mode: OpenMode::ReadOnly, ..given };
    // SAFETY: the caller's promises, which are the same.
    unsafe { open_with(path, std::ptr::null(), read_only, out_store, err) }
}

/// As fbat_store_open(), with engine options that `change` makes of those that were given.
///
/// # Safety
/// As fbat_store_open().
pub(crate) unsafe fn open_with(
    path: *const c_char,
    options: *const fbat_open_options,
    change: impl FnOnce(Options) -> Options,
    out_store: *mut *mut fbat_store,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_store", out_store, null_mut(), err, |_| {
            let (path, given) = (args::path("path", path)?, args::options(options)?);
            let options = change(engine_options(&given)?);
            let watched = Watched::new(given.progress, given.progress_data, given.cancel)?;
            handle::insert(watched.run(|watch| StoreObject::open(path, &options, watch))?)
        })
    }
}

/// Makes what was written durable, releases the directory, and ends all use of the store. Later
/// calls give #FBAT_ERR_CLOSED; imports that run end with it at their next chunk. A failure to
/// write is reported, and the store is closed all the same.
///
/// The handle stays live until fbat_store_free().
/// @param store the store. One that is closed already is fine.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_BUSY this thread is inside a callback of a call that uses the store; it stays
/// open.
/// @retval FBAT_ERR_POISONED an earlier failure had ended writing; some events may not be durable.
/// @retval FBAT_ERR_IO the last events could not be made durable.
/// @retval FBAT_ERR_NO_SPACE no space is left for the mark of a clean close. Every event is
/// durable; the next open recovers the store.
/// @par Threads
/// Any, also while others use the store.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_close(
    store: *mut fbat_store,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |call: &Call| call.store(store)?.engine.close();
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Closes the store if it is open, and frees the handle. A failure goes to the log: who wants to
/// know calls fbat_store_close() before.
///
/// From within a callback of a call that uses the store, the handle is dead at once and the store
/// is closed when the call returns.
/// @param store the store; NULL is allowed.
/// @par Threads
/// Any. Calls of other threads that use the store end with #FBAT_ERR_CLOSED or
/// #FBAT_ERR_INVALID_HANDLE.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_free(store: *mut fbat_store) {
    guard::free_with::<StoreObject>(store, |object| object.close_quietly())
}

/// Makes everything that is visible durable.
/// @param store the store. One that is open for reading syncs the files as far as it sees them. If
/// it cannot, or the writer is poisoned, that is no failure: the frontier says what is durable.
/// @param out_frontier the frontier after it; may be NULL.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_POISONED an earlier failure ended writing, and not everything is durable.
/// @retval FBAT_ERR_IO the operating system failed; the store is poisoned.
/// @retval FBAT_ERR_NO_SPACE no space is left.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_sync(
    store: *const fbat_store,
    out_frontier: *mut fbat_frontier,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_frontier, true, err, |call| {
            Ok(call.store(store)?.engine.sync()?.into())
        })
    }
}

impl From<Frontier> for fbat_frontier {
    fn from(frontier: Frontier) -> fbat_frontier {
        members_of!(frontier => fbat_frontier { visible, durable })
    }
}

/// How far the log goes.
/// @param store the store.
/// @param out_frontier the frontier.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_frontier(
    store: *const fbat_store,
    out_frontier: *mut fbat_frontier,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_frontier, false, err, |call| {
            Ok(call.store(store)?.engine.frontier()?.into())
        })
    }
}

/// The newest event of an entity.
/// @param store the store.
/// @param entity the exact entity; UTF-8.
/// @param entity_len in bytes.
/// @param out_head what is known of the event.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or a pointer is NULL.
/// @retval FBAT_ERR_INVALID_UTF8 the entity is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE the entity is longer than any.
/// @retval FBAT_ERR_NOT_FOUND the entity has no events; `version` is 0.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_head(
    store: *const fbat_store,
    entity: *const c_char,
    entity_len: usize,
    out_head: *mut fbat_head,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_head, false, err, |call| {
            let store = call.store(store)?;
            let entity = args::text("entity", entity, entity_len, args::COORDINATE)?;
            let message = || format!("the entity '{}' has no events", entity.escape_debug());
            let missing = || Error::new(Code::NotFound, message());
            let head = store.engine.head(entity)?.ok_or_else(missing)?;
            Ok(members_of!(head => fbat_head { version, sequence, event_id, event_hash }))
        })
    }
}

/// Figures about a store.
/// @param store the store.
/// @param out_stats the figures.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_stats(
    store: *const fbat_store,
    out_stats: *mut fbat_stats,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_stats, false, err, |call| {
            let engine = &call.store(store)?.engine;
            let (stats, news) = (engine.stats()?, news_of(engine.teller()));
            Ok(members_of!(stats => fbat_stats {
                events, segments, log_bytes, index_bytes, unindexed_events, memory_bytes,
                clock_behind_us, system_events
            }, news: news))
        })
    }
}

/// What fbat_store_open() found and did. Works for a closed store too.
/// @param store the store.
/// @param out_report the report.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_open_report(
    store: *const fbat_store,
    out_report: *mut fbat_open_report,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_report, false, err, |call| {
            let store = call.store(store)?;
            let (report, path) = (store.engine.open_report(), &store.dropped_path);
            let flags = args::flag(report.created, FBAT_OPEN_REPORT_CREATED)
                | args::flag(report.unclean, FBAT_OPEN_REPORT_UNCLEAN);
            let dropped_path = if path.bytes().is_empty() { fbat_str::NONE } else { path.lend() };
            Ok(members_of!(report => fbat_open_report {
                dropped_bytes, dropped_offset, dropped_batches, dropped_events, gap_first,
                gap_last, indexes_rebuilt, clock_behind_us
            }, flags: flags, dropped_path: dropped_path))
        })
    }
}

/// The log hash at the visible frontier: one value for the whole history. Two stores with the same
/// log hash have the same events in the same order.
///
/// It is read as the log has it. Whoever changes an event in the files, and its checksums, does not
/// change it: fbat_store_verify() computes it, from every event.
/// @param store the store.
/// @param out_hash the hash; all zero on failure.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_log_hash(
    store: *const fbat_store,
    out_hash: *mut fbat_hash,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_hash", out_hash, fbat_hash::default(), err, |call| {
            Ok(call.store(store)?.engine.log_hash()?.into())
        })
    }
}

/// The log hash as of a sequence of the past, with which an anchor of that time can be compared.
/// Any event has one, also inside of a batch, since the log hash goes on with every event.
///
/// Content hashes, event hashes and log hash of the batch that has the event are computed, and have
/// to lead to what the log says after that batch. Of what is before the batch the log hash is read.
/// So the call costs one batch, whatever the size of the store. fbat_store_verify() computes all of
/// the log.
/// @param store the store.
/// @param sequence the sequence of an event, from 1 to the visible frontier.
/// @param out_hash the hash; all zero on failure.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, or `sequence` is 0.
/// @retval FBAT_ERR_NOT_FOUND the sequence is above the visible frontier, which the error's
/// `allowed` has, or belongs to no event: it is in a declared gap or a declared loss.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT the batch, or what leads to it, is damaged, or its hashes don't match.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_log_hash_at(
    store: *const fbat_store,
    sequence: u64,
    out_hash: *mut fbat_hash,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_hash", out_hash, fbat_hash::default(), err, |call| {
            Ok(call.store(store)?.engine.log_hash_at(sequence)?.into())
        })
    }
}

/// What tells a handle of something new.
fn news_of(teller: Option<Teller>) -> u32 {
    match teller {
        None => FBAT_NEWS_NONE,
        Some(Teller::Process) => FBAT_NEWS_PROCESS,
        Some(Teller::Kernel | Teller::KernelAsARule) => FBAT_NEWS_KERNEL,
        Some(Teller::Nobody) => FBAT_NEWS_POLL,
    }
}

fn with<T>(store: *const fbat_store, none: T, get: impl FnOnce(&StoreObject) -> T) -> T {
    guard::value(None, || handle::lookup::<StoreObject>(store).map(|object: Arc<_>| get(&object)))
        .unwrap_or(none)
}

/// The random number that a store was given when it was made, or by the last
/// fbat_new_identity() before it was opened. Works for a closed store too.
/// @param store the store.
/// @return the id; all zero where `store` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_id(store: *const fbat_store) -> fbat_id {
    with(store, fbat_id::default(), |s| s.engine.store_id().into())
}

/// The native namespace of a store: `store:` and the 32 hex digits of its id. Works for a closed
/// store too.
/// @param store the store.
/// @return text that lives as long as the store's handle; NULL and 0 where `store` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_namespace(store: *const fbat_store) -> fbat_str {
    with(store, fbat_str::NONE, |s| s.namespace.lend())
}

/// The label that the store was made with. Works for a closed store too.
/// @param store the store.
/// @return text that lives as long as the store's handle; NULL and 0 where `store` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_label(store: *const fbat_store) -> fbat_str {
    with(store, fbat_str::NONE, |s| s.label.lend())
}

/// The directory of a store. Bytes of the file system, which need not be UTF-8. Works for a closed
/// store too.
/// @param store the store.
/// @return text that lives as long as the store's handle; NULL and 0 where `store` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_path(store: *const fbat_store) -> fbat_str {
    with(store, fbat_str::NONE, |s| s.path.lend())
}

/// Whether a store is open for reading only. Works for a closed store too.
/// @param store the store.
/// @return whether it is; false where `store` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_is_read_only(store: *const fbat_store) -> bool {
    with(store, false, |s| s.engine.is_read_only())
}

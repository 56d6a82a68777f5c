//! Stores
//!
//! Opening, closing, and what there is to know about a store.

use super::error::fbat_error;
use super::guard::Call;
use super::raw::{self, Out, OutStruct, Sized0, Text};
use super::status::fbat_status;
use super::types::{fbat_hash, fbat_id, fbat_str};
use super::{guard, handle, log};
use crate::engine::log::options::{Durability, OpenMode, Options};
use crate::engine::log::recovery::OpenReport;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::limits::Limits;
use crate::engine::store::Store;
use std::ffi::c_char;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// How to open a store.
/// @par Threads
/// `const` functions may run at once with each other, not with the others.
/// @since 0.1
pub struct fbat_open_options {
    _opaque: [u8; 0],
}

/// An open store.
/// @par Threads
/// Everything that takes a `const fbat_store *` may run at once, on any threads.
/// @since 0.1
pub struct fbat_store {
    _opaque: [u8; 0],
}

/// What the library's log goes up to: the value 1 is the event that every store starts with.
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

/// Figures about a store.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_stats {
    /// `sizeof(fbat_stats)`.
    pub struct_size: usize,
    /// Events in the log, the library's own included.
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
    /// Whole batches behind the hole that were dropped with it.
    pub dropped_batches: u64,
    /// The events of those batches.
    pub dropped_events: u64,
    /// The first of the sequences that were jumped because somebody may have seen them; 0: none
    /// were.
    pub gap_first: u64,
    /// The last of them.
    pub gap_last: u64,
    /// Indexes that were missing or damaged and were made anew.
    pub indexes_rebuilt: u64,
}

raw::sized!(fbat_frontier, fbat_head, fbat_stats, fbat_open_report);

/// Makes all members zero but `struct_size`: what #FBAT_FRONTIER_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_frontier_init(out_value: *mut fbat_frontier) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// Makes all members zero but `struct_size`: what #FBAT_HEAD_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_head_init(out_value: *mut fbat_head) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// Makes all members zero but `struct_size`: what #FBAT_STATS_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_stats_init(out_value: *mut fbat_stats) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// Makes all members zero but `struct_size`: what #FBAT_OPEN_REPORT_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_report_init(out_value: *mut fbat_open_report) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// What a handle to open options leads to.
pub(crate) struct OpenOptionsObject(Mutex<OpenSettings>);

#[derive(Clone, Default)]
struct OpenSettings {
    mode: OpenMode,
    durability: Durability,
    limits: Limits,
    label: Text,
}

impl handle::Object for OpenOptionsObject {
    type Raw = fbat_open_options;
    const TAG: u8 = 3;
    const NAME: &'static str = "open options";
}

impl OpenOptionsObject {
    fn lock(&self) -> MutexGuard<'_, OpenSettings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the engine needs of it.
    pub(crate) fn to_engine(&self) -> Options {
        let settings = self.lock().clone();
        let label = settings.label.as_str().to_owned();
        let OpenSettings { mode, durability, limits, .. } = settings;
        Options { mode, durability, limits, label, ..Options::default() }
    }
}

/// What a handle to a store leads to: the engine's store, and text for the getters to lend.
pub(crate) struct StoreObject {
    pub engine: Store,
    namespace: Text,
    label: Text,
    path: Text,
    dropped_path: Text,
    /// A callback freed the handle; the import that called it closes the store when it is over.
    freed_in_callback: AtomicBool,
}

impl handle::Object for StoreObject {
    type Raw = fbat_store;
    const TAG: u8 = 4;
    const NAME: &'static str = "store";
}

impl StoreObject {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<StoreObject> {
        let engine = Store::open(path, options)?;
        let report = engine.open_report();
        log_notable(engine.path(), report);
        Ok(StoreObject {
            namespace: Text::new(engine.native_namespace()),
            label: Text::new(engine.label()),
            path: Text::new(engine.path().as_os_str().as_bytes()),
            dropped_path: Text::new(report.dropped_path.as_os_str().as_bytes()),
            freed_in_callback: AtomicBool::new(false),
            engine,
        })
    }

    /// Closes with nobody to tell of a failure but the log. Within a callback of an import that
    /// uses the store, it is left to that import.
    fn close_quietly(&self) {
        match self.engine.close() {
            Ok(()) => {}
            Err(e) if e.code() == Code::Busy => {
                self.freed_in_callback.store(true, Ordering::Relaxed)
            }
            Err(e) => log::error(&format!("closing {}: {e}", self.path.as_str())),
        }
    }

    /// What an import does when it is over; an outer one may use the store still.
    pub(crate) fn close_if_freed(&self) {
        if self.freed_in_callback.swap(false, Ordering::Relaxed) {
            self.close_quietly();
        }
    }
}

impl Drop for StoreObject {
    fn drop(&mut self) {
        self.close_quietly();
    }
}

/// Tells the log of what an open had to put right.
fn log_notable(path: &Path, report: &OpenReport) {
    let path = path.display();
    if report.unclean {
        log::info(&format!("{path}: the last writer did not close the store"));
    }
    if report.dropped_bytes > 0 {
        log::warning(&format!(
            "{}: {} bytes of a torn tail were cut off at offset {}, with {} whole batches ({} events) behind the hole",
            report.dropped_path.display(),
            report.dropped_bytes,
            report.dropped_offset,
            report.dropped_batches,
            report.dropped_events,
        ));
    }
    if report.gap_first > 0 {
        let (first, last) = (report.gap_first, report.gap_last);
        log::warning(&format!(
            "{path}: the sequences {first} to {last} are left out, somebody may have seen them"
        ));
    }
    if report.indexes_rebuilt > 0 {
        log::warning(&format!(
            "{path}: {} indexes were missing or damaged and were made anew",
            report.indexes_rebuilt
        ));
    }
}

fn open_settings<T>(
    options: *const fbat_open_options,
    none: T,
    get: impl FnOnce(&OpenSettings) -> T,
) -> T {
    let body = || handle::lookup::<OpenOptionsObject>(options).map(|object| get(&object.lock()));
    guard::value(None, body).unwrap_or(none)
}

fn set_open(
    options: *mut fbat_open_options,
    set: impl FnOnce(&mut OpenSettings) -> Result<()>,
) -> fbat_status {
    let body = |_: &Call| set(&mut handle::get::<OpenOptionsObject>(options)?.lock());
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), body) }
}

/// Sets one limit, which must be one that the engine accepts.
fn set_limit(options: *mut fbat_open_options, set: impl FnOnce(&mut Limits)) -> fbat_status {
    set_open(options, |settings| {
        let mut limits = settings.limits;
        set(&mut limits);
        limits.check()?;
        settings.limits = limits;
        Ok(())
    })
}

/// Says how small parts of files are read from now on, in the whole process: from memory that the
/// files are mapped to, which is the default and several times as fast, or by system calls.
///
/// Mapping puts a handler for SIGBUS in place, once. A page that can't be had (the file was cut
/// short, the disk fails) is an error then, as with a system call; every other SIGBUS goes to the
/// handler that was there before. A program that puts its own in place later should do the same,
/// and no thread that uses the library should block SIGBUS.
/// @param mapped false before the first store is opened: no handler is put in place.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_set_mapped_reads(mapped: bool) {
    guard::value((), || crate::engine::platform::os::allow_mapping(mapped))
}

/// Makes options that say what fbat_store_open() does without any.
/// @return the options, which fbat_open_options_free() frees; NULL in a forked child, and where 16
/// million objects are live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_open_options_new() -> *mut fbat_open_options {
    guard::value(null_mut(), || {
        handle::insert(OpenOptionsObject(Mutex::default())).unwrap_or(null_mut())
    })
}

/// Frees options. Stores that were opened with them stay open.
/// @param options the options; NULL is allowed.
/// @par Threads
/// Any; the options must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_free(options: *mut fbat_open_options) {
    guard::free::<OpenOptionsObject>(options)
}

/// Sets which stores are accepted.
/// @param options the options.
/// @param mode an `FBAT_OPEN_...`; the default is #FBAT_OPEN_CREATE_IF_MISSING.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the mode is none of them.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_set_mode(
    options: *mut fbat_open_options,
    mode: u32,
) -> fbat_status {
    set_open(options, |settings| {
        let modes = [
            OpenMode::CreateIfMissing,
            OpenMode::MustExist,
            OpenMode::MustBeNew,
            OpenMode::ReadOnly,
        ];
        settings.mode = raw::choice("mode", mode, &modes)?;
        Ok(())
    })
}

/// Which stores are accepted.
/// @param options the options.
/// @return an `FBAT_OPEN_...`; the default where `options` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_get_mode(options: *const fbat_open_options) -> u32 {
    open_settings(options, FBAT_OPEN_CREATE_IF_MISSING, |settings| settings.mode as u32)
}

/// Sets when an append returns.
/// @param options the options.
/// @param durability an `FBAT_DURABILITY_...`; the default is #FBAT_DURABILITY_DURABLE.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the durability is none of them.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_set_durability(
    options: *mut fbat_open_options,
    durability: u32,
) -> fbat_status {
    set_open(options, |settings| {
        settings.durability =
            raw::choice("durability", durability, &[Durability::Durable, Durability::Os])?;
        Ok(())
    })
}

/// When an append returns.
/// @param options the options.
/// @return an `FBAT_DURABILITY_...`; the default where `options` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_get_durability(
    options: *const fbat_open_options,
) -> u32 {
    open_settings(options, FBAT_DURABILITY_DURABLE, |settings| settings.durability as u32)
}

/// Sets a label for people, which a new store keeps. It is no identity.
/// @param options the options.
/// @param label UTF-8, at most 1024 bytes, without NUL; may be NULL when `label_len` is 0.
/// @param label_len in bytes.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT too long, with a NUL inside, or a length without a
/// pointer.
/// @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_set_label(
    options: *mut fbat_open_options,
    label: *const c_char,
    label_len: usize,
) -> fbat_status {
    set_open(options, |settings| {
        // SAFETY: the caller's promise: `label_len` bytes.
        let label = unsafe { raw::text("label", label, label_len, raw::LABEL) }?;
        if label.contains('\0') {
            return Err(Error::invalid("the label has a NUL inside"));
        }
        settings.label = Text::new(label);
        Ok(())
    })
}

/// The label for a new store.
/// @param options the options.
/// @return text that lives until the label is set again or the options are freed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_get_label(
    options: *const fbat_open_options,
) -> fbat_str {
    open_settings(options, fbat_str::NONE, |settings| settings.label.lend())
}

/// Sets the limit on the payload of one event.
/// @param options the options.
/// @param bytes 1 to 33,554,432 (32 MiB), which is the default.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT out of range.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_set_payload_bytes_max(
    options: *mut fbat_open_options,
    bytes: usize,
) -> fbat_status {
    set_limit(options, |limits| limits.payload_bytes_max = bytes)
}

/// The limit on the payload of one event.
/// @param options the options.
/// @return the number of bytes; 0 where `options` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_get_payload_bytes_max(
    options: *const fbat_open_options,
) -> usize {
    open_settings(options, 0, |settings| settings.limits.payload_bytes_max)
}

/// Sets the limit on the events of one batch.
/// @param options the options.
/// @param events 1 to 65,536, which is the default.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT out of range.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_set_batch_events_max(
    options: *mut fbat_open_options,
    events: usize,
) -> fbat_status {
    set_limit(options, |limits| limits.batch_events_max = events)
}

/// The limit on the events of one batch.
/// @param options the options.
/// @return the number of events; 0 where `options` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_get_batch_events_max(
    options: *const fbat_open_options,
) -> usize {
    open_settings(options, 0, |settings| settings.limits.batch_events_max)
}

/// Sets the limit on the bytes of one batch: payloads, extensions, entities and scopes.
/// @param options the options.
/// @param bytes 1 to 67,108,864 (64 MiB), which is the default.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT out of range.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_set_batch_bytes_max(
    options: *mut fbat_open_options,
    bytes: usize,
) -> fbat_status {
    set_limit(options, |limits| limits.batch_bytes_max = bytes)
}

/// The limit on the bytes of one batch.
/// @param options the options.
/// @return the number of bytes; 0 where `options` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_get_batch_bytes_max(
    options: *const fbat_open_options,
) -> usize {
    open_settings(options, 0, |settings| settings.limits.batch_bytes_max)
}

/// Sets at which size a file of the log is sealed and a new one begun.
/// @param options the options.
/// @param bytes 65,536 (64 KiB) to 1,073,741,824 (1 GiB); the default is 64 MiB.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT out of range.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_set_segment_bytes(
    options: *mut fbat_open_options,
    bytes: u64,
) -> fbat_status {
    set_limit(options, |limits| limits.segment_bytes = bytes)
}

/// At which size a file of the log is sealed.
/// @param options the options.
/// @return the number of bytes; 0 where `options` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_open_options_get_segment_bytes(
    options: *const fbat_open_options,
) -> u64 {
    open_settings(options, 0, |settings| settings.limits.segment_bytes)
}

/// Opens the store in a directory.
///
/// At most one handle in all processes has a store open for writing; readers are not limited.
/// @param path the directory, NUL-terminated. A new store makes it, not what is above it.
/// @param options how; NULL for the defaults.
/// @param out_store the store; NULL on failure. Close it with fbat_store_close(), then free it.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done. fbat_store_open_report() tells what had to be put right.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, the path is empty, or the directory has
/// files that are no store's.
/// @retval FBAT_ERR_STORE_NOT_FOUND no store is there, and the mode does not make one.
/// @retval FBAT_ERR_STORE_EXISTS a store is there, and the mode asks for a new one.
/// @retval FBAT_ERR_BUSY the store is open for writing; the message says by whom.
/// @retval FBAT_ERR_CORRUPT the store is damaged where recovery must not guess.
/// @retval FBAT_ERR_FUTURE_VERSION a newer version of the library made the store.
/// @retval FBAT_ERR_IO the operating system failed.
/// @retval FBAT_ERR_NO_SPACE no space is left.
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
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_store, null_mut()) };
    let body = |_: &Call| {
        out.check("out_store")?;
        // SAFETY: the caller's promise: NUL-terminated.
        let path = unsafe { raw::path(path) }?;
        let options = match options.is_null() {
            true => Options::default(),
            false => handle::get::<OpenOptionsObject>(options)?.to_engine(),
        };
        out.set(handle::insert(StoreObject::open(path, &options)?)?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Makes what was written durable, releases the directory, and ends all use of the store: later
/// calls give #FBAT_ERR_CLOSED, imports that run end with it at their next chunk. A failure to
/// write is reported, and the store is closed all the same.
///
/// The handle stays live until fbat_store_free().
/// @param store the store. One that is closed already is fine.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_BUSY this thread is inside a callback of an import that uses the store; it
/// stays open.
/// @retval FBAT_ERR_POISONED an earlier failure had ended writing; some events may not be durable.
/// @retval FBAT_ERR_IO the last events could not be made durable.
/// @retval FBAT_ERR_NO_SPACE no space is left.
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
/// From within a callback of an import that uses the store, the handle is dead at once and the
/// store is closed when the import returns.
/// @param store the store; NULL is allowed.
/// @par Threads
/// Any. Calls of other threads that use the store end with #FBAT_ERR_CLOSED or
/// #FBAT_ERR_INVALID_HANDLE.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_store_free(store: *mut fbat_store) {
    guard::value((), || match handle::take::<StoreObject>(store) {
        None if store.is_null() => {}
        None => log::warning(&format!("free: {}", handle::invalid::<StoreObject>(store))),
        Some(object) => object.close_quietly(),
    })
}

/// Makes everything that is visible durable.
/// @param store the store. One that is open for reading syncs the files as far as it sees them;
/// where it cannot, or the writer is poisoned, that is no failure: the frontier says what is
/// durable.
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
    let body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_frontier, 1) }?;
        out.set(0, call.store(store)?.engine.sync()?.into());
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

impl From<crate::engine::log::state::Frontier> for fbat_frontier {
    fn from(frontier: crate::engine::log::state::Frontier) -> fbat_frontier {
        fbat_frontier {
            visible: frontier.visible,
            durable: frontier.durable,
            ..fbat_frontier::initial()
        }
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
    let body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_frontier, 1) }?.required()?;
        out.set(0, call.store(store)?.engine.frontier()?.into());
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
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
    let body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_head, 1) }?.required()?;
        let store = call.store(store)?;
        // SAFETY: the caller's promise: `entity_len` bytes.
        let entity = unsafe { raw::text("entity", entity, entity_len, raw::COORDINATE) }?;
        let missing = || {
            Error::new(
                Code::NotFound,
                format!("the entity '{}' has no events", entity.escape_debug()),
            )
        };
        let head = store.engine.head(entity)?.ok_or_else(missing)?;
        let crate::engine::store::query::Head { version, sequence, event_id, event_hash } = head;
        out.set(
            0,
            fbat_head {
                version,
                sequence,
                event_id: event_id.into(),
                event_hash: event_hash.into(),
                ..fbat_head::initial()
            },
        );
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
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
    let body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_stats, 1) }?.required()?;
        let stats = call.store(store)?.engine.stats()?;
        out.set(
            0,
            fbat_stats {
                events: stats.events,
                segments: stats.segments,
                log_bytes: stats.log_bytes,
                index_bytes: stats.index_bytes,
                unindexed_events: stats.unindexed_events,
                memory_bytes: stats.memory_bytes,
                ..fbat_stats::initial()
            },
        );
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
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
    let body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_report, 1) }?.required()?;
        let store = call.store(store)?;
        let report = store.engine.open_report();
        let flag = |is_set: bool, bit: u32| if is_set { bit } else { 0 };
        out.set(
            0,
            fbat_open_report {
                flags: flag(report.created, FBAT_OPEN_REPORT_CREATED)
                    | flag(report.unclean, FBAT_OPEN_REPORT_UNCLEAN),
                dropped_bytes: report.dropped_bytes,
                dropped_offset: report.dropped_offset,
                dropped_path: match store.dropped_path.bytes().is_empty() {
                    true => fbat_str::NONE,
                    false => store.dropped_path.lend(),
                },
                dropped_batches: report.dropped_batches,
                dropped_events: report.dropped_events,
                gap_first: report.gap_first,
                gap_last: report.gap_last,
                indexes_rebuilt: report.indexes_rebuilt,
                ..fbat_open_report::initial()
            },
        );
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// The log hash at the visible frontier: one value that stands for the whole history. Two stores
/// with the same log hash have the same events in the same order.
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
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_hash, fbat_hash::default()) };
    let body = |call: &Call| {
        out.check("out_hash")?;
        out.set(call.store(store)?.engine.log_hash()?.into());
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

fn with<T>(store: *const fbat_store, none: T, get: impl FnOnce(&StoreObject) -> T) -> T {
    guard::value(None, || handle::lookup::<StoreObject>(store).map(|object: Arc<_>| get(&object)))
        .unwrap_or(none)
}

/// The random number that a store was given when it was made, or by the last
/// fbat_store_new_identity() before it was opened. Works for a closed store too.
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

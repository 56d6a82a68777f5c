//! Copies
//!
//! A backup of a store that is in use, and a store id of its own for a directory that was copied.

use super::boundary::answer::{self, members_of};
use super::boundary::args::{self};
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::store::{fbat_store, StoreObject};
use super::boundary::types::{fbat_hash, fbat_id};
use super::cancel::{fbat_cancel, fbat_progress_fn, Watched};
use crate::engine::log::options::{OpenMode, Options};
use crate::engine::platform::watch::Watch;
use crate::engine::store::backup::BackupOptions;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Gives sealed files of the log a second name instead of copying them, where the file system can
/// (else they are copied). Takes no space, and no other time than checking them; but what a disk
/// does to such a file it does to store and backup alike.
/// @since 0.1
pub const FBAT_BACKUP_LINK: u32 = 1u32;

/// Gives the copy a new store id, as fbat_new_identity() would: for a copy that goes on beside the
/// store.
/// @since 0.2
pub const FBAT_BACKUP_NEW_IDENTITY: u32 = 2u32;

/// What a backup copied.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_backup_report {
    /// `sizeof(fbat_backup_report)`.
    pub struct_size: usize,
    /// Events in the copy, the library's own included.
    pub events: u64,
    /// Files of the log.
    pub segments: u64,
    /// Those of them that are links to the files of the store.
    pub linked_segments: u64,
    /// Size of the log, in bytes, linked files included.
    pub log_bytes: u64,
    /// The global sequence that the copy ends with.
    pub last_sequence: u64,
    /// The log hash there, of store and copy alike.
    pub log_hash: fbat_hash,
}

/// How to back up. All zero except the size is the default.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_backup_options {
    /// `sizeof(fbat_backup_options)`.
    pub struct_size: usize,
    /// Bits: `FBAT_BACKUP_...`.
    pub flags: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// Reports how far the call is, in bytes of the log that it has copied; NULL for none.
    pub progress: fbat_progress_fn,
    /// Handed to `progress`.
    pub progress_data: *mut c_void,
    /// Ends the call; NULL for none.
    pub cancel: *const fbat_cancel,
}

args::sized!(fbat_backup_report: 80, fbat_backup_options: 40);

/// Copies a store into an empty directory, while this handle's threads or another process write.
///
/// The copy is a store that opens as it is, cleanly closed, with the history that the store has up
/// to a whole batch. What is visible at the call is made durable first and is in it. What comes
/// later is not. Each batch is checked on the way. Appends wait no longer than for
/// fbat_store_sync(). The store may be open for reading only, or poisoned; then the copy has what
/// is known to be durable. The call may be made from within a callback.
///
/// The copy has the same store id. Who goes on appending to both gives it its own, with
/// #FBAT_BACKUP_NEW_IDENTITY or fbat_new_identity().
/// @param store the store.
/// @param destination the directory, NUL-terminated: an empty one, or one to be made, not what is
/// above it, and not inside of the store's own. After a failure what was made is removed; a file
/// `LOCK` may stay. After a crash other files may, which are no store: remove them before a retry.
/// @param options how; NULL for the defaults.
/// @param out_report what the copy contains; may be NULL. All zero on failure.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done, and on the disk.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, an unknown flag, the path is NULL or
/// empty, the directory has files, or is inside of the store's own.
/// @retval FBAT_ERR_STORE_EXISTS the directory is a store.
/// @retval FBAT_ERR_BUSY somebody else makes a store there.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered; what was made is removed.
/// @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
/// @retval FBAT_ERR_LIMIT_EXCEEDED the store was given a new id 128 times.
/// @retval FBAT_ERR_CORRUPT a file of the store is damaged; the error names it, and the offset.
/// @retval FBAT_ERR_IO the operating system failed.
/// @retval FBAT_ERR_NO_SPACE no space is left.
/// @return or the negative number with which the progress callback stopped the call.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_backup(
    store: *const fbat_store,
    destination: *const c_char,
    options: *const fbat_backup_options,
    out_report: *mut fbat_backup_report,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_report, true, err, |call| {
            let (given, store) = (args::options(options)?, call.store(store)?);
            let destination = args::path("destination", destination)?;
            args::check_bits("flags", given.flags, FBAT_BACKUP_LINK | FBAT_BACKUP_NEW_IDENTITY)?;
            args::check_bits("reserved", given.reserved, 0)?;
            let options = BackupOptions {
                link: given.flags & FBAT_BACKUP_LINK != 0,
                new_identity: given.flags & FBAT_BACKUP_NEW_IDENTITY != 0,
            };
            let watched = Watched::new(given.progress, given.progress_data, given.cancel)?;
            let report =
                watched.run(|watch| store.engine.backup_watched(destination, options, watch))?;
            Ok(members_of!(report => fbat_backup_report {
                events, segments, linked_segments, log_bytes, last_sequence, log_hash
            }))
        })
    }
}

/// Gives the store in a directory a new random store id, and with it a native namespace of its own.
/// Use it for a directory that was copied, which is a second store under the name of the first.
///
/// The id is that of all events from the store's next sequence on. An event of the library's own
/// says so in the log, with both ids and that sequence. Nothing that is in the log changes. An
/// import from the copy under its new namespace brings the events from before the split a second
/// time, unless it begins after them: `after` of its options.
///
/// Readers that have the store open follow the log, and answer with the old id until they open it
/// again. A store takes a new id 128 times.
/// @param path the directory, NUL-terminated. It is opened for writing with the default options,
/// and closed.
/// @param out_store_id the new id; all zero on failure.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done, and on the disk.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the path is empty.
/// @retval FBAT_ERR_STORE_NOT_FOUND no store exists at this path.
/// @retval FBAT_ERR_BUSY the store is open for writing; the message says by whom.
/// @retval FBAT_ERR_LIMIT_EXCEEDED the store was given a new id 128 times.
/// @retval FBAT_ERR_CORRUPT the store is damaged where recovery must not guess.
/// @retval FBAT_ERR_FUTURE_VERSION a newer version of the library made the store.
/// @retval FBAT_ERR_IO the operating system failed. The store has its old id or a new one;
/// fbat_store_id() tells after opening it.
/// @retval FBAT_ERR_NO_SPACE no space is left; the same.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_new_identity(
    path: *const c_char,
    out_store_id: *mut fbat_id,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_store_id", out_store_id, fbat_id::default(), err, |call| {
            let path = args::path("path", path)?;
            // By way of an object, which tells the log of what recovery had to repair.
            let options = Options { mode: OpenMode::MustExist, ..Options::default() };
            let object = StoreObject::open(path, &options, &Watch::default())?;
            let store = call.hold(Arc::new(object))?;
            Ok(store.engine.clone().change_identity()?.into())
        })
    }
}

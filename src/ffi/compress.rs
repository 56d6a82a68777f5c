//! Compression
//!
//! Full files of the log in less space: read, proven, imported and copied as before.

use super::boundary::answer::{self, members_of};
use super::boundary::args::{self};
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::cancel::{fbat_cancel, fbat_progress_fn, Watched};
use crate::engine::store::compress::CompressOptions;
use std::ffi::c_void;

/// What to compress, and how. All zero except the size compresses all that can be.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_compress_options {
    /// `sizeof(fbat_compress_options)`.
    pub struct_size: usize,
    /// Only files of the log whose last event is at or before this global sequence; 0 for all that
    /// are full.
    pub through: u64,
    /// How hard to try, 1 to 19: the levels of zstd; 0 for 9. Reading takes the same with each.
    pub level: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// Reports how far the call is, in bytes of the log; NULL for none.
    pub progress: fbat_progress_fn,
    /// Handed to `progress`.
    pub progress_data: *mut c_void,
    /// Ends the call; NULL for none.
    pub cancel: *const fbat_cancel,
}

/// What was compressed.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_compress_report {
    /// `sizeof(fbat_compress_report)`.
    pub struct_size: usize,
    /// Files of the log that this call has compressed.
    pub segments: u64,
    /// Files that stayed as they were, since they would not have become shorter.
    pub segments_left: u64,
    /// Size of the compressed files before, in bytes.
    pub bytes_before: u64,
    /// Their size now.
    pub bytes_after: u64,
}

args::sized!(fbat_compress_options: 48, fbat_compress_report: 40);

/// Compresses files of the log that are full, oldest first. The file that is written to is never
/// compressed; nor are indexes.
///
/// Events, hashes and log hash stay the same, and every call works on compressed files as before:
/// reads by id, scans, imports, verification, backups (which copy them as they are), repair (which
/// writes them plain). A read of a compressed file decompresses a block of some 4 KiB. Others may
/// use the store meanwhile, also in other processes.
///
/// A file is replaced in one step, after the new one was read and compared with the log, and is on
/// the disk. So after a crash, an error or a cancellation each file is whole, the old or the new
/// one. The call goes on with what is left when it is made again.
/// @param store the store, open for writing.
/// @param options what to compress; NULL for all that can be.
/// @param out_report what was compressed; may be NULL. All zero on failure.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done, and on the disk.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or a member is out of range.
/// @retval FBAT_ERR_BUSY another call compresses this store.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered.
/// @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
/// @retval FBAT_ERR_POISONED the store takes no more writes until it is opened again.
/// @retval FBAT_ERR_READ_ONLY the store is open for reading only.
/// @retval FBAT_ERR_CORRUPT a file of the log is damaged; it stays as it is.
/// @retval FBAT_ERR_IO the operating system failed.
/// @retval FBAT_ERR_NO_SPACE no space is left for the new file beside the old one.
/// @return or the negative number with which the progress callback stopped the call.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_compress(
    store: *const fbat_store,
    options: *const fbat_compress_options,
    out_report: *mut fbat_compress_report,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_report, true, err, |call| {
            let (given, store) = (args::options(options)?, call.store(store)?);
            args::check_bits("reserved", given.reserved, 0)?;
            // What is too large for the engine stays too large.
            let level = i32::try_from(given.level).unwrap_or(i32::MAX);
            let options = CompressOptions { through: given.through, level };
            let watched = Watched::new(given.progress, given.progress_data, given.cancel)?;
            let report = watched.run(|watch| store.engine.compress_watched(options, watch))?;
            Ok(members_of!(report => fbat_compress_report {
                segments, segments_left, bytes_before, bytes_after
            }))
        })
    }
}

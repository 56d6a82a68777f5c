//! Repair
//!
//! From a damaged store a new one, with every event that proves itself, and a list of what is lost.

use super::boundary::answer::{self, members_of};
use super::boundary::args::{self, Out};
use super::boundary::error::fbat_error;
use super::boundary::sink;
use super::boundary::status::fbat_status;
use super::cancel::{fbat_cancel, fbat_progress_fn, Watched};
use super::findings::{self, fbat_findings};
use crate::engine::log::options::Options;
use crate::engine::repair::repair_watched;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

/// The identity file was lost and rebuilt from the events of the log that declare store ids.
/// @since 0.1
pub const FBAT_REPAIR_IDENTITY_REBUILT: u32 = 1u32;
/// Besides, an event that declared a newer store id may be among what was lost. If the store was
/// ever given an id of its own by fbat_new_identity(), compare fbat_store_id(). Give it a new one
/// before anything is imported from it under its native namespace.
/// @since 0.1
pub const FBAT_REPAIR_IDENTITY_UNCERTAIN: u32 = 2u32;

/// How to repair. All zero except the size is the default.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_repair_options {
    /// `sizeof(fbat_repair_options)`.
    pub struct_size: usize,
    /// Reports how far the call is, in bytes of the log that were read; NULL for none.
    pub progress: fbat_progress_fn,
    /// Handed to `progress`.
    pub progress_data: *mut c_void,
    /// Ends the call; NULL for none.
    pub cancel: *const fbat_cancel,
}

/// What a repair kept.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_repair_report {
    /// `sizeof(fbat_repair_report)`.
    pub struct_size: usize,
    /// Events that were kept, the library's own included.
    pub events: u64,
    /// The library's own among them.
    pub system_events: u64,
    /// Events whose predecessor of the same entity is lost: their checksum and content hold, their
    /// hash cannot be computed.
    pub unlinked_events: u64,
    /// Files of the log that were read.
    pub segments: u64,
    /// Those of them whose header was damaged and was rebuilt.
    pub headers_rebuilt: u64,
    /// Bytes of them that are neither a header nor an event.
    pub bytes_unread: u64,
    /// Things that are wrong. The list has 10,000 of them at most.
    pub findings: u64,
    /// How many sequences are lost. Each belonged to an event or to a declared gap. Where two
    /// writers wrote at once, one for each event that is known to have been written over.
    pub lost_sequences: u64,
    /// The first of the sequences after the log that were jumped because somebody may have seen
    /// them. 0: the damaged store had been closed, and said where it ended.
    pub gap_first: u64,
    /// The last of them.
    pub gap_last: u64,
    /// Bits: `FBAT_REPAIR_...`.
    pub flags: u32,
    /// Not used; 0.
    pub reserved: u32,
}

args::sized!(fbat_repair_options: 32, fbat_repair_report: 96);

/// Puts every event of a damaged store that proves itself into a new store beside it.
///
/// Every event that is kept has the sequence, id, version, times and hashes that it had; the new
/// store has the store id of the damaged one. What is lost is listed, and declared in the new log:
/// fbat_store_verify() counts it, and takes it for no damage. Single events are kept also where
/// others of their batch are lost. A sequence that is lost, or that somebody may have seen, is
/// never used again. A version of an entity is used again if it was lost after the last event that
/// was kept.
///
/// No file of the damaged store is changed; where it has a lock file, that is held meanwhile. It
/// need not be a store that fbat_store_open() opens. The new one becomes a store at the very end.
/// After a failure what was made is removed, except the directory and a file `LOCK`. After a crash
/// the directory has no store, and can be removed. Two files of the log are kept in memory at a
/// time, one of 128 MiB and more alone.
/// @param damaged_path the directory of the damaged store.
/// @param new_path a directory that does not exist, or is empty; not inside of the damaged one.
/// @param options how; NULL for the defaults.
/// @param out_report what was kept; may be NULL.
/// @param out_findings what is wrong with the damaged store, and which sequences are lost by it;
/// NULL on failure. Free it with fbat_findings_free(). May be NULL.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK the new store exists, and everything in it is on the disk. The report says what
/// it lacks.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, a path is empty,
/// `new_path` is not empty, or inside of the damaged store.
/// @retval FBAT_ERR_STORE_NOT_FOUND nothing of a store is at `damaged_path`.
/// @retval FBAT_ERR_STORE_EXISTS a store is at `new_path`.
/// @retval FBAT_ERR_BUSY the damaged store is open for writing; the message and
/// the error's `actual` name the process.
/// @retval FBAT_ERR_FUTURE_VERSION the store has a format that this library does not read.
/// @retval FBAT_ERR_CORRUPT no event is whole, or nothing tells which store this is; nothing was
/// made.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered; nothing was made.
/// @retval FBAT_ERR_IO the operating system failed.
/// @retval FBAT_ERR_NO_SPACE the disk is full.
/// @return or the negative number with which the progress callback stopped the call.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_repair(
    damaged_path: *const c_char,
    new_path: *const c_char,
    options: *const fbat_repair_options,
    out_report: *mut fbat_repair_report,
    out_findings: *mut *mut fbat_findings,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out_findings = unsafe { Out::new(out_findings, null_mut()) };
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_report, true, err, |_| {
            let damaged = args::path("damaged_path", damaged_path)?;
            let (new, given) = (args::path("new_path", new_path)?, args::options(options)?);
            let watched = Watched::new(given.progress, given.progress_data, given.cancel)?;
            let options = Options::default();
            let report = watched.run(|watch| repair_watched(damaged, new, &options, watch))?;
            let (events, losses, lost) = (report.events, report.losses, report.sequences_lost);
            sink::info(&format!(
                "{}: repaired into {}: {events} events kept, {lost} sequences lost at {losses} \
                 places",
                damaged.display(),
                new.display(),
            ));
            findings::hand_out(&out_findings, &report.list)?;
            let flags = args::flag(report.identity_rebuilt, FBAT_REPAIR_IDENTITY_REBUILT)
                | args::flag(report.identity_uncertain, FBAT_REPAIR_IDENTITY_UNCERTAIN);
            Ok(members_of!(report => fbat_repair_report {
                events, system_events, unlinked_events, segments, headers_rebuilt, bytes_unread,
                gap_first, gap_last
            }, findings: losses, lost_sequences: lost, flags: flags))
        })
    }
}

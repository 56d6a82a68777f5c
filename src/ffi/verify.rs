//! Verification
//!
//! The integrity walk: every checksum, hash and chain of the log, and every index against it.

use super::boundary::answer::{self, members_of};
use super::boundary::args::{self, Out};
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::fbat_hash;
use super::cancel::{fbat_cancel, fbat_progress_fn, Watched};
use super::findings::{self, fbat_findings};
use super::region::{self, fbat_region};
use std::ffi::c_void;
use std::ptr::null_mut;

/// How to verify. All zero except the size verifies everything.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_verify_options {
    /// `sizeof(fbat_verify_options)`.
    pub struct_size: usize,
    /// Which events are verified; NULL for all. Files of the log that hold none of them are left
    /// out; of the others the whole is checked, since a batch is what a checksum covers. The report
    /// counts what was checked.
    pub region: *const fbat_region,
    /// Reports how far the call is, in bytes of the log that were checked; NULL for none.
    pub progress: fbat_progress_fn,
    /// Handed to `progress`.
    pub progress_data: *mut c_void,
    /// Ends the call; NULL for none.
    pub cancel: *const fbat_cancel,
}

/// What was checked, and what could not be.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_verify_report {
    /// `sizeof(fbat_verify_report)`.
    pub struct_size: usize,
    /// Events that were examined, the library's own included.
    pub events: u64,
    /// The library's own among them.
    pub system_events: u64,
    /// Batches.
    pub batches: u64,
    /// Files of the log.
    pub segments: u64,
    /// Size of the log, in bytes.
    pub log_bytes: u64,
    /// Declared gaps in the sequences.
    pub gaps: u64,
    /// How many sequences those gaps take up.
    pub gap_sequences: u64,
    /// Declared losses, which fbat_repair() leaves.
    pub losses: u64,
    /// How many sequences were lost.
    pub lost_sequences: u64,
    /// Events whose predecessor was lost, so that their hash cannot be computed.
    pub unlinked_events: u64,
    /// Things that are wrong; 0 for a sound store. The list has 10,000 of them at most.
    pub findings: u64,
    /// Sequences whose events could not be examined, since they are in damaged or missing parts of
    /// the log.
    pub events_not_examined: u64,
    /// Bytes of the log that could not be examined: neither a header nor an event.
    pub bytes_not_examined: u64,
    /// The last sequence that was visible at the call: where the walk ended.
    pub last_sequence: u64,
    /// The log hash as of that sequence, computed from what every event has. Where nobody has
    /// tampered with the log it is what fbat_store_log_hash() says, and the same as in every other
    /// copy. All zero where it cannot be computed: an event could not be examined, or a region left
    /// files out. In a store with declared losses, the hash of an event whose predecessor is lost
    /// is taken as it was recorded.
    pub log_hash: fbat_hash,
}

args::sized!(fbat_verify_options: 40, fbat_verify_report: 152);

/// Walks a store and checks every checksum, hash, chain and index against the log.
///
/// Damage is a finding, not a failure of the call: a sound store has 0 findings. The walk goes on
/// after each damaged place. It lists every one, with the sequences of the events that are in it
/// where they can be known. Files are read anew from the directory. So is a finding whatever would
/// make the next open, backup or repair of the store complain: a file that is damaged, missing,
/// shorter, replaced or not readable, also an index, the identity file or the mark of a clean
/// close. What a repair has declared as lost is none, nor is a version of an entity that is missing
/// there; one that is missing elsewhere is.
///
/// The report has the log hash that was computed. Compare it with one that was kept elsewhere: a
/// history that was changed together with all of its checksums and hashes has no findings, and
/// another log hash.
/// @param store the store. Others may use it meanwhile; the walk ends at what was visible at the
/// call.
/// @param options what to verify; NULL for everything.
/// @param out_report what was checked; may be NULL.
/// @param out_findings what is wrong; NULL on failure. Free it with fbat_findings_free(). May be
/// NULL where the number of findings in the report will do.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK the walk was made.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or a member of the region is out of
/// range.
/// @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_IO the operating system failed.
/// @return or the negative number with which the progress callback stopped the call.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_verify(
    store: *const fbat_store,
    options: *const fbat_verify_options,
    out_report: *mut fbat_verify_report,
    out_findings: *mut *mut fbat_findings,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out_findings = unsafe { Out::new(out_findings, null_mut()) };
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_report, true, err, |call| {
            let (given, store) = (args::options(options)?, call.store(store)?);
            let region = region::engine_region(given.region)?;
            let watched = Watched::new(given.progress, given.progress_data, given.cancel)?;
            let report = watched.run(|watch| store.engine.verify_region(&region, watch))?;
            findings::hand_out(&out_findings, &report.findings)?;
            Ok(members_of!(report => fbat_verify_report {
                events, system_events, batches, segments, log_bytes, gaps, gap_sequences, losses,
                lost_sequences, unlinked_events, events_not_examined,
                bytes_not_examined, last_sequence, log_hash
            }, findings: report.found))
        })
    }
}

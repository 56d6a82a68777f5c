//! Verification
//!
//! The integrity walk: every checksum, hash and chain of the log, and every index against it.

use super::error::fbat_error;
use super::guard::Call;
use super::raw::{self, Out, OutStruct, Sized0, Text};
use super::status::fbat_status;
use super::store::fbat_store;
use super::types::fbat_str;
use super::{guard, handle};
use crate::engine::model::error::{Code, Error};
use crate::engine::store::verify::VerifyReport;
use std::os::unix::ffi::OsStrExt;
use std::ptr::null_mut;

/// What a walk over a whole store found. Owned by the caller, who frees it with
/// fbat_verify_report_free(). Outlives the store.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.1
pub struct fbat_verify_report {
    _opaque: [u8; 0],
}

/// What was walked.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_verify_totals {
    /// `sizeof(fbat_verify_totals)`.
    pub struct_size: usize,
    /// Events, the library's own included.
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
    /// Declared losses, which fbat_store_repair() leaves.
    pub losses: u64,
    /// How many sequences were lost.
    pub lost_sequences: u64,
    /// Events whose predecessor was lost, so that their hash cannot be computed.
    pub unlinked_events: u64,
}

/// One thing that does not hold.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_finding {
    /// `sizeof(fbat_finding)`.
    pub struct_size: usize,
    /// The file. Bytes of the file system, which need not be UTF-8. Lives as long as the report.
    pub path: fbat_str,
    /// Where in it, in bytes from its start.
    pub offset: u64,
    /// The global sequence of the event concerned; 0 where it is not one event.
    pub sequence: u64,
    /// One sentence for people. Lives as long as the report.
    pub message: fbat_str,
}

raw::sized!(fbat_verify_totals, fbat_finding);

/// Makes all members zero but `struct_size`: what #FBAT_VERIFY_TOTALS_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_verify_totals_init(out_value: *mut fbat_verify_totals) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// Makes all members zero but `struct_size`: what #FBAT_FINDING_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_finding_init(out_value: *mut fbat_finding) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// The report, and its text with a NUL behind each: path and message of every finding.
pub(crate) struct VerifyObject {
    report: VerifyReport,
    texts: Vec<(Text, Text)>,
}

impl handle::Object for VerifyObject {
    type Raw = fbat_verify_report;
    const TAG: u8 = 5;
    const NAME: &'static str = "verify report";
}

/// Walks a whole store and checks every checksum, hash, chain and index against the log.
///
/// Damage is a finding, not a failure of the call: a sound store has 0 findings. What a repair has
/// declared as lost is none, nor is a version of an entity that is missing there; one that is
/// missing elsewhere is.
/// @param store the store. Others may use it meanwhile; the walk ends at what was visible at the
/// call.
/// @param out_report the report; NULL on failure. Free it with fbat_verify_report_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK the walk was made.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_verify(
    store: *const fbat_store,
    out_report: *mut *mut fbat_verify_report,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_report, null_mut()) };
    let body = |call: &Call| {
        out.check("out_report")?;
        let report = call.store(store)?.engine.verify()?;
        let texts = report
            .findings
            .iter()
            .map(|f| (Text::new(f.path.as_os_str().as_bytes()), Text::new(&f.message)))
            .collect();
        out.set(handle::insert(VerifyObject { report, texts })?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// What was walked.
/// @param report the report.
/// @param out_totals the counts.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_verify_report_totals(
    report: *const fbat_verify_report,
    out_totals: *mut fbat_verify_totals,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |_: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_totals, 1) }?.required()?;
        let report = &handle::get::<VerifyObject>(report)?.report;
        out.set(
            0,
            fbat_verify_totals {
                events: report.events,
                system_events: report.system_events,
                batches: report.batches,
                segments: report.segments,
                log_bytes: report.log_bytes,
                gaps: report.gaps,
                gap_sequences: report.gap_sequences,
                losses: report.losses,
                lost_sequences: report.lost_sequences,
                unlinked_events: report.unlinked_events,
                ..fbat_verify_totals::initial()
            },
        );
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// How many things do not hold. A walk stops after 1000.
/// @param report the report.
/// @return the number; 0 for a sound store, and where `report` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_verify_report_finding_count(
    report: *const fbat_verify_report,
) -> usize {
    let body = || handle::lookup::<VerifyObject>(report).map_or(0, |object| object.texts.len());
    guard::value(0, body)
}

/// One thing that does not hold.
/// @param report the report.
/// @param index which, counted from 0.
/// @param out_finding what was found.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
/// @retval FBAT_ERR_NOT_FOUND there are not so many.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_verify_report_finding(
    report: *const fbat_verify_report,
    index: usize,
    out_finding: *mut fbat_finding,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |_: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_finding, 1) }?.required()?;
        let object = handle::get::<VerifyObject>(report)?;
        let count = object.texts.len();
        let Some((finding, (path, message))) =
            object.report.findings.iter().zip(&object.texts).nth(index)
        else {
            let error = Error::new(Code::NotFound, format!("finding {index} of {count}"));
            return Err(error.with_numbers(index as u64, count as u64));
        };
        out.set(
            0,
            fbat_finding {
                path: path.lend(),
                offset: finding.offset,
                sequence: finding.sequence,
                message: message.lend(),
                ..fbat_finding::initial()
            },
        );
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Frees a report.
/// @param report the report; NULL is allowed.
/// @par Threads
/// Any; the report must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_verify_report_free(report: *mut fbat_verify_report) {
    guard::free::<VerifyObject>(report)
}

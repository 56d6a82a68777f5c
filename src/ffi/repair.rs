//! Repair
//!
//! From a damaged store a new one, with every event that proves itself, and a list of what is lost.

use super::error::fbat_error;
use super::guard::Call;
use super::raw::{self, Out, OutStruct, Sized0, Text};
use super::status::fbat_status;
use super::types::fbat_str;
use super::{guard, handle, log};
use crate::engine::log::options::Options;
use crate::engine::model::error::{Code, Error};
use crate::engine::repair::{repair, RepairReport};
use std::ffi::c_char;
use std::os::unix::ffi::OsStrExt;
use std::ptr::null_mut;

/// What fbat_store_repair() kept and what is lost. Owned by the caller, who frees it with
/// fbat_repair_report_free().
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.1
pub struct fbat_repair_report {
    _opaque: [u8; 0],
}

/// The identity file was lost and made anew from the events of the log that tell of store ids.
/// @since 0.1
pub const FBAT_REPAIR_IDENTITY_REBUILT: u32 = 1u32;
/// Besides, an event that told of a newer store id may be among what was lost: if the store was
/// ever given an id of its own by fbat_store_new_identity(), compare fbat_store_id(), and give it a
/// new one before anything is imported from it under its native namespace.
/// @since 0.1
pub const FBAT_REPAIR_IDENTITY_UNCERTAIN: u32 = 2u32;

/// What a repair kept, in figures.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_repair_totals {
    /// `sizeof(fbat_repair_totals)`.
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
    /// Those of them whose header was damaged and was made anew.
    pub headers_rebuilt: u64,
    /// Bytes of them that are neither a header nor an event.
    pub bytes_unread: u64,
    /// Things that do not hold. A report lists 10,000 of them.
    pub losses: u64,
    /// How many sequences are lost. Each belonged to an event or to a declared gap.
    pub sequences_lost: u64,
    /// The first of the sequences behind the log that were jumped because somebody may have seen
    /// them; 0: the damaged store had been closed, and said where it ended.
    pub gap_first: u64,
    /// The last of them.
    pub gap_last: u64,
    /// Bits: `FBAT_REPAIR_...`.
    pub flags: u32,
    /// Not used; 0.
    pub reserved: u32,
}

/// One thing that does not hold, and the sequences lost by it.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_loss {
    /// `sizeof(fbat_loss)`.
    pub struct_size: usize,
    /// The file, which may be one that is missing. Bytes of the file system, which need not be
    /// UTF-8. Lives as long as the report.
    pub path: fbat_str,
    /// Where in it, in bytes from its start.
    pub offset: u64,
    /// The first global sequence that is lost; 0 where none is, or none is known to be.
    pub first_sequence: u64,
    /// The last one.
    pub last_sequence: u64,
    /// One sentence for people. Lives as long as the report.
    pub message: fbat_str,
}

raw::sized!(fbat_repair_totals, fbat_loss);

/// Makes all members zero but `struct_size`: what #FBAT_REPAIR_TOTALS_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_repair_totals_init(out_value: *mut fbat_repair_totals) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// Makes all members zero but `struct_size`: what #FBAT_LOSS_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_loss_init(out_value: *mut fbat_loss) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// The report, and its text with a NUL behind each: path and message of every loss.
pub(crate) struct RepairObject {
    report: RepairReport,
    texts: Vec<(Text, Text)>,
}

impl handle::Object for RepairObject {
    type Raw = fbat_repair_report;
    const TAG: u8 = 12;
    const NAME: &'static str = "repair report";
}

/// Puts every event of a damaged store that proves itself into a new store beside it.
///
/// Every event that is kept has the sequence, id, version, times and hashes that it had; the new
/// store has the store id of the damaged one. What is lost is listed in the report, and declared in
/// the new log: fbat_store_verify() tells of it, and takes it for no damage. Single events are kept
/// also where others of their batch are lost. A sequence that is lost, or that somebody may have
/// seen, is never used again; a version of an entity that was lost behind the last event that it
/// kept is.
///
/// No file of the damaged store is changed; where it has a lock file, that is held meanwhile. It
/// need not be a store that fbat_store_open() opens. The new one becomes a store at the very end:
/// after a failure what was made is removed, but for the directory and a file `LOCK`; after a crash
/// the directory holds no store, and can be removed. One file of the log is held in memory at a
/// time.
/// @param damaged_path the directory of the damaged store.
/// @param new_path a directory that does not exist, or is empty; not inside of the damaged one.
/// @param out_report the report; NULL on failure. Free it with fbat_repair_report_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK the new store is there, and everything in it is on the disk. The report says
/// what it lacks.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a path is empty, `new_path` is not empty,
/// or inside of the damaged store.
/// @retval FBAT_ERR_STORE_NOT_FOUND there is nothing of a store at `damaged_path`.
/// @retval FBAT_ERR_STORE_EXISTS there is a store at `new_path`.
/// @retval FBAT_ERR_BUSY the damaged store is open for writing; the message and fbat_error_found()
/// name the process.
/// @retval FBAT_ERR_FUTURE_VERSION the store has a format that this library does not read.
/// @retval FBAT_ERR_CORRUPT no event is whole, or nothing tells which store this is; nothing was
/// made.
/// @retval FBAT_ERR_IO the operating system failed.
/// @retval FBAT_ERR_NO_SPACE the disk is full.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_store_repair(
    damaged_path: *const c_char,
    new_path: *const c_char,
    out_report: *mut *mut fbat_repair_report,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_report, null_mut()) };
    let body = |_: &Call| {
        out.check("out_report")?;
        // SAFETY: the caller's promise: null or NUL-terminated.
        let damaged = unsafe { raw::path(damaged_path) }.map_err(|e| e.context("damaged_path"))?;
        // SAFETY: as above.
        let new = unsafe { raw::path(new_path) }.map_err(|e| e.context("new_path"))?;
        let report = repair(damaged, new, &Options::default())?;
        let (events, losses, lost) = (report.events, report.losses, report.sequences_lost);
        log::info(&format!(
            "{}: repaired into {}: {events} events kept, {lost} sequences lost at {losses} places",
            damaged.display(),
            new.display(),
        ));
        let texts = report
            .list
            .iter()
            .map(|l| (Text::new(l.path.as_os_str().as_bytes()), Text::new(&l.message)))
            .collect();
        out.set(handle::insert(RepairObject { report, texts })?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// What was kept, in figures.
/// @param report the report.
/// @param out_totals the figures.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_repair_report_totals(
    report: *const fbat_repair_report,
    out_totals: *mut fbat_repair_totals,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |_: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_totals, 1) }?.required()?;
        let report = &handle::get::<RepairObject>(report)?.report;
        let bit = |holds: bool, bit: u32| if holds { bit } else { 0 };
        let flags = bit(report.identity_rebuilt, FBAT_REPAIR_IDENTITY_REBUILT)
            | bit(report.identity_uncertain, FBAT_REPAIR_IDENTITY_UNCERTAIN);
        out.set(
            0,
            fbat_repair_totals {
                events: report.events,
                system_events: report.system_events,
                unlinked_events: report.unlinked_events,
                segments: report.segments,
                headers_rebuilt: report.headers_rebuilt,
                bytes_unread: report.bytes_unread,
                losses: report.losses,
                sequences_lost: report.sequences_lost,
                gap_first: report.gap_first,
                gap_last: report.gap_last,
                flags,
                ..fbat_repair_totals::initial()
            },
        );
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// How many losses the report lists; 10,000 at most.
///
/// A damaged segment header counts with no sequence, though nothing was lost by it; a lost identity
/// file, a damaged index and a missing clean mark do not count.
/// @param report the report.
/// @return the number; 0 where all of the log held, and where `report` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_repair_report_loss_count(report: *const fbat_repair_report) -> usize {
    let body = || handle::lookup::<RepairObject>(report).map_or(0, |object| object.texts.len());
    guard::value(0, body)
}

/// One thing that does not hold, and the sequences lost by it.
/// @param report the report.
/// @param index which, counted from 0.
/// @param out_loss what is lost.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
/// @retval FBAT_ERR_NOT_FOUND there are not so many.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_repair_report_loss(
    report: *const fbat_repair_report,
    index: usize,
    out_loss: *mut fbat_loss,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |_: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_loss, 1) }?.required()?;
        let object = handle::get::<RepairObject>(report)?;
        let count = object.texts.len();
        let Some((loss, (path, message))) = object.report.list.iter().zip(&object.texts).nth(index)
        else {
            let error = Error::new(Code::NotFound, format!("loss {index} of {count}"));
            return Err(error.with_numbers(index as u64, count as u64));
        };
        out.set(
            0,
            fbat_loss {
                path: path.lend(),
                offset: loss.offset,
                first_sequence: loss.first_sequence,
                last_sequence: loss.last_sequence,
                message: message.lend(),
                ..fbat_loss::initial()
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
pub unsafe extern "C" fn fbat_repair_report_free(report: *mut fbat_repair_report) {
    guard::free::<RepairObject>(report)
}

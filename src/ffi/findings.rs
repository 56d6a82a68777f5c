//! Findings
//!
//! What a verification or a repair finds wrong with a store, one thing after the other.

use super::boundary::args::{self, Out, Sized0, Text};
use super::boundary::types::fbat_str;
use super::boundary::{guard, handle};
use crate::engine::model::error::Result;
use crate::engine::model::finding::Finding;
use std::os::unix::ffi::OsStrExt;
use std::ptr::null;

/// What is wrong with a store. Owned by the caller, who frees it with fbat_findings_free().
/// Outlives the store.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.2
pub struct fbat_findings {
    _opaque: [u8; 0],
}

/// One thing that is wrong. Lives as long as its list.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_finding {
    /// The size of this struct as the library knows it.
    pub struct_size: usize,
    /// The file, which may be one that is missing. Bytes of the file system, which need not be
    /// UTF-8.
    pub path: fbat_str,
    /// Where in it, in bytes from its start.
    pub offset: u64,
    /// The first global sequence concerned; 0 where no event is, or none is known. Of a repair: the
    /// first that is lost.
    pub first_sequence: u64,
    /// The last one.
    pub last_sequence: u64,
    /// One sentence for people.
    pub message: fbat_str,
}

args::sized!(fbat_finding: 64);

/// What a handle to findings leads to.
pub(crate) struct FindingsObject {
    rows: Vec<fbat_finding>,
    /// What the rows point into.
    _texts: Vec<(Text, Text)>,
}

// SAFETY: the rows point to text that the object owns and never changes.
unsafe impl Send for FindingsObject {}
// SAFETY: as above.
unsafe impl Sync for FindingsObject {}

impl handle::Object for FindingsObject {
    type Raw = fbat_findings;
    const TAG: u8 = 5;
    const NAME: &'static str = "findings";
}

/// Gives a list to the caller who has a place for it.
pub(crate) fn hand_out(out: &Out<*mut fbat_findings>, findings: &[Finding]) -> Result<()> {
    if !out.is_wanted() {
        return Ok(());
    }
    let text = |f: &Finding| (Text::new(f.path.as_os_str().as_bytes()), Text::new(&f.message));
    let texts: Vec<(Text, Text)> = findings.iter().map(text).collect();
    let row = |(finding, (path, message)): (&Finding, &(Text, Text))| fbat_finding {
        path: path.lend(),
        offset: finding.offset,
        first_sequence: finding.first_sequence,
        last_sequence: finding.last_sequence,
        message: message.lend(),
        ..fbat_finding::initial()
    };
    let rows = findings.iter().zip(&texts).map(row).collect();
    out.set(handle::insert(FindingsObject { rows, _texts: texts })?);
    Ok(())
}

/// How many there are.
/// @param findings the list.
/// @return the number; 0 where `findings` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_findings_len(findings: *const fbat_findings) -> usize {
    let body = || handle::lookup::<FindingsObject>(findings).map_or(0, |f| f.rows.len());
    guard::value(0, body)
}

/// One of them.
/// @param findings the list.
/// @param index which, counted from 0.
/// @return what is wrong, which lives as long as the list; NULL where there is none, or `findings`
/// is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_findings_get(
    findings: *const fbat_findings,
    index: usize,
) -> *const fbat_finding {
    let get = |f: &FindingsObject| f.rows.get(index).map_or(null(), |row| &raw const *row);
    let body = || handle::lookup::<FindingsObject>(findings).map_or(null(), |f| get(&f));
    guard::value(null(), body)
}

/// Frees a list.
/// @param findings the list; NULL is allowed.
/// @par Threads
/// Any; the list must not be used by others.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_findings_free(findings: *mut fbat_findings) {
    guard::free::<FindingsObject>(findings)
}

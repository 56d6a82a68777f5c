//! What is known of the events of each segment as a set: a deletable file beside a segment that
//! another one follows, and sums in memory of what has none.

use super::directory::Directory;
use super::segment::Segment;
use crate::engine::format::set::{SegmentSet, SetHead};
use crate::engine::model::error::{Error, Result};
use crate::engine::platform::vfs::{read_full, Access};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sums of sealed segments that have no file, as those of a store that is only read: at most about
/// so many bytes are kept.
const KEPT_BYTES: usize = 8 << 20;
/// About what a bucket takes in memory.
const BUCKET_BYTES: usize = 96;

/// The set of the front of a segment.
#[derive(Clone, Default)]
pub struct Front {
    pub set: Arc<SegmentSet>,
    /// The last sequence that was looked at.
    pub through: u64,
}

/// Sets in memory, by the first sequences of their segments.
#[derive(Default)]
pub struct Sets {
    fronts: BTreeMap<u64, Front>,
    bytes: usize,
}

impl Sets {
    /// Takes what is known of a segment, which may be nothing.
    pub fn take(&mut self, segment: &Segment) -> Front {
        let first = segment.header.first_sequence;
        let Some(front) = self.fronts.remove(&first) else {
            return Front { through: first - 1, ..Front::default() };
        };
        self.bytes -= bytes_of(&front.set);
        front
    }

    pub fn keep(&mut self, segment: &Segment, front: Front) {
        self.bytes += bytes_of(&front.set);
        self.fronts.insert(segment.header.first_sequence, front);
        while self.bytes > KEPT_BYTES && self.fronts.len() > 1 {
            // The last one grows with the log.
            let Some((_, oldest)) = self.fronts.pop_first() else { break };
            self.bytes -= bytes_of(&oldest.set);
        }
    }
}

fn bytes_of(set: &SegmentSet) -> usize {
    set.origins.values().map(|origin| origin.buckets.len() * BUCKET_BYTES).sum()
}

/// The log of a segment that another one follows.
pub fn head_of(segment: &Segment, next: &Segment) -> SetHead {
    let (next_sequence, log_hash) = (next.header.first_sequence, next.header.log_hash);
    SetHead { segment: segment.header, next_sequence, log_hash }
}

/// The name of the file of the segment that starts with this sequence.
pub fn set_name(first_sequence: u64) -> String {
    format!("{first_sequence:020}.set")
}

/// The bytes of the file of a segment; none where there is none.
pub fn read_set(dir: &Directory, segment: &Segment, access: Access) -> Result<Option<Vec<u8>>> {
    let name = set_name(segment.header.first_sequence);
    let Some(file) = dir.open_if_exists(&name, access)? else { return Ok(None) };
    let failed = |e| Error::io("cannot read", &dir.file(&name), &e);
    let length = file.len().map_err(failed)?;
    // One that is longer than its segment is none.
    if length > segment.end() {
        return Ok(Some(Vec::new()));
    }
    let mut bytes = vec![0; length as usize];
    let got = read_full(&*file, &mut bytes, 0).map_err(failed)?;
    bytes.truncate(got);
    Ok(Some(bytes))
}

/// Bytes of the files of some segments.
pub fn set_bytes(dir: &Directory, segments: &[Arc<Segment>]) -> u64 {
    let bytes = |segment: &Arc<Segment>| {
        let name = set_name(segment.header.first_sequence);
        dir.open_if_exists(&name, Access::Read).ok()??.len().ok()
    };
    segments.iter().filter_map(bytes).sum()
}

/// Writes the file of a segment, whose log is on disk.
pub fn write_set(dir: &Directory, head: &SetHead, set: &SegmentSet) {
    let bytes = set.encode(head);
    // Not insisted on: one that is missing is computed again.
    let _ = dir.publish(&set_name(head.segment.first_sequence), &bytes, false);
}

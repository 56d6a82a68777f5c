//! A filter group: neighbouring sealed segments and, in a file beside them, a table that says which
//! of them may have an id or entity. One line of it answers for all, where the filter of each would
//! have to be asked. Made from the indexes, deletable at any time.
//!
//! A file of lines as long as those of a processor's cache: a header of two, then the table. A line
//! of the table is a checksum and slots; a slot is 0, or a fingerprint of a key and the number of a
//! segment. A key is in the line that it falls on or, where that is full, in one of those after it
//! up to the first that is not. This is a hash table of buckets with linear probing, as in Knuth's
//! The Art of Computer Programming, volume 3, section 6.4.

use super::directory::Directory;
use super::segment::Segment;
use crate::engine::format::frame::SegmentHeader;
use crate::engine::index::cache::{BlockCache, Part, Pinned};
use crate::engine::index::file::{block_checksum, IndexMeta};
use crate::engine::index::filter::filter_line;
use crate::engine::model::bytes::{array_at, u32_at};
use crate::engine::model::error::{Error, Result};
use crate::engine::platform::os;
use crate::engine::platform::vfs::{read_full, read_full_settled, Access, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Segments of a group; the first of a log are the first group.
pub const GROUP_SEGMENTS: usize = 8;

const MAGIC: [u8; 8] = *b"FBATRUN\0";
/// Groups of another version are not used.
const VERSION: u32 = 1;
const LINE_LEN: usize = 64;
const HEADER_LEN: usize = 2 * LINE_LEN;
const CHECKSUM_LEN: usize = 4;
const SLOT_LEN: usize = 2;
const SLOTS: usize = (LINE_LEN - CHECKSUM_LEN) / SLOT_LEN;
/// Slots of a line that are used, on average.
const KEYS_PER_LINE: usize = 24;
/// Bits of a slot that number the segment; the others are of the key.
const SEGMENT_BITS: u32 = GROUP_SEGMENTS.trailing_zeros();
/// Lines that are read at once.
const READ_LINES: usize = 1024;
/// No key is further from its line than this. Keys that somebody chose to fall on one line make no
/// group.
const LINES_BEHIND_MAX: usize = 64;

/// Segments of a group by bits, the first by the lowest.
pub type Members = u8;

/// A group that is open for look-ups. Lines are checked when they are read.
pub struct FilterGroup {
    file: Arc<dyn File>,
    path: PathBuf,
    salt: u64,
    lines: usize,
    held: Option<Pinned<Vec<Line>>>,
}

/// The name of the file of a group whose first segment starts with this sequence.
pub fn group_name(first_sequence: u64) -> String {
    format!("{first_sequence:020}.run")
}

/// Makes the group of these segments, all of them sealed and indexed. There is none where too many
/// keys are in one place, or an index cannot be read: then the filters of the segments are asked.
pub fn make(dir: &Directory, segments: &[Arc<Segment>]) -> Result<()> {
    match build(segments) {
        Some(bytes) => dir.publish(&group_name(segments[0].header.first_sequence), &bytes, false),
        None => Ok(()),
    }
}

fn build(segments: &[Arc<Segment>]) -> Option<Vec<u8>> {
    let keys = segments
        .iter()
        .map(|s| Some(s.sealed_index()?.filter_keys_max()))
        .sum::<Option<usize>>()?;
    let (first, last) = (&segments.first()?.header, segments.last()?.sealed_index()?.meta);
    let lines = keys.div_ceil(KEYS_PER_LINE).max(1);
    let mut out = encode_header(first, &last, lines);
    out.resize(HEADER_LEN + lines * LINE_LEN, 0);
    let mut table = Table(&mut out[HEADER_LEN..]);
    for (number, segment) in segments.iter().enumerate() {
        let mut fits = true;
        segment
            .sealed_index()?
            .visit_filter_keys(&mut |key| fits = fits && table.insert(key, number))
            .ok()?;
        fits.then_some(())?;
    }
    for (number, line) in out[HEADER_LEN..].chunks_exact_mut(LINE_LEN).enumerate() {
        let crc = block_checksum(first.salt, number as u64, &line[CHECKSUM_LEN..]);
        line[..CHECKSUM_LEN].copy_from_slice(&crc.to_le_bytes());
    }
    Some(out)
}

/// The lines of a table that is being made.
struct Table<'a>(&'a mut [u8]);

impl Table<'_> {
    /// False where there is no room near.
    fn insert(&mut self, key: u64, segment: usize) -> bool {
        let lines = self.0.len() / LINE_LEN;
        let start = filter_line(key, lines);
        let slot = (fingerprint(key) | segment as u16).to_le_bytes();
        for behind in 0..LINES_BEHIND_MAX.min(lines) {
            let at = (start + behind) % lines * LINE_LEN;
            let mut slots = self.0[at + CHECKSUM_LEN..at + LINE_LEN].chunks_exact_mut(SLOT_LEN);
            if let Some(free) = slots.find(|there| **there == [0; SLOT_LEN] || **there == slot) {
                free.copy_from_slice(&slot);
                return true;
            }
        }
        false
    }
}

/// The part of a key in a slot, above the number of the segment: never 0.
fn fingerprint(key: u64) -> u16 {
    let spread = key.wrapping_mul(0x94d0_49bb_1331_11eb);
    (((spread >> (48 + SEGMENT_BITS)) as u16).max(1)) << SEGMENT_BITS
}

fn encode_header(first: &SegmentHeader, last: &IndexMeta, lines: usize) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(GROUP_SEGMENTS as u32).to_le_bytes());
    out.extend_from_slice(&first.store_id.to_bytes());
    out.extend_from_slice(&first.first_sequence.to_le_bytes());
    out.extend_from_slice(&first.salt.to_le_bytes());
    out.extend_from_slice(&last.last_sequence.to_le_bytes());
    out.extend_from_slice(&last.log_hash.0);
    out.extend_from_slice(&(lines as u64).to_le_bytes());
    out.resize(HEADER_LEN - CHECKSUM_LEN, 0);
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

impl FilterGroup {
    /// Opens the group of these segments, if there is one. Damage, another version and a group of
    /// other segments are `Corrupt`: then the filters of the segments have to be asked.
    pub fn open(dir: &Directory, segments: &[Arc<Segment>]) -> Result<Option<FilterGroup>> {
        let last = segments.last().and_then(|last| last.sealed_index());
        let (Some(first), Some(last)) = (segments.first(), last) else { return Ok(None) };
        let name = group_name(first.header.first_sequence);
        let path = dir.file(&name);
        let failed = |e: io::Error| Error::io("cannot read", &path, &e);
        let Some(file) = dir.open_if_exists(&name, Access::Read)? else { return Ok(None) };
        let mut header = [0; HEADER_LEN];
        read_full(&*file, &mut header, 0).map_err(failed)?;
        let len = file.len().map_err(failed)?;
        // No more than the file has, whatever the header says.
        let lines = len.saturating_sub(HEADER_LEN as u64) as usize / LINE_LEN;
        // The log hash covers all that the segments say.
        if lines == 0 || header != *encode_header(&first.header, &last.meta, lines) {
            return Err(Error::corrupt(
                &path,
                0,
                "not the filter group of these segments, or of another version",
            ));
        }
        if len != (HEADER_LEN + lines * LINE_LEN) as u64 {
            return Err(Error::corrupt(
                &path,
                0,
                "the filter group is longer or shorter than its header says",
            ));
        }
        Ok(Some(FilterGroup { file, path, salt: first.header.salt, lines, held: None }))
    }

    /// Holds all lines in memory, as long as the groups and filters of the store do not take too
    /// much of it, and they can be read.
    pub fn hold(mut self, cache: &BlockCache) -> FilterGroup {
        let room = cache.pin(Part::Filter, self.lines * LINE_LEN);
        self.held = room.and_then(|room| Some(room.hold(self.read_lines()?)));
        self
    }

    /// All lines; none where one cannot be read.
    fn read_lines(&self) -> Option<Vec<Line>> {
        let mut lines = Vec::with_capacity(self.lines);
        let mut part = vec![0; READ_LINES.min(self.lines) * LINE_LEN];
        while lines.len() < self.lines {
            let part = &mut part[..READ_LINES.min(self.lines - lines.len()) * LINE_LEN];
            read_full(&*self.file, part, self.offset_of(lines.len())).ok()?;
            for line in part.chunks_exact(LINE_LEN) {
                lines.push(self.checked(lines.len(), line).ok()?);
            }
        }
        Some(lines)
    }

    /// Reads and checks every line.
    pub fn check_lines(&self) -> Result<()> {
        (0..self.lines).try_for_each(|number| self.line(number).map(drop))
    }

    /// Says that [`FilterGroup::may_have`] will be asked for this key soon.
    pub fn prefetch(&self, key: u64) {
        let line = filter_line(key, self.lines);
        match &self.held {
            Some(lines) => os::prefetch(&lines[line]),
            None => self.file.prefetch(self.offset_of(line), LINE_LEN),
        }
    }

    /// The segments that may have the id or entity of this filter key; all, where the table cannot
    /// be read.
    pub fn may_have(&self, key: u64) -> Members {
        self.look_up(key).unwrap_or(Members::MAX)
    }

    /// As [`FilterGroup::may_have`]; damage is an error.
    pub fn look_up(&self, key: u64) -> Result<Members> {
        let (start, wanted) = (filter_line(key, self.lines), fingerprint(key));
        let mut found = 0;
        for behind in 0..LINES_BEHIND_MAX.min(self.lines) {
            let number = (start + behind) % self.lines;
            let full = match &self.held {
                Some(lines) => lines[number].look_up(wanted, &mut found),
                None => self.line(number)?.look_up(wanted, &mut found),
            };
            if !full {
                break;
            }
        }
        Ok(found)
    }

    fn offset_of(&self, line: usize) -> u64 {
        (HEADER_LEN + line * LINE_LEN) as u64
    }

    fn line(&self, number: usize) -> Result<Line> {
        let mut line = [0; LINE_LEN];
        let read = read_full_settled(&*self.file, &mut line, self.offset_of(number));
        let got = read.map_err(|e| Error::io("cannot read", &self.path, &e))?;
        self.checked(number, &line[..got])
    }

    /// Refuses a line that is not what was written, or is cut short.
    fn checked(&self, number: usize, bytes: &[u8]) -> Result<Line> {
        let whole = bytes.len() == LINE_LEN
            && block_checksum(self.salt, number as u64, &bytes[CHECKSUM_LEN..]) == u32_at(bytes, 0);
        let why = "the checksum of a line of a filter group does not match";
        whole
            .then(|| Line::decode(bytes))
            .ok_or_else(|| Error::corrupt(&self.path, self.offset_of(number), why))
    }
}

/// The slots of a line; after them nothing, where the file has the checksum.
#[repr(align(64))]
struct Line([u16; SLOTS]);

impl Line {
    fn decode(bytes: &[u8]) -> Line {
        Line(std::array::from_fn(|slot| {
            u16::from_le_bytes(array_at(bytes, CHECKSUM_LEN + slot * SLOT_LEN))
        }))
    }

    /// Adds the segments with this fingerprint to `found`; whether there may be more in the next
    /// line.
    fn look_up(&self, wanted: u16, found: &mut Members) -> bool {
        const SEGMENT: u16 = GROUP_SEGMENTS as u16 - 1;
        // As a rule there is none, which this says without a branch for each.
        if self.0.iter().fold(false, |any, slot| any | (slot & !SEGMENT == wanted)) {
            let ours = self.0.iter().filter(|slot| *slot & !SEGMENT == wanted);
            ours.for_each(|slot| *found |= 1 << (slot & SEGMENT));
        }
        // They are filled in their order.
        self.0[SLOTS - 1] != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a table of so many lines, with these keys in segment 5, says of a key.
    fn look_up(bytes: &[u8], key: u64) -> Members {
        let (mut found, lines) = (0, bytes.len() / LINE_LEN);
        for number in (0..lines).map(|behind| (filter_line(key, lines) + behind) % lines) {
            if !Line::decode(&bytes[number * LINE_LEN..][..LINE_LEN])
                .look_up(fingerprint(key), &mut found)
            {
                break;
            }
        }
        found
    }

    fn key(n: u64) -> u64 {
        (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn a_table_has_what_was_put_in_and_little_else() {
        const KEYS: usize = 100_000;
        let mut bytes = vec![0; KEYS.div_ceil(KEYS_PER_LINE) * LINE_LEN];
        let mut table = Table(&mut bytes);
        assert!((0..KEYS as u64).all(|n| table.insert(key(n), n as usize % GROUP_SEGMENTS)));
        assert!((0..KEYS as u64).all(|n| look_up(&bytes, key(n)) & 1 << (n % 8) != 0));
        let wrong = (0..KEYS as u64).filter(|n| look_up(&bytes, key(n + KEYS as u64)) != 0).count();
        assert!(wrong < KEYS / 200, "{wrong} of {KEYS} keys that are not there");
    }

    #[test]
    fn keys_that_fall_on_one_line_make_no_table() {
        let mut bytes = vec![0; 1000 * LINE_LEN];
        let mut table = Table(&mut bytes);
        // They differ in what the line is not made from.
        assert!(!(0..100 * SLOTS as u64).all(|n| table.insert(n, 0)));
        let mut small = vec![0; LINE_LEN];
        let mut table = Table(&mut small);
        assert!((0..SLOTS as u64).all(|n| table.insert(key(n), 0)));
        assert!(!table.insert(key(99), 0));
    }
}

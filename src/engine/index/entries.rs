//! Looking things up in an index: ids, the places of an entity's events, and places where a walk
//! along the log can start.

use super::file::{Index, ENTRY_LEN, FILTER, FILTER_LINE_LEN, IDS, ID_STARTS, POSTINGS, SPARSE};
use super::filter::{filter_holds, filter_line, id_filter_key};
use super::hashes::IdHash;
use crate::engine::model::bytes::{u32_at, u64_at};
use crate::engine::model::error::Result;
use crate::engine::model::id::Id;
use std::cmp::Ordering;
use std::ops::{ControlFlow, Range};

/// Where an event is, as the id section has it: not by its id, but by the filter key of that. The
/// log has the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdEntry {
    pub key: u64,
    /// Stands for id and content of the event.
    tag: u64,
    pub offset: u32,
}

impl IdEntry {
    /// Of an event whose content has this tag.
    pub fn new(hash: &IdHash, id: Id, tag: u64, offset: u32) -> IdEntry {
        IdEntry { key: id_filter_key(id), tag: tag ^ hash.of(id), offset }
    }

    fn decode(entry: &[u8]) -> IdEntry {
        IdEntry { key: u64_at(entry, 0), tag: u64_at(entry, 8), offset: u32_at(entry, 16) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.to_le_bytes());
        out.extend_from_slice(&self.tag.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
    }
}

/// An event that may be the one that is looked for: the filter key of its id is the same.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The tag of its content, if it has the id.
    pub tag: u64,
    pub offset: u32,
}

/// Where a walk along the log can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SparseEntry {
    pub sequence: u64,
    pub offset: u32,
    /// The batch that the frame is in.
    pub batch_offset: u32,
}

type Flow = ControlFlow<()>;

/// So many ids are expected in a bucket, and so many are read at once.
pub(super) const IDS_PER_BUCKET: usize = 8;
const IDS_TOGETHER: usize = 16;
/// So many postings are read at once.
const POSTINGS_TOGETHER: usize = 252;

impl Index {
    fn id_entry(&self, at: usize) -> Result<IdEntry> {
        self.entry(IDS, at).map(|entry: [u8; ENTRY_LEN[IDS]]| IdEntry::decode(&entry))
    }

    /// Whether the id section has exactly these events, each where a look-up looks for it, and the
    /// filter has their ids. In the order of the section: filter key, id, tag, offset.
    pub fn has_exactly(
        &self,
        events: &mut dyn Iterator<Item = (u64, Id, u64, u32)>,
    ) -> Result<bool> {
        let (starts, filter) = (self.read_section(ID_STARTS)?, self.read_section(FILTER)?);
        let (buckets, lines) = (self.entries(ID_STARTS) - 1, self.entries(FILTER));
        let (mut at, mut all) = (0, true);
        self.each_id(&mut |entry| {
            let Some((key, id, tag, offset)) = events.next().filter(|_| all) else {
                all = false;
                return;
            };
            let bucket = filter_line(key, buckets) * ENTRY_LEN[ID_STARTS];
            let (low, high) = (u32_at(&starts, bucket), u32_at(&starts, bucket + 4));
            let line = filter_line(key, lines) * FILTER_LINE_LEN;
            let expected = IdEntry { key, tag: tag ^ self.id_hash.of(id), offset };
            all = entry == expected
                && high as usize <= self.entries(IDS)
                && (low..high).contains(&at)
                && filter_holds(&filter[line..line + FILTER_LINE_LEN], key);
            at += 1;
        })?;
        Ok(all && events.next().is_none())
    }

    /// All ids, in the order of the section.
    pub(super) fn each_id(&self, visit: &mut dyn FnMut(IdEntry)) -> Result<()> {
        self.each_entry(IDS, &mut |entry| {
            visit(IdEntry::decode(entry));
            Ok(())
        })
    }

    pub(super) fn sparse(&self, at: usize) -> Result<SparseEntry> {
        let entry: [u8; ENTRY_LEN[SPARSE]] = self.entry(SPARSE, at)?;
        Ok(SparseEntry {
            sequence: u64_at(&entry, 0),
            offset: u32_at(&entry, 8),
            batch_offset: u32_at(&entry, 12),
        })
    }

    /// The offset of an event of an entity, by the number of the posting.
    pub fn posting(&self, at: u32) -> Result<u32> {
        self.entry(POSTINGS, at as usize).map(u32::from_le_bytes)
    }

    /// Shows the offsets of some postings, as far as `visit` goes on.
    pub(super) fn visit_postings(
        &self,
        range: Range<usize>,
        visit: &mut dyn FnMut(u32) -> Flow,
    ) -> Result<Flow> {
        let mut part = [0; POSTINGS_TOGETHER * ENTRY_LEN[POSTINGS]];
        for from in range.clone().step_by(POSTINGS_TOGETHER) {
            let part = &mut part[..(range.end - from).min(POSTINGS_TOGETHER) * ENTRY_LEN[POSTINGS]];
            self.read(POSTINGS, from.saturating_mul(ENTRY_LEN[POSTINGS]), part)?;
            for entry in part.chunks_exact(ENTRY_LEN[POSTINGS]) {
                if visit(u32_at(entry, 0)).is_break() {
                    return Ok(Flow::Break(()));
                }
            }
        }
        Ok(Flow::Continue(()))
    }

    /// The offset of the last of an entity's events before the one at `offset`.
    pub fn posting_before(&self, postings: Range<u32>, offset: u32) -> Result<Option<u32>> {
        let first = postings.start;
        let at = partition_point(postings.len(), |at| {
            Ok(self.posting(first.saturating_add(at as u32))? < offset)
        })?;
        at.checked_sub(1).map(|at| self.posting(first.saturating_add(at as u32))).transpose()
    }

    /// Visits the filter key of every id.
    pub fn visit_ids(&self, visit: &mut dyn FnMut(u64)) -> Result<()> {
        self.each_id(&mut |entry| visit(entry.key))
    }

    /// The offsets of all postings, read at once.
    pub(super) fn postings(&self) -> Result<Vec<u32>> {
        let postings = self.read_section(POSTINGS)?;
        Ok(postings.chunks_exact(ENTRY_LEN[POSTINGS]).map(|entry| u32_at(entry, 0)).collect())
    }

    /// The events that may have this id: as a rule one, or none.
    pub fn candidates(&self, id: Id) -> Result<Vec<Candidate>> {
        let key = id_filter_key(id);
        if !self.meta.sealed && !self.filter_allows(key)? {
            return Ok(Vec::new());
        }
        let bucket = filter_line(key, self.entries(ID_STARTS) - 1);
        let mut starts = [0; 8];
        self.read(ID_STARTS, bucket * ENTRY_LEN[ID_STARTS], &mut starts)?;
        let (mut low, high) = (u32_at(&starts, 0) as usize, u32_at(&starts, 4) as usize);
        if high.saturating_sub(low) > IDS_TOGETHER {
            low += partition_point(high - low, |at| Ok(self.id_entry(low + at)?.key < key))?;
        }
        let mut found = Vec::new();
        while low < high {
            let mut entries = [0; IDS_TOGETHER * ENTRY_LEN[IDS]];
            let count = (high - low).min(IDS_TOGETHER);
            let entries = &mut entries[..count * ENTRY_LEN[IDS]];
            self.read(IDS, low * ENTRY_LEN[IDS], entries)?;
            for entry in entries.chunks_exact(ENTRY_LEN[IDS]).map(IdEntry::decode) {
                match entry.key.cmp(&key) {
                    Ordering::Less => {}
                    Ordering::Equal => found.push(Candidate {
                        tag: entry.tag ^ self.id_hash.of(id),
                        offset: entry.offset,
                    }),
                    Ordering::Greater => return Ok(found),
                }
            }
            low += count;
        }
        Ok(found)
    }

    /// Where the event with this id may be, by bytes of the index that nobody has checked: `is_it`
    /// proves a place by the frame there. None says nothing, then [`Index::candidates`] is to be
    /// asked. As a rule costs a third of that.
    pub fn guess(&self, id: Id, is_it: &mut dyn FnMut(u32) -> bool) -> Option<u32> {
        let key = id_filter_key(id);
        if !self.meta.sealed {
            let mut line = [0; FILTER_LINE_LEN];
            let at = filter_line(key, self.entries(FILTER)) * FILTER_LINE_LEN;
            self.read_unchecked(FILTER, at, &mut line)?;
            filter_holds(&line, key).then_some(())?;
        }
        let bucket = filter_line(key, self.entries(ID_STARTS) - 1);
        let mut starts = [0; 8];
        self.read_unchecked(ID_STARTS, bucket * ENTRY_LEN[ID_STARTS], &mut starts)?;
        let (low, high) = (u32_at(&starts, 0) as usize, u32_at(&starts, 4) as usize);
        let count = high.checked_sub(low).filter(|count| *count <= IDS_TOGETHER)?;
        let mut entries = [0; IDS_TOGETHER * ENTRY_LEN[IDS]];
        let entries = &mut entries[..count * ENTRY_LEN[IDS]];
        self.read_unchecked(IDS, low * ENTRY_LEN[IDS], entries)?;
        let mut entries = entries.chunks_exact(ENTRY_LEN[IDS]).map(IdEntry::decode);
        entries.find(|entry| entry.key == key && is_it(entry.offset)).map(|entry| entry.offset)
    }

    /// How many sparse entries have a sequence up to `until`. They are about as far apart as each
    /// other.
    pub(super) fn sparse_until(&self, until: u64) -> Result<usize> {
        let (first, last, count) =
            (self.first_sequence, self.meta.last_sequence, self.entries(SPARSE));
        if until >= last || until < first {
            return Ok(if until < first { 0 } else { count });
        }
        let place = u128::from(until - first) * count as u128 / u128::from(last - first + 1);
        partition_near(count, place as usize, |at| Ok(self.sparse(at)?.sequence <= until))
    }

    /// The last place to start a walk from that meets every event above `after`; none where the
    /// index covers no event.
    pub fn walk_start(&self, after: u64) -> Result<Option<SparseEntry>> {
        let beyond = self.sparse_until(after.saturating_add(1))?;
        match self.entries(SPARSE) {
            0 => Ok(None),
            _ => self.sparse(beyond.saturating_sub(1)).map(Some),
        }
    }

    /// The last place to start a walk from that is before `offset`.
    pub fn walk_start_before(&self, offset: u32) -> Result<Option<SparseEntry>> {
        let at = partition_point(self.entries(SPARSE), |at| Ok(self.sparse(at)?.offset < offset))?;
        at.checked_sub(1).map(|at| self.sparse(at)).transpose()
    }

    /// The filter key of the id of the event at `offset`; reads the whole section.
    pub fn key_at(&self, offset: u32) -> Result<Option<u64>> {
        let mut found = None;
        self.each_id(&mut |entry| {
            if entry.offset == offset {
                found = Some(entry.key);
            }
        })?;
        Ok(found)
    }
}

/// The first number below `count` for which `before` is no longer true.
pub(super) fn partition_point(
    count: usize,
    mut before: impl FnMut(usize) -> Result<bool>,
) -> Result<usize> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        match before(middle)? {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(low)
}

/// As [`partition_point`], for a place that is expected near `guess`: looks around it in growing
/// steps.
fn partition_near(
    count: usize,
    guess: usize,
    mut before: impl FnMut(usize) -> Result<bool>,
) -> Result<usize> {
    // The place is from `low` to `high`.
    let (mut low, mut high, mut step, mut at) = (0, count, 1, guess);
    while (low..high).contains(&at) && step < count {
        match before(at)? {
            true => (low, at) = (at + 1, at + step),
            false => (high, at) = (at, at.saturating_sub(step)),
        }
        step *= 2;
    }
    Ok(low + partition_point(high - low, |at| before(low + at))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_wherever_it_is_expected() {
        for count in 1..40 {
            for place in 0..=count {
                for guess in 0..=count {
                    let found = partition_near(count, guess, |at| Ok(at < place)).unwrap();
                    assert_eq!(found, place, "{count} {guess}");
                }
            }
        }
    }
}

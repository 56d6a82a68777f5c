//! Looking things up in an index: ids, names of entities, the places of their events, strings,
//! zones, and places where a walk along the log can start.

use super::file::{
    Index, BLOCK_LEN, DATA_LEN, DICTIONARY_STRINGS_MAX, ENTRY_LEN, FENCE_STEPS, IDS, IDS_PER_BLOCK,
    NAMES, POSTINGS, SPARSE, STRINGS, TEXT,
};
use super::filter::{entity_filter_key, id_filter_key, name_filter_key};
use crate::engine::model::bytes::{array_at, u32_at, u64_at};
use crate::engine::model::error::Result;
use crate::engine::model::id::Id;
use crate::engine::model::limits::{COORDINATE_BYTES_MAX, NAMESPACE_BYTES_MAX};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// Where an event is, as the id section has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdEntry {
    pub id: Id,
    /// Stands for the content of the event.
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

/// A string of the dictionary: its number, and the events of the entity of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    pub number: u32,
    pub first_posting: u32,
    pub postings: u32,
}

type Flow = ControlFlow<()>;

impl Index {
    pub(super) fn id_entry(&self, at: usize) -> Result<IdEntry> {
        let (block, at) = self.entry(IDS, at)?;
        Ok(decode_id_entry(&block, at))
    }

    pub(super) fn name(&self, at: usize) -> Result<Name> {
        let (block, at) = self.entry(NAMES, at)?;
        Ok(Name {
            number: u32_at(&block, at),
            first_posting: u32_at(&block, at + 4),
            postings: u32_at(&block, at + 8),
        })
    }

    /// Refuses a name without a string, and one that would have `before` and its own postings be
    /// more than there are: names that share postings must not multiply what is read.
    pub(super) fn check_name(&self, name: &Name, before: usize) -> Result<()> {
        let within = before.saturating_add(name.postings as usize) <= self.entries(POSTINGS);
        match within && (name.number as usize) < self.strings_len() {
            true => Ok(()),
            false => Err(self.damaged("the names of the index do not fit its other sections")),
        }
    }

    pub(super) fn sparse(&self, at: usize) -> Result<SparseEntry> {
        let (block, at) = self.entry(SPARSE, at)?;
        Ok(SparseEntry {
            sequence: u64_at(&block, at),
            offset: u32_at(&block, at + 8),
            batch_offset: u32_at(&block, at + 12),
        })
    }

    /// The offset of an event of an entity, by the number of the posting.
    pub fn posting(&self, at: u32) -> Result<u32> {
        let (block, at) = self.entry(POSTINGS, at as usize)?;
        Ok(u32_at(&block, at))
    }

    /// Shows the offsets of some postings, as far as `visit` goes on.
    pub(super) fn visit_postings(
        &self,
        range: Range<usize>,
        visit: &mut dyn FnMut(u32) -> Flow,
    ) -> Result<Flow> {
        let mut at = range.start;
        while at < range.end {
            let (block, from) = self.entry(POSTINGS, at)?;
            let take = (range.end - at).min((DATA_LEN - from) / ENTRY_LEN[POSTINGS]);
            for entry in block[from..].chunks_exact(4).take(take) {
                if visit(u32_at(entry, 0)).is_break() {
                    return Ok(Flow::Break(()));
                }
            }
            at += take;
        }
        Ok(Flow::Continue(()))
    }

    /// The offset of the entity's last event before the one at `offset`.
    pub fn posting_before(&self, name: &Name, offset: u32) -> Result<Option<u32>> {
        let first = name.first_posting;
        let at = partition_point(name.postings as usize, |at| {
            Ok(self.posting(first.saturating_add(at as u32))? < offset)
        })?;
        at.checked_sub(1).map(|at| self.posting(first.saturating_add(at as u32))).transpose()
    }

    /// Visits the filter key of every id.
    pub fn visit_ids(&self, visit: &mut dyn FnMut(u64)) -> Result<()> {
        self.each_entry(IDS, &mut |entry| {
            visit(id_filter_key(Id::from_bytes(array_at(entry, 0))));
            Ok(())
        })
    }

    /// Visits the filter key of every entity with events here, and the offset of its last one.
    pub fn visit_heads(&self, visit: &mut dyn FnMut(u64, u32)) -> Result<()> {
        let (first, bytes) = self.sections[TEXT];
        let text = self.read_blocks(first, bytes)?;
        let text = |from: usize, to: usize| {
            (from..to).map(|at| text[at / DATA_LEN * BLOCK_LEN + at % DATA_LEN])
        };
        let mut postings = Vec::with_capacity(self.entries(POSTINGS));
        self.each_entry(POSTINGS, &mut |entry| {
            postings.push(u32_at(entry, 0));
            Ok(())
        })?;
        let wrong = || self.damaged("the names of the index do not fit its other sections");
        // By number; 0, where no event is, where there is none.
        let mut last = vec![0; self.strings_len()];
        self.each_entry(NAMES, &mut |entry| {
            let [number, first, count] = [0, 4, 8].map(|at| u32_at(entry, at) as usize);
            let end = first.checked_add(count).filter(|_| count > 0);
            let offset = end.map_or(Ok(0), |end| postings.get(end - 1).copied().ok_or_else(wrong));
            *last.get_mut(number).ok_or_else(wrong)? = offset?;
            Ok(())
        })?;
        let mut number = 0;
        self.each_entry(STRINGS, &mut |entry| {
            if last[number] > 0 {
                let (from, len) = (u32_at(entry, 0) as usize, u32_at(entry, 4) as usize);
                self.check_string(number, from, len)?;
                let key = name_filter_key(&text(from, from + len).collect::<Vec<u8>>());
                visit(key, last[number]);
            }
            number += 1;
            Ok(())
        })
    }

    /// The event with this id.
    pub fn find_id(&self, id: Id) -> Result<Option<IdEntry>> {
        if self.filter_excludes(id_filter_key(id))? {
            return Ok(None);
        }
        let entries = self.entries(IDS);
        if entries == 0 {
            return Ok(None);
        }
        let behind = partition_point(FENCE_STEPS + 1, |step| Ok(self.fence_id(step)? <= id))?;
        let Some(step) = behind.checked_sub(1) else { return Ok(None) };
        let next = behind.min(FENCE_STEPS);
        // Ids are hashes or begin with a time: close to uniform between neighbours of the fence.
        let (mut low, mut high) = (self.fence_at(step), self.fence_at(next) + 1);
        let (mut low_id, mut high_id) = (self.fence_id(step)?, self.fence_id(next)?);
        let mut guesses = 0;
        while low < high {
            let guess = match guesses {
                0..4 => low + interpolate(id, low_id, high_id, high - low),
                _ => low + (high - low) / 2,
            };
            guesses += 1;
            // The block with that entry settles it, unless the id is before or after all of its
            // entries.
            let start = guess - guess % IDS_PER_BLOCK;
            let count = IDS_PER_BLOCK.min(self.entries(IDS) - start);
            let number = self.sections[IDS].0 + (start / IDS_PER_BLOCK) as u64;
            let look = |block: &[u8]| find_in_block(block, count, guess - start, id);
            let place = match self.cache.peek(self.uid, number, look) {
                Some(place) => place,
                None => look(&self.id_block(number)?),
            };
            match place? {
                InBlock::At(entry) => return Ok(Some(entry)),
                InBlock::Absent => return Ok(None),
                InBlock::Before(first) => (high, high_id) = (start, first),
                InBlock::Behind(last) => (low, low_id) = (start + count, last),
            }
        }
        Ok(None)
    }

    /// The entry at a step of the fence.
    fn fence_at(&self, step: usize) -> usize {
        (self.entries(IDS) - 1) * step / FENCE_STEPS
    }

    fn fence_id(&self, step: usize) -> Result<Id> {
        if let Some(id) = self.fence[step].get() {
            return Ok(*id);
        }
        let id = self.id_entry(self.fence_at(step))?.id;
        Ok(*self.fence[step].get_or_init(|| id))
    }

    /// The entity of this name, if it has events here.
    pub fn find_entity(&self, entity: &str) -> Result<Option<Name>> {
        if self.filter_excludes(entity_filter_key(entity))? {
            return Ok(None);
        }
        Ok(self.find_string(entity)?.filter(|name| name.postings > 0))
    }

    /// The string of the dictionary, whatever it is used for.
    pub fn find_string(&self, text: &str) -> Result<Option<Name>> {
        let at = self.names_before(text)?;
        if at == self.entries(NAMES) {
            return Ok(None);
        }
        let name = self.name(at)?;
        Ok((&*self.string(name.number)? == text).then_some(name))
    }

    pub(super) fn names_before(&self, text: &str) -> Result<usize> {
        partition_point(self.entries(NAMES), |at| self.is_before(at, text))
    }

    /// Whether the name at a place of the order comes before `text`.
    pub(super) fn is_before(&self, at: usize, text: &str) -> Result<bool> {
        Ok(&*self.string(self.name(at)?.number)? < text)
    }

    /// All strings in memory, by number, where there are few, and the dictionaries of the store do
    /// not take too much.
    pub fn dictionary(&self) -> Option<&[Arc<str>]> {
        let load = || {
            let count = self.strings_len();
            let bytes = count * size_of::<(Arc<str>, [usize; 2])>() + self.entries(TEXT);
            let room =
                (count <= DICTIONARY_STRINGS_MAX).then(|| self.cache.pin_strings(bytes))??;
            let strings = (0..count as u32)
                .map(|number| self.read_string(number))
                .collect::<Result<Vec<_>>>();
            strings.ok().map(|strings| room.hold(strings))
        };
        self.dictionary.get_or_init(load).as_deref().map(Vec::as_slice)
    }

    /// The string with this number.
    pub fn string(&self, number: u32) -> Result<Arc<str>> {
        match self.dictionary().and_then(|strings| strings.get(number as usize)) {
            Some(string) => Ok(string.clone()),
            None => self.read_string(number),
        }
    }

    fn read_string(&self, number: u32) -> Result<Arc<str>> {
        if number as usize >= self.strings_len() {
            return Err(self.damaged(format!("string {number} is not in the dictionary")));
        }
        let (block, at) = self.entry(STRINGS, number as usize)?;
        let (mut offset, length) = (u32_at(&block, at) as usize, u32_at(&block, at + 4) as usize);
        self.check_string(number as usize, offset, length)?;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let (block, at) = self.entry(TEXT, offset)?;
            let take = (length - bytes.len()).min(DATA_LEN - at);
            bytes.extend_from_slice(&block[at..at + take]);
            offset += take;
        }
        let text = String::from_utf8(bytes).map_err(|_| self.damaged("a string is not UTF-8"))?;
        Ok(text.into())
    }

    /// No string is longer than this; and strings that share their text must not multiply it.
    fn check_string(&self, number: usize, offset: usize, length: usize) -> Result<()> {
        match length <= COORDINATE_BYTES_MAX.max(NAMESPACE_BYTES_MAX)
            && offset + length <= self.entries(TEXT)
        {
            true => Ok(()),
            false => Err(self.damaged(format!("string {number} is longer than the text"))),
        }
    }

    /// The last place to start a walk from that meets every event above `after`; none where the
    /// index covers no event.
    pub fn walk_start(&self, after: u64) -> Result<Option<SparseEntry>> {
        let beyond = partition_point(self.entries(SPARSE), |at| {
            Ok(self.sparse(at)?.sequence <= after.saturating_add(1))
        })?;
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

    /// The id of the event at `offset`; reads the whole section.
    pub fn id_at(&self, offset: u32) -> Result<Option<Id>> {
        for at in 0..self.entries(IDS) {
            let entry = self.id_entry(at)?;
            if entry.offset == offset {
                return Ok(Some(entry.id));
            }
        }
        Ok(None)
    }
}

fn decode_id_entry(block: &[u8], at: usize) -> IdEntry {
    IdEntry {
        id: Id::from_bytes(array_at(block, at)),
        tag: u64_at(block, at + 16),
        offset: u32_at(block, at + 24),
    }
}

/// Where, of `count` places between `low` and `high`, an id can be expected.
fn interpolate(id: Id, low: Id, high: Id, count: usize) -> usize {
    let top = |id: Id| (id.0 >> 64) as u64;
    let (span, part) = (top(high).saturating_sub(top(low)), top(id).saturating_sub(top(low)));
    let place = u128::from(part) * count as u128 / (u128::from(span) + 1);
    (place as usize).min(count - 1)
}

/// Where an id is, as far as one block can tell.
enum InBlock {
    At(IdEntry),
    Absent,
    /// Before the first id of the block, or after its last.
    Before(Id),
    Behind(Id),
}

/// Looks for an id among the first `count` entries of a block of ids, where it is expected near
/// `guess`.
fn find_in_block(block: &[u8], count: usize, guess: usize, id: Id) -> Result<InBlock> {
    let id_at = |at: usize| Id::from_bytes(array_at(block, at * ENTRY_LEN[IDS]));
    let at = partition_near(count, guess, |at| Ok(id_at(at) < id))?;
    Ok(match at {
        _ if at < count && id_at(at) == id => {
            InBlock::At(decode_id_entry(block, at * ENTRY_LEN[IDS]))
        }
        0 => InBlock::Before(id_at(0)),
        _ if at == count => InBlock::Behind(id_at(count - 1)),
        _ => InBlock::Absent,
    })
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

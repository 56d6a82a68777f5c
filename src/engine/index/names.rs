//! The strings of an index in their order, with what the entity of each name has.
//!
//! Strings follow each other in chunks of eight; each says how much of the one before it begins
//! with (front coding, as in the blocks of LevelDB). A string is found by its hash, by its number,
//! or by its place in the order; and the strings below an entity, which are neighbours, by the hash
//! of what they begin with.

use super::entries::partition_point;
use super::file::{
    Dictionary, Index, BELOW_LINES, CHUNKS, DICTIONARY_STRINGS_MAX, ENTRY_LEN, NAMES,
    NAMES_TOGETHER, NAME_LINES, POSTINGS, RANKS, SCOPES,
};
use super::hashes::keyed_hash;
use super::lines;
use super::span::Span;
use crate::engine::model::bytes::{put_slice, put_varint, take_slice, take_varint, u32_at};
use crate::engine::model::bytes::{unzigzag, zigzag};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::limits::{COORDINATE_BYTES_MAX, NAMESPACE_BYTES_MAX};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// A string of the dictionary, and the events of the entity of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    pub number: u32,
    /// Its place in the order of strings.
    pub rank: u32,
    pub first_posting: u32,
    pub postings: u32,
}

impl Name {
    /// Which postings are the entity's.
    pub fn postings_range(&self) -> Range<u32> {
        self.first_posting..self.first_posting.saturating_add(self.postings)
    }
}

type Flow = ControlFlow<()>;

const TEXT_BYTES_MAX: usize = if COORDINATE_BYTES_MAX > NAMESPACE_BYTES_MAX {
    COORDINATE_BYTES_MAX
} else {
    NAMESPACE_BYTES_MAX
};
/// Lengths, number of events, and what is first and last of them.
const NUMBERS_BYTES_MAX: usize = 7 * 10;
/// With more scopes than this, an index does not hold their names in memory.
const SCOPE_NAMES_MAX: usize = 64;
/// Where strings begin with more than so many others each, on average, there is no table of those.
const BELOW_PER_STRING: usize = 4;

/// Reads the strings of a chunk one after the other.
struct Chunk {
    bytes: Vec<u8>,
    at: usize,
    /// Strings that are still to come.
    left: usize,
    rank: usize,
    text: Vec<u8>,
    span: Span,
    first_posting: u32,
    next_posting: u32,
}

impl Chunk {
    /// Goes to the next string; none where the bytes are not such.
    fn next(&mut self) -> Option<()> {
        let mut rest = &self.bytes[self.at..];
        let shared = usize::try_from(take_varint(&mut rest)?).ok()?;
        let own = take_slice(&mut rest)?;
        if shared > self.text.len() || shared + own.len() > TEXT_BYTES_MAX {
            return None;
        }
        self.text.truncate(shared);
        self.text.extend_from_slice(own);
        let events = take_varint(&mut rest)?;
        self.first_posting = self.next_posting;
        self.next_posting = self.next_posting.checked_add(u32::try_from(events).ok()?)?;
        self.span.events = events;
        if events > 0 {
            let mut signed = || take_varint(&mut rest).map(unzigzag);
            let sequence = self.span.sequences.0.wrapping_add_signed(signed()?);
            let time = self.span.timestamps.0.wrapping_add(signed()?);
            (self.span.sequences, self.span.timestamps) = ((sequence, sequence), (time, time));
            if events > 1 {
                self.span.sequences.1 = sequence.wrapping_add_signed(signed()?);
                self.span.timestamps.1 = time.wrapping_add(signed()?);
            }
        }
        self.at = self.bytes.len() - rest.len();
        (self.left, self.rank) = (self.left.checked_sub(1)?, self.rank + 1);
        Some(())
    }

    fn span(&self) -> Span {
        match self.span.events {
            0 => Span::default(),
            _ => self.span,
        }
    }
}

/// What is in a chunk before its first string.
fn before_first(first_sequence: u64, first_time: i64) -> Span {
    let (sequences, timestamps) = ((first_sequence, 0), (first_time, 0));
    Span { events: 0, sequences, timestamps }
}

impl Index {
    /// The chunk with a string of the order, before its first.
    fn chunk(&self, number: usize) -> Result<Chunk> {
        let count = self.entries(CHUNKS);
        let mut entries = [0; 12];
        let is_last = number + 1 >= count;
        self.read(CHUNKS, number.saturating_mul(8), &mut entries[..if is_last { 8 } else { 12 }])?;
        let from = u32_at(&entries, 0) as usize;
        let to = if is_last { self.bytes(NAMES) } else { u32_at(&entries, 8) as usize };
        let most = NAMES_TOGETHER * (TEXT_BYTES_MAX + NUMBERS_BYTES_MAX);
        let length = to.checked_sub(from).filter(|length| *length <= most);
        let mut bytes = vec![0; length.ok_or_else(|| self.damaged_names())?];
        self.read(NAMES, from, &mut bytes)?;
        let rank = number * NAMES_TOGETHER;
        let posting = u32_at(&entries, 4);
        Ok(Chunk {
            bytes,
            at: 0,
            left: NAMES_TOGETHER.min(self.strings_len() - rank),
            rank,
            text: Vec::with_capacity(64),
            span: before_first(self.first_sequence, self.times.timestamps.0),
            first_posting: posting,
            next_posting: posting,
        })
    }

    fn next_name(&self, chunk: &mut Chunk) -> Result<()> {
        chunk.next().ok_or_else(|| self.damaged_names())?;
        match chunk.next_posting as usize <= self.entries(POSTINGS) {
            true => Ok(()),
            false => Err(self.damaged("the names of the index do not fit its postings")),
        }
    }

    fn damaged_names(&self) -> Error {
        self.damaged("the names of the index are not names")
    }

    /// The chunk with the string at a place of the order, read up to and with that.
    fn chunk_at(&self, rank: usize) -> Result<Chunk> {
        let mut chunk = self.chunk(rank / NAMES_TOGETHER)?;
        for _ in 0..=rank % NAMES_TOGETHER {
            self.next_name(&mut chunk)?;
        }
        Ok(chunk)
    }

    fn rank(&self, number: u32) -> Result<usize> {
        let rank = u32::from_le_bytes(self.entry(RANKS, number as usize)?) as usize;
        match rank < self.strings_len() {
            true => Ok(rank),
            false => Err(self.damaged("a string of the index has no place in their order")),
        }
    }

    /// The entity of this name, if it has events here.
    pub fn find_entity(&self, entity: &str) -> Result<Option<Name>> {
        Ok(self.find_string(entity)?.filter(|name| name.postings > 0))
    }

    /// The string of the dictionary, whatever it is used for.
    pub fn find_string(&self, text: &str) -> Result<Option<Name>> {
        self.look_up(NAME_LINES, keyed_hash(self.salt, text.as_bytes()), |[number]| {
            let number = number - 1;
            let rank = self.rank(number)?;
            let chunk = self.chunk_at(rank)?;
            Ok((chunk.text == text.as_bytes()).then_some(Name {
                number,
                rank: rank as u32,
                first_posting: chunk.first_posting,
                postings: chunk.span.events as u32,
            }))
        })
    }

    /// Where in the order the strings are that begin with an entity and a colon.
    pub(super) fn names_below(&self, entity: &str) -> Result<Range<usize>> {
        let prefix = [entity, ":"].concat();
        if self.entries(BELOW_LINES) == 0 {
            let first = self.names_before(&prefix)?;
            // What comes after all that begin so: the byte after a colon is a semicolon.
            return Ok(first..self.names_before(&format!("{entity};"))?.max(first));
        }
        let hash = keyed_hash(self.salt, prefix.as_bytes());
        let begins_so = |at: usize| Ok(self.chunk_at(at)?.text.starts_with(prefix.as_bytes()));
        let mut found = Vec::new();
        self.look_up(BELOW_LINES, hash, |[count, first]| {
            let range = first as usize..(first as usize).saturating_add(count as usize);
            if range.end > self.strings_len() {
                return Err(self.damaged_names());
            }
            found.extend(begins_so(range.start)?.then_some(range));
            Ok(None::<()>)
        })?;
        narrowed(found, begins_so)
    }

    /// The postings of neighbouring strings, one at least.
    pub(super) fn postings_of_names(&self, names: &Range<usize>) -> Result<Range<usize>> {
        let first = self.chunk_at(names.start)?.first_posting as usize;
        let behind = self.chunk_at(names.end - 1)?.next_posting as usize;
        match first <= behind {
            true => Ok(first..behind),
            false => Err(self.damaged("the names of the index do not fit its postings")),
        }
    }

    /// How many strings come before `text`.
    pub(super) fn names_before(&self, text: &str) -> Result<usize> {
        let behind = partition_point(self.entries(CHUNKS), |number| {
            Ok(self.chunk_at(number * NAMES_TOGETHER)?.text.as_slice() < text.as_bytes())
        })?;
        let Some(number) = behind.checked_sub(1) else { return Ok(0) };
        let mut chunk = self.chunk(number)?;
        while chunk.left > 0 {
            self.next_name(&mut chunk)?;
            if chunk.text.as_slice() >= text.as_bytes() {
                return Ok(chunk.rank - 1);
            }
        }
        Ok(chunk.rank)
    }

    /// Shows the strings from a place of the order on, with what the entity of each name has and
    /// its first posting.
    pub(super) fn each_name(
        &self,
        from: usize,
        visit: &mut dyn FnMut(usize, &str, Span, u32) -> Result<Flow>,
    ) -> Result<()> {
        let mut bytes = 0;
        for number in from / NAMES_TOGETHER..self.entries(CHUNKS) {
            let mut chunk = self.chunk(number)?;
            while chunk.left > 0 {
                self.next_name(&mut chunk)?;
                // The log spells every string: what is made up of a few bytes must not take memory.
                bytes += chunk.text.len() as u64;
                if bytes > self.meta.covered_len {
                    return Err(self.damaged("the index has more text than its log"));
                }
                let rank = chunk.rank - 1;
                if rank < from {
                    continue;
                }
                let text = self.text_of(&chunk)?;
                if visit(rank, text, chunk.span(), chunk.first_posting)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn text_of<'c>(&self, chunk: &'c Chunk) -> Result<&'c str> {
        std::str::from_utf8(&chunk.text).map_err(|_| self.damaged("a string is not UTF-8"))
    }

    /// The numbers of strings, in the order of those.
    pub(super) fn numbers(&self) -> Result<Vec<u32>> {
        let mut numbers = vec![u32::MAX; self.strings_len()];
        let mut number = 0;
        self.each_entry(RANKS, &mut |entry| {
            let place = numbers.get_mut(u32_at(entry, 0) as usize).filter(|n| **n == u32::MAX);
            *place.ok_or_else(|| self.damaged_names())? = number;
            number += 1;
            Ok(())
        })?;
        Ok(numbers)
    }

    /// All strings, by number.
    pub(super) fn read_strings(&self) -> Result<Vec<Arc<str>>> {
        let (numbers, empty) = (self.numbers()?, Arc::<str>::from(""));
        let mut strings = vec![empty; numbers.len()];
        self.each_name(0, &mut |rank, text, _, _| {
            strings[numbers[rank] as usize] = text.into();
            Ok(Flow::Continue(()))
        })?;
        Ok(strings)
    }

    /// All strings in memory, by number, where there are few, and the dictionaries of the store do
    /// not take too much.
    pub fn dictionary(&self) -> Option<&Arc<Dictionary>> {
        let load = || {
            let count = self.strings_len();
            if count > DICTIONARY_STRINGS_MAX {
                return None;
            }
            let strings = self.read_strings().ok()?;
            let text = strings.iter().map(|string| string.len()).sum::<usize>();
            let bytes = count * size_of::<(Arc<str>, [usize; 2])>() + text;
            Some(Arc::new(self.room.pin_strings(bytes)?.hold(strings)))
        };
        self.dictionary.get_or_init(load).as_ref()
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
        if let Some(scope) = self.scope_names().and_then(|scopes| scopes.get(&number)) {
            return Ok(scope.clone());
        }
        Ok(self.text_of(&self.chunk_at(self.rank(number)?)?)?.into())
    }

    /// The strings of scopes in memory, where they are few: nearly every event that is read has one
    /// of them.
    fn scope_names(&self) -> Option<&BTreeMap<u32, Arc<str>>> {
        let load = || {
            let (mut names, mut bytes) = (BTreeMap::new(), 0);
            let few = 0..self.entries(SCOPES);
            for at in few.clone().take_while(|_| few.len() <= SCOPE_NAMES_MAX) {
                let entry: [u8; ENTRY_LEN[SCOPES]] = self.entry(SCOPES, at).ok()?;
                let number = u32_at(&entry, 0);
                let chunk = self.chunk_at(self.rank(number).ok()?).ok()?;
                bytes += chunk.text.len() + size_of::<(u32, Arc<str>, [usize; 2])>();
                names.insert(number, self.text_of(&chunk).ok()?.into());
            }
            Some(self.room.pin_strings(bytes)?.hold(names))
        };
        self.scope_names.get_or_init(load).as_deref()
    }
}

/// The sections of names: the strings, their chunks, the lines by the hash of a string and by that
/// of what strings begin with, and the place of each in the order.
pub struct NameSections {
    pub names: Vec<u8>,
    pub chunks: Vec<u8>,
    pub lines: Vec<u8>,
    pub below: Vec<u8>,
    pub ranks: Vec<u8>,
}

/// Encodes strings, whose order is that of their numbers `order`, with what each entity has.
pub fn encode(
    (salt, first_sequence, first_time): (u64, u64, i64),
    strings: &[Arc<str>],
    order: &[u32],
    spans: &[Span],
) -> NameSections {
    let (mut names, mut chunks) = (Vec::new(), Vec::new());
    let (mut before, mut posting, mut last) = ("", 0u32, Span::default());
    let (mut hashes, mut ranks) = (Vec::with_capacity(order.len()), vec![0; 4 * order.len()]);
    for (rank, number) in order.iter().enumerate() {
        let (text, span) = (&*strings[*number as usize], &spans[*number as usize]);
        if rank.is_multiple_of(NAMES_TOGETHER) {
            chunks.extend_from_slice(&(names.len() as u32).to_le_bytes());
            chunks.extend_from_slice(&posting.to_le_bytes());
            (before, last) = ("", before_first(first_sequence, first_time));
        }
        let shared = shared(before, text);
        put_varint(&mut names, shared as u64);
        put_slice(&mut names, &text.as_bytes()[shared..]);
        put_span(&mut names, &mut last, span);
        (before, posting) = (text, posting + span.events as u32);
        hashes.push((keyed_hash(salt, text.as_bytes()), [number + 1]));
        ranks[4 * *number as usize..][..4].copy_from_slice(&(rank as u32).to_le_bytes());
    }
    let below = encode_below(salt, strings, order);
    NameSections { names, chunks, lines: lines::encode(&hashes), below, ranks }
}

fn put_span(out: &mut Vec<u8>, last: &mut Span, span: &Span) {
    put_varint(out, span.events);
    if span.events == 0 {
        return;
    }
    let sequences = |from: u64, to: u64| zigzag(to.wrapping_sub(from) as i64);
    let times = |from: i64, to: i64| zigzag(to.wrapping_sub(from));
    put_varint(out, sequences(last.sequences.0, span.sequences.0));
    put_varint(out, times(last.timestamps.0, span.timestamps.0));
    if span.events > 1 {
        put_varint(out, sequences(span.sequences.0, span.sequences.1));
        put_varint(out, times(span.timestamps.0, span.timestamps.1));
    }
    *last = *span;
}

/// Of the places that the hash of an entity may stand for, that of the strings below it, which is
/// among these. A line has a part of each hash; what is above or below the entity may have the
/// same. Then not all strings begin so, or not all that do are there.
fn narrowed(
    found: Vec<Range<usize>>,
    begins_so: impl Fn(usize) -> Result<bool>,
) -> Result<Range<usize>> {
    let mut found = found.into_iter();
    let mut best = found.next().unwrap_or_default();
    for range in found {
        let (shorter, longer) = match range.len() < best.len() {
            true => (range, best),
            false => (best, range),
        };
        best = if begins_so(longer.end - 1)? { longer } else { shorter };
    }
    Ok(best)
}

/// Entities, which are in order, and those that they are below, whether or not there are such: a
/// few more than once.
pub fn with_those_above<'s>(entities: impl Iterator<Item = &'s str>) -> Vec<&'s str> {
    let (mut names, mut before) = (Vec::with_capacity(entities.size_hint().0), "");
    for text in entities {
        let known = shared(before, text);
        let colons = text.bytes().enumerate().skip(known).filter(|(_, byte)| *byte == b':');
        names.extend(colons.map(|(at, _)| &text[..at]));
        names.push(text);
        before = text;
    }
    names
}

/// How many bytes two strings have in common at their front.
fn shared(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// The lines by the hash of what strings begin with, up to and with a colon: how many there are,
/// and the place of the first. None where that would be many.
fn encode_below(salt: u64, strings: &[Arc<str>], order: &[u32]) -> Vec<u8> {
    let mut found = Vec::new();
    // Length of what the strings that come next may also begin with, and the first that does.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut before = "";
    for rank in 0..=order.len() {
        let text = order.get(rank).map_or("", |number| &*strings[*number as usize]);
        let shared = shared(before, text);
        while let Some((length, first)) = open.pop_if(|(length, _)| *length > shared) {
            let hash = keyed_hash(salt, &before.as_bytes()[..length]);
            found.push((hash, [(rank - first) as u32, first as u32]));
        }
        if found.len() + open.len() > strings.len() * BELOW_PER_STRING {
            return Vec::new();
        }
        let colons = text.bytes().enumerate().skip(shared).filter(|(_, byte)| *byte == b':');
        open.extend(colons.map(|(at, _)| (at + 1, rank)));
        before = text;
    }
    lines::encode(&found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_whose_hashes_are_alike_are_told_apart() {
        let strings = ["a", "a:b:c", "a:b:c:d", "a:b:d", "a:c", "a:c:e", "b:a", "b:b"];
        let range_of = |prefix: &str| {
            let first = strings.partition_point(|text| *text < prefix);
            first..first + strings.iter().filter(|text| text.starts_with(prefix)).count()
        };
        for prefix in ["a:", "a:b:", "a:b:c:", "a:c:", "b:"] {
            let begins_so = |at: usize| strings[at].starts_with(prefix);
            let alike = ["a:", "a:b:", "a:b:c:", "a:c:", "b:"].map(range_of);
            let alike: Vec<_> = alike.into_iter().filter(|range| begins_so(range.start)).collect();
            for first in 0..alike.len() {
                let mut found = alike.clone();
                found.rotate_left(first);
                let wanted = range_of(prefix);
                assert_eq!(narrowed(found, |at| Ok(begins_so(at))).unwrap(), wanted, "{prefix}");
                let two = vec![wanted.clone(), alike[first].clone()];
                assert_eq!(narrowed(two, |at| Ok(begins_so(at))).unwrap(), wanted, "{prefix}");
                let two = vec![alike[first].clone(), wanted.clone()];
                assert_eq!(narrowed(two, |at| Ok(begins_so(at))).unwrap(), wanted, "{prefix}");
            }
        }
    }
}

//! A table of hashes on disk, which one read answers from: in which segments of a run an id may
//! be, or where an entity has its last event there.
//!
//! A table is lines as long as those of a processor's cache. A line is a checksum, a count, and
//! slots. The hash of a key says which line is its own: line and hash have the same order. A slot
//! has only the low bits of the hash. Its line gives back the others, as in a quotient filter
//! (Bender et al., Don't Thrash: How to Cache Your Hash on Flash, 2012). So tables are merged
//! without a look at the keys. Where a line is full, a key is in one of those after it, up to the
//! first that is not: linear probing, as in Knuth's The Art of Computer Programming, volume 3,
//! section 6.4.

use crate::engine::model::bytes::{u32_at, u64_at};

pub const LINE_LEN: usize = 64;
/// Checksum and count.
const LINE_HEAD: usize = 4;
const COUNT_BITS: u32 = 4;
/// A key is at most so many lines after its own. Keys that somebody chose to fall on one line make
/// no table.
const SPILL: u64 = 7;
/// Hashes have so many bits: at least, where a table is made of few or many keys, and at most. Of a
/// billion keys that are not there, about a thousand are found.
const HASH_BITS_MIN: u32 = 40;
const HASH_BITS_MAX: u32 = 48;
/// Bytes of the part of a slot that has a remainder and the number of a segment.
const NARROW: usize = 4;
const WIDE: usize = 8;
/// Of ten slots, so many are used on average.
const USED_OF_TEN: u64 = 8;

/// What a table is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Each id, with the segment that it is in.
    Ids,
    /// Each entity, with segment and offset of its last event.
    Heads,
}

/// A key of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub hash: u64,
    /// Its number among those of the run.
    pub segment: u32,
    /// Of the entity's last event; 0 for an id.
    pub offset: u32,
}

/// How a table is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub of: Of,
    /// Lines that hashes fall on. [`SPILL`] more follow.
    pub lines: u64,
    /// A hash is so many leading bits of a key.
    pub hash_bits: u32,
    /// [`NARROW`] or [`WIDE`].
    pub field_len: usize,
    segment_bits: u32,
}

pub type Line = [u8; LINE_LEN];

impl Shape {
    /// The shape of a table of so many keys in so many segments, a power of two. `hash_bits`: more
    /// are not known.
    pub fn for_keys(of: Of, keys: u64, segments: usize, hash_bits: u32) -> Shape {
        let segment_bits = segments.trailing_zeros();
        let shape = |field_len: usize| {
            let shape = Shape { of, lines: 0, hash_bits: 0, field_len, segment_bits };
            let lines = (keys * 10).div_ceil(shape.slots() as u64 * USED_OF_TEN).max(1);
            let most = (u128::from(shape.span_max()) * u128::from(lines)).ilog2();
            Shape { lines, hash_bits: most.min(hash_bits).min(HASH_BITS_MAX), ..shape }
        };
        let narrow = shape(NARROW);
        if narrow.hash_bits >= HASH_BITS_MIN.min(hash_bits) {
            narrow
        } else {
            shape(WIDE)
        }
    }

    /// The shape that a file says it has; none where there is no such shape.
    pub fn of_file(of: Of, segments: usize, lines: u64, layout: u32) -> Option<Shape> {
        let (hash_bits, field_len) = (layout & 0xff, (layout >> 8) as usize);
        let segment_bits = segments.trailing_zeros();
        let shape = Shape { of, lines, hash_bits, field_len, segment_bits };
        let sound = (field_len == NARROW || field_len == WIDE)
            && (1..=HASH_BITS_MAX).contains(&hash_bits)
            && (1..1 << 32).contains(&lines)
            && 1u128 << hash_bits <= u128::from(shape.span_max()) * u128::from(lines);
        sound.then_some(shape)
    }

    /// Hash bits and width of the slots, as a file has them.
    pub fn layout(&self) -> u32 {
        self.hash_bits | (self.field_len as u32) << 8
    }

    /// So many lines are in the file.
    pub fn lines_in_all(&self) -> u64 {
        self.lines + SPILL
    }

    /// The most hashes that may fall on a line: what a line has is of so many lines that a
    /// remainder tells them apart.
    fn span_max(&self) -> u64 {
        (1 << (self.remainder_bits() - (SPILL + 1).ilog2())) - 1
    }

    fn remainder_bits(&self) -> u32 {
        self.field_len as u32 * 8 - self.segment_bits
    }

    fn slot_len(&self) -> usize {
        self.field_len + if self.of == Of::Heads { 4 } else { 0 }
    }

    fn slots(&self) -> usize {
        (LINE_LEN - LINE_HEAD) / self.slot_len()
    }

    pub fn hash_of(&self, key: u64) -> u64 {
        key >> (64 - self.hash_bits)
    }

    pub fn line_of(&self, hash: u64) -> u64 {
        ((u128::from(hash) * u128::from(self.lines)) >> self.hash_bits) as u64
    }

    /// The first hash that falls on a line.
    fn start_of(&self, line: u64) -> u64 {
        (u128::from(line) << self.hash_bits).div_ceil(u128::from(self.lines)) as u64
    }

    /// What a slot has of a hash, above the number of the segment.
    fn remainder(&self, hash: u64) -> u64 {
        let field_max = u64::MAX >> (64 - self.field_len * 8);
        (hash << self.segment_bits) & field_max
    }

    fn field(&self, line: &Line, slot: usize) -> u64 {
        let at = LINE_HEAD + slot * self.slot_len();
        match self.field_len {
            NARROW => u32_at(line, at).into(),
            _ => u64_at(line, at),
        }
    }

    fn entry(&self, line: &Line, slot: usize, hash: u64) -> Entry {
        let segment = self.field(line, slot) & ((1 << self.segment_bits) - 1);
        let offset = match self.of {
            Of::Ids => 0,
            Of::Heads => u32_at(line, LINE_HEAD + slot * self.slot_len() + self.field_len),
        };
        Entry { hash, segment: segment as u32, offset }
    }

    /// Shows what a line has of a hash; whether there may be more in the next line.
    pub fn look_up(&self, line: &Line, hash: u64, found: &mut dyn FnMut(Entry)) -> bool {
        let (count, wanted) = (count_of(line), self.remainder(hash));
        let segment_mask = (1 << self.segment_bits) - 1;
        // As a rule there is none, which this says without a branch for each.
        let any = match (self.of, self.field_len) {
            (Of::Ids, NARROW) => any_of::<4>(line, wanted as u32, segment_mask as u32),
            (Of::Heads, NARROW) => any_of::<8>(line, wanted as u32, segment_mask as u32),
            _ => true,
        };
        if any {
            let ours = |slot: &usize| self.field(line, *slot) & !segment_mask == wanted;
            let slots = (0..count.min(self.slots())).filter(ours);
            slots.for_each(|slot| found(self.entry(line, slot, hash)));
        }
        count >= self.slots()
    }

    /// The entries of a line with this number, in order.
    pub fn entries<'l>(&self, line: &'l Line, number: u64) -> impl Iterator<Item = Entry> + 'l {
        let base = self.start_of(number.saturating_sub(SPILL));
        let remainder_mask = u64::MAX >> (64 - self.remainder_bits());
        let shape = *self;
        (0..count_of(line).min(self.slots())).map(move |slot| {
            let remainder = shape.field(line, slot) >> shape.segment_bits;
            let above = remainder.wrapping_sub(base) & remainder_mask;
            shape.entry(line, slot, base.wrapping_add(above))
        })
    }
}

/// Whether one of the fields that are so far apart has a remainder, whatever the count.
fn any_of<const STEP: usize>(line: &Line, wanted: u32, segment_mask: u32) -> bool {
    let fields = line[LINE_HEAD..].chunks_exact(STEP);
    fields.fold(false, |any, field| any | (u32_at(field, 0) & !segment_mask == wanted))
}

fn count_of(line: &Line) -> usize {
    line[0] as usize & ((1 << COUNT_BITS) - 1)
}

/// Whether a line is what was written under this number. `seed`: what only this file has.
pub fn is_intact(line: &Line, seed: u64, number: u64) -> bool {
    let count = u32_at(line, 0) & ((1 << COUNT_BITS) - 1);
    u32_at(line, 0) == head(line, seed, number, count)
}

fn seal(line: &mut Line, seed: u64, number: u64, count: usize) {
    let head = head(line, seed, number, count as u32);
    line[..LINE_HEAD].copy_from_slice(&head.to_le_bytes());
}

/// Count and checksum of a line. The checksum is in the manner of FNV-1a, 8 bytes at a time: each
/// step is one-to-one, so that no change of one word stays unseen. Short, it costs a quarter of a
/// CRC-32 of as much.
fn head(line: &Line, seed: u64, number: u64, count: u32) -> u32 {
    let mut sum = seed ^ (number << COUNT_BITS | u64::from(count));
    let mut step = |word: u64| {
        sum = (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sum ^= sum >> 29;
    };
    step(u32_at(line, LINE_HEAD).into());
    line[8..].chunks_exact(8).for_each(|word| step(u64_at(word, 0)));
    sum = sum.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((sum >> 32) as u32) << COUNT_BITS | count
}

/// Writes a table, key by key in their order.
pub struct TableBuilder {
    shape: Shape,
    seed: u64,
    /// What the first line of the table is numbered.
    first: u64,
    line: Line,
    number: u64,
    count: usize,
    keys: u64,
}

impl TableBuilder {
    pub fn new(shape: Shape, seed: u64, first: u64) -> TableBuilder {
        TableBuilder { shape, seed, first, line: [0; LINE_LEN], number: 0, count: 0, keys: 0 }
    }

    /// Adds a key. False where there is no room near its line.
    pub fn push(&mut self, entry: &Entry, out: &mut Vec<u8>) -> bool {
        let own = self.shape.line_of(entry.hash);
        while self.number < own || self.count == self.shape.slots() {
            self.end_line(out);
        }
        if self.number > own + SPILL {
            return false;
        }
        let at = LINE_HEAD + self.count * self.shape.slot_len();
        let field = self.shape.remainder(entry.hash) | u64::from(entry.segment);
        let end = at + self.shape.field_len;
        self.line[at..end].copy_from_slice(&field.to_le_bytes()[..self.shape.field_len]);
        if self.shape.of == Of::Heads {
            self.line[end..end + 4].copy_from_slice(&entry.offset.to_le_bytes());
        }
        (self.count, self.keys) = (self.count + 1, self.keys + 1);
        true
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        seal(&mut self.line, self.seed, self.first + self.number, self.count);
        out.extend_from_slice(&self.line);
        (self.line, self.count) = ([0; LINE_LEN], 0);
        self.number += 1;
    }

    /// Writes the lines that are left; how many keys there are.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> u64 {
        while self.number < self.shape.lines_in_all() {
            self.end_line(out);
        }
        self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 7;

    fn key(n: u64) -> u64 {
        let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    fn build(shape: Shape, entries: &[Entry]) -> Option<Vec<Line>> {
        let (mut builder, mut out) = (TableBuilder::new(shape, SEED, 100), Vec::new());
        let fits = entries.iter().all(|entry| builder.push(entry, &mut out));
        builder.finish(&mut out);
        fits.then(|| out.chunks_exact(LINE_LEN).map(|line| line.try_into().unwrap()).collect())
    }

    fn look_up(shape: &Shape, lines: &[Line], hash: u64) -> Vec<Entry> {
        let (mut found, mut at) = (Vec::new(), shape.line_of(hash) as usize);
        while at < lines.len() && shape.look_up(&lines[at], hash, &mut |e| found.push(e)) {
            at += 1;
        }
        found
    }

    #[test]
    fn a_table_has_what_was_put_in_and_little_else() {
        let mut shapes = Vec::new();
        for (of, keys, segments) in [
            (Of::Ids, 100_000, 1),
            (Of::Ids, 100_000, 256),
            (Of::Heads, 100_000, 1),
            (Of::Heads, 50_000, 4),
            (Of::Heads, 50_000, 1024),
            (Of::Ids, 3, 4),
            (Of::Heads, 3, 1),
            (Of::Ids, 0, 1),
        ] {
            let shape = Shape::for_keys(of, keys, segments, 64);
            shapes.push((of, shape.field_len));
            assert_eq!(Shape::of_file(of, segments, shape.lines, shape.layout()), Some(shape));
            let entry = |n: u64| Entry {
                hash: shape.hash_of(key(n)),
                segment: (n % segments as u64) as u32,
                offset: if of == Of::Heads { n as u32 } else { 0 },
            };
            let mut entries: Vec<Entry> = (0..keys).map(entry).collect();
            entries.sort_unstable();
            let lines = build(shape, &entries).expect("there is room");
            assert_eq!(lines.len() as u64, shape.lines_in_all());
            let read: Vec<Entry> =
                (0..).zip(&lines).flat_map(|(n, line)| shape.entries(line, n)).collect();
            assert_eq!(read, entries);
            assert!((0..keys).all(|n| look_up(&shape, &lines, entry(n).hash).contains(&entry(n))));
            let absent = |n: &u64| !look_up(&shape, &lines, entry(n + 1_000_000).hash).is_empty();
            assert!((0..100_000).filter(absent).count() < 5);
        }
        for of in [Of::Ids, Of::Heads] {
            assert!(shapes.contains(&(of, NARROW)) && shapes.contains(&(of, WIDE)));
        }
    }

    #[test]
    fn keys_that_fall_on_one_line_make_no_table() {
        let shape = Shape::for_keys(Of::Ids, 10_000, 1, 64);
        let near = |n: u64| Entry { hash: n, segment: 0, offset: 0 };
        let fits = |count: u64| build(shape, &(0..count).map(near).collect::<Vec<_>>()).is_some();
        let room = shape.slots() as u64 * (SPILL + 1);
        assert!(fits(room) && !fits(room + 1));
    }

    #[test]
    fn no_bit_of_a_line_changes_unseen() {
        let shape = Shape::for_keys(Of::Heads, 1000, 4, 64);
        let mut entries: Vec<Entry> = (0..1000)
            .map(|n| Entry { hash: shape.hash_of(key(n)), segment: 1, offset: n as u32 })
            .collect();
        entries.sort_unstable();
        for (number, line) in (100..).zip(build(shape, &entries).unwrap()) {
            assert!(is_intact(&line, SEED, number));
            assert!(!is_intact(&line, SEED, number + 1) && !is_intact(&line, SEED + 1, number));
            for bit in 0..LINE_LEN * 8 {
                let mut other = line;
                other[bit / 8] ^= 1 << (bit % 8);
                assert!(!is_intact(&other, SEED, number));
            }
        }
        assert!(!is_intact(&[0; LINE_LEN], SEED, 100));
    }
}

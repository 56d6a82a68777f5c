//! The index of one segment: built from the log, written beside it, deletable at any time.
//!
//! A file of 4 KiB blocks, each with 4,032 bytes of data and a checksum; sections start at a block.
//! Every fixed-size entry divides 4,032, so none straddles two blocks.

use super::cache::{Block, BlockCache, Part, Pinned};
use super::error::{Code, Error, Result};
use super::frame::{array_at, u32_at, u64_at, SegmentHeader};
use super::id::{Hash, Id};
use super::limits::{COORDINATE_BYTES_MAX, NAMESPACE_BYTES_MAX, SEQUENCE_MAX};
use super::vfs::{read_full, read_full_settled, File};
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

const MAGIC: [u8; 8] = *b"FBATIDX\0";
/// Indexes of another version are made anew.
const VERSION: u32 = 1;
const BLOCK_LEN: usize = 4096;
const DATA_LEN: usize = 4032;
const FILTER_LINE_LEN: usize = 64;
const FILTER_BITS_PER_KEY: usize = 10;
const FILTER_PROBES: u32 = 6;

/// Sections, in the order in which they stand in the file, and the length of their entries.
const IDS: usize = 0; // id 16, tag 8, offset 4; by id
const FILTER: usize = 1; // lines of 512 bits over ids and entities
const NAMES: usize = 2; // number 4, first posting 4, postings 4, 0 4; by string
const POSTINGS: usize = 3; // offset 4; by entity, then offset
const STRINGS: usize = 4; // offset in TEXT 4, length 4; by number
const TEXT: usize = 5; // bytes
const SPARSE: usize = 6; // sequence 8, offset of the frame 4, of its batch 4; by sequence
const SECTIONS: usize = 7;
const ENTRY_LEN: [usize; SECTIONS] = [28, FILTER_LINE_LEN, 16, 4, 8, 1, 16];
const IDS_PER_BLOCK: usize = DATA_LEN / ENTRY_LEN[IDS];
/// A search among ids begins between two of so many.
const FENCE_STEPS: usize = 64;
/// With more strings than this, an index does not hold them in memory.
const DICTIONARY_STRINGS_MAX: usize = 4096;
/// A whole section is read in parts of so many blocks.
const VISIT_BLOCKS: usize = 64;
/// At least so many events lie between two sparse entries.
pub const SPARSE_EVERY: u64 = 64;

/// What an index says of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexMeta {
    /// It covers the log up to this offset.
    pub covered_len: u64,
    /// The last sequence covered; `first_sequence - 1` where there is none.
    pub last_sequence: u64,
    pub events: u64,
    pub last_recorded_us: i64,
    /// Log hash at the end of what is covered.
    pub log_hash: Hash,
    /// The segment is complete.
    pub sealed: bool,
}

/// Where an event lies, as the id section has it.
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

/// What an index is made from.
#[derive(Default)]
pub struct IndexBuilder {
    pub ids: Vec<IdEntry>,
    /// Number of the entity and offset of each event, in any order.
    pub postings: Vec<(u32, u32)>,
    /// By number.
    pub strings: Vec<Arc<str>>,
    pub sparse: Vec<SparseEntry>,
}

impl IndexBuilder {
    /// Begins with everything that `index` covers.
    pub fn of(index: &Index) -> Result<IndexBuilder> {
        let mut builder = IndexBuilder::default();
        builder.ids.reserve(index.entries(IDS));
        for at in 0..index.entries(IDS) {
            builder.ids.push(index.id_entry(at)?);
        }
        for number in 0..index.strings_len() as u32 {
            builder.strings.push(index.string(number)?);
        }
        for at in 0..index.entries(NAMES) {
            let name = index.name(at)?;
            index.check_name(&name, builder.postings.len())?;
            for posting in 0..name.postings {
                builder.postings.push((
                    name.number,
                    index.posting(name.first_posting.saturating_add(posting))?,
                ));
            }
        }
        for at in 0..index.entries(SPARSE) {
            builder.sparse.push(index.sparse(at)?);
        }
        Ok(builder)
    }

    /// The bytes of the index file.
    pub fn build(mut self, segment: &SegmentHeader, meta: &IndexMeta) -> Vec<u8> {
        self.ids.sort_unstable_by_key(|entry| entry.id);
        self.postings.sort_unstable();
        let sections = [
            self.ids_section(),
            self.filter_section(),
            self.names_section(),
            self.postings.iter().flat_map(|(_, offset)| offset.to_le_bytes()).collect(),
            self.strings_section(),
            self.strings.iter().flat_map(|s| s.bytes()).collect(),
            self.sparse_section(),
        ];
        let mut header = encode_header(segment, meta);
        let mut block = 1u64;
        for section in &sections {
            header.extend_from_slice(&block.to_le_bytes());
            header.extend_from_slice(&(section.len() as u64).to_le_bytes());
            block += section.len().div_ceil(DATA_LEN) as u64;
        }
        let mut out = Vec::with_capacity(block as usize * BLOCK_LEN);
        push_blocks(&mut out, segment.salt, &header);
        for section in &sections {
            push_blocks(&mut out, segment.salt, section);
        }
        out
    }

    fn ids_section(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.ids.len() * ENTRY_LEN[IDS]);
        for entry in &self.ids {
            out.extend_from_slice(&entry.id.to_bytes());
            out.extend_from_slice(&entry.tag.to_le_bytes());
            out.extend_from_slice(&entry.offset.to_le_bytes());
        }
        out
    }

    fn filter_section(&self) -> Vec<u8> {
        let mut entities: Vec<u32> = self.postings.iter().map(|(number, _)| *number).collect();
        entities.dedup();
        let keys = self.ids.len() + entities.len();
        let lines = (keys * FILTER_BITS_PER_KEY).div_ceil(FILTER_LINE_LEN * 8).max(1);
        let mut out = vec![0u8; lines * FILTER_LINE_LEN];
        let ids = self.ids.iter().map(|entry| id_filter_key(entry.id));
        let names =
            entities.iter().map(|number| entity_filter_key(&self.strings[*number as usize]));
        for key in ids.chain(names) {
            let line = filter_line(key, lines) * FILTER_LINE_LEN;
            filter_bits(key).for_each(|bit| out[line + bit / 8] |= 1 << (bit % 8));
        }
        out
    }

    fn names_section(&self) -> Vec<u8> {
        let mut numbers: Vec<u32> = (0..self.strings.len() as u32).collect();
        numbers.sort_unstable_by(|a, b| self.strings[*a as usize].cmp(&self.strings[*b as usize]));
        let mut out = Vec::with_capacity(numbers.len() * ENTRY_LEN[NAMES]);
        for number in numbers {
            let first = self.postings.partition_point(|(n, _)| *n < number);
            let count = self.postings[first..].partition_point(|(n, _)| *n == number);
            for value in [number, first as u32, count as u32, 0] {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        out
    }

    fn strings_section(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.strings.len() * ENTRY_LEN[STRINGS]);
        let mut offset = 0u32;
        for string in &self.strings {
            out.extend_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(&(string.len() as u32).to_le_bytes());
            offset += string.len() as u32;
        }
        out
    }

    fn sparse_section(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.sparse.len() * ENTRY_LEN[SPARSE]);
        for entry in &self.sparse {
            out.extend_from_slice(&entry.sequence.to_le_bytes());
            out.extend_from_slice(&entry.offset.to_le_bytes());
            out.extend_from_slice(&entry.batch_offset.to_le_bytes());
        }
        out
    }
}

fn encode_header(segment: &SegmentHeader, meta: &IndexMeta) -> Vec<u8> {
    let mut header = Vec::with_capacity(DATA_LEN);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&u32::from(meta.sealed).to_le_bytes());
    header.extend_from_slice(&segment.store_id.to_bytes());
    header.extend_from_slice(&segment.first_sequence.to_le_bytes());
    header.extend_from_slice(&segment.salt.to_le_bytes());
    header.extend_from_slice(&meta.covered_len.to_le_bytes());
    header.extend_from_slice(&meta.last_sequence.to_le_bytes());
    header.extend_from_slice(&meta.events.to_le_bytes());
    header.extend_from_slice(&meta.last_recorded_us.to_le_bytes());
    header.extend_from_slice(&meta.log_hash.0);
    header
}

fn push_blocks(out: &mut Vec<u8>, salt: u64, section: &[u8]) {
    for data in section.chunks(DATA_LEN) {
        let number = (out.len() / BLOCK_LEN) as u64;
        let start = out.len();
        out.extend_from_slice(data);
        out.resize(start + DATA_LEN, 0);
        let crc = block_checksum(salt, number, &out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
        out.resize(start + BLOCK_LEN, 0);
    }
}

/// The checksum of a part of an index or a run, which another part, or one of another segment, does
/// not have.
pub fn block_checksum(salt: u64, number: u64, data: &[u8]) -> u32 {
    let mut hasher =
        crc32fast::Hasher::new_with_initial((salt ^ (salt >> 32)) as u32 ^ number as u32);
    hasher.update(data);
    hasher.finalize()
}

/// What the filter knows an id by. Ids may be anything a caller likes; this spreads them.
pub fn id_filter_key(id: Id) -> u64 {
    let folded = (id.0 as u64) ^ ((id.0 >> 64) as u64).rotate_left(32);
    let mixed = (folded ^ (folded >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// What the filter knows an entity by.
pub fn entity_filter_key(entity: &str) -> u64 {
    name_filter_key(entity.as_bytes())
}

fn name_filter_key(name: &[u8]) -> u64 {
    u64_at(blake3::hash(name).as_bytes(), 0)
}

/// The line that a key has in a filter of so many.
pub fn filter_line(key: u64, lines: usize) -> usize {
    (((key >> 32) * lines as u64) >> 32) as usize
}

/// Whether the line that `key` has may have been made with it.
pub fn filter_holds(line: &[u8], key: u64) -> bool {
    filter_bits(key).all(|bit| line[bit / 8] & 1 << (bit % 8) != 0)
}

fn filter_bits(key: u64) -> impl Iterator<Item = usize> {
    let spread = key.wrapping_mul(0x94d0_49bb_1331_11eb);
    (0..FILTER_PROBES).map(move |probe| (spread >> (64 - 9 * (probe + 1)) & 511) as usize)
}

/// A line of the filter, where the processor's cache has lines.
#[repr(align(64))]
#[derive(Clone, Copy, Debug)]
pub struct FilterLine(pub [u8; FILTER_LINE_LEN]);

/// A whole filter in memory.
pub type FilterLines = Vec<FilterLine>;

/// Read when it is first asked for, and shared by the clones of an index.
type Once<T> = Arc<OnceLock<T>>;

/// An index that is open for look-ups. Blocks are checked when they are read.
#[derive(Clone)]
pub struct Index {
    pub meta: IndexMeta,
    file: Arc<dyn File>,
    path: PathBuf,
    salt: u64,
    /// What the cache knows this file by.
    uid: u64,
    cache: Arc<BlockCache>,
    dictionary: Once<Option<Pinned<Vec<Arc<str>>>>>,
    /// Ids at equal distances, the first and the last among them, as far as a search met them.
    fence: Arc<[OnceLock<Id>; FENCE_STEPS + 1]>,
    /// First block and length in bytes of each section.
    sections: [(u64, u64); SECTIONS],
}

impl Index {
    /// Opens the index of `segment`; damage, another version and another segment are `Corrupt`.
    pub fn open(
        file: Arc<dyn File>,
        path: &Path,
        segment: &SegmentHeader,
        cache: &Arc<BlockCache>,
    ) -> Result<Index> {
        static NEXT_UID: AtomicU64 = AtomicU64::new(1);
        let block = load_block(read_full, &*file, path, segment.salt, 0)?;
        let wrong = |why: &str| Error::corrupt(path, 0, why);
        if block[..8] != MAGIC || u32_at(&block, 8) != VERSION {
            return Err(wrong("not an index of this version"));
        }
        let of_segment = block[16..32] == segment.store_id.to_bytes()
            && u64_at(&block, 32) == segment.first_sequence
            && u64_at(&block, 40) == segment.salt;
        if !of_segment {
            return Err(wrong("the index of another segment"));
        }
        let blocks = file.len().map_err(|e| Error::io("cannot stat", path, &e))? / BLOCK_LEN as u64;
        let section = |n: usize| (u64_at(&block, 112 + n * 16), u64_at(&block, 120 + n * 16));
        for (n, entry_len) in ENTRY_LEN.iter().enumerate() {
            let (first, bytes) = section(n);
            let end = first.saturating_add(bytes.div_ceil(DATA_LEN as u64));
            if end > blocks || bytes % *entry_len as u64 != 0 {
                return Err(wrong("a section of the index is longer than the file"));
            }
        }
        if section(FILTER).1 == 0 {
            return Err(wrong("the index has no filter"));
        }
        let meta = IndexMeta {
            sealed: u32_at(&block, 12) == 1,
            covered_len: u64_at(&block, 48),
            last_sequence: u64_at(&block, 56),
            events: u64_at(&block, 64),
            last_recorded_us: u64_at(&block, 72) as i64,
            log_hash: Hash(array_at(&block, 80)),
        };
        if meta.last_sequence > SEQUENCE_MAX || meta.events > meta.last_sequence {
            return Err(wrong("the index contradicts itself"));
        }
        let uid = NEXT_UID.fetch_add(1, Ordering::Relaxed);
        let sections = std::array::from_fn(section);
        Ok(Index {
            meta,
            file,
            path: path.to_owned(),
            salt: segment.salt,
            uid,
            cache: cache.clone(),
            dictionary: Arc::default(),
            fence: Arc::new([const { OnceLock::new() }; FENCE_STEPS + 1]),
            sections,
        })
    }

    /// The salt that an index file is for, unchecked: none where the file does not begin as an
    /// index does.
    pub fn salt_of(file: &dyn File) -> Option<u64> {
        let mut start = [0; 48];
        let got = read_full(file, &mut start, 0).ok()?;
        (got == start.len() && start[..8] == MAGIC).then(|| u64_at(&start, 40))
    }

    fn blocks(&self) -> u64 {
        self.sections
            .iter()
            .map(|(first, bytes)| first + bytes.div_ceil(DATA_LEN as u64))
            .max()
            .unwrap_or(1)
    }

    /// Length of the index file.
    pub fn file_bytes(&self) -> u64 {
        self.blocks() * BLOCK_LEN as u64
    }

    /// Reads and checks every block.
    pub fn check_blocks(&self) -> Result<()> {
        (0..self.blocks()).try_for_each(|n| {
            load_block(read_full, &*self.file, &self.path, self.salt, n).map(drop)
        })
    }

    fn block(&self, number: u64) -> Result<Block> {
        self.cache.get(self.uid, number, || {
            load_block(read_full, &*self.file, &self.path, self.salt, number)
        })
    }

    /// From the mapped file, which is worth it for what is looked up often, and here alone: pages
    /// that are mapped count as memory of the process.
    fn id_block(&self, number: u64) -> Result<Block> {
        self.cache.get(self.uid, number, || {
            load_block(read_full_settled, &*self.file, &self.path, self.salt, number)
        })
    }

    fn entries(&self, section: usize) -> usize {
        self.sections[section].1 as usize / ENTRY_LEN[section]
    }

    /// The block that holds the entry `at`, and where in it.
    fn entry(&self, section: usize, at: usize) -> Result<(Block, usize)> {
        let byte = at * ENTRY_LEN[section];
        if at >= self.entries(section) {
            return Err(self.damaged("the index leads out of a section of its own"));
        }
        let block = self.block(self.sections[section].0 + (byte / DATA_LEN) as u64)?;
        Ok((block, byte % DATA_LEN))
    }

    fn id_entry(&self, at: usize) -> Result<IdEntry> {
        let (block, at) = self.entry(IDS, at)?;
        Ok(decode_id_entry(&block, at))
    }

    fn name(&self, at: usize) -> Result<Name> {
        let (block, at) = self.entry(NAMES, at)?;
        Ok(Name {
            number: u32_at(&block, at),
            first_posting: u32_at(&block, at + 4),
            postings: u32_at(&block, at + 8),
        })
    }

    /// Refuses a name without a string, and one that would have `before` and its own postings be
    /// more than there are: names that share postings must not multiply what is read.
    fn check_name(&self, name: &Name, before: usize) -> Result<()> {
        let within = before.saturating_add(name.postings as usize) <= self.entries(POSTINGS);
        match within && (name.number as usize) < self.strings_len() {
            true => Ok(()),
            false => Err(self.damaged("the names of the index do not fit its other sections")),
        }
    }

    fn sparse(&self, at: usize) -> Result<SparseEntry> {
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

    /// Adds the offsets of an entity's events that lie from `lowest` to `highest`, ascending.
    pub fn postings_of(
        &self,
        name: &Name,
        lowest: u32,
        highest: u32,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let (first, count) = (name.first_posting as usize, name.postings as usize);
        let skip = partition_point(count, |at| Ok(self.posting((first + at) as u32)? < lowest))?;
        let (mut at, end) = (first + skip, first + count);
        while at < end {
            let (block, from) = self.entry(POSTINGS, at)?;
            let take = (end - at).min((DATA_LEN - from) / ENTRY_LEN[POSTINGS]);
            let offsets = block[from..].chunks_exact(4).take(take).map(|entry| u32_at(entry, 0));
            let before = out.len();
            out.extend(offsets.take_while(|offset| *offset <= highest));
            if out.len() - before < take {
                break;
            }
            at += take;
        }
        Ok(())
    }

    /// The offset of the entity's last event before the one at `offset`.
    pub fn posting_before(&self, name: &Name, offset: u32) -> Result<Option<u32>> {
        let first = name.first_posting;
        let at = partition_point(name.postings as usize, |at| {
            Ok(self.posting(first.saturating_add(at as u32))? < offset)
        })?;
        at.checked_sub(1).map(|at| self.posting(first.saturating_add(at as u32))).transpose()
    }

    /// Whether the id or entity of this filter key may be here; false is certain.
    pub fn filter_allows(&self, key: u64) -> Result<bool> {
        let line = filter_line(key, self.entries(FILTER));
        let (block, at) = self.entry(FILTER, line)?;
        Ok(filter_holds(&block[at..at + FILTER_LINE_LEN], key))
    }

    /// As a rule, that something is not in the front of a segment that is written to. Of a sealed
    /// one, whoever looks here was told so before; see [`super::segments::Segments::may_have`].
    fn filter_excludes(&self, key: u64) -> Result<bool> {
        Ok(!self.meta.sealed && !self.filter_allows(key)?)
    }

    /// The whole filter in memory, as long as the filters of the store do not take too much of it,
    /// and it can be read.
    pub fn pin_filter(&self) -> Option<Pinned<FilterLines>> {
        let (first, bytes) = self.sections[FILTER];
        let room = self.cache.pin(Part::Filter, bytes as usize)?;
        let mut filter = Vec::with_capacity(bytes as usize / FILTER_LINE_LEN);
        for data in self.read_blocks(first, bytes).ok()?.chunks_exact(BLOCK_LEN) {
            let lines = data[..DATA_LEN]
                .chunks_exact(FILTER_LINE_LEN)
                .map(|line| FilterLine(array_at(line, 0)));
            filter.extend(lines);
        }
        filter.truncate(bytes as usize / FILTER_LINE_LEN);
        Some(room.hold(filter))
    }

    /// No more filter keys than this are here.
    pub fn filter_keys_max(&self) -> usize {
        self.entries(IDS) + self.entries(NAMES)
    }

    /// Visits the filter key of every id and of every entity with events here.
    pub fn visit_filter_keys(&self, visit: &mut dyn FnMut(u64)) -> Result<()> {
        self.each_entry(IDS, &mut |entry| {
            visit(id_filter_key(Id::from_bytes(array_at(entry, 0))));
            Ok(())
        })?;
        let (first, bytes) = self.sections[TEXT];
        let text = self.read_blocks(first, bytes)?;
        let text = |from: usize, to: usize| {
            (from..to).map(|at| text[at / DATA_LEN * BLOCK_LEN + at % DATA_LEN])
        };
        let mut with_events = vec![false; self.strings_len()];
        self.each_entry(NAMES, &mut |entry| {
            let there = with_events.get_mut(u32_at(entry, 0) as usize);
            *there.ok_or_else(|| {
                self.damaged("the names of the index do not fit its other sections")
            })? = u32_at(entry, 8) > 0;
            Ok(())
        })?;
        let mut number = 0;
        self.each_entry(STRINGS, &mut |entry| {
            if with_events[number] {
                let (from, len) = (u32_at(entry, 0) as usize, u32_at(entry, 4) as usize);
                self.check_string(number, from, len)?;
                visit(name_filter_key(&text(from, from + len).collect::<Vec<u8>>()));
            }
            number += 1;
            Ok(())
        })
    }

    /// Visits the entries of a section in their order, past the cache.
    fn each_entry(&self, section: usize, visit: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let ((first, bytes), entry_len) = (self.sections[section], ENTRY_LEN[section] as u64);
        for from in (0..bytes).step_by(VISIT_BLOCKS * DATA_LEN) {
            let part = (bytes - from).min((VISIT_BLOCKS * DATA_LEN) as u64);
            let blocks = self.read_blocks(first + from / DATA_LEN as u64, part)?;
            let entries = blocks
                .chunks(BLOCK_LEN)
                .flat_map(|block| block[..DATA_LEN].chunks_exact(entry_len as usize));
            entries.take((part / entry_len) as usize).try_for_each(&mut *visit)?;
        }
        Ok(())
    }

    /// Reads and checks the blocks of a section that begins with the block `first` and has so many
    /// bytes.
    fn read_blocks(&self, first: u64, bytes: u64) -> Result<Vec<u8>> {
        let mut blocks = vec![0; bytes.div_ceil(DATA_LEN as u64) as usize * BLOCK_LEN];
        let offset = first * BLOCK_LEN as u64;
        let got = read_full(&*self.file, &mut blocks, offset)
            .map_err(|e| Error::io("cannot read", &self.path, &e))?;
        for (number, block) in (first..).zip(blocks.chunks(BLOCK_LEN)) {
            let start = (number - first) as usize * BLOCK_LEN;
            check_block(
                &block[..got.saturating_sub(start).min(BLOCK_LEN)],
                &self.path,
                self.salt,
                number,
            )?;
        }
        Ok(blocks)
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
            // The block with that entry settles it, unless the id lies before or behind all of its
            // entries.
            let start = guess - guess % IDS_PER_BLOCK;
            let count = IDS_PER_BLOCK.min(self.entries(IDS) - start);
            let number = self.sections[IDS].0 + (start / IDS_PER_BLOCK) as u64;
            let look = |block: &[u8]| place_in_block(block, count, guess - start, id);
            let place = match self.cache.peek(self.uid, number, look) {
                Some(place) => place,
                None => look(&self.id_block(number)?),
            };
            match place? {
                Place::At(entry) => return Ok(Some(entry)),
                Place::Absent => return Ok(None),
                Place::Before(first) => (high, high_id) = (start, first),
                Place::Behind(last) => (low, low_id) = (start + count, last),
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

    /// The entities with events here of this name, and of those that start with `below`, which
    /// comes behind it.
    pub fn entities(&self, name: &str, below: &str) -> Result<Vec<Name>> {
        let (mut found, mut postings) = (Vec::new(), 0);
        let mut take = |name: Name| {
            self.check_name(&name, postings)?;
            postings += name.postings as usize;
            if name.postings > 0 {
                found.push(name);
            }
            Ok(())
        };
        let first = self.names_before(name)?;
        if first < self.entries(NAMES) && &*self.string(self.name(first)?.number)? == name {
            take(self.name(first)?)?;
        }
        // As a rule the names below follow at once.
        let from = partition_near(self.entries(NAMES), first + 1, |at| self.is_before(at, below))?;
        for at in from..self.entries(NAMES) {
            let name = self.name(at)?;
            if !self.string(name.number)?.starts_with(below) {
                break;
            }
            take(name)?;
        }
        Ok(found)
    }

    fn names_before(&self, text: &str) -> Result<usize> {
        partition_point(self.entries(NAMES), |at| self.is_before(at, text))
    }

    /// Whether the name at a place of the order comes before `text`.
    fn is_before(&self, at: usize, text: &str) -> Result<bool> {
        Ok(&*self.string(self.name(at)?.number)? < text)
    }

    pub fn strings_len(&self) -> usize {
        self.entries(STRINGS)
    }

    /// All strings in memory, by number, where there are few, and the dictionaries of the store do
    /// not take too much.
    pub fn dictionary(&self) -> Option<&[Arc<str>]> {
        let load = || {
            let count = self.strings_len();
            let bytes = count * size_of::<(Arc<str>, [usize; 2])>() + self.entries(TEXT);
            let room = (count <= DICTIONARY_STRINGS_MAX)
                .then(|| self.cache.pin(Part::Strings, bytes))??;
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

    fn damaged(&self, why: impl Display) -> Error {
        Error::corrupt(&self.path, 0, why)
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
}

impl Index {
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

    /// The offset of the first place, of those where a walk can start, with a sequence above
    /// `until`.
    pub fn sparse_above(&self, until: u64) -> Result<Option<u32>> {
        let at =
            partition_point(self.entries(SPARSE), |at| Ok(self.sparse(at)?.sequence <= until))?;
        if at == self.entries(SPARSE) {
            return Ok(None);
        }
        self.sparse(at).map(|entry| Some(entry.offset))
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
enum Place {
    At(IdEntry),
    Absent,
    /// Before the first id of the block, or behind its last.
    Before(Id),
    Behind(Id),
}

/// Looks for an id among the first `count` entries of a block of ids, where it is expected near
/// `guess`.
fn place_in_block(block: &[u8], count: usize, guess: usize, id: Id) -> Result<Place> {
    let id_at = |at: usize| Id::from_bytes(array_at(block, at * ENTRY_LEN[IDS]));
    let at = partition_near(count, guess, |at| Ok(id_at(at) < id))?;
    Ok(match at {
        _ if at < count && id_at(at) == id => {
            Place::At(decode_id_entry(block, at * ENTRY_LEN[IDS]))
        }
        0 => Place::Before(id_at(0)),
        _ if at == count => Place::Behind(id_at(count - 1)),
        _ => Place::Absent,
    })
}

/// The first number below `count` for which `before` no longer holds.
fn partition_point(count: usize, mut before: impl FnMut(usize) -> Result<bool>) -> Result<usize> {
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

/// [`read_full`] or [`read_full_settled`].
type Read = fn(&dyn File, &mut [u8], u64) -> io::Result<usize>;

fn load_block(read: Read, file: &dyn File, path: &Path, salt: u64, number: u64) -> Result<Vec<u8>> {
    let mut block = vec![0; BLOCK_LEN];
    let offset = number * BLOCK_LEN as u64;
    let got = read(file, &mut block, offset).map_err(|e| Error::io("cannot read", path, &e))?;
    check_block(&block[..got], path, salt, number)?;
    block.truncate(DATA_LEN);
    Ok(block)
}

/// Refuses a block that is not what was written, or is cut short.
fn check_block(block: &[u8], path: &Path, salt: u64, number: u64) -> Result<()> {
    match block.len() == BLOCK_LEN
        && block_checksum(salt, number, &block[..DATA_LEN]) == u32_at(block, DATA_LEN)
    {
        true => Ok(()),
        false => {
            let offset = number * BLOCK_LEN as u64;
            Err(Error::corrupt(path, offset, "the checksum of an index block does not hold"))
        }
    }
}

/// Whether an error says that an index can't be used, so that it is to be made anew.
pub fn is_damage(error: &Error) -> bool {
    error.code() == Code::Corrupt
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

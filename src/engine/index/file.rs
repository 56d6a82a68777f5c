//! The index of one segment: built from the log, written beside it, deletable at any time.
//!
//! A file of 256-byte blocks, each with 252 bytes of data and a checksum. A section starts at a
//! block; its entries follow each other, and may go on in the next one. Blocks are so small that
//! each is checked whenever it is read. So none of them is kept, and damage that a file suffers
//! while it is open is met as well. Only what a frame proves is read unchecked.

use super::hashes::IdHash;
use super::room::{Pinned, StringRoom};
use super::zones::{self, Times};
use crate::engine::format::frame::SegmentHeader;
use crate::engine::model::bytes::{array_at, u32_at, u64_at};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::Hash;
use crate::engine::model::limits::SEQUENCE_MAX;
use crate::engine::platform::vfs::{read_full, read_full_settled, File};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub(super) const MAGIC: [u8; 8] = *b"FBATIDX\0";
/// Indexes of another version are rebuilt.
pub(super) const VERSION: u32 = 6;
pub(super) const BLOCK_LEN: usize = 256;
pub(super) const DATA_LEN: usize = 252;
pub(super) const FILTER_LINE_LEN: usize = 64;
pub(super) const FILTER_BITS_PER_KEY: usize = 10;
pub(super) const FILTER_PROBES: u32 = 6;

/// Sections, in the order of the file, and the length of their entries.
pub(super) const IDS: usize = 0; // filter key of the id 8, tag 8, offset 4; by those
pub(super) const ID_STARTS: usize = 1; // first entry of each bucket of ids 4, and their number
pub(super) const FILTER: usize = 2; // lines of 512 bits over ids and entities
pub(super) const NAMES: usize = 3; // strings in their order, see `names`
pub(super) const CHUNKS: usize = 4; // of some names: offset in NAMES 4, first posting 4
pub(super) const NAME_LINES: usize = 5; // a line of slots; by hash of the string
pub(super) const BELOW_LINES: usize = 6; // the same; by hash of what strings begin with
pub(super) const RANKS: usize = 7; // place in the order of strings 4; by number
pub(super) const POSTINGS: usize = 8; // offset 4; by entity in the order of NAMES, then offset
pub(super) const SPARSE: usize = 9; // sequence 8, offsets of frame and batch 4 each; by sequence
pub(super) const ZONES: usize = 10; // least and greatest of two times 8 each, events 4; as SPARSE
pub(super) const KINDS: usize = 11; // kind 4, first and last zone 4 each; by kind, then zone
pub(super) const SCOPE_ZONES: usize = 12; // number 4, first and last zone 4 each; as KINDS
pub(super) const KIND_COUNTS: usize = 13; // kind 4, events 4; by kind
pub(super) const SCOPES: usize = 14; // number 4, events 4, 8 times 0, a span of 32; by string
pub(super) const SECTIONS: usize = 15;
pub(super) const ENTRY_LEN: [usize; SECTIONS] =
    [20, 4, FILTER_LINE_LEN, 1, 8, DATA_LEN, DATA_LEN, 4, 4, 16, 36, 12, 12, 8, 48];
/// Where the header has the lengths of sections, the times of all that is covered, and the number
/// of the library's events.
const LENGTHS_AT: usize = 112;
const TIMES_AT: usize = LENGTHS_AT + 8 * SECTIONS;
const SYSTEM_AT: usize = TIMES_AT + 32;
pub(super) const HEADER_BLOCKS: u64 = 2;
/// So many strings, one after the other in their order, share a chunk.
pub(super) const NAMES_TOGETHER: usize = 8;
/// With more strings than this, an index does not hold them in memory.
pub(super) const DICTIONARY_STRINGS_MAX: usize = 4096;
/// A whole section is read in parts of so many blocks, which hold whole entries.
const VISIT_BLOCKS: usize = 960;

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

/// The checksum of a part of an index, which another part, or one of another
/// segment, does not have.
pub fn block_checksum(salt: u64, number: u64, data: &[u8]) -> u32 {
    let mut hasher =
        crc32fast::Hasher::new_with_initial((salt ^ (salt >> 32)) as u32 ^ number as u32);
    hasher.update(data);
    hasher.finalize()
}

/// Read when it is first asked for, and shared by the clones of an index.
pub(super) type Once<T> = Arc<OnceLock<T>>;

type Sections = [(u64, u64); SECTIONS];
/// All strings of an index, by number.
pub type Dictionary = Pinned<Vec<Arc<str>>>;
/// By the number of the string.
type ScopeNames = Pinned<BTreeMap<u32, Arc<str>>>;

/// An index that is open for look-ups.
#[derive(Clone)]
pub struct Index {
    pub meta: IndexMeta,
    pub(super) file: Arc<dyn File>,
    pub(super) path: Arc<Path>,
    pub(super) salt: u64,
    pub(super) id_hash: IdHash,
    pub(super) first_sequence: u64,
    pub(super) room: Arc<StringRoom>,
    pub(super) dictionary: Once<Option<Arc<Dictionary>>>,
    pub(super) scope_names: Once<Option<ScopeNames>>,
    /// First block and length in bytes of each section.
    sections: Sections,
    /// Of all that is covered.
    pub(super) times: Times,
    /// Events of the library's own among those that are covered.
    pub system_events: u64,
}

impl Index {
    /// Opens the index of `segment`; damage, another version and another segment are `Corrupt`.
    pub fn open(
        file: Arc<dyn File>,
        path: &Path,
        segment: &SegmentHeader,
        room: &Arc<StringRoom>,
    ) -> Result<Index> {
        let header = read_blocks(&*file, path, segment.salt, 0..HEADER_BLOCKS)?;
        let wrong = |why: &str| Error::corrupt(path, 0, why);
        if header[..8] != MAGIC || u32_at(&header, 8) != VERSION {
            return Err(wrong("not an index of this version"));
        }
        let of_segment = header[16..32] == segment.store_id.to_bytes()
            && u64_at(&header, 32) == segment.first_sequence
            && u64_at(&header, 40) == segment.salt;
        if !of_segment {
            return Err(wrong("the index of another segment"));
        }
        let meta = IndexMeta {
            sealed: u32_at(&header, 12) == 1,
            covered_len: u64_at(&header, 48),
            last_sequence: u64_at(&header, 56),
            events: u64_at(&header, 64),
            last_recorded_us: u64_at(&header, 72) as i64,
            log_hash: Hash(array_at(&header, 80)),
        };
        if meta.last_sequence > SEQUENCE_MAX || meta.events > meta.last_sequence {
            return Err(wrong("the index contradicts itself"));
        }
        let len = file.len().map_err(|e| Error::io("cannot stat", path, &e))?;
        Ok(Index {
            meta,
            file,
            path: path.into(),
            salt: segment.salt,
            id_hash: IdHash::new(segment.salt),
            first_sequence: segment.first_sequence,
            room: room.clone(),
            dictionary: Arc::default(),
            scope_names: Arc::default(),
            sections: decode_sections(&header, len / BLOCK_LEN as u64).map_err(wrong)?,
            times: zones::decode(&header, TIMES_AT),
            system_events: u64_at(&header, SYSTEM_AT),
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
        let (first, bytes) = self.sections[SECTIONS - 1];
        first + bytes.div_ceil(DATA_LEN as u64)
    }

    /// Length of the index file.
    pub fn file_bytes(&self) -> u64 {
        self.blocks() * BLOCK_LEN as u64
    }

    /// Whether the file, which had this name, was deleted or replaced since it was opened.
    pub fn has_lost(&self, name: &str) -> bool {
        self.file.is_named(name).is_ok_and(|named| !named)
    }

    /// Reads and checks every block.
    pub fn check_blocks(&self) -> Result<()> {
        (0..self.blocks()).step_by(VISIT_BLOCKS).try_for_each(|first| {
            let last = self.blocks().min(first + VISIT_BLOCKS as u64);
            read_blocks(&*self.file, &self.path, self.salt, first..last).map(drop)
        })
    }

    /// How many bytes a section has.
    pub(super) fn bytes(&self, section: usize) -> usize {
        self.sections[section].1 as usize
    }

    pub(super) fn entries(&self, section: usize) -> usize {
        self.bytes(section) / ENTRY_LEN[section]
    }

    /// The entry `at` of a section, whose entries have `N` bytes.
    pub(super) fn entry<const N: usize>(&self, section: usize, at: usize) -> Result<[u8; N]> {
        let mut entry = [0; N];
        self.read(section, at.saturating_mul(N), &mut entry)?;
        Ok(entry)
    }

    /// Reads bytes of a section, from whichever blocks have them.
    pub(super) fn read(&self, section: usize, mut at: usize, mut out: &mut [u8]) -> Result<()> {
        let (first, bytes) = self.sections[section];
        if at.saturating_add(out.len()) as u64 > bytes {
            return Err(self.damaged("the index points outside one of its sections"));
        }
        let mut block = [0; BLOCK_LEN];
        while !out.is_empty() {
            self.read_block(first + (at / DATA_LEN) as u64, &mut block)?;
            let data = &block[at % DATA_LEN..DATA_LEN];
            let take = data.len().min(out.len());
            let (here, rest) = out.split_at_mut(take);
            here.copy_from_slice(&data[..take]);
            (out, at) = (rest, at + take);
        }
        Ok(())
    }

    /// Reads bytes of a section that nobody has checked: what they say has to be proven by
    /// something else. None where they can't be read.
    pub(super) fn read_unchecked(
        &self,
        section: usize,
        mut at: usize,
        mut out: &mut [u8],
    ) -> Option<()> {
        let (first, bytes) = self.sections[section];
        if at.saturating_add(out.len()) as u64 > bytes {
            return None;
        }
        while !out.is_empty() {
            let (block, from) = (first + (at / DATA_LEN) as u64, at % DATA_LEN);
            let take = (DATA_LEN - from).min(out.len());
            let (here, rest) = out.split_at_mut(take);
            let offset = block * BLOCK_LEN as u64 + from as u64;
            let got = self.file.read_settled(here, offset).ok()?;
            (got == take).then_some(())?;
            (out, at) = (rest, at + take);
        }
        Some(())
    }

    /// Reads an entry that is a block of its own, with its checksum.
    pub(super) fn read_line(
        &self,
        section: usize,
        at: usize,
        line: &mut [u8; BLOCK_LEN],
    ) -> Result<()> {
        match at < self.entries(section) {
            true => self.read_block(self.sections[section].0 + at as u64, line),
            false => Err(self.damaged("the index points outside one of its sections")),
        }
    }

    /// Says that the block with this byte of a section will be read soon.
    pub(super) fn prefetch(&self, section: usize, at: usize) {
        let block = self.sections[section].0 + (at / DATA_LEN) as u64;
        self.file.prefetch(block * BLOCK_LEN as u64, BLOCK_LEN);
    }

    /// A block of the file, which is mapped where that can be.
    #[inline(always)]
    fn read_block(&self, number: u64, block: &mut [u8; BLOCK_LEN]) -> Result<()> {
        let got = read_full_settled(&*self.file, block, number * BLOCK_LEN as u64)
            .map_err(|e| Error::io("cannot read", &self.path, &e))?;
        check_block(&block[..got], &self.path, self.salt, number)
    }

    /// Visits the entries of a section in their order, read in large parts.
    pub(super) fn each_entry(
        &self,
        section: usize,
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let part = VISIT_BLOCKS * DATA_LEN;
        for from in (0..self.bytes(section)).step_by(part) {
            let to = self.bytes(section).min(from + part);
            let data = self.read_data(section, from / DATA_LEN, to - from)?;
            data.chunks_exact(ENTRY_LEN[section]).try_for_each(&mut *visit)?;
        }
        Ok(())
    }

    /// The data of a whole section.
    pub(super) fn read_section(&self, section: usize) -> Result<Vec<u8>> {
        self.read_data(section, 0, self.bytes(section))
    }

    /// So many bytes of a section, from one of its blocks on, read at once.
    fn read_data(&self, section: usize, block: usize, bytes: usize) -> Result<Vec<u8>> {
        let first = self.sections[section].0 + block as u64;
        let blocks = first..first + bytes.div_ceil(DATA_LEN) as u64;
        let mut data = read_blocks(&*self.file, &self.path, self.salt, blocks)?;
        data.truncate(bytes);
        Ok(data)
    }

    pub fn strings_len(&self) -> usize {
        self.entries(RANKS)
    }

    pub(super) fn damaged(&self, why: impl Display) -> Error {
        Error::corrupt(&self.path, 0, why)
    }
}

/// First block and length of each section of a file of so many blocks.
fn decode_sections(header: &[u8], blocks: u64) -> std::result::Result<Sections, &'static str> {
    let mut sections: Sections = [(0, 0); SECTIONS];
    let mut next = HEADER_BLOCKS;
    for (n, section) in sections.iter_mut().enumerate() {
        let bytes = u64_at(header, LENGTHS_AT + 8 * n);
        *section = (next, bytes);
        next = next.saturating_add(bytes.div_ceil(DATA_LEN as u64));
        if next > blocks || !bytes.is_multiple_of(ENTRY_LEN[n] as u64) {
            return Err("a section of the index is longer than the file");
        }
    }
    let entries = |section: usize| sections[section].1 as usize / ENTRY_LEN[section];
    let fits = entries(ZONES) == entries(SPARSE)
        && entries(CHUNKS) == entries(RANKS).div_ceil(NAMES_TOGETHER)
        && entries(ID_STARTS) > 1
        && entries(NAME_LINES) > 0
        && entries(FILTER) > 0;
    if fits {
        Ok(sections)
    } else {
        Err("the sections of the index do not fit each other")
    }
}

/// The data of neighbouring blocks, checked.
fn read_blocks(
    file: &dyn File,
    path: &Path,
    salt: u64,
    blocks: std::ops::Range<u64>,
) -> Result<Vec<u8>> {
    let count = (blocks.end - blocks.start) as usize;
    let mut data = vec![0; count * BLOCK_LEN];
    let got = read_full(file, &mut data, blocks.start * BLOCK_LEN as u64)
        .map_err(|e| Error::io("cannot read", path, &e))?;
    for (at, number) in blocks.enumerate() {
        let start = at * BLOCK_LEN;
        let end = got.clamp(start, start + BLOCK_LEN);
        check_block(&data[start..end], path, salt, number)?;
        data.copy_within(start..start + DATA_LEN, at * DATA_LEN);
    }
    data.truncate(count * DATA_LEN);
    Ok(data)
}

/// Refuses a block that is not what was written, or is cut short.
#[inline(always)]
fn check_block(block: &[u8], path: &Path, salt: u64, number: u64) -> Result<()> {
    match block.len() == BLOCK_LEN
        && block_checksum(salt, number, &block[..DATA_LEN]) == u32_at(block, DATA_LEN)
    {
        true => Ok(()),
        false => {
            let offset = number * BLOCK_LEN as u64;
            Err(Error::corrupt(path, offset, "the checksum of an index block does not match"))
        }
    }
}

/// Whether an error says that an index can't be used, so that it has to be rebuilt.
pub fn is_damage(error: &Error) -> bool {
    error.code() == Code::Corrupt
}
